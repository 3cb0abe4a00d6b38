#include "cmd/map_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cmd/options.h"
#include "core/base/error.h"
#include "formats/input_units.h"

namespace atp {
namespace {

constexpr std::string_view kFields[] = {"energy", "forces", "stress", "virial", "cell", "pbc", "charges", "velocities", "name"};

}  // namespace

std::span<const std::string_view> mapped_fields() { return kFields; }

std::pair<std::string, std::string> split_pair(const std::string& text, std::string_view option, std::string_view form) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(Exit::usage, "", fmt::format("{} takes {}, not '{}'", option, form, text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

ReadOptions read_options(const std::vector<std::string>& map, const std::string& units) {
  ReadOptions read;
  parse_units(units, read);
  for (const auto& pair : map) {
    auto [field, key] = split_pair(pair, "--map", "FIELD=KEY");
    if (std::find(std::begin(kFields), std::end(kFields), field) == std::end(kFields)) {
      const std::vector<std::string> fields(std::begin(kFields), std::end(kFields));
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
