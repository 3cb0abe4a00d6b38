// Names of units, shapes and elements in the output of `atp inspect`.
#include <fmt/format.h>

#include <simdjson.h>

#include <array>

#include "cmd/inspect.h"
#include "core/chem/elements.h"

namespace atp {
namespace {

// FORMAT.md, "Record": what units mean when the file does not state them. Velocities are as in the source.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kDefaults{{{"positions", "Å"},
                                                                                  {"cell", "Å"},
                                                                                  {"energy", "eV"},
                                                                                  {"forces", "eV/Å"},
                                                                                  {"stress", "eV/Å³"},
                                                                                  {"charges", "e"}}};

}  // namespace

Units::Units(const Findings& findings) {
  for (const FileFacts& file : findings.files) {
    if (!file.atp || file.atp->metadata.empty()) continue;
    simdjson::dom::parser parser;
    simdjson::dom::object units;
    if (parser.parse(file.atp->metadata)["units"].get(units) != simdjson::SUCCESS) continue;
    for (const auto& [key, value] : units) {
      std::string_view text;
      if (value.get(text) == simdjson::SUCCESS) stated_.emplace(std::string(key), std::string(text));
    }
  }
}

Unit Units::of(Kind kind, const std::string& key) const {
  if (const auto found = stated_.find(key); found != stated_.end()) return {found->second, false};
  if (kind != Kind::builtin) return {};
  for (const auto& [name, unit] : kDefaults)
    if (name == key) return {std::string(unit), true};
  return {};
}

std::string field_shape(const Field& field) {
  if (field.mixed_type) return "[*]";
  if (!field.mixed_shape) return describe_shape(field.kind, field.entry);
  return type_info(field.entry.type).form == Form::vec3 ? "[*, 3]" : "[*]";
}

std::string element_name(int atomic_number) {
  return atomic_number > kElements ? fmt::format("Z{}", atomic_number) : std::string(element_symbol(atomic_number));
}

}  // namespace atp
