#include "core/atp/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/error.h"

namespace atp {
namespace {

std::optional<Scalar> join_scalars(Scalar a, Scalar b) {
  if (a == b) return a;
  const auto number = [](Scalar s) { return s == Scalar::f32 || s == Scalar::f64 || s == Scalar::i32 || s == Scalar::i64; };
  if (!number(a) || !number(b)) return std::nullopt;
  const auto integer = [](Scalar s) { return s == Scalar::i32 || s == Scalar::i64; };
  return integer(a) && integer(b) ? Scalar::i64 : Scalar::f64;
}

// The type with this form and scalar, where the format has one for properties of any kind.
std::optional<Type> type_of(Form form, Scalar scalar) {
  for (std::uint8_t code = 0; const TypeInfo* info = type_info(code); ++code) {
    if (info->form == form && info->scalar == scalar) return info->type;
  }
  return std::nullopt;
}

std::optional<SchemaEntry> entry_of(Type type, bool per_atom, std::uint64_t elements) {
  const TypeInfo& info = type_info(type);
  SchemaEntry e{type, per_atom, info.element, 0};
  if (info.form != Form::tensor) e.slot = per_atom ? info.element : static_cast<std::uint32_t>(info.element * elements);
  return e;
}

bool is_array(Form form) { return form == Form::array || form == Form::vec3 || form == Form::tensor; }

template <class T>
void push(std::vector<std::byte>& out, T v) {
  const std::size_t at = out.size();
  out.resize(at + sizeof v);
  store(out.data() + at, v);
}

[[noreturn]] void fail_loss(Kind kind, std::string_view key, const std::string& value, std::string_view to) {
  fail_input("", fmt::format("{} has the value {}, which {} cannot hold", describe_key(kind, key), value, to),
             to == "f32" ? "pass --dtype keep" : "leave the field out with --drop");
}

float narrowed(double v, Kind kind, std::string_view key) {
  const auto f = static_cast<float>(v);
  if (std::isinf(f) && !std::isinf(v)) fail_loss(kind, key, fmt::format("{}", v), "f32");
  return f;
}

double widened(std::int64_t v, Kind kind, std::string_view key) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (v > kExact || v < -kExact) fail_loss(kind, key, fmt::format("{}", v), "f64");
  return static_cast<double>(v);
}

void push_number(std::vector<std::byte>& out, const NumbersView& from, std::uint64_t i, Scalar to, Kind kind, std::string_view key) {
  const bool from_float = from.scalar == Scalar::f32 || from.scalar == Scalar::f64;
  switch (to) {
    case Scalar::f32: push(out, narrowed(from.real(i), kind, key)); break;
    case Scalar::f64: push(out, from_float ? from.real(i) : widened(from.integer(i), kind, key)); break;
    case Scalar::i64: push(out, from.integer(i)); break;
    default: push(out, static_cast<std::int32_t>(from.integer(i))); break;
  }
}

// f64 to f32 over a whole array, the one conversion that every frame goes through: by blocks that the processor takes
// several numbers of at a time. `to` may be `from`.
void narrow_all(const std::byte* from, std::uint64_t count, std::byte* to, Kind kind, std::string_view key) {
  constexpr std::uint64_t kBlock = 64;
  constexpr double kTooLarge = 0x1.ffffffp127;  // the least that is rounded to infinity
  std::array<float, kBlock> block;
  for (std::uint64_t begin = 0; begin < count; begin += kBlock) {
    const std::uint64_t n = std::min(kBlock, count - begin);
    std::uint64_t doubtful = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto v = load<double>(from + 8 * (begin + i));
      block[i] = static_cast<float>(v);
      doubtful |= static_cast<std::uint64_t>(!(std::fabs(v) < kTooLarge));
    }
    for (std::uint64_t i = 0; doubtful != 0 && i < n; ++i) (void)narrowed(load<double>(from + 8 * (begin + i)), kind, key);
    std::memcpy(to + 4 * begin, block.data(), 4 * n);
  }
}

// The section as another type: numbers converted, shape kept.
void convert_section(Structure::Section& s, Type to) {
  const ValueView value = decode_value(s.view());
  const TypeInfo& target = type_info(to);
  if (target.form == value.info->form && target.scalar == Scalar::f32 && value.info->scalar == Scalar::f64 && target.form != Form::tensor) {
    narrow_all(s.payload.data(), value.numbers.count, s.payload.data(), s.kind, s.key);  // in place, front to back
    s.payload.resize(value.numbers.count * 4);
    s.type = to;
    return;
  }
  std::vector<std::byte> out;
  if (target.form == Form::tensor) {
    const auto shape = value.shape();
    out.push_back(static_cast<std::byte>(shape.size()));
    for (const std::uint64_t d : shape) push(out, static_cast<std::uint32_t>(d));
  }
  for (std::uint64_t i = 0; i < value.numbers.count; ++i) push_number(out, value.numbers, i, target.scalar, s.kind, s.key);
  s.payload = std::move(out);
  s.type = to;
}

void convert_positions(Structure& s, Type to) {
  if (s.positions_type == to) return;
  if (to == Type::vec3_f32) {
    const std::uint64_t count = s.positions.size() / 8;
    narrow_all(s.positions.data(), count, s.positions.data(), Kind::builtin, "positions");
    s.positions.resize(count * 4);
  } else {
    std::vector<std::byte> out;
    for (std::size_t at = 0; at < s.positions.size(); at += 4) push(out, static_cast<double>(load<float>(&s.positions[at])));
    s.positions = std::move(out);
  }
  s.positions_type = to;
}

bool stays_f32(std::string_view builtin) { return builtin == "forces" || builtin == "velocities"; }

bool narrows(const SchemaEntry& from, const SchemaEntry& to) {
  return type_info(from.type).scalar == Scalar::f64 && type_info(to.type).scalar == Scalar::f32 &&
         type_info(from.type).form == type_info(to.type).form;
}

}  // namespace

namespace {

// The type that `policy` gives to a float field; nothing where it stays as it is.
std::optional<Type> type_under(DtypePolicy policy, Kind kind, std::string_view key, Type type) {
  const TypeInfo& info = type_info(type);
  if (policy == DtypePolicy::keep || (info.scalar != Scalar::f32 && info.scalar != Scalar::f64)) return std::nullopt;
  Scalar want = policy == DtypePolicy::f32 ? Scalar::f32 : Scalar::f64;
  if (policy == DtypePolicy::standard) {
    if (kind != Kind::builtin) return std::nullopt;
    want = stays_f32(key) ? Scalar::f32 : Scalar::f64;
  }
  // A scalar in f32 exists only as a builtin.
  if (info.form == Form::scalar && kind != Kind::builtin) want = Scalar::f64;
  return info.scalar == want ? std::nullopt : type_of(info.form, want);
}

}  // namespace

void apply_dtype(Structure& s, DtypePolicy policy) {
  if (policy == DtypePolicy::keep) return;
  convert_positions(s, policy == DtypePolicy::f64 ? Type::vec3_f64 : Type::vec3_f32);
  for (auto& section : s.sections()) {
    if (const auto to = type_under(policy, section.kind, section.key, section.type)) convert_section(section, *to);
  }
}

Schema with_dtype(const Schema& schema, DtypePolicy policy) {
  Schema out = schema;
  if (policy == DtypePolicy::keep) return out;
  if (out.positions) out.positions = policy == DtypePolicy::f64 ? Type::vec3_f64 : Type::vec3_f32;
  for (auto& [key, entry] : out.entries) {
    const auto to = type_under(policy, key.first, key.second, entry.type);
    if (!to) continue;
    const std::uint64_t elements = entry.slot / entry.element;  // floats have element bytes
    entry = *entry_of(*to, entry.per_atom, elements);
  }
  return out;
}

std::optional<SchemaEntry> join(Kind kind, const SchemaEntry& a, const SchemaEntry& b) {
  if (a == b) return a;
  const TypeInfo& x = type_info(a.type);
  const TypeInfo& y = type_info(b.type);
  const auto scalar = join_scalars(x.scalar, y.scalar);
  if (!scalar || a.per_atom != b.per_atom || x.form == Form::text || x.form == Form::null) return std::nullopt;

  const std::uint64_t elements = a.element == 0 ? 0 : a.slot / a.element;
  const bool same_length = a.per_atom || elements == (b.element == 0 ? 0 : b.slot / b.element);
  if (x.form == y.form && (same_length || x.form == Form::tensor)) {
    if (const auto type = type_of(x.form, *scalar)) return entry_of(*type, a.per_atom, elements);
  }
  if (kind == Kind::builtin || !is_array(x.form) || !is_array(y.form)) return std::nullopt;
  // A column [n] is not a column [n, k], but a molecule's arrays of all shapes are tensors.
  if (a.per_atom && (x.form == Form::array) != (y.form == Form::array)) return std::nullopt;
  const auto type = type_of(Form::tensor, *scalar);
  return type ? entry_of(*type, a.per_atom, 0) : std::nullopt;
}

void coerce(Structure& s, const Schema& lock, bool narrow) {
  if (lock.positions && (narrow || *lock.positions == Type::vec3_f64)) convert_positions(s, *lock.positions);
  for (auto& section : s.sections()) {
    const auto locked = lock.entries.find(std::pair<Kind, std::string_view>(section.kind, section.key));
    if (locked == lock.entries.end()) continue;
    const SchemaEntry now = schema_entry_of(section.view());
    if (now == locked->second) continue;
    const auto joined = join(section.kind, now, locked->second);
    if ((joined && *joined == locked->second) || (narrow && narrows(now, locked->second))) convert_section(section, locked->second.type);
  }
}

SchemaEntry as_of_molecule(const SchemaEntry& of_atoms, std::uint64_t atoms) {
  const TypeInfo& info = type_info(of_atoms.type);
  const auto tensor = atoms == 0 ? type_of(Form::tensor, info.scalar) : std::nullopt;
  return *entry_of(tensor.value_or(of_atoms.type), false, atoms * (of_atoms.element == 0 ? 0 : of_atoms.slot / of_atoms.element));
}

void move_scope(Schema& lock, std::string_view key, std::uint64_t atoms) {
  const auto before = lock.entries.find(std::pair(Kind::atom, key));
  lock.entries.insert_or_assign(Schema::Key(Kind::molecule, key), as_of_molecule(before->second, atoms));
  lock.entries.erase(before);
}

void make_of_molecule(Structure::Section& section) {
  section.kind = Kind::molecule;
  const auto scope = std::exchange(section.scope, Structure::Scope::known);
  const TypeInfo& info = type_info(section.type);
  if (scope != Structure::Scope::guessed_column || info.form != Form::array) return;
  const auto rows = static_cast<std::uint32_t>(section.payload.size() / info.element);
  std::vector<std::byte> out{std::byte{2}};
  push(out, rows);
  push(out, std::uint32_t{1});
  out.insert(out.end(), section.payload.begin(), section.payload.end());
  section.payload = std::move(out);
  section.type = *type_of(Form::tensor, info.scalar);
}

namespace {

constexpr std::string_view kTotalMoment = "magmom", kMoments = "magmoms";

}  // namespace

bool has_total_moment(const Schema& schema) {
  const auto total = schema.entries.find(std::pair(Kind::molecule, kTotalMoment));
  return total != schema.entries.end() && type_info(total->second.type).form == Form::scalar;
}

bool rename_moments(Structure& s) {
  auto* const moments = s.find(Kind::atom, kTotalMoment);
  if (moments == nullptr || s.find(Kind::atom, kMoments) != nullptr) return false;
  moments->key = kMoments;
  moments->scope = Structure::Scope::known;
  return true;
}

bool rename_moments(Schema& lock) {
  const auto from = lock.entries.find(std::pair(Kind::atom, kTotalMoment));
  const auto [to, fresh] = lock.entries.try_emplace(Schema::Key(Kind::atom, kMoments), from->second);
  const auto joined = join(Kind::atom, to->second, from->second);
  if (!joined) return false;
  to->second = *joined;
  lock.entries.erase(from);
  return true;
}

void follow_scopes(Structure& s, const Schema& lock, const ColumnNames& columns) {
  if (has_total_moment(lock)) rename_moments(s);
  for (auto& section : s.sections()) {
    if (section.kind != Kind::atom || lock.entries.contains(std::pair<Kind, std::string_view>(Kind::atom, section.key))) continue;
    if (!lock.entries.contains(std::pair<Kind, std::string_view>(Kind::molecule, section.key))) continue;
    if (columns.contains(section.key)) section.scope = Structure::Scope::guessed_column;
    make_of_molecule(section);
  }
}

bool widen(Schema& lock, const Structure& s) {
  if (lock.positions && *lock.positions != s.positions_type) lock.positions = Type::vec3_f64;
  bool all = true;
  for (const auto& section : s.sections()) {
    const auto locked = lock.entries.find(std::pair<Kind, std::string_view>(section.kind, section.key));
    if (locked == lock.entries.end()) continue;
    if (const auto joined = join(section.kind, schema_entry_of(section.view()), locked->second)) {
      locked->second = *joined;
    } else {
      all = false;
    }
  }
  return all;
}

std::optional<Misfit> widen(Schema& lock, const Schema& other) {
  if (other.positions) lock.positions = lock.positions && *lock.positions != *other.positions ? Type::vec3_f64 : *other.positions;
  for (const auto& [key, entry] : other.entries) {
    const auto locked = lock.entries.find(key);
    const auto joined = locked == lock.entries.end() ? std::nullopt : join(key.first, locked->second, entry);
    if (joined) {
      locked->second = *joined;
      continue;
    }
    Schema one;
    one.entries.emplace(key, entry);
    if (std::string problem = lock.merge(one); !problem.empty()) return Misfit{key, std::move(problem)};
  }
  return std::nullopt;
}

}  // namespace atp
