#include "core/atp/section.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace atp {

double NumbersView::real(std::uint64_t i) const {
  const std::byte* p = data + i * scalar_bytes(scalar);
  switch (scalar) {
    case Scalar::f32: return static_cast<double>(load<float>(p));
    case Scalar::f64: return load<double>(p);
    default: return static_cast<double>(integer(i));
  }
}

std::int64_t NumbersView::integer(std::uint64_t i) const {
  const std::byte* p = data + i * scalar_bytes(scalar);
  switch (scalar) {
    case Scalar::i32: return load<std::int32_t>(p);
    case Scalar::i64: return load<std::int64_t>(p);
    case Scalar::boolean: return *p == std::byte{0} ? 0 : 1;
    default: return 0;
  }
}

std::vector<std::uint64_t> ValueView::shape() const {
  switch (info->form) {
    case Form::array: return {numbers.count};
    case Form::vec3: return {numbers.count / 3, 3};
    case Form::bool3: return {3};
    case Form::mat3: return {3, 3};
    case Form::tensor: {
      std::vector<std::uint64_t> dims;
      for (std::size_t at = 0; at < raw_dims.size(); at += 4) dims.push_back(load<std::uint32_t>(&raw_dims[at]));
      return dims;
    }
    case Form::scalar:
    case Form::text:
    case Form::null: break;
  }
  return {};
}

namespace {

[[noreturn]] void fail_value(const SectionView& s, const std::string& what) {
  fail_input("", fmt::format("'{}' ({}) {}", s.key, type_info(s.type).name, what));
}

// The values of a tensor: their number is the product of the dimensions, 1 for rank 0.
void decode_tensor(const SectionView& s, ValueView& value) {
  ByteReader in(s.payload);
  const auto rank = in.number<std::uint8_t>("a tensor's rank");
  value.raw_dims = in.take(std::uint64_t{rank} * 4, "a tensor's shape");
  std::uint64_t count = 1;
  bool empty = false;
  bool overflow = false;
  for (std::size_t at = 0; at < value.raw_dims.size(); at += 4) {
    const auto dim = load<std::uint32_t>(&value.raw_dims[at]);
    if (dim == 0) {
      empty = true;
    } else if (count > (std::uint64_t{1} << 34)) {  // no payload has so many values; a 0 may follow
      overflow = true;
    } else {
      count *= dim;
    }
  }
  if (empty) {
    count = 0;
  } else if (overflow) {
    fail_value(s, "has a shape far larger than its bytes");
  }
  const std::uint64_t bytes = count * scalar_bytes(value.info->scalar);
  if (in.rest().size() != bytes) {
    fail_value(s, fmt::format("has {} bytes of values, its shape asks for {}", in.rest().size(), bytes));
  }
  value.numbers = {value.info->scalar, count, in.rest().data()};
}

}  // namespace

ValueView decode_value(const SectionView& s) {
  ValueView value;
  value.info = &type_info(s.type);
  const std::uint32_t element = value.info->element;
  const std::uint32_t scalar = scalar_bytes(value.info->scalar);
  switch (value.info->form) {
    case Form::null: break;  // bytes behind an explicit null mean nothing
    case Form::text: value.text = as_text(s.payload); break;
    case Form::scalar:  // longer ones are legal, the first bytes count (FORMAT.md, "Easy to miss")
      if (s.payload.size() < element) fail_value(s, fmt::format("has {} bytes, {} are needed", s.payload.size(), element));
      value.numbers = {value.info->scalar, 1, s.payload.data()};
      break;
    case Form::array:
    case Form::vec3:
      if (s.payload.size() % element != 0) {
        fail_value(s, fmt::format("has {} bytes, not a multiple of {}", s.payload.size(), element));
      }
      value.numbers = {value.info->scalar, s.payload.size() / scalar, s.payload.data()};
      break;
    case Form::bool3:
    case Form::mat3:
      if (s.payload.size() != element) fail_value(s, fmt::format("has {} bytes, {} are needed", s.payload.size(), element));
      value.numbers = {value.info->scalar, element / scalar, s.payload.data()};
      break;
    case Form::tensor: decode_tensor(s, value); break;
  }
  return value;
}

}  // namespace atp
