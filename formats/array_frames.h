// Frames that lie in arrays, one after the other along the first dimension: .npz, HDF5, DeePMD.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"
#include "formats/field_rules.h"
#include "formats/frame_batch.h"
#include "formats/frame_fields.h"
#include "formats/input_units.h"

namespace atp {

// What the rows of an array are, where the atoms of all frames follow each other (FrameSizes); else its shape says it.
enum class ArrayRows : std::uint8_t {
  by_shape,
  frames,
  atoms,
  whole,  // none: the same for every frame
  unfit,  // as many as there are neither frames nor atoms: left out
};

// An array in C order, little-endian; the bytes belong to somebody else.
struct FrameArray {
  std::string name;
  char kind = 'f';          // as NumPy has them: f i u b S U
  unsigned item_bytes = 8;
  std::vector<std::uint64_t> shape;
  Bytes data;
  // Whether the file says so of this array alone; else the units of the input.
  std::optional<Conversion> conversion;
  ValueScope scope = ValueScope::guess;  // what the format knows: of the atoms, or of the frame whatever its size
  ArrayRows rows = ArrayRows::by_shape;
};

inline bool is_text(const FrameArray& a) { return a.kind == 'S' || a.kind == 'U'; }

// How many values an array of that shape has, which has been held against its bytes.
inline std::uint64_t product(std::span<const std::uint64_t> shape) {
  std::uint64_t n = 1;
  for (const std::uint64_t d : shape) n *= d;
  return n;
}

// The whole number or logical at `p`; unsigned values above 2^63 wrap.
std::int64_t integer_at(const FrameArray& a, const std::byte* p);

// "R (1000 x 9 x 3 float64)"
std::string describe(const FrameArray& array);

// What the user says about arrays: positions, numbers, natoms, cell, pbc, mask, energy, forces ... -> name.
using ArrayMap = std::map<std::string, std::string, std::less<>>;

// The rules of --map, and with them those of the map: an array that is named for a field is the only one for it.
FieldRules rules_with(const ReadOptions& options, const ArrayMap& map);

// Arrays that belong together. Immutable; shared by the batches made from it.
class FrameArrays {
 public:
  struct Settings {
    std::string name;       // of the input, for messages
    FieldRules rules;
    InputUnits units;
    ArrayMap map;
    bool map_is_asked = false;  // by the user: an array that it names and that is not there is an error
  };

  // Finds positions, atomic numbers and the rest by the names that are in use, or by the map. With `single`
  // the arrays hold one frame, without a dimension for frames. With `begins` the atoms of all frames follow each other:
  // those of frame i are the rows [begins[i], begins[i + 1]), and each array says what its rows are. Throws Error (exit 3):
  // nothing of that kind, and what is there; shapes that do not fit each other; units that nobody knows.
  FrameArrays(std::shared_ptr<const Settings> settings, std::string where, std::vector<FrameArray> arrays, bool single,
              std::shared_ptr<const void> owner, std::vector<std::uint64_t> begins = {});
  // A text that every frame gets as a property. Before the first batch.
  void add_text(std::string key, std::string text) { texts_.emplace_back(std::move(key), std::move(text)); }
  // Texts that are properties, one for each frame or none. Before the first batch.
  using Texts = std::vector<std::optional<std::string>>;
  void add_texts(std::string key, Texts texts) { frame_texts_.emplace_back(std::move(key), std::move(texts)); }
  // Something to say with every frame.
  void add_note(std::string text) { left_out_.push_back(std::move(text)); }

  std::uint64_t frames() const { return frames_; }
  std::uint64_t bytes_per_frame() const;

 private:
  friend class ArrayFrameDecoder;
  struct Use {
    std::optional<Field> field;
    bool negative = false;
    bool per_frame = false;
  };

  std::optional<std::size_t> find(std::string_view role, std::span<const std::string_view> names) const;
  [[noreturn]] void fail(const std::string& what) const;
  void find_roles();
  void check_numbers(const FrameArray& z, const FrameArray& p) const;
  void find_uses();
  void check_energy(const FrameArray& a) const;
  std::string found(std::size_t most) const;
  void need_unit(Quantity quantity, std::size_t most) const;

  std::shared_ptr<const Settings> settings_;
  std::string where_;
  std::vector<FrameArray> arrays_;
  std::vector<Use> uses_;
  std::vector<std::string> left_out_;
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<std::pair<std::string, Texts>> frame_texts_;
  bool single_;
  std::shared_ptr<const void> owner_;
  std::vector<std::uint64_t> begins_;      // empty: all frames have atoms_ atoms
  std::uint64_t frames_ = 0, atoms_ = 0;  // of a frame, padding included; with begins_ of all
  std::size_t positions_ = 0, numbers_ = 0;
  std::optional<std::size_t> cell_, pbc_, mask_;
};

// The name of the positions' array among `names`, as FrameArrays finds it; nothing when there is none.
std::optional<std::string> positions_among(const std::vector<std::string>& names, const ArrayMap& map);
// What an array of that name is measured in, where FrameArrays takes it for a field.
std::optional<Quantity> quantity_of_array(std::string_view name, const ArrayMap& map, const FieldRules& rules);
// As FrameArrays finds them, the atomic numbers, and whether an array of that name is the cell or pbc.
std::optional<std::string> numbers_among(const std::vector<std::string>& names, const ArrayMap& map);
bool is_cell_or_pbc(std::string_view name, const ArrayMap& map);

// Frames [first, first + count) of the arrays; `number` is that of the first within the input.
std::unique_ptr<FrameBatch> make_array_batch(std::shared_ptr<const FrameArrays> arrays, std::uint64_t first, std::uint64_t count,
                                             std::uint64_t number, std::uint64_t position);

// Reads "positions=coords,numbers=z" into `map`. Throws Error (exit 2).
void parse_array_map(std::string_view option, std::string_view text, ArrayMap& map);

}  // namespace atp
