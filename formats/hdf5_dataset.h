// A dataset of an HDF5 file, read slice by slice. Only for builds with the library, and its one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/byte_reader.h"
#include "formats/frame_sizes.h"
#include "formats/hdf5_id.h"

namespace atp {

struct Dataset5 {
  std::string name;  // "energy", also of "properties/energy"
  Hdf5Id id;
  Hdf5Id type;       // in memory; none for texts of variable length, as h5py writes Python's, whose kind is 'S'
  char kind = 'f';   // as NumPy has them: f i u b S
  unsigned item_bytes = 0;
  std::vector<std::uint64_t> shape;
  std::string unit, unit_by;  // of the attribute that names it
  Bytes in_file;              // all of it, where it lies in one piece as memory has it; else empty
  ArrayRows rows = ArrayRows::by_shape;  // where frames of different sizes follow each other
};

// Fills kind, item_bytes and type. False for what is neither numbers nor texts.
bool find_type(Dataset5& d);

// Whether it is a list of structs (compound type) one of whose members says where frames begin. find_type() does not know it.
bool is_table_of_frames(const Dataset5& d);

// What a group of several frames says once holds for each: the subset, the charge.
bool is_one_value(const Dataset5& d);

// The dataspace of what has that shape, from row `first` on; none when there is no such part.
Hdf5Id selection(hid_t dataset, std::uint64_t first, const std::vector<std::uint64_t>& shape);

// The dataset, held open, as one that may say where frames begin. Whole numbers beyond 64 bits with a sign become the largest.
SizesArray sizes_array(const Dataset5& d);

// The same part of texts of variable length; nothing for those that were never written. Throws Error (exit 3, no place):
// damage, more than 1 GiB of texts.
std::vector<std::optional<std::string>> read_texts(const Dataset5& d, std::uint64_t first, const std::vector<std::uint64_t>& shape);

// Texts of at most `width` bytes (longer ones are cut) as NumPy lays them out, in `out`.
Bytes texts_of_width(const std::vector<std::optional<std::string>>& texts, unsigned width, std::vector<std::byte>& out);

}  // namespace atp
