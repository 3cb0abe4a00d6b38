// What a pickle holds, once it is read: numbers, texts and arrays as fields of a frame, storages, keys.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/byte_order.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "formats/excerpt.h"
#include "formats/pickle.h"
#include "formats/torch_storage.h"

namespace atp {

namespace {

std::vector<std::uint64_t> sizes_of(const Pickle& p, const PickleValue& tuple) {
  if (tuple.kind != PickleKind::tuple && tuple.kind != PickleKind::list) fail_input("", "has an array without a shape");
  std::vector<std::uint64_t> out;
  for (const std::uint32_t i : tuple.items) {
    if (p[i].kind != PickleKind::integer || p[i].integer < 0) fail_input("", "has an array whose shape is no whole number");
    out.push_back(static_cast<std::uint64_t>(p[i].integer));
  }
  return out;
}

// Checked, so that what follows cannot overflow.
std::uint64_t count_of(std::span<const std::uint64_t> shape) {
  std::uint64_t n = 1;
  for (const std::uint64_t d : shape) {
    if (d != 0 && n > (std::uint64_t{1} << 40) / d) fail_input("", "has an array of absurd size");
    n *= d;
  }
  return n;
}

// The elements in C order, whatever their strides.
FrameValue gather(const TorchDtype& type, Bytes values, std::uint64_t offset, const std::vector<std::uint64_t>& shape,
                  const std::vector<std::uint64_t>& strides, std::deque<std::vector<std::byte>>& scratch) {
  const std::uint64_t count = count_of(shape);
  const std::uint64_t have = values.size() / type.bytes;
  std::uint64_t last = offset, expected = 1;
  bool in_order = true;
  for (std::size_t k = shape.size(); k-- > 0;) {
    if (shape[k] > 1 && strides[k] != expected) in_order = false;
    expected *= shape[k];
    if (shape[k] > 1 && strides[k] != 0 && shape[k] - 1 > have / strides[k]) fail_input("", "has a tensor that goes beyond its storage");
    if (shape[k] > 1) last += (shape[k] - 1) * strides[k];
  }
  if (count > 0 && last >= have) fail_input("", "has a tensor that goes beyond its storage");
  if (count == 0) return FrameValue::array(FrameValue::Of::f64, shape, {});
  if (count > have) fail_input("", "has a tensor that repeats its storage");  // strides of 0, which would fill memory
  if (in_order && type.of) {
    return FrameValue::array(*type.of, shape, values.subspan(static_cast<std::size_t>(offset * type.bytes), static_cast<std::size_t>(count * type.bytes)));
  }
  const FrameValue::Of of = type.of.value_or(type.real ? FrameValue::Of::f32 : FrameValue::Of::i64);
  auto& out = scratch.emplace_back();
  out.resize(static_cast<std::size_t>(count * bytes_of(of)));
  std::vector<std::uint64_t> index(shape.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t at = offset;
    for (std::size_t k = 0; k < shape.size(); ++k) at += index[k] * strides[k];
    copy_element(type, values.data() + at * type.bytes, out.data() + i * bytes_of(of));
    for (std::size_t k = shape.size(); k-- > 0;) {
      if (++index[k] < shape[k]) break;
      index[k] = 0;
    }
  }
  return FrameValue::array(of, shape, out);
}

// One text of NumPy: "U5", "<U5" or "S5".
bool is_text(std::string_view dtype, const PickleValue& shape) {
  if (dtype.starts_with('<') || dtype.starts_with('|')) dtype.remove_prefix(1);
  return shape.items.empty() && (dtype.starts_with('U') || dtype.starts_with('S'));
}

FrameValue text_of(std::string_view dtype, Bytes bytes, std::deque<std::vector<std::byte>>& scratch) {
  const bool wide = dtype.find('U') != std::string_view::npos;
  std::string text(wide ? "" : as_text(bytes));
  for (std::size_t i = 0; wide && i + 4 <= bytes.size(); i += 4) text += encode_utf8(load<std::uint32_t>(bytes.data() + i));
  while (text.ends_with('\0')) text.pop_back();
  const Bytes kept = as_bytes(text);
  auto& out = scratch.emplace_back(kept.begin(), kept.end());
  return FrameValue::of_text(as_text(Bytes(out)));
}

// A copy of the first `count` values the other way round; fewer where there are fewer.
Bytes swapped(Bytes values, std::size_t item, std::uint64_t count, std::deque<std::vector<std::byte>>& scratch) {
  const Bytes first = values.first(std::min(values.size() / item, static_cast<std::size_t>(count)) * item);
  auto& out = scratch.emplace_back(first.begin(), first.end());
  swap_byte_order(out, item);
  return out;
}

using Of = FrameValue::Of;

bool is_list(const PickleValue& v) { return v.kind == PickleKind::list || v.kind == PickleKind::tuple; }

Of wider(Of a, Of b) {
  if (a == b) return a;
  const auto real = [](Of of) { return of == Of::f64 || of == Of::f32; };
  return real(a) || real(b) ? Of::f64 : Of::i64;
}

// A list of numbers, of arrays of one shape, or of such lists: first looked through, then gathered.
class NestedList {
 public:
  NestedList(const Pickle& p, const PickleValue& list) : p_(p) {
    const PickleValue* at = &list;
    while (is_list(*at) && shape_.size() < FrameValue::kMostDimensions) {
      shape_.push_back(at->items.size());
      if (at->items.empty()) break;
      at = &p[at->items[0]];
    }
    lists_ = shape_.size();
    if (shape_.back() != 0 && is_array(*at)) {
      const FrameValue v = leaf(*at);
      shape_.insert(shape_.end(), v.shape.begin(), v.shape.begin() + v.rank);
    }
    look_through(list, 0);
  }

  FrameValue gather(const PickleValue& list, std::vector<std::byte>& out) {
    out.reserve(static_cast<std::size_t>(count_ * bytes_of(of())));
    append(list, out);
    return FrameValue::array(of(), shape_, out);
  }

 private:
  static bool is_array(const PickleValue& v) { return v.kind == PickleKind::tensor || v.kind == PickleKind::ndarray; }
  Of of() const { return of_.value_or(Of::f64); }

  FrameValue leaf(const PickleValue& v) {
    if (!is_array(v) && v.kind != PickleKind::integer && v.kind != PickleKind::real && v.kind != PickleKind::logical) {
      const bool deep = lists_ == FrameValue::kMostDimensions;
      fail_input("", !is_list(v) ? "is a list of more than numbers" : deep ? "is a list nested deeper than 8" : "is a list whose rows differ in depth");
    }
    scratch_.clear();
    const FrameValue value = p_.value(v, scratch_);
    if (value.of == Of::text) fail_input("", "is a list of more than numbers");
    return value;
  }

  void look_through(const PickleValue& v, std::size_t depth) {
    if (depth < lists_) {
      if (!is_list(v)) fail_input("", "is a list whose rows differ in depth");
      steps_ += v.items.size();
      if (steps_ > p_.most_bytes() / 4) fail_repeated_values();
      if (v.items.size() != shape_[depth]) fail_input("", fmt::format("is a list of rows with {} and with {} values", shape_[depth], v.items.size()));
      for (const std::uint32_t i : v.items) look_through(p_[i], depth + 1);
      return;
    }
    const FrameValue value = leaf(v);
    if (!std::equal(shape_.begin() + static_cast<std::ptrdiff_t>(lists_), shape_.end(), value.shape.begin(), value.shape.begin() + value.rank)) {
      fail_input("", "is a list of arrays that differ in shape");
    }
    count_ += value.count();
    if (count_ > p_.most_bytes() / 8) fail_repeated_values();
    const Of kind = value.of == Of::i32 ? Of::i64 : value.of;
    of_ = of_ ? wider(*of_, kind) : kind;
  }

  void append(const PickleValue& v, std::vector<std::byte>& out) {
    if (is_list(v)) {
      for (const std::uint32_t i : v.items) append(p_[i], out);
      return;
    }
    const FrameValue value = leaf(v);
    for (std::uint64_t i = 0; i < value.count(); ++i) {
      const std::size_t at = out.size();
      out.resize(at + bytes_of(of()));
      switch (of()) {
        case Of::f64: store(out.data() + at, value.real(i)); break;
        case Of::f32: store(out.data() + at, static_cast<float>(value.real(i))); break;
        case Of::logical: out[at] = static_cast<std::byte>(value.real(i) != 0); break;
        default: store(out.data() + at, value.of == Of::i64 ? load<std::int64_t>(value.data.data() + 8 * i) : static_cast<std::int64_t>(value.real(i)));
      }
    }
  }

  const Pickle& p_;
  std::vector<std::uint64_t> shape_;
  std::size_t lists_ = 0;  // of the dimensions, how many are lists; the others those of arrays
  std::uint64_t count_ = 0, steps_ = 0;
  std::optional<Of> of_;
  std::deque<std::vector<std::byte>> scratch_;  // of one leaf
};

constexpr std::uint64_t kMostFold = 32;  // a row [0, 0, 0] named at two bytes is 24 bytes
constexpr std::uint64_t kMostBeyond = std::uint64_t{512} << 20;
constexpr unsigned kMostDepth = 32;

}  // namespace

void fail_repeated_values() { fail_input("", "names the same values again and again, far beyond the size of its file"); }

std::uint64_t Pickle::most_bytes() const {
  const std::uint64_t bytes = size_ + storage_bytes_;
  return bytes + std::min((kMostFold - 1) * bytes, kMostBeyond) + (std::uint64_t{1} << 16);
}

std::uint64_t Pickle::weight(const PickleValue& v, std::uint64_t most) const {
  std::uint64_t sum = 0;
  const auto add = [&](const PickleValue& at, unsigned depth, const auto& self) -> void {
    sum += 8 + (at.kind == PickleKind::storage ? 0 : at.bytes.size());
    if (at.kind == PickleKind::tensor) {
      std::uint64_t values = 8;
      for (const std::uint32_t i : values_[at.items[2]].items) {
        values = std::min(values * static_cast<std::uint64_t>(std::clamp<std::int64_t>(values_[i].integer, 0, 1 << 20)), most);
      }
      sum += values;
    }
    if (depth == kMostDepth) return;
    for (const std::uint32_t i : at.items) {
      if (sum > most) return;
      self(values_[i], depth + 1, self);
    }
  };
  add(v, 0, add);
  return sum;
}

bool Pickle::is_readable(const PickleValue& v) const {
  if (v.kind != PickleKind::ndarray || v.items.size() != 3 || values_[v.items[1]].kind != PickleKind::dtype) return true;
  const std::string_view type = values_[v.items[1]].text();
  return numpy_dtype(type).has_value() || is_text(type, values_[v.items[0]]);
}

FrameValue Pickle::value(const PickleValue& v, std::deque<std::vector<std::byte>>& scratch) const {
  const auto keep = [&](const auto& x) {
    auto& out = scratch.emplace_back(sizeof x);
    store(out.data(), x);
    return Bytes(out);
  };
  switch (v.kind) {
    case PickleKind::integer: return FrameValue::array(FrameValue::Of::i64, {}, keep(v.integer));
    case PickleKind::real: return FrameValue::array(FrameValue::Of::f64, {}, keep(v.real));
    case PickleKind::logical: return FrameValue::array(FrameValue::Of::logical, {}, keep(static_cast<std::uint8_t>(v.logical)));
    case PickleKind::text: return FrameValue::of_text(v.text());
    case PickleKind::tensor: {
      const PickleValue& s = values_[v.items[0]];
      if (s.kind != PickleKind::storage) fail_input("", "has a tensor without a storage");
      const auto type = torch_dtype(values_[s.items[0]].text());
      const PickleValue& offset = values_[v.items[1]];
      const auto shape = sizes_of(*this, values_[v.items[2]]), strides = sizes_of(*this, values_[v.items[3]]);
      if (!type || offset.kind != PickleKind::integer || offset.integer < 0 || shape.size() != strides.size()) fail_input("", "has a tensor that is damaged");
      return gather(*type, s.bytes, static_cast<std::uint64_t>(offset.integer), shape, strides, scratch);
    }
    case PickleKind::ndarray: {
      if (v.items.size() != 3) fail_input("", "has an array without values");
      if (is_text(values_[v.items[1]].text(), values_[v.items[0]])) {
        Bytes text = values_[v.items[2]].bytes;
        if (values_[v.items[1]].logical) text = swapped(text, 4, text.size() / 4, scratch);
        return text_of(values_[v.items[1]].text(), text, scratch);
      }
      const auto shape = sizes_of(*this, values_[v.items[0]]);
      const auto type = numpy_dtype(values_[v.items[1]].text());
      if (!type || values_[v.items[1]].kind != PickleKind::dtype) fail_input("", fmt::format("has an array of '{}', which atp does not read", excerpt(values_[v.items[1]].text())));
      std::vector<std::uint64_t> strides(shape.size());
      std::uint64_t step = 1;
      count_of(shape);
      for (std::size_t i = 0; i < shape.size(); ++i) {
        const std::size_t k = v.logical ? i : shape.size() - 1 - i;
        strides[k] = step;
        step *= shape[k];
      }
      Bytes values = values_[v.items[2]].bytes;
      if (values_[v.items[1]].logical && type->bytes > 1) values = swapped(values, type->bytes, count_of(shape), scratch);
      return gather(*type, values, 0, shape, strides, scratch);
    }
    case PickleKind::list:
    case PickleKind::tuple: {
      NestedList list(*this, v);
      return list.gather(v, scratch.emplace_back());
    }
    default: fail_input("", "is no number, text or array");
  }
}

std::string Pickle::storage_key(const PickleValue& storage) const {
  const PickleValue& key = values_[storage.items[1]];
  return key.kind == PickleKind::integer ? std::to_string(key.integer) : std::string(key.text());
}

void Pickle::for_each_storage(const std::function<void(std::string_view key, std::uint64_t value_bytes)>& visit) const {
  for (const PickleValue& v : values_) {
    if (v.kind == PickleKind::storage && v.items.size() == 2) visit(storage_key(v), torch_dtype(values_[v.items[0]].text())->bytes);
  }
}

Bytes Pickle::keep_swapped(Bytes values, std::size_t item) {
  std::string& own = owned_.emplace_back(as_text(values));
  swap_byte_order(std::as_writable_bytes(std::span(own)), item);
  return as_bytes(own);
}

void Pickle::fill_storages(const std::function<Bytes(std::string_view key)>& bytes_of, bool big_endian) {
  std::map<std::pair<const std::byte*, std::uint64_t>, Bytes> swapped;  // a storage is named by each of its tensors
  for (PickleValue& v : values_) {
    if (v.kind != PickleKind::storage || v.items.size() != 2) continue;
    const std::uint64_t item = torch_dtype(values_[v.items[0]].text())->bytes;
    const Bytes bytes = bytes_of(storage_key(v));
    if (static_cast<std::uint64_t>(v.integer) > bytes.size() / item) fail_input("", fmt::format("has a tensor of {} values and {} bytes", v.integer, bytes.size()));
    v.bytes = bytes.first(static_cast<std::size_t>(static_cast<std::uint64_t>(v.integer) * item));
    if (big_endian && !v.bytes.empty()) {
      const auto [known, is_new] = swapped.try_emplace({v.bytes.data(), item});
      if (is_new) known->second = keep_swapped(bytes, item);
      v.bytes = known->second.first(v.bytes.size());
    }
    storage_bytes_ += v.bytes.size();
  }
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != PickleKind::dict) return nullptr;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& k = values_[dict.items[i]];
    if (k.kind == PickleKind::text && k.text() == key) return &values_[dict.items[i + 1]];
  }
  return nullptr;
}

}  // namespace atp
