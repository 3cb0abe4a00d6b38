// The metadata block: one JSON object about the whole file (FORMAT.md, "Our extension").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// Nothing in it changes between two equal runs: no clock, host or absolute path.
struct Metadata {
  struct Source {
    std::string name;                   // as given, never absolute
    std::uint64_t size = 0;             // bytes
    std::optional<std::uint64_t> xxh3;  // of the whole file; nothing when it was not read to its end
    bool operator==(const Source&) const = default;
  };

  std::string generator;                       // "atp 0.1.0"
  std::vector<Source> sources;
  std::map<std::string, std::string> units;    // field -> unit
  std::map<std::string, std::string> mapping;  // field -> "from 'REF_energy'"
  std::string license;
  std::map<std::string, std::string> user;     // --meta KEY=VALUE
  std::map<std::string, std::string> other;    // keys of other writers: name -> JSON text

  std::string to_json() const;
  // An empty text gives an empty Metadata. Throws Error (exit 3) when it is not a JSON object.
  static Metadata parse(std::string_view json);
};

// The units that atp converts to: Å, eV, eV/Å, eV/Å³, e, sqrt(eV/u).
const std::map<std::string, std::string>& standard_units();

}  // namespace atp
