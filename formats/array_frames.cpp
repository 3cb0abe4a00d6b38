#include "formats/array_frames.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/nearest_name.h"
#include "formats/array_map.h"
#include "formats/excerpt.h"

namespace atp {
namespace {

using Of = FrameValue::Of;

constexpr std::string_view kPositions[] = {"positions", "coordinates", "coord", "coords", "conformations", "R", "atXYZ", "pos", "geometry"};
constexpr std::string_view kNumbers[] = {"atomic_numbers", "numbers", "nuclear_charges", "z", "species", "Z", "atNUM"};
constexpr std::string_view kCell[] = {"cell", "unit_cell", "lattice", "box"};
constexpr std::string_view kPbc[] = {"pbc"};
constexpr std::string_view kMask[] = {"node_mask"};

constexpr std::uint64_t kMostEmptyFrames = 1 << 16;  // they need no bytes, so a file can claim any number

// Names of fields that only files of arrays use.
struct FieldName {
  std::string_view name;
  Field field;
  bool negative = false;
};
constexpr FieldName kFieldNames[] = {
    {"E", Field::energy},          {"energies", Field::energy},         {"wb97x_dz.energy", Field::energy}, {"dft_total_energy", Field::energy},
    {"ePBE0+MBD", Field::energy},  {"F", Field::forces},                {"wb97x_dz.forces", Field::forces}, {"dft_total_gradient", Field::forces, true},
    {"dft_total_force", Field::forces}, {"totFOR", Field::forces},
};
// What --npz-map and --hdf5-map may name besides fields.
constexpr std::string_view kRoles[] = {"positions", "numbers", "natoms", "offsets", "cell", "pbc", "mask", "energy", "forces", "gradient", "stress", "virial", "charges", "velocities"};

std::optional<Field> field_named(std::string_view name) {
  if (name == "gradient") return Field::forces;
  if (name == "virial") return Field::stress;
  for (const Field f : {Field::energy, Field::forces, Field::stress, Field::charges, Field::velocities}) {
    if (field_name(f) == name) return f;
  }
  return std::nullopt;
}

std::optional<std::string> among(const std::vector<std::string>& names, const ArrayMap& map, std::string_view role, std::span<const std::string_view> known) {
  if (const auto asked = map.find(role); asked != map.end()) {
    return std::ranges::find(names, asked->second) == names.end() ? std::nullopt : std::optional(asked->second);
  }
  for (const std::string_view k : known) {
    if (std::ranges::find(names, k) != names.end()) return std::string(k);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> positions_among(const std::vector<std::string>& names, const ArrayMap& map) { return among(names, map, "positions", kPositions); }

std::optional<std::string> numbers_among(const std::vector<std::string>& names, const ArrayMap& map) { return among(names, map, "numbers", kNumbers); }

bool is_cell_or_pbc(std::string_view name, const ArrayMap& map) {
  const std::vector<std::string> names = {std::string(name)};
  return among(names, map, "cell", kCell) || among(names, map, "pbc", kPbc);
}

std::optional<Quantity> quantity_of_array(std::string_view name, const ArrayMap& map, const FieldRules& rules) {
  const auto is = [&](std::string_view role, std::span<const std::string_view> known) {
    const auto asked = map.find(role);
    return asked != map.end() ? asked->second == name : std::ranges::find(known, name) != known.end();
  };
  if (is("positions", kPositions) || is("cell", kCell)) return Quantity::length;
  std::optional<Field> field;
  for (const FieldName& f : kFieldNames) {
    if (f.name == name) field = f.field;
  }
  for (const auto& [what, array] : map) {
    if (array == name && field_named(what)) field = field_named(what);
  }
  if (!field) {
    if (const auto claim = rules.of_frame_value(name)) field = claim->field;
  }
  for (const std::string_view forces : {"forces", "force", "gradient"}) {
    if (!field && name == forces) field = Field::forces;
  }
  if (!field && name == "charges") field = Field::charges;
  if (!field && (name == "velocities" || name == "velo" || name == "vel")) field = Field::velocities;
  if (!field) return std::nullopt;
  switch (*field) {
    case Field::energy: return Quantity::energy;
    case Field::forces: return Quantity::force;
    case Field::stress: return Quantity::stress;
    case Field::charges: return Quantity::charge;
    case Field::velocities: return Quantity::velocity;
    default: return std::nullopt;
  }
}

std::string describe(const FrameArray& a) {
  std::string shape;
  for (const std::uint64_t d : a.shape) shape += fmt::format("{}{}", shape.empty() ? "" : " x ", d);
  if (!shape.empty()) shape += ' ';
  static constexpr std::pair<char, std::string_view> kKinds[] = {{'f', "float"}, {'i', "int"}, {'u', "uint"}, {'b', "bool"}};
  for (const auto& [kind, name] : kKinds) {
    if (kind == a.kind) return fmt::format("{} ({}{}{})", a.name, shape, name, 8 * a.item_bytes);
  }
  return fmt::format("{} ({}text)", a.name, shape);
}

FieldRules rules_with(const ReadOptions& options, const ArrayMap& map) {
  ReadOptions both = options;
  for (const auto& [what, name] : map) {
    // The sign of a gradient is turned on the way, so its name is not that of forces for FieldRules.
    if (what != "gradient" && (field_named(what) || what == "virial")) both.map.emplace(what, name);
  }
  return FieldRules(both);
}

void parse_array_map(std::string_view option, std::string_view text, ArrayMap& map) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == pair.size()) {
      throw Error(Exit::usage, "", fmt::format("{} takes WHAT=ARRAY, not '{}'", option, excerpt(pair)), "for example positions=coords,numbers=z,energy=E");
    }
    const std::string what(pair.substr(0, equals));
    if (std::ranges::find(kRoles, what) == std::end(kRoles)) {
      const std::string near = did_you_mean(what, std::vector<std::string>(std::begin(kRoles), std::end(kRoles)));
      throw Error(Exit::usage, "", fmt::format("{} knows no '{}'", option, excerpt(what)), near.empty() ? "positions, numbers, natoms, offsets, cell, pbc, mask, energy, forces, gradient, stress, virial, charges and velocities can be named" : near);
    }
    map[what] = std::string(pair.substr(equals + 1));
  }
}

// ---- what is what -------------------------------------------------------------------------------

FrameArrays::FrameArrays(std::shared_ptr<const Settings> settings, std::string where, std::vector<FrameArray> arrays, bool single,
                         std::shared_ptr<const void> owner, std::vector<std::uint64_t> begins)
    : settings_(std::move(settings)), where_(std::move(where)), arrays_(std::move(arrays)), single_(single), owner_(std::move(owner)), begins_(std::move(begins)) {
  find_roles();
  find_uses();
}

std::optional<std::size_t> FrameArrays::find(std::string_view role, std::span<const std::string_view> names) const {
  std::vector<std::string> here;
  for (const FrameArray& a : arrays_) here.push_back(a.name);
  const auto name = among(here, settings_->map, role, names);
  if (!name) return std::nullopt;
  return static_cast<std::size_t>(std::ranges::find(here, *name) - here.begin());
}

void FrameArrays::fail(const std::string& what) const {
  fail_input(where_, fmt::format("{} (found: {})", what, found(20)), "name the arrays with --npz-map or --hdf5-map, for example positions=coords,numbers=z,energy=E,forces=F");
}

void FrameArrays::find_roles() {
  for (const auto& [what, array] : settings_->map) {
    if (!settings_->map_is_asked) break;
    const bool there = std::ranges::find(arrays_, array, &FrameArray::name) != arrays_.end();
    if (!there && array != "none") fail(fmt::format("has no array '{}', which {} is to be taken from", excerpt(array), what));
  }
  const auto positions = find("positions", kPositions);
  const auto numbers = find("numbers", kNumbers);
  if (!positions) fail("has no array of positions that atp knows");
  if (!numbers) fail("has no array of atomic numbers that atp knows");
  positions_ = *positions;
  numbers_ = *numbers;
  const auto& p = arrays_[positions_];
  const auto& z = arrays_[numbers_];
  const bool joined = !begins_.empty();
  const std::size_t rank = single_ || joined ? 2 : 3;
  if (p.kind != 'f' || p.shape.size() != rank || p.shape.back() != 3) {
    fail(fmt::format("{} cannot be the positions, frames x atoms x 3 or atoms x 3 floats are needed", describe(p)));
  }
  frames_ = single_ ? 1 : joined ? begins_.size() - 1 : p.shape[0];
  atoms_ = p.shape[rank - 2];
  if (atoms_ == 0 && !joined && frames_ > kMostEmptyFrames) fail(fmt::format("'{}' claims {} frames without an atom", p.name, frames_));
  check_numbers(z, p);
  if (settings_->map_is_asked) check_array_map(settings_->map, arrays_, {frames_, atoms_, single_, joined}, where_);
  cell_ = find("cell", kCell);
  pbc_ = find("pbc", kPbc);
  mask_ = find("mask", kMask);
  if (mask_ && (single_ || joined || product(arrays_[*mask_].shape) != frames_ * atoms_ || arrays_[*mask_].kind == 'f' || is_text(arrays_[*mask_]))) mask_.reset();
  if (!p.conversion) need_unit(Quantity::length, 20);
}

void FrameArrays::check_numbers(const FrameArray& z, const FrameArray& p) const {
  const bool joined = !begins_.empty();
  const bool shared = z.shape.size() == 1 && z.shape[0] == atoms_;
  const bool own = !single_ && !joined && z.shape.size() >= 2 && z.shape[0] == frames_ && product(z.shape) == frames_ * atoms_;
  const bool column = z.shape.size() == 2 && z.shape[0] == atoms_ && z.shape[1] == 1;
  if ((!shared && !own && !column) || z.kind == 'f') {
    fail(fmt::format("{} cannot be the atomic numbers of {}, {}{} whole numbers or symbols are needed", describe(z), describe(p), atoms_,
                     single_ || joined ? "" : fmt::format(" or {} x {}", frames_, atoms_)));
  }
}

// The first arrays, described: only for messages, as groups of one frame each come by the million.
std::string FrameArrays::found(std::size_t most) const {
  std::string list;
  for (std::size_t i = 0; i < std::min(arrays_.size(), most); ++i) list += (i == 0 ? "" : ", ") + describe(arrays_[i]);
  return list;
}

void FrameArrays::need_unit(Quantity quantity, std::size_t most) const {
  if (settings_->units.find(quantity)) return;
  try {
    settings_->units.need(quantity, found(most));
  } catch (const Error& e) {
    throw e.within(where_);
  }
}

void FrameArrays::find_uses() {
  std::string names;  // of what is left out
  uses_.resize(arrays_.size());
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const FrameArray& a = arrays_[i];
    Use& use = uses_[i];
    use.per_frame = begins_.empty() ? single_ || (!a.shape.empty() && a.shape[0] == frames_) : a.rows != ArrayRows::unfit;
    for (const FieldName& f : kFieldNames) {
      if (f.name == a.name && !settings_->rules.asked(f.field)) use.field = f.field, use.negative = f.negative;
    }
    for (const auto& [what, name] : settings_->map) {
      if (name == a.name && field_named(what)) use.field = field_named(what), use.negative = what == "gradient";
    }
    const bool role = i == positions_ || i == numbers_ || cell_ == i || pbc_ == i || mask_ == i;
    if (!role && !use.per_frame) names += (names.empty() ? "" : ", ") + a.name;
    const bool field_name_known = use.field || settings_->rules.of_frame_value(a.name);
    if (field_name_known && a.kind == 'f' && !role) {
      const Field field = use.field ? *use.field : settings_->rules.of_frame_value(a.name)->field;
      if (field == Field::energy) check_energy(a);
      if (field == Field::energy && !a.conversion) need_unit(Quantity::energy, arrays_.size());
    }
  }
  if (!names.empty()) left_out_.push_back(fmt::format("not one value for each frame, and left out: {}", excerpt(names)));
}

// Several energies beside what was taken for one frame are the mark of frames that follow each other.
void FrameArrays::check_energy(const FrameArray& a) const {
  const auto& map = settings_->map;
  const auto is_none = [&](const char* role) { return map.contains(role) && map.find(role)->second == "none"; };
  const FrameArray& p = arrays_[positions_];
  if (single_ && product(a.shape) > 1 && a.shape[0] != atoms_ && !is_none("natoms")) {
    fail_input(where_, fmt::format("{} holds several energies beside {}, and no array says which atoms belong to which", describe(a), describe(p)),
               "name that array with --npz-map or --hdf5-map natoms=ARRAY or offsets=ARRAY; natoms=none reads one frame");
  }
}

std::uint64_t FrameArrays::bytes_per_frame() const {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (uses_[i].per_frame) bytes += arrays_[i].data.size() / std::max<std::uint64_t>(frames_, 1);
  }
  return std::max<std::uint64_t>(bytes, 1);
}

}  // namespace atp
