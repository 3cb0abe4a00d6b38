// Number types of torch and NumPy, and the file format that torch.save had before version 1.6, which
// pickled tensors still carry inside.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "formats/frame_fields.h"

namespace atp {

class Pickle;

struct TorchDtype {
  std::string_view name;
  std::uint32_t bytes;
  std::optional<FrameValue::Of> of;  // nothing: copied element by element, to f32 or i64
  bool real = false;
  char kind = 0;                     // of those: 'h' half, 'b' bfloat16, 'i' signed, 'u' unsigned
};

// "torch FloatStorage" or "FloatStorage".
std::optional<TorchDtype> torch_dtype(std::string_view name);
// "f8", "<f4", "i8", "b1" ...
std::optional<TorchDtype> numpy_dtype(std::string_view name);
// For types without an `of`: f32 for reals, i64 for whole numbers.
void copy_element(const TorchDtype& type, const std::byte* from, std::byte* to);

struct TorchStorage {
  std::string type;  // "FloatStorage"
  Bytes values;
  std::size_t item_bytes = 0;
  bool big_endian = false;  // as the values lie in the file
};

// A file with one storage: four pickles, the list of keys, then a count and the values. `unpickle`
// makes a Pickle one deeper. Throws Error (exit 3, no place).
TorchStorage read_torch_storage(Bytes file, const std::function<Pickle(Bytes)>& unpickle);

// A whole file of torch.save: a zip archive with */data.pkl and a member for each storage (torch 1.6 and later), or before
// that four pickles, the keys and the storages. The pickle borrows `file`. Throws Error (exit 3, at `name` or no place).
bool is_torch_file(std::string_view head);
Pickle read_torch_file(Bytes file, const std::string& name);

}  // namespace atp
