// The numbers, texts and arrays of a pickle as fields of a frame.
#include <fmt/format.h>

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

}  // namespace

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
      if (is_text(values_[v.items[1]].text(), values_[v.items[0]])) return text_of(values_[v.items[1]].text(), values_[v.items[2]].bytes, scratch);
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
      return gather(*type, values_[v.items[2]].bytes, 0, shape, strides, scratch);
    }
    case PickleKind::list:
    case PickleKind::tuple: {  // of numbers
      auto& out = scratch.emplace_back();
      for (const std::uint32_t i : v.items) {
        const PickleValue& x = values_[i];
        const double d = x.kind == PickleKind::integer ? static_cast<double>(x.integer) : x.kind == PickleKind::logical ? x.logical : x.real;
        if (x.kind != PickleKind::integer && x.kind != PickleKind::real && x.kind != PickleKind::logical) fail_input("", "is a list of more than numbers");
        const auto* p = reinterpret_cast<const std::byte*>(&d);
        out.insert(out.end(), p, p + 8);
      }
      const std::uint64_t shape[1] = {v.items.size()};
      return FrameValue::array(FrameValue::Of::f64, shape, out);
    }
    default: fail_input("", "is no number, text or array");
  }
}

}  // namespace atp
