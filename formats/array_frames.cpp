#include "formats/array_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/nearest_name.h"
#include "core/chem/elements.h"
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
constexpr std::string_view kRoles[] = {"positions", "numbers", "cell", "pbc", "mask", "energy", "forces", "gradient", "stress", "virial", "charges", "velocities"};

float from_half(std::uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const int fraction = h & 1023;
  const float sign = (h & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24) : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25));
}

std::int64_t integer_at(const FrameArray& a, const std::byte* p) {
  const bool u = a.kind == 'u' || a.kind == 'b';
  switch (a.item_bytes) {
    case 1: return u ? std::int64_t{load<std::uint8_t>(p)} : std::int64_t{load<std::int8_t>(p)};
    case 2: return u ? std::int64_t{load<std::uint16_t>(p)} : std::int64_t{load<std::int16_t>(p)};
    case 4: return u ? std::int64_t{load<std::uint32_t>(p)} : std::int64_t{load<std::int32_t>(p)};
    default: return load<std::int64_t>(p);
  }
}

bool is_text(const FrameArray& a) { return a.kind == 'S' || a.kind == 'U'; }

// A text of NumPy: bytes up to the zeros that fill it, or UTF-32.
std::string text_at(const FrameArray& a, const std::byte* p) {
  std::string out;
  if (a.kind == 'S') {
    out.assign(reinterpret_cast<const char*>(p), a.item_bytes);
  } else {
    for (unsigned i = 0; i + 4 <= a.item_bytes; i += 4) {
      const auto c = load<std::uint32_t>(p + i);
      if (c == 0) break;
      out += c < 128 ? static_cast<char>(c) : '?';
    }
  }
  out.resize(std::min(out.find('\0'), out.size()));
  return out;
}

std::uint64_t product(std::span<const std::uint64_t> shape) {
  std::uint64_t n = 1;
  for (const std::uint64_t d : shape) n *= d;
  return n;
}

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
  if (!field) return std::nullopt;
  switch (*field) {
    case Field::energy: return Quantity::energy;
    case Field::forces: return Quantity::force;
    case Field::stress: return Quantity::stress;
    case Field::charges: return Quantity::charge;
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
      throw Error(Exit::usage, "", fmt::format("{} knows no '{}'", option, excerpt(what)), near.empty() ? "positions, numbers, cell, pbc, mask, energy, forces, gradient, stress, virial, charges and velocities can be named" : near);
    }
    map[what] = std::string(pair.substr(equals + 1));
  }
}

// ---- what is what -------------------------------------------------------------------------------

FrameArrays::FrameArrays(std::shared_ptr<const Settings> settings, std::string where, std::vector<FrameArray> arrays, bool single,
                         std::shared_ptr<const void> owner)
    : settings_(std::move(settings)), where_(std::move(where)), arrays_(std::move(arrays)), single_(single), owner_(std::move(owner)) {
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

void FrameArrays::find_roles() {
  std::string found;
  for (std::size_t i = 0; i < std::min<std::size_t>(arrays_.size(), 20); ++i) found += (i == 0 ? "" : ", ") + describe(arrays_[i]);
  const auto fail = [&](const std::string& what) { fail_input(where_, fmt::format("{} (found: {})", what, found), "name the arrays with --npz-map or --hdf5-map, for example positions=coords,numbers=z,energy=E,forces=F"); };

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
  const std::size_t rank = single_ ? 2 : 3;
  if (p.kind != 'f' || p.shape.size() != rank || p.shape.back() != 3) {
    fail(fmt::format("{} cannot be the positions, frames x atoms x 3 or atoms x 3 floats are needed", describe(p)));
  }
  frames_ = single_ ? 1 : p.shape[0];
  atoms_ = p.shape[rank - 2];
  if (atoms_ == 0 && frames_ > kMostEmptyFrames) fail(fmt::format("'{}' claims {} frames without an atom", p.name, frames_));
  const bool shared = z.shape.size() == 1 && z.shape[0] == atoms_;
  const bool own = !single_ && z.shape.size() >= 2 && z.shape[0] == frames_ && product(z.shape) == frames_ * atoms_;
  const bool column = z.shape.size() == 2 && z.shape[0] == atoms_ && z.shape[1] == 1;
  if ((!shared && !own && !column) || z.kind == 'f') {
    fail(fmt::format("{} cannot be the atomic numbers of {}, {}{} whole numbers or symbols are needed", describe(z), describe(p), atoms_,
                     single_ ? "" : fmt::format(" or {} x {}", frames_, atoms_)));
  }
  if (settings_->map_is_asked) check_array_map(settings_->map, arrays_, {frames_, atoms_, single_}, where_);
  cell_ = find("cell", kCell);
  pbc_ = find("pbc", kPbc);
  mask_ = find("mask", kMask);
  if (mask_ && (single_ || product(arrays_[*mask_].shape) != frames_ * atoms_ || arrays_[*mask_].kind == 'f' || is_text(arrays_[*mask_]))) mask_.reset();
  if (!p.conversion) need_unit(Quantity::length, found);
}

void FrameArrays::need_unit(Quantity quantity, const std::string& found) const {
  try {
    settings_->units.need(quantity, found);
  } catch (const Error& e) {
    throw e.within(where_);
  }
}

void FrameArrays::find_uses() {
  std::string found;
  for (const FrameArray& a : arrays_) found += (found.empty() ? "" : ", ") + describe(a);
  std::string names;  // of what is left out
  uses_.resize(arrays_.size());
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const FrameArray& a = arrays_[i];
    Use& use = uses_[i];
    use.per_frame = single_ || (!a.shape.empty() && a.shape[0] == frames_);
    for (const FieldName& f : kFieldNames) {
      if (f.name == a.name && !settings_->rules.asked(f.field)) use.field = f.field, use.negative = f.negative;
    }
    for (const auto& [what, name] : settings_->map) {
      if (name == a.name && field_named(what)) use.field = field_named(what), use.negative = what == "gradient";
    }
    const bool role = i == positions_ || i == numbers_ || cell_ == i || pbc_ == i || mask_ == i;
    if (!role && !use.per_frame) names += (names.empty() ? "" : ", ") + a.name;
    const bool field_name_known = use.field || settings_->rules.of_frame_value(a.name);
    if (field_name_known && !a.conversion && a.kind == 'f' && !role) {
      const Field field = use.field ? *use.field : settings_->rules.of_frame_value(a.name)->field;
      if (field == Field::energy) need_unit(Quantity::energy, found);
    }
  }
  if (!names.empty()) left_out_.push_back(fmt::format("not one value for each frame, and left out: {}", excerpt(names)));
}

std::uint64_t FrameArrays::bytes_per_frame() const {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (uses_[i].per_frame) bytes += arrays_[i].data.size() / std::max<std::uint64_t>(frames_, 1);
  }
  return std::max<std::uint64_t>(bytes, 1);
}

// ---- frames -------------------------------------------------------------------------------------

class ArrayFrameDecoder : public FrameDecoder {
 public:
  ArrayFrameDecoder(std::shared_ptr<const FrameArrays> arrays, std::uint64_t first)
      : arrays_(std::move(arrays)), first_(first), fields_(arrays_->settings_->rules, arrays_->settings_->units), scratch_(arrays_->arrays_.size()), negated_(arrays_->arrays_.size()) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    try {
      read(first_ + i, structure, remarks);
    } catch (const Error& e) {
      throw Error(e.exit(), fmt::format("{}: frame {}", arrays_->where_, first_ + i), e.problem(), e.fix());
    }
  }

 private:
  // The array's part of a frame, as numbers that FrameValue knows.
  FrameValue slice(std::size_t which, std::uint64_t frame, bool of_atoms) {
    const FrameArray& a = arrays_->arrays_[which];
    std::span<const std::uint64_t> shape = a.shape;
    Bytes data = a.data;
    if (!arrays_->single_ && arrays_->uses_[which].per_frame) {
      shape = shape.subspan(1);
      const std::uint64_t bytes = a.data.size() / std::max<std::uint64_t>(arrays_->frames_, 1);
      data = a.data.subspan(frame * bytes, bytes);
    }
    Of of = Of::f64;
    auto& out = scratch_[which];
    const std::uint64_t n = a.item_bytes == 0 ? 0 : data.size() / a.item_bytes;
    if (a.kind == 'f') {
      of = a.item_bytes == 8 ? Of::f64 : Of::f32;
      if (a.item_bytes == 2) {
        out.resize(4 * n);
        for (std::uint64_t k = 0; k < n; ++k) store(out.data() + 4 * k, from_half(load<std::uint16_t>(data.data() + 2 * k)));
        data = out;
      }
    } else if (a.kind == 'i' && a.item_bytes >= 4) {
      of = a.item_bytes == 8 ? Of::i64 : Of::i32;
    } else {
      of = Of::i64;
      out.resize(8 * n);
      for (std::uint64_t k = 0; k < n; ++k) store(out.data() + 8 * k, integer_at(a, data.data() + a.item_bytes * k));
      data = out;
    }
    if (of_atoms && kept_.size() != arrays_->atoms_) data = compact(which, data);
    dims_.assign(shape.begin(), shape.end());
    if (of_atoms && !dims_.empty()) dims_[0] = kept_.size();
    // [M, 1] is a number for each frame.
    const bool scalar = !of_atoms && dims_.size() == 1 && dims_[0] == 1;
    return FrameValue::array(of, scalar ? std::span<const std::uint64_t>() : std::span<const std::uint64_t>(dims_), data);
  }

  // The rows of the atoms that are no padding.
  Bytes compact(std::size_t which, Bytes data) {
    const std::size_t row = data.size() / static_cast<std::size_t>(std::max<std::uint64_t>(arrays_->atoms_, 1));
    std::vector<std::byte> out;
    out.reserve(kept_.size() * row);
    for (const std::uint64_t atom : kept_) out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(atom * row), data.begin() + static_cast<std::ptrdiff_t>((atom + 1) * row));
    scratch_[which] = std::move(out);
    return scratch_[which];
  }

  std::int64_t element(const FrameArray& a, const std::byte* p) const {
    if (!is_text(a)) return integer_at(a, p);
    const std::string symbol = text_at(a, p);
    const auto z = atomic_number_of(symbol);
    if (!z) fail_input("", fmt::format("'{}' in '{}' is no chemical element", excerpt(symbol), a.name));
    return *z;
  }

  // The atoms of the frame without padding: node_mask, or the numbers 0 and -1 at the end.
  void read_atoms(std::uint64_t frame, Structure& structure) {
    const FrameArray& z = arrays_->arrays_[arrays_->numbers_];
    const std::uint64_t n = arrays_->atoms_;
    const bool own = product(z.shape) != n || (arrays_->uses_[arrays_->numbers_].per_frame && z.shape.size() > 1 && !arrays_->single_);
    const std::byte* p = z.data.data() + (own ? frame * n * z.item_bytes : 0);
    kept_.clear();
    numbers_.clear();
    for (std::uint64_t i = 0; i < n; ++i) {
      if (arrays_->mask_) {
        const FrameArray& mask = arrays_->arrays_[*arrays_->mask_];
        if (integer_at(mask, mask.data.data() + (frame * n + i) * mask.item_bytes) == 0) continue;
      }
      const std::int64_t number = element(z, p + i * z.item_bytes);
      if (own && (number == 0 || number == -1) && !arrays_->mask_) continue;
      kept_.push_back(i);
      numbers_.push_back(number);
    }
    const std::uint64_t dims[] = {numbers_.size()};
    set_atomic_numbers(structure, z.name, FrameValue::array(Of::i64, dims, std::as_bytes(std::span(numbers_))));
  }

  static bool all_nan(const FrameValue& v) {
    if (v.of != Of::f64 && v.of != Of::f32) return false;
    for (std::uint64_t i = 0; i < v.count(); ++i) {
      if (!std::isnan(v.real(i))) return false;
    }
    return v.count() > 0;
  }

  void read_cell_and_pbc(std::uint64_t frame, Structure& structure, FrameRemarks& remarks) {
    const auto& settings = *arrays_->settings_;
    bool periodic = false;
    if (arrays_->cell_) {
      const FrameValue cell = slice(*arrays_->cell_, frame, false);
      bool zero = true;
      for (std::uint64_t i = 0; i < cell.count(); ++i) zero = zero && cell.real(i) == 0;
      const FrameArray& a = arrays_->arrays_[*arrays_->cell_];
      if (!zero) set_cell(structure, a.name, cell, settings.units, remarks);
      if (!zero && a.conversion) scale_cell(structure, a.conversion->factor / settings.units.find(Quantity::length).value_or(Conversion{}).factor);
      periodic = !zero;
    }
    std::array<bool, 3> pbc = {periodic, periodic, periodic};
    if (arrays_->pbc_) {
      const FrameValue v = slice(*arrays_->pbc_, frame, false);
      if (v.count() != 3 && v.count() != 1) fail_input("", fmt::format("'{}' is not three logicals", arrays_->arrays_[*arrays_->pbc_].name));
      for (std::size_t i = 0; i < 3; ++i) pbc[i] = v.real(v.count() == 3 ? i : 0) != 0;
    }
    structure.set_pbc(pbc);
  }

  static void scale_cell(Structure& structure, double factor) {
    const auto* cell = structure.find(Kind::builtin, "cell");
    std::array<double, 9> rows;
    for (std::size_t i = 0; i < 9; ++i) rows[i] = load<double>(cell->payload.data() + 8 * i) * factor;
    structure.set_cell(rows);
  }

  void read(std::uint64_t frame, Structure& structure, FrameRemarks& remarks) {
    const auto& arrays = arrays_->arrays_;
    read_atoms(frame, structure);
    const FrameArray& positions = arrays[arrays_->positions_];
    read_positions(positions, slice(arrays_->positions_, frame, true), structure, remarks);
    read_cell_and_pbc(frame, structure, remarks);
    for (const std::string& text : arrays_->left_out_) remarks.note(text);
    fields_.begin();
    texts_.clear();
    texts_.reserve(arrays.size());
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const bool role = i == arrays_->positions_ || i == arrays_->numbers_ || arrays_->cell_ == i || arrays_->pbc_ == i || arrays_->mask_ == i;
      if (!role && arrays_->uses_[i].per_frame) add(i, frame);
    }
    for (const auto& [key, text] : arrays_->texts_) fields_.add(key, FrameValue::of_text(text));
    fields_.finish(structure, remarks);
  }

  void read_positions(const FrameArray& a, const FrameValue& value, Structure& structure, FrameRemarks& remarks) {
    if (!a.conversion) return set_positions(structure, a.name, value, arrays_->settings_->units, remarks);
    std::vector<double> xyz(value.count());
    for (std::uint64_t i = 0; i < xyz.size(); ++i) xyz[i] = value.real(i) * a.conversion->factor;
    structure.set_positions(std::span<const double>(xyz));
    remarks.mapped("positions", from_key(a.name, *a.conversion));
  }

  void add(std::size_t which, std::uint64_t frame) {
    const FrameArray& a = arrays_->arrays_[which];
    const auto& use = arrays_->uses_[which];
    if (is_text(a)) {
      const std::size_t row = arrays_->single_ ? 0 : a.item_bytes;
      if (a.data.size() != a.item_bytes * (arrays_->single_ ? 1 : arrays_->frames_)) return;  // several texts a frame
      texts_.push_back(text_at(a, a.data.data() + frame * row));
      return fields_.add(a.name, FrameValue::of_text(texts_.back()));
    }
    const std::size_t first = arrays_->single_ ? 0 : 1;
    const bool sized = a.shape.size() > first && a.shape[first] == arrays_->atoms_ && (use.field != Field::energy) && !is_one_of_frame(a, first);
    const bool of_atoms = a.scope == ValueScope::guess ? sized : a.scope == ValueScope::atom;
    const FrameValue value = slice(which, frame, of_atoms);
    if (all_nan(value)) return;
    ValueHint hint;
    hint.field = use.field;
    hint.scope = of_atoms ? ValueScope::atom : ValueScope::frame;
    if (use.negative) {
      Conversion c = a.conversion ? *a.conversion : arrays_->settings_->units.find(Quantity::force).value_or(Conversion{});
      c.factor = -c.factor;
      c.how = c.how.empty() ? "sign turned" : "sign turned, " + c.how;
      negated_[which] = c;
      hint.conversion = &*negated_[which];
    } else if (a.conversion) {
      hint.conversion = &*a.conversion;
    }
    fields_.add(a.name, value, hint);
  }

  // [M, 3] dipoles and [M, 1] numbers of molecules with three atoms, or one, are the frame's.
  bool is_one_of_frame(const FrameArray& a, std::size_t first) const {
    if (arrays_->atoms_ != 1 && a.shape.size() == first + 1 && a.shape[first] == 1) return true;
    if (a.shape.size() != first + 1) return a.name.ends_with("stress") || a.name.ends_with("virial") || a.name.ends_with("virials");
    for (const std::string_view name : {"dipole", "quadrupole", "stress", "virial", "E", "energy", "energies"}) {
      if (a.name.find(name) != std::string::npos) return true;
    }
    return false;
  }

  std::shared_ptr<const FrameArrays> arrays_;
  std::uint64_t first_;
  FrameFields fields_;
  std::vector<std::vector<std::byte>> scratch_;
  std::vector<std::optional<Conversion>> negated_;
  std::vector<std::uint64_t> kept_, dims_;
  std::vector<std::int64_t> numbers_;
  std::vector<std::string> texts_;
};

std::unique_ptr<FrameBatch> make_array_batch(std::shared_ptr<const FrameArrays> arrays, std::uint64_t first, std::uint64_t count,
                                             std::uint64_t number, std::uint64_t position) {
  return std::make_unique<IndependentFrames>(number, count, position, [arrays = std::move(arrays), first] {
    return std::make_unique<ArrayFrameDecoder>(arrays, first);
  });
}

}  // namespace atp
