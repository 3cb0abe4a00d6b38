#include "formats/array_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace atp {
namespace {

struct Role {
  std::string_view name;
  bool of_atoms;
  std::vector<std::uint64_t> values;  // an atom's, or the frame's: any of these counts
  std::string_view shape;             // as it is usual, behind frames and atoms
  bool shared = false;                // one for all frames does, too
};

const Role kRoles[] = {
    {"energy", false, {1}, ""},        {"forces", true, {3}, " x 3"},          {"gradient", true, {3}, " x 3"},
    {"velocities", true, {3}, " x 3"}, {"charges", true, {1}, ""},             {"mask", true, {1}, ""},
    {"stress", false, {9, 6}, " x 3 x 3"}, {"virial", false, {9, 6}, " x 3 x 3"}, {"cell", false, {9, 3}, " x 3 x 3", true},
    {"pbc", false, {3, 1}, " x 3", true},
};

bool fits(const Role& role, const FrameArray& a, const FrameShape& of) {
  const bool logicals = role.name == "pbc" || role.name == "mask";
  if (a.kind == 'S' || a.kind == 'U' || (a.kind == 'b' && !logicals)) return false;
  std::uint64_t count = 1;
  for (const std::uint64_t d : a.shape) count *= d;
  const std::uint64_t rows = of.joined && role.of_atoms ? of.atoms : of.frames;
  const bool per_frame = of.single || (!a.shape.empty() && a.shape[0] == rows);
  return std::ranges::any_of(role.values, [&](std::uint64_t values) {
    return (per_frame && count == rows * (role.of_atoms && !of.joined ? of.atoms : 1) * values) || (role.shared && count == values);
  });
}

std::string needed(const Role& role, const FrameShape& of) {
  std::string out = of.single || (of.joined && role.of_atoms) ? "" : fmt::format(" x {}", of.frames);
  if (role.of_atoms) out += fmt::format(" x {}", of.atoms);
  out += role.shape;
  return out.empty() ? "one number" : fmt::format("{} number{}", out.substr(3), out == " x 1" ? "" : "s");
}

}  // namespace

void check_array_map(const ArrayMap& map, std::span<const FrameArray> arrays, const FrameShape& shape, const std::string& where) {
  for (const Role& role : kRoles) {
    const auto asked = map.find(role.name);
    if (asked == map.end()) continue;
    const auto found = std::ranges::find(arrays, asked->second, &FrameArray::name);
    if (found == arrays.end() || fits(role, *found, shape)) continue;
    fail_input(where, fmt::format("{}={} does not fit: {} is there, {} {} needed", role.name, asked->second, describe(*found), needed(role, shape),
                                  needed(role, shape).ends_with("number") ? "is" : "are"),
               "name another array, or none");
  }
}

}  // namespace atp
