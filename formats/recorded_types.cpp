#include "formats/recorded_types.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "core/base/json_writer.h"

namespace atp {

namespace {

using simdjson::dom::element;
using Of = FrameValue::Of;

constexpr std::pair<Kind, std::string_view> kKinds[] = {{Kind::builtin, "builtin"}, {Kind::atom, "atom"}, {Kind::molecule, "molecule"}};

// "tensor_f64 [0,3]"
std::string text_of(const RecordedType& t) {
  std::string text(type_info(t.type).name);
  for (std::size_t i = 0; i < t.shape.size(); ++i) fmt::format_to(std::back_inserter(text), "{}{}", i == 0 ? " [" : ",", t.shape[i]);
  return t.shape.empty() ? text : text + ']';
}

std::optional<RecordedType> type_of_text(Kind kind, std::string_view text) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const TypeInfo* const info = type_info(text.substr(0, space));
  if (info == nullptr) return std::nullopt;
  RecordedType out{kind, info->type, {}};
  const char* const end = text.data() + text.size();
  for (const char* p = text.data() + space + std::min<std::size_t>(2, text.size() - space); p < end; ++p) {
    std::uint32_t n = 0;
    const auto [rest, error] = std::from_chars(p, end, n);
    if (error != std::errc() || out.shape.size() == FrameValue::kMostDimensions) return std::nullopt;
    out.shape.push_back(n);
    p = rest;  // at ',' or ']'
  }
  return out;
}

// Whether it is a float, or what the fewest digits that mean a float are read as.
bool is_f32(double v) {
  const auto narrow = static_cast<float>(v);
  if (std::isnan(v) || static_cast<double>(narrow) == v) return true;
  if (!std::isfinite(narrow)) return false;
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), narrow).ptr;
  double again = 0;
  return std::from_chars(digits.data(), end, again).ec == std::errc() && again == v;
}

// Payload of doubles to one of floats. False when that would change a value.
bool narrowed(std::vector<std::byte>& payload) {
  std::vector<std::byte> out(payload.size() / 2);
  for (std::size_t i = 0; i < payload.size() / 8; ++i) {
    const auto v = load<double>(payload.data() + 8 * i);
    if (!is_f32(v)) return false;
    store(out.data() + 4 * i, static_cast<float>(v));
  }
  payload = std::move(out);
  return true;
}

std::int64_t whole_number(const FrameValue& v, std::uint64_t i) {
  return v.of == Of::i64 ? load<std::int64_t>(v.data.data() + 8 * i) : static_cast<std::int64_t>(v.real(i));
}

// The values as bytes of another type; nothing when one of them has no place there.
std::optional<std::vector<std::byte>> values_as(const FrameValue& v, Scalar scalar) {
  const bool real = scalar == Scalar::f32 || scalar == Scalar::f64;
  const bool whole = v.of == Of::i64 || v.of == Of::i32 || v.of == Of::logical;
  if (scalar_bytes(scalar) == 0 || (!real && !whole && v.count() != 0)) return std::nullopt;
  std::vector<std::byte> out(static_cast<std::size_t>(v.count() * scalar_bytes(scalar)));
  for (std::uint64_t i = 0; i < v.count(); ++i) {
    std::byte* const p = out.data() + i * scalar_bytes(scalar);
    if (real) {
      const double x = v.real(i);
      if (scalar == Scalar::f32 && !is_f32(x)) return std::nullopt;
      if (whole && std::fabs(x) > 9007199254740992.0) return std::nullopt;
      scalar == Scalar::f32 ? store(p, static_cast<float>(x)) : store(p, x);
    } else {
      const std::int64_t x = whole_number(v, i);
      if (scalar == Scalar::i32 && (x > INT32_MAX || x < INT32_MIN)) return std::nullopt;
      scalar == Scalar::i32 ? store(p, static_cast<std::int32_t>(x)) : store(p, x);
    }
  }
  return out;
}

}  // namespace

void RecordedTypes::clear() {
  positions_.reset();
  types_.clear();
}

void RecordedTypes::add_positions(Type type) {
  if (!positions_) positions_ = type;
  if (positions_ != type) positions_ = Type::vec3_f64;
}

void RecordedTypes::add(const SectionView& section, const ValueView& value) {
  RecordedType type{section.kind, section.type, {}};
  if (value.info->form == Form::tensor && value.numbers.count == 0) {
    for (const std::uint64_t d : value.shape()) type.shape.push_back(static_cast<std::uint32_t>(d));
  }
  add(section.kind, section.key, std::move(type));
}

void RecordedTypes::add(Kind kind, std::string_view key, RecordedType type) {
  const auto [at, is_new] = types_.try_emplace(std::pair(kind, std::string(key)), type);
  if (is_new || !at->second) return;
  if (at->second->type != type.type) return at->second.reset();
  if (at->second->shape != type.shape) at->second->shape.clear();
}

std::string RecordedTypes::text() const {
  JsonWriter json;
  json.begin_object();
  if (positions_) json.key("positions").string(type_info(*positions_).name);
  for (const auto& [kind, name] : kKinds) {
    bool first = true;
    for (const auto& [key, type] : types_) {
      if (key.first != kind || !type) continue;
      if (std::exchange(first, false)) json.key(name).begin_object();
      json.key(key.second).string(text_of(*type));
    }
    if (!first) json.end_object();
  }
  return json.end_object().take();
}

void RecordedTypes::read(element e) {
  clear();
  if (const TypeInfo* const info = type_info(json_text(e, "positions"))) positions_ = info->type;
  for (const auto& [kind, name] : kKinds) {
    const auto list = json_member(e, name);
    simdjson::dom::object o;
    if (!list || list->get(o) != simdjson::SUCCESS) continue;
    for (const auto field : o) {
      std::string_view text;
      const auto type = field.value.get(text) == simdjson::SUCCESS ? type_of_text(kind, text) : std::nullopt;
      if (type && (kind != Kind::builtin || builtin_info(field.key) != nullptr)) add(kind, field.key, *type);
    }
  }
}

const RecordedType* RecordedTypes::find(Kind kind, std::string_view key) const {
  const auto at = types_.find(std::pair(kind, key));
  return at == types_.end() || !at->second ? nullptr : &*at->second;
}

const RecordedType* RecordedTypes::property(std::string_view key) const {
  const RecordedType* const of_atoms = find(Kind::atom, key);
  return of_atoms != nullptr ? of_atoms : find(Kind::molecule, key);
}

void RecordedTypes::narrow(Structure& structure) const {
  if (positions_ == Type::vec3_f32 && structure.positions_type == Type::vec3_f64 && narrowed(structure.positions)) structure.positions_type = Type::vec3_f32;
  for (Structure::Section& s : structure.sections()) {
    const BuiltinInfo* const info = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
    const RecordedType* const recorded = info == nullptr ? nullptr : find(Kind::builtin, s.key);
    if (recorded == nullptr || recorded->type == s.type) continue;
    const bool possible = (recorded->type == info->type || recorded->type == info->type_in_3) && type_info(recorded->type).form == type_info(s.type).form &&
                          type_info(recorded->type).scalar == Scalar::f32 && type_info(s.type).scalar == Scalar::f64;
    if (possible && narrowed(s.payload)) s.type = recorded->type;
  }
}

bool is_plain_json(const ValueView& value) {
  const bool wide = value.numbers.scalar == Scalar::f64 || value.numbers.scalar == Scalar::i64;
  switch (value.info->form) {
    case Form::text:
    case Form::bool3:
    case Form::mat3: return true;
    case Form::scalar: return wide && (value.numbers.scalar == Scalar::i64 || std::isfinite(value.numbers.real(0)));
    case Form::array:
    case Form::vec3: return wide && value.numbers.count > 0;
    default: return false;
  }
}

bool put_recorded(const RecordedType& type, std::string_view key, const FrameValue& v, Structure& structure) {
  const TypeInfo& info = type_info(type.type);
  const std::uint64_t n = structure.n_atoms();
  const bool of_atoms = type.kind == Kind::atom;
  if (v.of == Of::text) {
    if (info.form != Form::text || (of_atoms && !v.text.empty())) return false;
    structure.put_string(type.kind, key, v.text);
    return true;
  }
  std::vector<std::uint32_t> shape(v.shape.begin(), v.shape.begin() + v.rank);
  if (v.count() == 0 && !type.shape.empty()) shape = type.shape;
  std::uint64_t count = 1;
  for (const std::uint32_t d : shape) count *= d;
  const std::uint64_t rows = info.form == Form::scalar ? 1 : shape.empty() ? 0 : shape[0];
  if (count != v.count() || (of_atoms && rows != n)) return false;
  const bool fits = info.form == Form::scalar   ? shape.empty()
                    : info.form == Form::array  ? shape.size() == 1
                    : info.form == Form::vec3   ? (shape.size() == 2 && shape[1] == 3) || count == 0
                    : info.form == Form::tensor ? true
                                                : false;
  const auto bytes = fits ? values_as(v, info.scalar) : std::nullopt;
  if (!bytes) return false;
  if (info.form == Form::tensor) {
    structure.put_tensor(type.kind, key, type.type, shape, *bytes);
  } else {
    structure.put_bytes(type.kind, key, type.type, *bytes);
  }
  return true;
}

}  // namespace atp
