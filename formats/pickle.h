// Python pickles as data: a reader of the opcodes that builds a few known types and runs nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"
#include "formats/frame_fields.h"

namespace atp {

// A value of a pickle. Children are numbers of other values of the same Pickle.
struct PickleValue {
  enum class Kind : std::uint8_t {
    none, logical, integer, real, text, bytes,
    list, tuple, dict,  // dict: key, value, key, value ...
    global,             // text: "module name"
    object,             // text: its class; items: its state, when it has one
    dtype,              // text: NumPy's name for it, "f8"; logical: big-endian
    ndarray,            // items: shape (tuple), dtype, bytes; logical: in Fortran order
    storage,            // torch's: bytes: its values; items: text "FloatStorage", and its key when it lies elsewhere (integer: values)
    tensor,             // items: storage, offset, size, stride
  };
  Kind kind = Kind::none;
  bool logical = false;
  std::int64_t integer = 0;
  double real = 0;
  Bytes bytes;  // of texts (UTF-8), bytes and storages
  std::vector<std::uint32_t> items;

  std::string_view text() const { return as_text(bytes); }
};

using PickleKind = PickleValue::Kind;

// One pickle, protocols 0 to 5. Immutable once made, so threads share it; it borrows the bytes.
//
// Nothing in a pickle is called: a class or function that is not one of torch's tensors, PyG's Data,
// NumPy's arrays and Python's containers is an Error (exit 3, no place) that names it, and so is an
// opcode that does not exist. Every length is held against what is left; values are at most as many
// as bytes, nesting of pickles is one deep (torch's storages).
class Pickle {
 public:
  explicit Pickle(Bytes bytes) : Pickle(bytes, 0, false) {}
  // The pickle of an object in a file of torch.save, whose storages lie beside it: fill_storages() before value().
  static Pickle in_torch_file(Bytes bytes) { return Pickle(bytes, 0, true); }
  // Storages are known by their keys; `bytes_of` is asked for each. Throws Error (exit 3, no place) for one that is too short.
  void for_each_storage(const std::function<void(std::string_view key, std::uint64_t value_bytes)>& visit) const;
  // The bytes must live as long; those of a `big_endian` machine are copied.
  void fill_storages(const std::function<Bytes(std::string_view key)>& bytes_of, bool big_endian);

  const PickleValue& root() const { return values_[root_]; }
  const PickleValue& operator[](std::uint32_t i) const { return values_[i]; }
  // The value of a text key in a dict, nullptr when there is none.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
  // Bytes up to and with STOP.
  std::size_t size() const { return size_; }

  // Whether value() knows the array's type; true of what is no array of NumPy.
  bool is_readable(const PickleValue& v) const;
  // Numbers, tensors, arrays and lists of these (nested ones, too: whole numbers as i64, others as f64) as a FrameValue;
  // `scratch` owns what had to be put together. Throws Error (exit 3, no place) for a tensor that does not fit its
  // storage, for a type with no numbers, for a list of rows that differ, and for one beyond most_bytes().
  FrameValue value(const PickleValue& v, std::deque<std::vector<std::byte>>& scratch) const;

  // A value may be named any number of times, at two bytes each: so many bytes may the values of one structure have together.
  std::uint64_t most_bytes() const;
  // About the bytes of all that `v` holds, what is named repeatedly counted repeatedly; stops where it is more than `most`.
  std::uint64_t weight(const PickleValue& v, std::uint64_t most) const;

 private:
  friend class PickleMachine;
  explicit Pickle(Bytes bytes, unsigned depth, bool in_torch_file = false);

  std::string storage_key(const PickleValue& storage) const;
  Bytes keep_swapped(Bytes values, std::size_t item);

  std::vector<PickleValue> values_;
  std::deque<std::string> owned_;  // bytes that are not in the input as they are
  std::uint32_t root_ = 0;
  std::size_t size_ = 0;
  std::uint64_t storage_bytes_ = 0;  // that lie beside it
  bool in_torch_file_ = false;
};

// Says that the values are more than Pickle::most_bytes() (exit 3, no place).
[[noreturn]] void fail_repeated_values();

// Whether the first bytes are those of a pickle: protocols 2 to 5 say so, older ones of lists, dicts and objects are known by
// how they begin.
bool looks_like_pickle(std::string_view head);

}  // namespace atp
