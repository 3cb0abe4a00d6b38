#include "core/atp/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/base/error.h"

namespace atp {
namespace {

constexpr std::uint64_t kLargestRecord = std::numeric_limits<std::uint32_t>::max();  // sizes in the index are u32

bool allowed(const BuiltinInfo& b, Type type) { return type == b.type || (b.type_in_3 && type == *b.type_in_3); }

[[noreturn]] void fail_section(const SectionView& s, const std::string& what) {
  fail_input("", fmt::format("{} {}", describe_key(s.kind, s.key), what));
}

// A section held against the number of atoms and, for builtins, its table row.
void check_section(const SectionView& s, std::uint64_t n_atoms) {
  const ValueView value = decode_value(s);
  const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
  if (builtin && !allowed(*builtin, s.type)) fail_section(s, fmt::format("cannot be {}", type_info(s.type).name));
  if (s.kind == Kind::molecule || (builtin && !builtin->per_atom)) return;

  std::uint64_t atoms = n_atoms;
  switch (value.info->form) {
    case Form::array: atoms = value.numbers.count; break;
    case Form::vec3: atoms = value.numbers.count / 3; break;
    case Form::scalar: atoms = 1; break;
    case Form::tensor: atoms = value.raw_dims.empty() ? 1 : load<std::uint32_t>(value.raw_dims.data()); break;
    case Form::text:
      if (!s.payload.empty()) fail_section(s, "is a string per atom, which the format cannot hold");
      break;
    case Form::null: break;
    case Form::bool3:
    case Form::mat3: fail_section(s, fmt::format("cannot be {} per atom", value.info->name));
  }
  if (atoms != n_atoms) fail_section(s, fmt::format("has values for {} atoms, the molecule has {}", atoms, n_atoms));
}

// What only a writer has to keep to.
void check_for_writing(const SectionView& s) {
  if (s.kind == Kind::builtin) {
    if (!builtin_info(s.key)) fail_section(s, "is no builtin field");
    return;
  }
  switch (s.type) {
    case Type::bool3:
    case Type::mat3_f64:
    case Type::f32:
    case Type::mat3_f32:
      fail_section(s, fmt::format("cannot be {}: that type is for builtin fields", type_info(s.type).name));
    default: break;
  }
}

// Sections are sorted: equal keys are neighbours, and the two kinds of properties can be merged.
void check_unique(std::span<const SectionView> sections) {
  const auto first_atom = std::find_if(sections.begin(), sections.end(), [](const auto& s) { return s.kind != Kind::builtin; });
  const auto first_molecule = std::find_if(first_atom, sections.end(), [](const auto& s) { return s.kind == Kind::molecule; });
  for (auto a = first_atom, m = first_molecule; a != first_molecule && m != sections.end();) {
    if (a->key == m->key) fail_input("", fmt::format("'{}' is both an atom and a molecule property", a->key));
    a->key < m->key ? ++a : ++m;
  }
  for (std::size_t i = 1; i < sections.size(); ++i) {
    if (sections[i].kind == sections[i - 1].kind && sections[i].key == sections[i - 1].key) {
      fail_input("", fmt::format("'{}' stands twice", sections[i].key));
    }
  }
}

template <class T>
std::byte* put(std::byte* at, T v) {
  store(at, v);
  return at + sizeof v;
}

std::byte* put(std::byte* at, Bytes bytes) { return std::copy(bytes.begin(), bytes.end(), at); }

}  // namespace

void lay_out_record(const StructureView& structure, std::vector<std::byte>& out) {
  const std::uint64_t n = structure.n_atoms();
  const std::uint32_t position_bytes = type_info(structure.positions_type).element;
  if (structure.positions_type != Type::vec3_f32 && structure.positions_type != Type::vec3_f64) {
    fail_input("", "positions must be vec3_f32 or vec3_f64");
  }
  if (structure.positions.size() != n * position_bytes) {
    fail_input("", fmt::format("positions have {} bytes, {} atoms need {}", structure.positions.size(), n, n * position_bytes));
  }
  if (structure.sections.size() > std::numeric_limits<std::uint16_t>::max()) {
    fail_input("", fmt::format("{} fields, at most 65535 fit in a record", structure.sections.size()));
  }
  std::uint64_t size = 4 + structure.positions.size() + n + 2;
  for (const SectionView& s : structure.sections) {
    if (s.key.size() > kLongestKey) {
      fail_input("", fmt::format("the key '{}...' has {} bytes, at most {} fit", s.key.substr(0, 40), s.key.size(), kLongestKey));
    }
    size += 2 + s.key.size() + 5 + s.payload.size();
  }
  if (size > kLargestRecord) fail_input("", fmt::format("the record has {} bytes, at most {} fit", size, kLargestRecord));

  const std::size_t start = out.size();
  out.resize(start + size);
  std::byte* at = out.data() + start;
  at = put(at, static_cast<std::uint32_t>(n));
  at = put(at, structure.positions);
  at = put(at, structure.atomic_numbers);
  at = put(at, static_cast<std::uint16_t>(structure.sections.size()));
  for (const SectionView& s : structure.sections) {
    at = put(at, static_cast<std::uint8_t>(s.kind));
    at = put(at, static_cast<std::uint8_t>(s.key.size()));
    at = put(at, as_bytes(s.key));
    at = put(at, static_cast<std::uint8_t>(s.type));
    at = put(at, static_cast<std::uint32_t>(s.payload.size()));
    at = put(at, s.payload);
  }
}

void check_sections(const StructureView& structure) {
  check_unique(structure.sections);
  for (const SectionView& s : structure.sections) {
    check_for_writing(s);
    check_section(s, structure.n_atoms());
  }
}

void encode_record(const StructureView& structure, std::vector<std::byte>& out) {
  const std::size_t start = out.size();
  sort_sections(structure.sections);
  lay_out_record(structure, out);
  try {
    check_sections(structure);
  } catch (...) {
    out.resize(start);
    throw;
  }
}

void encode_record(Structure& structure, std::vector<std::byte>& out) {
  structure.sort_sections();
  std::vector<SectionView> sections;
  encode_record(structure.view(sections), out);
}

std::uint32_t needed_record_format(const Structure& structure) {
  if (structure.positions_type == Type::vec3_f64) return 3;
  for (const auto& s : structure.sections()) {
    const BuiltinInfo* b = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
    if (b && b->type_in_3 == s.type) return 3;
  }
  return 2;
}

std::string describe_key(Kind kind, std::string_view key) {
  switch (kind) {
    case Kind::builtin: return std::string(key);
    case Kind::atom: return fmt::format("atom property '{}'", key);
    case Kind::molecule: break;
  }
  return fmt::format("property '{}'", key);
}

// ---- RecordView ---------------------------------------------------------------------------------

void RecordView::fail_short(Bytes record) const {
  ByteReader in(record);
  const std::uint64_t n = in.number<std::uint32_t>("the atom count");
  (void)in.take(n * position_bytes(), "positions");
  (void)in.take(n, "atomic numbers");
  (void)in.number<std::uint16_t>("the section count");
  std::abort();  // for one of them there was no room
}

NumbersView RecordView::positions() const {
  return {type_info(positions_type_).scalar, std::uint64_t{n_atoms_} * 3, positions_};
}

bool RecordView::next(Cursor& at, SectionView& out) const {
  ByteReader in(at.rest);
  while (at.left > 0) {
    --at.left;
    const auto kind = in.number<std::uint8_t>("a section's kind");
    const auto key_len = in.number<std::uint8_t>("a key's length");
    const std::string_view key = as_text(in.take(key_len, "a key"));
    const auto type = in.number<std::uint8_t>("a section's type");
    const auto payload_len = in.number<std::uint32_t>("a payload's length");
    const Bytes payload = in.take(payload_len, "a payload");
    at.rest = in.rest();
    const bool unknown_kind = kind > static_cast<std::uint8_t>(Kind::molecule);
    if (unknown_kind || (kind == 0 && !builtin_info(key))) continue;  // newer writers' sections
    if (!type_info(type)) fail_input("", fmt::format("'{}' has the unknown type {}", key, type));
    out = {static_cast<Kind>(kind), static_cast<Type>(type), key, payload};
    return true;
  }
  return false;
}

bool RecordView::ends_with_sections() const {
  Cursor at = begin();
  SectionView section;
  while (next(at, section)) {
  }
  return at.rest.empty();
}

std::optional<SectionView> RecordView::find(Kind kind, std::string_view key) const {
  std::optional<SectionView> found;
  for_each_section([&](const SectionView& s) {
    if (s.kind == kind && s.key == key) found = s;
  });
  return found;
}

namespace {

ValueView decode_builtin(const SectionView& s) {
  if (!allowed(*builtin_info(s.key), s.type)) fail_section(s, fmt::format("cannot be {}", type_info(s.type).name));
  return decode_value(s);
}

}  // namespace

std::optional<double> RecordView::energy() const {
  const auto s = find(Kind::builtin, "energy");
  if (!s) return std::nullopt;
  return decode_builtin(*s).numbers.real(0);
}

std::optional<NumbersView> RecordView::builtin_numbers(std::string_view key, std::uint64_t count) const {
  const auto s = find(Kind::builtin, key);
  if (!s) return std::nullopt;
  const NumbersView numbers = decode_builtin(*s).numbers;
  if (numbers.count != count) fail_section(*s, fmt::format("has {} values, {} atoms need {}", numbers.count, n_atoms_, count));
  return numbers;
}

std::optional<NumbersView> RecordView::forces() const { return builtin_numbers("forces", std::uint64_t{n_atoms_} * 3); }
std::optional<NumbersView> RecordView::velocities() const { return builtin_numbers("velocities", std::uint64_t{n_atoms_} * 3); }
std::optional<NumbersView> RecordView::charges() const { return builtin_numbers("charges", n_atoms_); }

std::optional<std::array<double, 9>> RecordView::matrix(std::string_view key) const {
  const auto numbers = builtin_numbers(key, 9);
  if (!numbers) return std::nullopt;
  std::array<double, 9> m;
  for (std::size_t i = 0; i < 9; ++i) m[i] = numbers->real(i);
  return m;
}

std::optional<std::array<double, 9>> RecordView::cell() const { return matrix("cell"); }
std::optional<std::array<double, 9>> RecordView::stress() const { return matrix("stress"); }

std::optional<std::array<bool, 3>> RecordView::pbc() const {
  const auto numbers = builtin_numbers("pbc", 3);
  if (!numbers) return std::nullopt;
  return std::array<bool, 3>{numbers->integer(0) != 0, numbers->integer(1) != 0, numbers->integer(2) != 0};
}

std::optional<std::string_view> RecordView::name() const {
  const auto s = find(Kind::builtin, "name");
  if (!s) return std::nullopt;
  return decode_builtin(*s).text;
}

void RecordView::check() const {
  for_each_section([&](const SectionView& s) { check_section(s, n_atoms_); });
}

void RecordView::copy_to(Structure& out) const {
  out.clear();
  const auto numbers = as_text(atomic_numbers());
  out.atomic_numbers.assign(numbers.begin(), numbers.end());
  out.positions_type = positions_type_;
  const Bytes positions = positions_bytes();
  out.positions.assign(positions.begin(), positions.end());
  for_each_section([&](const SectionView& s) {
    out.append(s.kind, s.key, s.type).assign(s.payload.begin(), s.payload.end());
  });
  out.keep_last_of_equals();
}

}  // namespace atp
