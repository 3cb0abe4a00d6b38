// Values of a JSON document as FrameValues.
#pragma once

#include <simdjson.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/frame_fields.h"

namespace atp {

// Parses one document at a time. Python writes NaN and Infinity, which JSON does not have: they are
// read, too. One thread; keeps its memory.
class JsonParser {
 public:
  // The document lives until the next parse(). Throws Error (exit 3, no place): what is no JSON or
  // nested deeper than 256. `text` must be followed by kJsonPadding readable bytes when `padded`.
  simdjson::dom::element parse(std::string_view text, bool padded = false);

 private:
  simdjson::dom::parser parser_{std::size_t{1} << 32};
  std::string padded_;
};

inline constexpr std::size_t kJsonPadding = simdjson::SIMDJSON_PADDING;

// Turns JSON values into FrameValues whose numbers it owns. Known are numbers, booleans, texts, null,
// regular nested lists of numbers (null is NaN there), and arrays as ASE and monty write them:
// {"__ndarray__": [shape, dtype, values]}, {"@module": "numpy", "@class": "array", "dtype": ...,
// "data": ...}. One thread; keeps its memory.
class JsonValues {
 public:
  // Where {"__ndarray__": [shape, dtype, offset]} of ASE's binary form points to.
  explicit JsonValues(Bytes binary = {}) : binary_(binary) {}
  void set_binary(Bytes binary) { binary_ = binary; }

  // What was handed out goes.
  void clear() {
    numbers_used_ = texts_used_ = 0;
    left_out_.clear();
  }

  // Nothing for null. What is none of the above (objects, lists of texts, ragged lists) is its own
  // JSON text. Nothing, with a text in left_out(), for a value under `key` that no record can hold: complex numbers, integers
  // that are neither i64 nor f64. Throws Error (exit 3, no place): an array that is not what it says; such a value without a key.
  std::optional<FrameValue> value(simdjson::dom::element e, std::string_view key = {});
  // The same, for a value that must be numbers: nothing otherwise.
  std::optional<FrameValue> numbers(simdjson::dom::element e, std::string_view key = {});

  // For the user: what value() has left out since clear().
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  std::optional<FrameValue> read(simdjson::dom::element e);
  std::optional<FrameValue> list(simdjson::dom::array a);
  std::optional<FrameValue> ndarray(simdjson::dom::array parts);
  FrameValue as_type(const FrameValue& v, FrameValue::Of of);
  std::optional<FrameValue> numpy(simdjson::dom::object o);
  FrameValue text_of(simdjson::dom::element e);
  std::vector<std::byte>& new_numbers();
  std::string& new_text();

  Bytes binary_;
  std::deque<std::vector<std::byte>> numbers_;
  std::deque<std::string> texts_;
  std::size_t numbers_used_ = 0, texts_used_ = 0;
  std::vector<std::string> left_out_;
};

// The member of that name, or nothing when `e` is no object or has none (null counts as none).
std::optional<simdjson::dom::element> json_member(simdjson::dom::element e, std::string_view key);
// The text of a member; empty when there is none.
std::string_view json_text(simdjson::dom::element e, std::string_view key);

}  // namespace atp
