#include "formats/json_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/half.h"

namespace atp {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using Of = FrameValue::Of;

constexpr std::size_t kMostDepth = 256;
constexpr std::size_t kMostCounted = 0xFFFFFF;  // simdjson counts no further

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// What Python's NaN and infinities become: texts that nobody writes. Integers of more than 64 bits become "\0" and their digits.
constexpr std::string_view kNan = {"\0NaN", 4}, kInfinity = {"\0inf", 4}, kMinusInfinity = {"\0-inf", 5};
constexpr std::size_t kMostDigits = 18;  // that 64 bits always hold

// A value that no record can hold: it alone is left out.
struct Unstorable {
  std::string why;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The integer at the beginning, where it may have more than 64 bits; else nothing.
std::string_view long_integer(std::string_view text) {
  std::size_t n = text.starts_with('-') ? 1 : 0;
  const std::size_t sign = n;
  while (n < text.size() && is_digit(text[n])) ++n;
  const bool real = n < text.size() && (text[n] == '.' || text[n] == 'e' || text[n] == 'E');
  if (n - sign <= kMostDigits || real) return {};
  std::int64_t whole = 0;
  std::uint64_t natural = 0;
  const bool fits = std::from_chars(text.data(), text.data() + n, whole).ec == std::errc() || std::from_chars(text.data(), text.data() + n, natural).ec == std::errc();
  return fits ? "" : text.substr(0, n);
}

// NaN, Infinity, -Infinity and long integers outside of texts become texts of ours. Whether there was one.
bool replace_python_numbers(std::string& text) {
  std::string out;
  bool found = false, quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      out += c;
      if (++i < text.size()) out += text[i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    const std::string_view rest = std::string_view(text).substr(i);
    const bool within = quoted || (i > 0 && (is_word(text[i - 1]) || text[i - 1] == '.' || text[i - 1] == '-' || text[i - 1] == '+'));
    const std::string_view digits = within ? "" : long_integer(rest);
    if (!digits.empty()) {
      out.append(R"("\u0000)").append(digits) += '"';
      i += digits.size() - 1;
      found = true;
      continue;
    }
    const std::string_view word = within ? "" : rest.starts_with("NaN") ? "NaN" : rest.starts_with("-Infinity") ? "-Infinity" : rest.starts_with("Infinity") ? "Infinity" : "";
    if (word.empty()) {
      out += c;
      continue;
    }
    out += word == "NaN" ? R"("\u0000NaN")" : word == "Infinity" ? R"("\u0000inf")" : R"("\u0000-inf")";
    i += word.size() - 1;
    found = true;
  }
  if (found) text = std::move(out);
  return found;
}

// As replace_python_numbers() writes it.
bool is_long_integer(std::string_view t) { return t.size() > kMostDigits && t[0] == '\0' && (is_digit(t[1]) || t[1] == '-') && is_digit(t[2]); }
bool is_python_number(std::string_view t) { return t == kNan || t == kInfinity || t == kMinusInfinity || is_long_integer(t); }

[[noreturn]] void fail_inexact(std::string_view digits) { throw Unstorable{fmt::format("the integer {}, which no record holds exactly", excerpt(digits))}; }

double exactly(std::string_view digits) {
  const double v = std::strtod(std::string(digits).c_str(), nullptr);
  if (!std::isfinite(v) || fmt::format("{:.0f}", v) != digits) fail_inexact(digits);
  return v;
}

double exactly(std::uint64_t v) {
  const auto real = static_cast<double>(v);
  if (real >= 0x1p64 || static_cast<std::uint64_t>(real) != v) fail_inexact(fmt::format("{}", v));
  return real;
}

double exactly(std::int64_t v) {
  const auto real = static_cast<double>(v);
  if (real >= 0x1p63 || static_cast<std::int64_t>(real) != v) fail_inexact(fmt::format("{}", v));
  return real;
}

// The number in a list: NaN for null, and what is not finite as texts. Throws Unstorable for an integer that is no f64.
bool read_real(element e, double& out) {
  switch (e.type()) {
    case element_type::DOUBLE: out = double(e); return true;
    case element_type::INT64: out = exactly(std::int64_t(e)); return true;
    case element_type::UINT64: out = exactly(std::uint64_t(e)); return true;
    case element_type::NULL_VALUE: out = std::numeric_limits<double>::quiet_NaN(); return true;
    case element_type::STRING: {
      std::string_view t = e;
      if (is_long_integer(t)) {
        out = exactly(t.substr(1));
        return true;
      }
      if (is_python_number(t)) t.remove_prefix(1);
      if (t != "inf" && t != "-inf" && t != "NaN") return false;
      out = t == "NaN" ? std::numeric_limits<double>::quiet_NaN() : t == "inf" ? HUGE_VAL : -HUGE_VAL;
      return true;
    }
    default: return false;
  }
}

enum class Leaves : std::uint8_t { none, integers, logicals, reals, mixed };

Leaves together(Leaves a, Leaves b) {
  if (a == Leaves::none || a == b) return b;
  const auto number = [](Leaves l) { return l == Leaves::integers || l == Leaves::reals; };
  return number(a) && number(b) ? Leaves::reals : Leaves::mixed;
}

Leaves leaf_of(element e) {
  switch (e.type()) {
    case element_type::INT64: return Leaves::integers;
    case element_type::BOOL: return Leaves::logicals;
    case element_type::DOUBLE:
    case element_type::UINT64:
    case element_type::NULL_VALUE: return Leaves::reals;
    default: {
      double ignored;
      return read_real(e, ignored) ? Leaves::reals : Leaves::mixed;
    }
  }
}

// Shape and kind of a regular nested list; false when it is none.
struct Survey {
  std::array<std::uint64_t, FrameValue::kMostDimensions> shape = {};
  std::size_t rank = 0;
  Leaves leaves = Leaves::none;

  bool look(simdjson::dom::array a, std::size_t depth, bool first) {
    if (depth == shape.size() || a.size() >= kMostCounted) return false;
    if (first) {
      rank = depth + 1;
      shape[depth] = a.size();
    }
    if (a.size() != shape[depth]) return false;
    for (const element e : a) {
      simdjson::dom::array inner;
      if (e.get(inner) == simdjson::SUCCESS) {
        if (!first && depth + 1 >= rank) return false;
        if (first && leaves != Leaves::none) return false;
        if (!look(inner, depth + 1, first)) return false;
      } else {
        if (depth + 1 != rank) return false;
        leaves = together(leaves, leaf_of(e));
        if (leaves == Leaves::mixed) return false;
      }
      first = false;
    }
    return true;
  }
};

// A flat list of nothing but numbers of one type, as nearly all are, in one pass. False for anything else.
template <class T, element_type kType>
bool read_flat(simdjson::dom::array a, std::vector<std::byte>& out) {
  const std::size_t n = a.size();
  if (n == 0 || n >= kMostCounted || (*a.begin()).type() != kType) return false;
  out.resize(n * sizeof(T));
  std::byte* at = out.data();
  for (const element e : a) {
    if (e.type() != kType) return false;
    store(at, T(e));
    at += sizeof(T);
  }
  return true;
}

template <class T, class Read>
void append(simdjson::dom::array a, std::byte*& out, const Read& read) {
  for (const element e : a) {
    simdjson::dom::array inner;
    if (e.get(inner) == simdjson::SUCCESS) {
      append<T>(inner, out, read);
    } else {
      store(out, static_cast<T>(read(e)));
      out += sizeof(T);
    }
  }
}

// A type of NumPy, and that of ours which holds all its values.
struct Dtype {
  std::string_view name;
  Of of;
  std::uint32_t bytes;  // there
};
constexpr Dtype kDtypes[] = {
    {"float64", Of::f64, 8}, {"float32", Of::f32, 4}, {"float16", Of::f32, 2}, {"int64", Of::i64, 8},    {"int32", Of::i32, 4},
    {"int16", Of::i64, 2},   {"int8", Of::i64, 1},    {"uint64", Of::i64, 8},  {"uint32", Of::i64, 4},   {"uint16", Of::i64, 2},
    {"uint8", Of::i64, 1},   {"bool", Of::logical, 1}, {"bool_", Of::logical, 1},
};

const Dtype& dtype_named(std::string_view name) {
  const auto* const found = std::ranges::find(kDtypes, name, &Dtype::name);
  if (found != std::end(kDtypes)) return *found;
  throw Unstorable{fmt::format("an array of {}, which no record holds", name.starts_with("complex") ? fmt::format("complex numbers ({})", excerpt(name)) : fmt::format("'{}'", excerpt(name)))};
}

// The type for values that are written out; nothing where they must tell it.
std::optional<Of> known_type(std::string_view name) {
  const bool known = std::ranges::find(kDtypes, name, &Dtype::name) != std::end(kDtypes);
  return known || name.starts_with("complex") ? std::optional(dtype_named(name).of) : std::nullopt;
}

std::int64_t integer_of(const Dtype& type, const std::byte* p) {
  const bool sign = !type.name.starts_with('u');
  switch (type.bytes) {
    case 1: return sign ? load<std::int8_t>(p) : load<std::uint8_t>(p);
    case 2: return sign ? load<std::int16_t>(p) : load<std::uint16_t>(p);
    case 4: return load<std::uint32_t>(p);
    default: {
      const auto v = load<std::uint64_t>(p);
      if (v > INT64_MAX) fail_inexact(fmt::format("{}", v));
      return static_cast<std::int64_t>(v);
    }
  }
}

}  // namespace

// ---- documents ----------------------------------------------------------------------------------

element JsonParser::parse(std::string_view text, bool is_padded) {
  if (parser_.max_depth() != kMostDepth && parser_.allocate(0, kMostDepth) != simdjson::SUCCESS) throw std::bad_alloc();
  element document;
  auto error = simdjson::SUCCESS;
  if (is_padded) {
    error = parser_.parse(text.data(), text.size(), false).get(document);
  } else {
    padded_.reserve(text.size() + kJsonPadding);
    padded_.assign(text);
    error = parser_.parse(padded_.data(), padded_.size(), false).get(document);
  }
  if (error == simdjson::SUCCESS) return document;
  if (error != simdjson::MEMALLOC && error != simdjson::DEPTH_ERROR) {
    padded_.assign(text);
    if (replace_python_numbers(padded_)) {
      padded_.reserve(padded_.size() + kJsonPadding);
      error = parser_.parse(padded_.data(), padded_.size(), false).get(document);
      if (error == simdjson::SUCCESS) return document;
    }
  }
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error == simdjson::DEPTH_ERROR) fail_input("", fmt::format("is JSON nested deeper than {}", kMostDepth));
  fail_input("", fmt::format("is no JSON: {}", simdjson::error_message(error)));
}

std::optional<element> json_member(element e, std::string_view key) {
  simdjson::dom::object o;
  element found;
  if (e.get(o) != simdjson::SUCCESS || o.at_key(key).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
  return found;
}

std::string_view json_text(element e, std::string_view key) {
  const auto found = json_member(e, key);
  std::string_view text;
  if (found && found->get(text) != simdjson::SUCCESS) text = {};
  return text;
}

// ---- values -------------------------------------------------------------------------------------

std::vector<std::byte>& JsonValues::new_numbers() {
  if (numbers_used_ == numbers_.size()) numbers_.emplace_back();
  auto& v = numbers_[numbers_used_++];
  v.clear();
  return v;
}

std::string& JsonValues::new_text() {
  if (texts_used_ == texts_.size()) texts_.emplace_back();
  auto& t = texts_[texts_used_++];
  t.clear();
  return t;
}

FrameValue JsonValues::text_of(element e) {
  std::string& text = new_text();
  text = simdjson::minify(e);
  return FrameValue::of_text(text);
}

std::optional<FrameValue> JsonValues::list(simdjson::dom::array a) {
  auto& out = new_numbers();
  const bool reals = read_flat<double, element_type::DOUBLE>(a, out);
  if (reals || read_flat<std::int64_t, element_type::INT64>(a, out)) {
    const std::uint64_t n[1] = {a.size()};
    return FrameValue::array(reals ? Of::f64 : Of::i64, n, out);
  }
  Survey s;
  if (!s.look(a, 0, true)) return std::nullopt;
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < s.rank; ++i) count *= s.shape[i];
  const Of of = s.leaves == Leaves::integers ? Of::i64 : s.leaves == Leaves::logicals ? Of::logical : Of::f64;
  out.resize(static_cast<std::size_t>(count * bytes_of(of)));
  std::byte* p = out.data();
  if (of == Of::i64) append<std::int64_t>(a, p, [](element e) { return std::int64_t(e); });
  if (of == Of::logical) append<std::uint8_t>(a, p, [](element e) { return bool(e); });
  if (of == Of::f64) {
    append<double>(a, p, [](element e) {
      double v = 0;
      read_real(e, v);
      return v;
    });
  }
  return FrameValue::array(of, std::span(s.shape.data(), s.rank), out);
}

// [shape, dtype, values] with the values in one list, or [shape, dtype, offset] into the binary part.
std::optional<FrameValue> JsonValues::ndarray(simdjson::dom::array parts) {
  simdjson::dom::array dims, flat;
  std::string_view dtype;
  if (parts.size() != 3 || parts.at(0).get(dims) != simdjson::SUCCESS || parts.at(1).get(dtype) != simdjson::SUCCESS) {
    fail_input("", "has an __ndarray__ that is not [shape, dtype, values]");
  }
  std::vector<std::uint64_t> shape;
  std::uint64_t count = 1;
  for (const element d : dims) {
    std::uint64_t n = 0;
    if (d.get(n) != simdjson::SUCCESS || n > UINT32_MAX || (n != 0 && count > (std::uint64_t{1} << 40) / n)) fail_input("", "has an __ndarray__ whose shape cannot be");
    shape.push_back(n);
    count *= n;
  }
  std::uint64_t offset = 0;
  if (parts.at(2).get(offset) == simdjson::SUCCESS && !binary_.empty()) {
    const Dtype& type = dtype_named(dtype);
    if (offset > binary_.size() || count > (binary_.size() - offset) / type.bytes) fail_input("", "has an array that goes beyond its data");
    const Bytes data = binary_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count * type.bytes));
    const bool as_it_is = type.bytes == bytes_of(type.of) && !type.name.starts_with('u');
    if (as_it_is) return FrameValue::array(type.of, shape, data);
    auto& out = new_numbers();
    out.resize(static_cast<std::size_t>(count * bytes_of(type.of)));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::byte* const p = data.data() + i * type.bytes;
      if (type.of == Of::f32) {
        store(out.data() + 4 * i, float_of_half(load<std::uint16_t>(p)));
      } else {
        store(out.data() + 8 * i, integer_of(type, p));
      }
    }
    return FrameValue::array(type.of, shape, out);
  }
  if (parts.at(2).get(flat) != simdjson::SUCCESS) fail_input("", "has an __ndarray__ without values");
  const auto values = list(flat);
  if (!values) return std::nullopt;  // of texts
  const Of of = known_type(dtype).value_or(values->of);
  if (values->count() != count) fail_input("", fmt::format("has an __ndarray__ of {} values, its shape needs {}", values->count(), count));
  const FrameValue v = FrameValue::array(values->of, shape, values->data);
  // As in the bytes of a database: what i64 cannot hold is not taken for a float, even where that would be exact.
  for (std::uint64_t i = 0; of == Of::i64 && v.of == Of::f64 && i < count; ++i) {
    if (std::fabs(v.real(i)) >= 0x1p63) fail_inexact(fmt::format("{:.0f}", v.real(i)));
  }
  return as_type(v, of);
}

// Numbers in the type that the array had: a list alone tells integers from reals, and no more.
FrameValue JsonValues::as_type(const FrameValue& v, Of of) {
  const bool whole = v.of == Of::i64;
  if (of == v.of || of == Of::logical || (of == Of::i32 && !whole) || (of == Of::i64 && !whole)) return v;
  auto& out = new_numbers();
  out.resize(static_cast<std::size_t>(v.count() * bytes_of(of)));
  for (std::uint64_t i = 0; i < v.count(); ++i) {
    const double x = v.real(i);
    if (of == Of::i32 && std::fabs(x) > INT32_MAX) return v;
    if (of == Of::f64) store(out.data() + 8 * i, x);
    if (of == Of::f32) store(out.data() + 4 * i, static_cast<float>(x));
    if (of == Of::i32) store(out.data() + 4 * i, static_cast<std::int32_t>(x));
  }
  FrameValue cast = v;
  cast.of = of;
  cast.data = out;
  return cast;
}

std::optional<FrameValue> JsonValues::numpy(simdjson::dom::object o) {
  element data;
  simdjson::dom::array a;
  std::string_view dtype;
  const auto type = o.at_key("dtype").get(dtype) == simdjson::SUCCESS ? known_type(dtype) : std::nullopt;
  if (o.at_key("data").get(data) != simdjson::SUCCESS || data.get(a) != simdjson::SUCCESS) return std::nullopt;
  const auto v = list(a);
  return v && type ? std::optional(as_type(*v, *type)) : v;
}

std::optional<FrameValue> JsonValues::numbers(element e, std::string_view key) {
  auto v = value(e, key);
  return v && v->of != Of::text ? v : std::nullopt;
}

std::optional<FrameValue> JsonValues::value(element e, std::string_view key) {
  try {
    return read(e);
  } catch (const Unstorable& u) {
    if (key.empty()) fail_input("", "has " + u.why);
    left_out_.push_back(fmt::format("'{}' is {}; it is left out", excerpt(key), u.why));
    return std::nullopt;
  }
}

std::optional<FrameValue> JsonValues::read(element e) {
  switch (e.type()) {
    case element_type::NULL_VALUE: return std::nullopt;
    case element_type::BOOL: {
      auto& out = new_numbers();
      out.push_back(std::byte{bool(e)});
      FrameValue v = FrameValue::array(Of::logical, {}, out);
      return v;
    }
    case element_type::INT64: {
      auto& out = new_numbers();
      out.resize(8);
      store(out.data(), std::int64_t(e));
      return FrameValue::array(Of::i64, {}, out);
    }
    case element_type::STRING:
      if (!is_python_number(std::string_view(e))) return FrameValue::of_text(std::string_view(e));
      [[fallthrough]];
    case element_type::UINT64:
    case element_type::DOUBLE: {
      auto& out = new_numbers();
      out.resize(8);
      double v = 0;
      read_real(e, v);
      store(out.data(), v);
      return FrameValue::array(Of::f64, {}, out);
    }
    case element_type::ARRAY: {
      auto v = list(simdjson::dom::array(e));
      return v ? v : text_of(e);
    }
    case element_type::OBJECT: {
      simdjson::dom::array parts;
      if (const auto nd = json_member(e, "__ndarray__"); nd && nd->get(parts) == simdjson::SUCCESS) {
        auto v = ndarray(parts);
        return v ? v : text_of(e);
      }
      if (const auto inner = json_member(e, "array"); inner && json_text(e, "__ase_objtype__") == "cell") return read(*inner);
      if (json_text(e, "@class") == "array" && json_text(e, "@module") == "numpy") {
        auto v = numpy(simdjson::dom::object(e));
        return v ? v : text_of(e);
      }
      return text_of(e);
    }
  }
  return std::nullopt;
}

}  // namespace atp
