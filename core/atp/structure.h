// One molecule or crystal that owns its data: what input formats fill and records are made from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atp/section.h"

namespace atp {

// One molecule or crystal that borrows its data, for a writer that has it in arrays of its own already.
struct StructureView {
  std::uint64_t n_atoms() const { return atomic_numbers.size(); }

  Bytes atomic_numbers;                  // [n] u8
  Type positions_type = Type::vec3_f64;  // or vec3_f32
  Bytes positions;                       // [n, 3], 24 or 12 bytes an atom
  // What is in the order of FORMAT.md ("Record") is written fastest; what is not is put in it.
  std::span<SectionView> sections;
};

// Into the order of FORMAT.md: builtins in table order, then atom and molecule properties by key (bytewise). False when
// they are in it already.
bool sort_sections(std::span<SectionView> sections);

// One thread. clear() keeps all memory, so a Structure that is used again allocates nothing.
//
// Units: positions and cell Å, energy eV, forces eV/Å, stress eV/Å³ (3x3, tensile positive),
// charges e, velocities sqrt(eV/u), as ASE has them.
class Structure {
 public:
  // Why a property is one of the atoms. A guess: nothing but its first dimension says so, which other frames may contradict.
  enum class Scope : std::uint8_t { known, guessed, guessed_column };  // a column was [n, 1] and is [n]

  struct Section {
    Kind kind;
    Type type;
    std::string key;
    std::vector<std::byte> payload;  // as in the file, FORMAT.md "Record"
    Scope scope = Scope::known;      // records do not store it

    SectionView view() const { return {kind, type, key, payload}; }
  };

  void clear();

  std::uint64_t n_atoms() const { return atomic_numbers.size(); }
  std::vector<std::uint8_t> atomic_numbers;  // [n]

  // [n, 3]; positions_type is vec3_f32 or vec3_f64 and the bytes are 12 or 24 an atom.
  Type positions_type = Type::vec3_f64;
  std::vector<std::byte> positions;

  void set_positions(std::span<const double> xyz);  // [n, 3]
  void set_positions(std::span<const float> xyz);   // [n, 3]

  // The payload of a section to fill, emptied. append() looks for no section of that kind and key:
  // use it where there can be none, or call keep_last_of_equals() afterwards.
  std::vector<std::byte>& append(Kind kind, std::string_view key, Type type);
  // The same, but a section of that kind and key is replaced.
  std::vector<std::byte>& put(Kind kind, std::string_view key, Type type);
  // A payload that is already laid out as in the file.
  void put_bytes(Kind kind, std::string_view key, Type type, Bytes payload);
  void put_f64(Kind kind, std::string_view key, double v);
  void put_i64(Kind kind, std::string_view key, std::int64_t v);
  void put_string(Kind kind, std::string_view key, std::string_view v);
  // A tensor (types 14-17): shape, then values in C order. At most 255 dimensions.
  void put_tensor(Kind kind, std::string_view key, Type type, std::span<const std::uint32_t> shape, Bytes values);

  // Array payloads: f64_array, vec3_f64, mat3_f64 and so on, by the type given.
  template <class T>
  void put_array(Kind kind, std::string_view key, Type type, std::span<const T> values) {
    put_bytes(kind, key, type, std::as_bytes(values));
  }

  // Builtins. cell and stress are row-major; the rows of cell are the lattice vectors.
  void set_energy(double ev) { put_f64(Kind::builtin, "energy", ev); }
  void set_cell(const std::array<double, 9>& rows) {
    put_array<double>(Kind::builtin, "cell", Type::mat3_f64, rows);
  }
  void set_stress(const std::array<double, 9>& rows) {
    put_array<double>(Kind::builtin, "stress", Type::mat3_f64, rows);
  }
  void set_pbc(const std::array<bool, 3>& periodic);
  void set_forces(std::span<const double> xyz) { put_array(Kind::builtin, "forces", Type::vec3_f64, xyz); }  // [n, 3]

  // nullptr when absent.
  const Section* find(Kind kind, std::string_view key) const;
  Section* find(Kind kind, std::string_view key) { return const_cast<Section*>(std::as_const(*this).find(kind, key)); }
  void erase(Kind kind, std::string_view key);

  std::span<const Section> sections() const { return {sections_.data(), used_}; }
  std::span<Section> sections() { return {sections_.data(), used_}; }

  // As the function above.
  void sort_sections();
  // The same data where it lies. `sections` holds the view's sections, and keeps its memory.
  StructureView view(std::vector<SectionView>& sections) const;

  // Sorts, and of several sections with one kind and key keeps the last that was added.
  void keep_last_of_equals();

 private:
  std::vector<Section> sections_;  // [0, used_) are in use, the rest keeps its memory
  std::size_t used_ = 0;
};

}  // namespace atp
