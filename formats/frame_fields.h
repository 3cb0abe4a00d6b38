// Named values of one frame, as databases, JSON and array files hold them, to the fields and
// properties of a structure.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/structure.h"
#include "core/base/byte_reader.h"
#include "formats/field_rules.h"
#include "formats/frame_batch.h"
#include "formats/input_units.h"

namespace atp {

// A number, an array of numbers in C order, or a text; borrowed.
struct FrameValue {
  enum class Of : std::uint8_t { f64, f32, i64, i32, logical, text };  // logical: a byte each
  static constexpr std::size_t kMostDimensions = 8;

  Of of = Of::f64;
  std::uint8_t rank = 0;  // 0: one value
  std::array<std::uint32_t, kMostDimensions> shape = {};
  Bytes data;             // exactly shape's product values, which need not be aligned
  std::string_view text;  // of texts

  static FrameValue number(const double& v) { return scalar(Of::f64, std::as_bytes(std::span(&v, 1))); }
  static FrameValue integer(const std::int64_t& v) { return scalar(Of::i64, std::as_bytes(std::span(&v, 1))); }
  static FrameValue of_text(std::string_view v);
  // Throws Error (exit 3, no place): more than 8 dimensions, a size beyond 32 bits, a length that
  // the shape does not give.
  static FrameValue array(Of of, std::span<const std::uint64_t> shape, Bytes data);

  std::uint64_t count() const;                // values
  double real(std::uint64_t i) const;
  bool is_number() const { return of != Of::text && of != Of::logical; }

 private:
  static FrameValue scalar(Of of, Bytes data);
};

std::uint32_t bytes_of(FrameValue::Of of);

enum class ValueScope : std::uint8_t {
  guess,  // of the atoms when its first dimension is their number and its name is no frame's
  atom,
  frame,
};

struct RecordedType;

// What a format knows about a value beyond its name.
struct ValueHint {
  ValueScope scope = ValueScope::guess;
  bool guessed = false;                    // the scope is `atom` for the shape alone
  std::optional<Field> field;              // it is that field, whatever its name (--map counts before)
  const Conversion* conversion = nullptr;  // instead of all units; with the sign, as for gradients
  std::string_view unit, unit_by;          // the value's own unit, and who says it (InputUnits::declare)
  const RecordedType* recorded = nullptr;  // a property of this kind and type, where the value fits; --map counts before
  bool vasp_order = false;                 // six numbers are xx yy zz xy yz zx, not xx yy zz yz xz xy
};

// One frame at a time: begin(), add() ..., finish(). One thread; keeps its memory. What is taken for
// what follows FieldRules, as in extended XYZ: of several names for a field the best counts, one that
// differs is an error, one that repeats it stays a property.
class FrameFields {
 public:
  // Both must outlive this object. Quantities that `units` does not know stay as they are: ask
  // need() first, or declare_standard_units().
  FrameFields(const FieldRules& rules, const InputUnits& units) : rules_(rules), units_(units) {}

  void begin() {
    used_ = 0;
    pbc_.reset();
  }
  // Key and value are borrowed until finish(). A key may come once a scope; the last counts.
  void add(std::string_view key, const FrameValue& value, const ValueHint& hint = {});
  // Put where records have it, which spares them sorting.
  void set_pbc(const std::array<bool, 3>& pbc) { pbc_ = pbc; }
  // `structure` has its atoms (and cell, unless it comes by --map). Throws Error (exit 3, no place).
  void finish(Structure& structure, FrameRemarks& remarks);

 private:
  struct Entry {
    std::string_view key;
    FrameValue value;
    ValueHint hint;
    bool of_atoms = false;
    bool guessed = false;  // for its shape alone
    bool consumed = false;
    std::optional<FieldClaim> claim;
  };
  // What was found out about the entry in the same place of an earlier frame: one input's frames have the same names
  // and nearly the same shapes, and looking names up takes longer than most values do.
  struct Judgement {
    bool made = false;
    std::string key;
    ValueScope scope = ValueScope::guess;
    std::optional<Field> field;
    bool number = false, first_is_n = false;
    std::uint64_t width = 0;  // numbers an atom
    bool of_atoms = false, guessed = false;
    std::optional<FieldClaim> claim;
  };
  // The words for where a field came from, as they were last made.
  struct Told {
    std::string key, conversion, text;
  };
  // What a value is multiplied with to become a field; `how` lives until the next call.
  struct Scale {
    double factor = 1;
    std::string_view how;
  };

  void judge(Entry& e, Judgement& before) const;
  ValueScope scope_of(const Entry& e, bool first_is_n) const;
  std::optional<FieldClaim> claim_of(const Entry& e, std::uint64_t width) const;
  void resolve(Field field, Structure& structure, FrameRemarks& remarks);
  void take(Field field, Entry& e, Structure& structure, FrameRemarks& remarks);
  void compare(Field field, const Entry& chosen, const Entry& other, const Structure& structure, FrameRemarks& remarks);
  [[noreturn]] void fail_misfit(Field field, const Entry& e) const;
  bool fits(Field field, const Entry& e) const;
  Scale scale(Field field, const Entry& e, const Structure& structure);
  Scale scale_of_virial(const Entry& e, const Structure& structure);
  void store_momenta(const Entry& e, Structure& structure) const;
  void store(Field field, const Entry& e, double factor, Structure& structure) const;
  const std::string& told(Field field, std::string_view key, std::string_view how);
  void put_property(const Entry& e, Structure& structure) const;
  // Lives until the next call.
  const Conversion& conversion(const Entry& e, Quantity quantity);

  const FieldRules& rules_;
  const InputUnits& units_;
  std::vector<Entry> entries_;
  std::vector<Judgement> judgements_;  // of each entry
  std::size_t used_ = 0;
  std::size_t n_ = 0;
  std::optional<std::array<bool, 3>> pbc_;
  std::array<Told, kFields> told_;
  std::vector<Entry*> candidates_;
  Conversion own_unit_;
  std::string virial_how_;
};

// Positions [n, 3] times `factor`, as f32 when they are f32 and `narrow`. Throws Error (exit 3, no place).
void put_positions(Structure& structure, std::string_view key, const FrameValue& value, double factor, bool narrow = true);
// Positions [n, 3] in the input's unit of length; the conversion is told when there is one.
void set_positions(Structure& structure, std::string_view key, const FrameValue& value, const InputUnits& units, FrameRemarks& remarks);

// A cell of 9 numbers (rows are the lattice vectors) or 3 (a box) in the input's unit of length.
// Throws Error (exit 3, no place) for any other count.
// Whether all its numbers are 0, as programs write the cell of what has none.
bool is_no_cell(const FrameValue& v);
void set_cell(Structure& structure, std::string_view key, const FrameValue& value, const InputUnits& units, FrameRemarks& remarks);

// Atomic numbers from any numbers: 0 to 118, whole. Throws Error (exit 3, no place).
void set_atomic_numbers(Structure& structure, std::string_view key, const FrameValue& value);

}  // namespace atp
