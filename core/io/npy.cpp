#include "core/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "core/base/byte_order.h"
#include "core/base/error.h"

namespace atp {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
// NumPy itself refuses longer headers.
constexpr std::size_t kMostHeader = 10000;

// The header is a Python dictionary with three keys: {'descr': '<i8', 'fortran_order': False, 'shape': (3,), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  struct Header {
    std::string_view descr;
    bool fortran_order = false;
    std::vector<std::uint64_t> shape;
  };

  Header parse() {
    Header header;
    unsigned seen = 0;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = text();
      expect(':');
      if (key == "descr") {
        header.descr = peek() == '[' ? list() : text(), seen += 1;
      } else if (key == "fortran_order") {
        header.fortran_order = boolean(), seen += 10;
      } else if (key == "shape") {
        header.shape = shape(), seen += 100;
      } else {
        fail();
      }
      if (!accept(',') && peek() != '}') fail();
    }
    skip_space();
    if (seen != 111 || !rest_.empty()) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const { fail_input(name_, "its .npy header cannot be read", "write it again with numpy.save"); }

  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t')) rest_.remove_prefix(1);
  }
  char peek() {
    skip_space();
    if (rest_.empty()) fail();
    return rest_[0];
  }
  bool accept(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail();
  }
  std::string_view text() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail();
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail();
    const std::string_view found = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return found;
  }
  // A list with all that is in it.
  std::string_view list() {
    const std::string_view from = rest_;
    unsigned open = 0;
    do {
      const char c = peek();
      if (c == '\'' || c == '"') {
        text();
        continue;
      }
      open += c == '[';
      open -= c == ']';
      rest_.remove_prefix(1);
    } while (open > 0);
    return from.substr(0, from.size() - rest_.size());
  }
  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail();
  }
  std::vector<std::uint64_t> shape() {
    std::vector<std::uint64_t> shape;
    expect('(');
    while (!accept(')')) {
      std::uint64_t n = 0;
      skip_space();
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
      if (error != std::errc() || shape.size() == 32) fail();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      shape.push_back(n);
      if (!accept(',') && peek() != ')') fail();
    }
    return shape;
  }

  std::string_view rest_;
  const std::string& name_;
};

void read_type(std::string_view descr, NpyArray& array, const std::string& name) {
  if (descr.starts_with('[')) fail_input(name, "holds records of several fields (a structured dtype), not integers", "save one field as integers");
  const auto refuse = [&](std::string_view fix) { fail_input(name, fmt::format("holds numbers of type '{}', not integers", descr), std::string(fix)); };
  if (descr.size() != 3 || (descr[1] != 'i' && descr[1] != 'u')) refuse("save it with array.astype('int64')");
  if (descr[0] == '>') fail_input(name, fmt::format("holds big-endian numbers (type '{}')", descr), "save it with array.astype('<i8')");
  const auto width = static_cast<unsigned>(descr[2] - '0');
  array.kind = descr[1];
  if ((width != 1 && width != 2 && width != 4 && width != 8) || (descr[0] != '<' && descr[0] != '|' && descr[0] != '=')) refuse("save it with array.astype('int64')");
  array.is_signed = descr[1] == 'i';
  array.item_bytes = width;
}

// As Python writes it: (3,), (2, 5), ().
std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t n : shape) text += fmt::format("{}{}", text.empty() ? "" : ", ", n);
  return fmt::format("({}{})", text, shape.size() == 1 ? "," : "");
}

}  // namespace

std::int64_t NpyArray::at(std::uint64_t i) const {
  const std::byte* p = data.data() + i * item_bytes;
  switch (item_bytes) {
    case 1: return is_signed ? std::int64_t{load<std::int8_t>(p)} : std::int64_t{load<std::uint8_t>(p)};
    case 2: return is_signed ? std::int64_t{load<std::int16_t>(p)} : std::int64_t{load<std::uint16_t>(p)};
    case 4: return is_signed ? std::int64_t{load<std::int32_t>(p)} : std::int64_t{load<std::uint32_t>(p)};
    default: return load<std::int64_t>(p);
  }
}

namespace {

// "<f8", "|S24", "<U5": anything else is of kind 'O'.
void read_any_type(std::string_view descr, NpyArray& array) {
  array.kind = 'O';
  array.item_bytes = 0;
  unsigned width = 0;
  if (descr.size() < 3 || descr[0] == '[') return;
  const auto [end, error] = std::from_chars(descr.data() + 2, descr.data() + descr.size(), width);
  if (error != std::errc() || end != descr.data() + descr.size() || width > (1u << 24)) return;
  const char kind = descr[1];
  const bool integer = (kind == 'i' || kind == 'u') && (width == 1 || width == 2 || width == 4 || width == 8);
  const bool real = kind == 'f' && (width == 2 || width == 4 || width == 8);
  if (!integer && !real && kind != 'S' && kind != 'U' && !(kind == 'b' && width == 1)) return;
  array.kind = kind;
  array.is_signed = kind == 'i';
  array.item_bytes = kind == 'U' ? 4 * width : width;
  array.big_endian = descr[0] == '>' && kind != 'S' && array.item_bytes > 1;
}

template <class ReadType>
NpyArray parse(Bytes bytes, const std::string& name, ReadType&& read) {
  if (bytes.size() < 10 || as_text(bytes.first(6)) != kMagic) fail_input(name, "is not a .npy file", "write it with numpy.save");
  const auto major = static_cast<unsigned>(bytes[6]), minor = static_cast<unsigned>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0) fail_input(name, fmt::format("has .npy version {}.{}, known are 1.0, 2.0 and 3.0", major, minor), "write it with numpy.save");
  ByteReader reader(bytes.subspan(8));
  const std::size_t length = major == 1 ? reader.number<std::uint16_t>("its header") : reader.number<std::uint32_t>("its header");
  if (length > kMostHeader || length > reader.rest().size()) fail_input(name, fmt::format("its .npy header claims {} bytes", length), "write it again with numpy.save");
  const auto header = HeaderParser(as_text(reader.take(length, "its header")), name).parse();
  NpyArray array;
  read(header.descr, array, name);
  array.fortran_order = header.fortran_order && header.shape.size() > 1;
  array.shape = header.shape;
  if (array.item_bytes == 0) return array;
  std::uint64_t items = std::ranges::find(header.shape, 0U) == header.shape.end() ? 1 : 0;
  const std::uint64_t held = reader.rest().size() / array.item_bytes;
  for (const std::uint64_t n : header.shape) {
    if (n != 0 && items > held / n) {
      fail_input(name, fmt::format("is cut off: its shape {} asks for more numbers of type '{}' than the {} it holds", shape_text(header.shape), header.descr, held),
                 "write it again with numpy.save");
    }
    items *= n;
  }
  array.data = reader.take(items * array.item_bytes, "its data");
  array.trailer = reader.rest();
  return array;
}

}  // namespace

NpyArray parse_npy(Bytes bytes, const std::string& name) {
  NpyArray array = parse(bytes, name, read_type);
  if (array.fortran_order) fail_input(name, fmt::format("its array of shape {} is in Fortran order", shape_text(array.shape)), "save numpy.ascontiguousarray(array)");
  return array;
}

NpyArray parse_any_npy(Bytes bytes, const std::string& name) {
  return parse(bytes, name, [](std::string_view descr, NpyArray& array, const std::string&) { read_any_type(descr, array); });
}

namespace {

// Fortran order to C order.
std::vector<std::byte> in_c_order(const NpyArray& a) {
  std::vector<std::byte> out(a.data.size());
  std::vector<std::uint64_t> index(a.shape.size(), 0);
  const std::uint64_t n = a.size();
  for (std::uint64_t i = 0; i < n; ++i) {
    std::uint64_t to = 0;
    for (std::size_t k = 0; k < index.size(); ++k) to = to * a.shape[k] + index[k];
    std::copy_n(a.data.begin() + static_cast<std::ptrdiff_t>(i * a.item_bytes), a.item_bytes, out.begin() + static_cast<std::ptrdiff_t>(to * a.item_bytes));
    for (std::size_t k = 0; k < index.size() && ++index[k] == a.shape[k]; ++k) index[k] = 0;
  }
  return out;
}

}  // namespace

Bytes plain_data(const NpyArray& a, std::vector<std::byte>& own) {
  if (!a.fortran_order && !a.big_endian) return a.data;
  own = a.fortran_order ? in_c_order(a) : std::vector<std::byte>(a.data.begin(), a.data.end());
  if (a.big_endian) swap_byte_order(own, a.kind == 'U' ? 4 : a.item_bytes);
  return own;
}

std::string npy_header(std::string_view type, std::span<const std::uint64_t> shape) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape_text({shape.begin(), shape.end()}));
  header.append(63 - (10 + header.size()) % 64, ' ');  // the data begin at a multiple of 64
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  std::string start(kMagic);
  start += {'\1', '\0', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  return start + header;
}

HugeBuffer<std::uint32_t> counts_of(const NpyArray& array, const std::string& name) {
  if (array.shape.size() != 1) {
    fail_input(name, fmt::format("its array has the shape {}, counts have one dimension", shape_text(array.shape)), "save one number for each record");
  }
  HugeBuffer<std::uint32_t> counts(array.size());
  for (std::uint64_t i = 0; i < array.size(); ++i) {
    const std::int64_t value = array.at(i);
    if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
      const std::string shown = array.is_signed ? fmt::format("{}", value) : fmt::format("{}", static_cast<std::uint64_t>(value));
      fail_input(fmt::format("{}: record {}", name, i), fmt::format("{} is no count", shown), "counts are whole numbers from 0 to 4294967295");
    }
    counts[i] = static_cast<std::uint32_t>(value);
  }
  return counts;
}

}  // namespace atp
