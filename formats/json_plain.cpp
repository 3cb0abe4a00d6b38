// Records as plain objects {"numbers": [...], "positions": [...], "energy": ...}: the JSON lines of `atp export`, whose
// types they say, and what others write in the same way.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "formats/json_frames.h"

namespace atp {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;
using Of = FrameValue::Of;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = HUGE_VAL, kMinusInfinity = -HUGE_VAL;

// The type of a value whose type was not written down, because the value shows it.
Type plain_type(const FrameValue& v) {
  const bool real = v.of == Of::f64 || v.of == Of::f32;
  if (v.of == Of::text) return Type::string;
  if (v.rank == 0) return real ? Type::f64 : Type::i64;
  if (v.rank == 1) return real ? Type::f64_array : Type::i64_array;
  if (v.rank == 2 && v.shape[1] == 3 && real) return Type::vec3_f64;
  return real ? Type::tensor_f64 : Type::tensor_i64;
}

}  // namespace

// A number that is not finite is a text in JSON: "NaN", "inf", "-inf".
std::optional<FrameValue> JsonFrameReader::number_or_text(element e, std::string_view key, bool number) {
  const auto v = values_.value(e, key);
  if (!v || v->of != Of::text || !number) return v;
  return v->text == "NaN" ? FrameValue::number(kNan) : v->text == "inf" ? FrameValue::number(kInfinity) : v->text == "-inf" ? FrameValue::number(kMinusInfinity) : *v;
}

void JsonFrameReader::add_plain_properties(element list, Kind kind) {
  object o;
  if (list.get(o) != simdjson::SUCCESS) fail_input("", fmt::format("has {} that are no object", kind == Kind::atom ? "atom_properties" : "properties"));
  for (const auto field : o) {
    const RecordedType* type = types_.find(kind, field.key);
    if (field.value.is_null()) {
      if (type != nullptr && type->type == Type::null) nulls_.emplace_back(kind, field.key);
      continue;
    }
    const auto v = number_or_text(field.value, field.key, type != nullptr && type_info(type->type).form != Form::text);
    if (!v) continue;
    if (type == nullptr) {
      types_.set(kind, field.key, plain_type(*v));
      type = types_.find(kind, field.key);
    }
    ValueHint hint;
    hint.recorded = type;
    fields_.add(field.key, *v, hint);
  }
}

void JsonFrameReader::add_plain_builtin(std::string_view key, element e, Structure& structure, FrameRemarks& remarks) {
  if (key == "pbc") {
    const auto v = values_.numbers(e);
    if (!v || v->count() != 3) fail_input("", "has a pbc that is not three of true and false");
    return structure.set_pbc({v->real(0) != 0, v->real(1) != 0, v->real(2) != 0});
  }
  const auto v = number_or_text(e, key, key == "energy");
  if (!v) return;
  if (key == "cell") return set_cell(structure, key, *v, settings_.units, remarks);
  ValueHint hint;
  for (const Field f : {Field::energy, Field::forces, Field::stress, Field::charges, Field::velocities, Field::name}) {
    if (field_name(f) != key) continue;
    hint.field = f;
    const bool of_atoms = f == Field::forces || f == Field::charges || f == Field::velocities;
    hint.scope = of_atoms && v->rank > 0 ? ValueScope::atom : ValueScope::frame;
  }
  static const Conversion kVelocity{1, "sqrt(eV/u)"};
  if (hint.field == Field::velocities && types_said_) hint.conversion = &kVelocity;
  fields_.add(key, *v, hint);
}

void JsonFrameReader::read_plain(element record, Structure& structure, FrameRemarks& remarks) {
  const auto types = json_member(record, kRecordedTypes);
  types_.clear();
  types_said_ = types.has_value();
  if (types) types_.read(*types);
  const auto numbers = values_.numbers(*json_member(record, "numbers")), positions = values_.numbers(*json_member(record, "positions"));
  if (!numbers || !positions) fail_input("", "has numbers or positions that are no lists of numbers");
  set_atomic_numbers(structure, "numbers", *numbers);
  set_positions(structure, "positions", *positions, settings_.units, remarks);
  object o;
  if (record.get(o) != simdjson::SUCCESS) return;
  for (const auto field : o) {
    const std::string_view key = field.key;
    if (key == "numbers" || key == "positions" || key == kRecordedTypes) continue;
    if (types && (key == "atom_properties" || key == "properties")) {
      add_plain_properties(field.value, key == "properties" ? Kind::molecule : Kind::atom);
    } else {
      add_plain_builtin(key, field.value, structure, remarks);
    }
  }
  if (!types && structure.find(Kind::builtin, "pbc") == nullptr) {
    const bool periodic = structure.find(Kind::builtin, "cell") != nullptr;
    structure.set_pbc({periodic, periodic, periodic});
  }
}

}  // namespace atp
