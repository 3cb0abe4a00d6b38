// Writes JSON text, one value after the other; commas and nesting are kept by the writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atp {

// One thread. Usage: w.begin_object().key("records").number(5).end_object(); w.text().
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view k);

  // Invalid UTF-8 becomes U+FFFD, control characters are escaped.
  JsonWriter& string(std::string_view v);
  JsonWriter& boolean(bool v);
  JsonWriter& null();
  JsonWriter& integer(std::int64_t v);
  JsonWriter& count(std::uint64_t v);
  // Shortest text that reads back as the same double, always with a point or an exponent
  // ("1.0"); NaN and infinities are the strings "NaN", "inf", "-inf".
  JsonWriter& real(double v);
  // Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void before_value();

  std::string text_;
  std::vector<bool> has_items_;  // per open container
  bool after_key_ = false;
};

}  // namespace atp
