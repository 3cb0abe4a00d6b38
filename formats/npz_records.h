// The .npz files that `atp export` writes, read back: the same records.
//
// Layout 1. Of M records that all have N atoms, positions are [M, N, 3], atomic_numbers [M, N], and every other field of
// the atoms [M, N, ...]. Where the numbers of atoms differ the atoms of all records follow each other, positions are
// [A, 3], and "atom_offsets" [M + 1] says where each record's begin. What belongs to a record is [M, ...]; arrays whose
// shapes differ follow each other in one dimension, with "NAME.shapes" [M, rank] and "NAME.begins" [M + 1], and so do tensors of
// the atoms that have other shapes for each atom ([n, n]; their shapes begin with n). Texts are <U, or, when
// one is longer than 256 characters, bytes of UTF-8 (uint8) with "NAME.begins". Where not every record has a field,
// "NAME.present" [M] says which do; the others hold NaN, 0 or nothing. "__atp__" is JSON text: layout, units, and kind and type of
// each field, and of a property whose name is another array's (stress) the array it lies in (molecule.stress). Units are those
// of .atp files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/array_frames.h"
#include "formats/frame_batch.h"

namespace atp {

inline constexpr std::string_view kNpzOffsets = "atom_offsets", kNpzDescription = "__atp__";
inline constexpr std::string_view kNpzPresent = ".present", kNpzShapes = ".shapes", kNpzBegins = ".begins";

// Immutable; shared by the batches made from it.
class NpzRecords {
 public:
  // `arrays` are those of the file, their bytes kept by `owner`. Throws Error (exit 3): arrays that do not fit the
  // description or each other.
  NpzRecords(std::string name, std::vector<FrameArray> arrays, std::shared_ptr<const void> owner);

  std::uint64_t frames() const { return frames_; }
  std::uint64_t bytes_per_frame() const;

 private:
  friend class NpzRecordDecoder;
  struct Column {
    Kind kind;
    const TypeInfo* info;
    std::string key;
    const FrameArray* values;
    const FrameArray* present = nullptr;
    const FrameArray* shapes = nullptr;
    const FrameArray* begins = nullptr;
    bool of_atoms = false;
  };

  [[noreturn]] void fail(const std::string& what) const;
  const FrameArray* find(std::string_view name) const;
  const FrameArray& need(std::string_view name, char kind, unsigned item_bytes) const;
  void check_begins(const FrameArray& begins, std::uint64_t end) const;
  void read_atoms();
  void add_column(std::string_view kind, std::string_view type, std::string_view name, std::string_view array);
  void check_column(const Column& c) const;
  std::uint64_t atoms_before(std::uint64_t frame) const;

  std::string name_;
  std::vector<FrameArray> arrays_;
  std::shared_ptr<const void> owner_;
  const FrameArray *positions_ = nullptr, *numbers_ = nullptr, *offsets_ = nullptr;
  std::uint64_t frames_ = 0, atoms_ = 0;  // atoms of all frames
  std::vector<Column> columns_;
};

// Whether the arrays are those of atp's own layout.
bool is_npz_records(const std::vector<FrameArray>& arrays);

// Frames [first, first + count).
std::unique_ptr<FrameBatch> make_npz_batch(std::shared_ptr<const NpzRecords> records, std::uint64_t first, std::uint64_t count, std::uint64_t position);

}  // namespace atp
