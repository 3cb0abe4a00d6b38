// Values that are stored as they were written and still look wrong to a chemist (`atp verify --values`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/verify.h"

namespace atp {

// The names stand in the output of `atp verify --json`: frozen.
namespace finding_kind {
inline constexpr std::string_view atomic_number = "atomic_number";        // above 118
inline constexpr std::string_view not_finite = "not_finite";              // NaN or an infinity
inline constexpr std::string_view zero_volume = "zero_volume";            // a periodic cell that spans nothing
inline constexpr std::string_view coincident_atoms = "coincident_atoms";  // closer than 0.1 Å, periodic images included
inline constexpr std::string_view large_force = "large_force";            // |force| above the limit
inline constexpr std::string_view duplicate = "duplicate";                // species, cell and positions of an earlier record
}  // namespace finding_kind

inline constexpr double kCoincident = 0.1;  // Å

// Looks at one record and adds what it finds, and a fingerprint of its structure when it has atoms.
// `max_force` in the file's unit, eV/Å by default. Any thread.
//
// A record with a cell but no pbc is periodic in all directions, as in extended XYZ, unless the cell
// is all zeros.
void check_values(std::uint64_t record, const RecordView& view, double max_force, ValueNotes& notes);

// Finds structures that were seen before, over any number of files. One thread. 24 to 64 bytes a
// structure.
class DuplicateFinder {
 public:
  // Beyond `most` structures new ones are no longer remembered.
  explicit DuplicateFinder(std::uint64_t most = kMost) : most_(most) {}

  // The records that follow are of this file.
  void begin_file(const std::string& path) { files_.push_back(path); }
  void add(ValueNotes& notes);
  bool full() const { return used_ >= most_; }

  static constexpr std::uint64_t kMost = std::uint64_t{1} << 26;

 private:
  struct Entry {
    std::uint64_t high, low;
    std::uint64_t place;  // file in the upper 24 bits, record + 1 in the lower 40; 0: free
  };
  Entry& find(std::uint64_t high, std::uint64_t low);
  void grow();

  std::uint64_t most_;
  std::uint64_t used_ = 0;
  std::vector<Entry> table_;  // a power of two
  std::vector<std::string> files_;
};

}  // namespace atp
