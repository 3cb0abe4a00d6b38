// Frames of different sizes whose atoms follow each other in one array: where each begins.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/array_frames.h"
#include "formats/field_rules.h"

namespace atp {

// An array that may say how many atoms each frame has, or with which row it begins. The array is read piece by piece.
struct SizesArray {
  std::string name;
  char kind = 'i';  // as FrameArray has it
  std::vector<std::uint64_t> shape;
  // Values [first, first + out.size()).
  std::function<void(std::uint64_t first, std::span<std::int64_t> out)> read;
};

// The frames of positions [rows, 3], one after the other. One thread; memory does not grow with their number.
class FrameSizes {
 public:
  // Looks by the names that are in use (natoms, ptr ...), or by the map (natoms, offsets), and reads what it finds once to
  // see that it divides the rows. Nothing where nothing says so, or what does says that it is one frame. Throws Error
  // (exit 3, at `where`): sizes that do not fit the rows or each other, an array that the map names and that is not there.
  static std::optional<FrameSizes> find(std::span<const SizesArray> arrays, const ArrayMap& map, const std::string& positions,
                                        std::uint64_t rows, const std::string& where);

  std::uint64_t frames() const { return frames_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t largest() const { return largest_; }  // frame
  // Whether the array is one of those that were asked, which are no property.
  bool is_of(std::string_view name) const;
  // Where the next frames begin, counted from the first one's first row, and the end of the last: as many as need at most
  // `bytes`, at least one where there is one. The call after that goes on behind them.
  std::vector<std::uint64_t> begins_within(std::uint64_t bytes, std::uint64_t bytes_per_frame, std::uint64_t bytes_per_atom);

  // What to tell the user: what divides the frames, and the arrays of which is_guess() is true.
  std::string told(const std::string& guessed) const;

  // What the rows of the array of that name and shape are. Throws Error (exit 3): a field with rows of neither.
  ArrayRows rows_of(const std::string& name, std::span<const std::uint64_t> shape, const ArrayMap& map, const FieldRules& rules) const;
  // Whether that was decided with nothing to go by, as there are as many atoms as frames.
  bool is_guess(const std::string& name, std::span<const std::uint64_t> shape, const ArrayMap& map, const FieldRules& rules) const;

 private:
  enum class Form : std::uint8_t { counts, bounds, starts, ends };

  FrameSizes(SizesArray array, Form form, std::uint64_t frames, std::uint64_t rows, std::string where)
      : array_(std::move(array)), form_(form), frames_(frames), rows_(rows), where_(std::move(where)) {}
  static std::optional<Form> form_of_offsets(const SizesArray& a, std::uint64_t rows, std::optional<std::uint64_t> frames);
  void check(const std::string& positions);
  [[noreturn]] void refuse(const std::string& what) const;
  std::uint64_t value(std::uint64_t i);
  std::uint64_t atoms_of(std::uint64_t frame);
  std::optional<ArrayRows> rows_by_name(const std::string& name, std::size_t rank, const ArrayMap& map, const FieldRules& rules) const;

  SizesArray array_;
  Form form_;
  std::uint64_t frames_, rows_, largest_ = 0;
  std::string where_;
  std::vector<std::string> names_;
  std::vector<std::int64_t> piece_;  // of the array, from value piece_first_ on
  std::uint64_t piece_first_ = 0, next_ = 0;
};

// Whether an array of that name says where frames begin, without a map.
bool is_name_of_sizes(std::string_view name);

// Throws Error (exit 3, at `where`) when the map names one of them for positions that have a dimension for frames.
void check_no_sizes_asked(const ArrayMap& map, const std::string& positions, const std::string& where);

// The keys of a map that FrameSizes answers for, without which it is FrameArrays' ("none" stays).
ArrayMap without_sizes(ArrayMap map);

}  // namespace atp
