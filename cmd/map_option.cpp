#include "cmd/map_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cmd/options.h"
#include "core/base/error.h"
#include "formats/array_frames.h"
#include "formats/input_units.h"

namespace atp {
namespace {

constexpr std::string_view kMapped[] = {"energy", "forces", "stress", "virial", "cell", "pbc", "charges", "velocities", "name"};

}  // namespace

std::span<const std::string_view> mapped_fields() { return kMapped; }

std::pair<std::string, std::string> split_pair(const std::string& text, std::string_view option, std::string_view form) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(Exit::usage, "", fmt::format("{} takes {}, not '{}'", option, form, text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

ReadOptions read_options(const std::vector<std::string>& map, const std::string& units, const std::string& npz_map, const std::string& hdf5_map, const std::vector<std::string>& scopes) {
  ReadOptions read;
  parse_units(units, read);
  parse_array_map("--npz-map", npz_map, read.npz_arrays);
  parse_array_map("--hdf5-map", hdf5_map, read.hdf5_arrays);
  for (const auto& pair : scopes) {
    const auto [name, scope] = split_pair(pair, "--scope", "NAME=atom or NAME=molecule");
    if (scope != "atom" && scope != "molecule") {
      const std::string near = nearest_name(scope, {"atom", "molecule"});
      throw Error(Exit::usage, "", fmt::format("--scope {}: there is no scope '{}'", pair, scope), near.empty() ? "scopes are atom and molecule" : fmt::format("did you mean '{}'?", near));
    }
    if (!read.scopes.emplace(name, scope == "atom" ? Kind::atom : Kind::molecule).second) throw Error(Exit::usage, "", fmt::format("--scope names '{}' twice", name));
  }
  for (const auto& pair : map) {
    auto [field, key] = split_pair(pair, "--map", "FIELD=KEY");
    if (std::find(std::begin(kMapped), std::end(kMapped), field) == std::end(kMapped)) {
      const std::vector<std::string> fields(std::begin(kMapped), std::end(kMapped));
      const std::string near = nearest_name(field, fields);
      throw Error(Exit::usage, "", fmt::format("--map knows no field '{}'", field),
                  near.empty() ? fmt::format("fields are {}", fmt::join(fields, ", ")) : fmt::format("did you mean '{}'?", near));
    }
    if (!read.map.emplace(field, key).second) {
      throw Error(Exit::usage, "", fmt::format("--map names the field '{}' twice", field));
    }
  }
  return read;
}

}  // namespace atp
