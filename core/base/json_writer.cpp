#include "core/base/json_writer.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>

#include "core/base/utf8.h"

namespace atp {

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) text_ += ',';
  has_items_.back() = true;
}

JsonWriter& JsonWriter::begin_object() {
  before_value();
  has_items_.push_back(false);
  text_ += '{';
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  has_items_.pop_back();
  text_ += '}';
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  before_value();
  has_items_.push_back(false);
  text_ += '[';
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  has_items_.pop_back();
  text_ += ']';
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view k) {
  string(k);
  text_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view v) {
  before_value();
  text_ += '"';
  for (std::size_t pos = 0; pos < v.size();) {
    const std::size_t begin = pos;
    const auto c = next_code_point(v, pos);
    if (!c) {
      text_ += "\xEF\xBF\xBD";  // U+FFFD
      continue;
    }
    switch (*c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      case '\t': text_ += "\\t"; break;
      default:
        // DEL and the C1 controls are legal in JSON, but a terminal that shows it may obey them.
        if (*c < 0x20 || (*c >= 0x7F && *c < 0xA0)) {
          fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(*c));
        } else {
          text_ += v.substr(begin, pos - begin);
        }
    }
  }
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::boolean(bool v) { return raw(v ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::integer(std::int64_t v) { return raw(fmt::format_int(v).c_str()); }

JsonWriter& JsonWriter::count(std::uint64_t v) { return raw(fmt::format_int(v).c_str()); }

JsonWriter& JsonWriter::real(double v) {
  if (std::isnan(v)) return string("NaN");
  if (std::isinf(v)) return string(v > 0 ? "inf" : "-inf");
  char buffer[32];  // the longest shortest form has 24 characters
  char* end = std::to_chars(std::begin(buffer), std::end(buffer), v).ptr;
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  raw(digits);
  if (digits.find_first_of(".e") == std::string_view::npos) text_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  before_value();
  text_ += json;
  return *this;
}

}  // namespace atp
