// A record: the bytes of one molecule (FORMAT.md, "Record").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/section.h"
#include "core/atp/structure.h"

namespace atp {

// Appends the record of `structure` to `out`, sections sorted as FORMAT.md asks (the structure is
// put in that order). Throws Error (exit 3): wrong lengths, a key too long, one key both per atom
// and per molecule, a builtin of the wrong type, more than 4 GiB.
void encode_record(Structure& structure, std::vector<std::byte>& out);
// The same; it is the view's sections that are put in order.
void encode_record(const StructureView& structure, std::vector<std::byte>& out);

// What encode_record() asks of sections that are in order. Throws Error (exit 3).
void check_sections(const StructureView& structure);

// Appends the record as its sections stand, unchecked but for sizes that a record cannot say: for those who know that
// the sections look like ones that passed. Throws Error (exit 3), and `out` is then as it was.
void lay_out_record(const StructureView& structure, std::vector<std::byte>& out);

// The lowest record format (2 or 3) that can hold the structure.
std::uint32_t needed_record_format(const Structure& structure);

// "atom property 'tags'", "property 'dipole'", "forces".
std::string describe_key(Kind kind, std::string_view key);

// A record looked at in place. Copies and allocates nothing; immutable, shared by threads.
// Borrows the bytes. The constructor checks the fixed part; sections are checked as they are walked.
class RecordView {
 public:
  // `record` is decompressed; `positions` is vec3_f32 or vec3_f64, from the file's schema.
  // Throws Error (exit 3).
  RecordView(Bytes record, Type positions) : positions_type_(positions) {
    // All sizes in one comparison; which of them is wrong is said by a closer look.
    const bool counted = record.size() >= sizeof(std::uint32_t);
    n_atoms_ = counted ? load<std::uint32_t>(record.data()) : 0;
    const std::uint64_t fixed = sizeof(std::uint32_t) + n_atoms_ * std::uint64_t{position_bytes() + 1u} + sizeof(std::uint16_t);
    if (!counted || record.size() < fixed) [[unlikely]] fail_short(record);
    positions_ = record.data() + sizeof(std::uint32_t);
    sections_ = record.subspan(static_cast<std::size_t>(fixed));
    n_sections_ = load<std::uint16_t>(sections_.data() - sizeof(std::uint16_t));
  }

  std::uint32_t n_atoms() const { return n_atoms_; }
  Type positions_type() const { return positions_type_; }
  Bytes positions_bytes() const { return {positions_, std::size_t{n_atoms_} * position_bytes()}; }  // [n, 3] f32 or f64, unaligned
  NumbersView positions() const;                             // 3n numbers
  Bytes atomic_numbers() const { return {sections_.data() - sizeof(std::uint16_t) - n_atoms_, n_atoms_}; }  // [n] u8

  // Walks the sections in file order, each checked against the bytes left: fn(const SectionView&).
  // Section kinds, builtin keys and types unknown to this program are passed over.
  template <class Fn>
  void for_each_section(Fn&& fn) const {
    Cursor at = begin();
    SectionView section;
    while (next(at, section)) fn(section);
  }

  // The sections as they lie in the file, for those who know beforehand what they look like.
  std::uint32_t n_sections() const { return n_sections_; }
  Bytes sections_bytes() const { return sections_; }

  // Whether nothing lies behind the last section. Bytes there are legal, but no writer leaves any: a record that is
  // read with the wrong type of positions mostly has some. Throws Error (exit 3) as for_each_section().
  bool ends_with_sections() const;

  // The last section of that kind and key, or nothing.
  std::optional<SectionView> find(Kind kind, std::string_view key) const;

  // Builtins; nothing when absent. Throw Error (exit 3) when the payload has the wrong length.
  std::optional<double> energy() const;
  std::optional<NumbersView> forces() const;               // 3n
  std::optional<NumbersView> velocities() const;           // 3n
  std::optional<NumbersView> charges() const;              // n
  std::optional<std::array<double, 9>> cell() const;       // rows are lattice vectors, Å
  std::optional<std::array<double, 9>> stress() const;     // row-major, eV/Å³
  std::optional<std::array<bool, 3>> pbc() const;
  std::optional<std::string_view> name() const;

  // Everything checked: all sections walk, every value decodes, per-atom lengths fit n_atoms.
  void check() const;

  // A copy that owns its data. The last of equal sections counts.
  void copy_to(Structure& out) const;

 private:
  struct Cursor {
    Bytes rest;
    std::uint32_t left;
  };
  Cursor begin() const { return {sections_, n_sections_}; }
  bool next(Cursor& at, SectionView& out) const;
  std::optional<NumbersView> builtin_numbers(std::string_view key, std::uint64_t count) const;
  std::optional<std::array<double, 9>> matrix(std::string_view key) const;

  std::uint32_t position_bytes() const { return positions_type_ == Type::vec3_f32 ? 12 : 24; }  // of one atom
  [[noreturn]] void fail_short(Bytes record) const;

  std::uint32_t n_atoms_;
  std::uint32_t n_sections_;
  Type positions_type_;
  const std::byte* positions_;
  Bytes sections_;  // right before it lies their count, and before that the atomic numbers
};

}  // namespace atp
