// The types of a record's fields as atp's exports write them beside the values, where JSON or ASE's rows cannot say
// them: that an array belongs to the atoms, that an integer has 32 bits, that a list without values is [0, 3]. Written as
//   {"positions": "vec3_f32", "builtin": {"forces": "vec3_f32"}, "atom": {"tags": "i32_array"},
//    "molecule": {"none": "tensor_f64 [0,3]"}}
// Readers believe them where the values fit, and judge by the values alone where not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atp/section.h"
#include "core/atp/structure.h"
#include "formats/frame_fields.h"
#include "formats/json_values.h"

namespace atp {

// The name of the object in a row or line.
inline constexpr std::string_view kRecordedTypes = "atp_types";

struct RecordedType {
  Kind kind;
  Type type;
  std::vector<std::uint32_t> shape;  // of tensors without values, of which nothing else tells it; else empty
};

// One thread; copies are independent.
class RecordedTypes {
 public:
  void clear();
  bool empty() const { return !positions_ && types_.empty(); }

  // What a record has. Of a field whose type is another than before nothing is recorded.
  void add_positions(Type type);
  void add(const SectionView& section, const ValueView& value);
  void set(Kind kind, std::string_view key, Type type) { add(kind, key, RecordedType{kind, type, {}}); }
  // As JSON text.
  std::string text() const;

  // Takes over what text() wrote; what is no type is ignored. `e` need not be an object.
  void read(simdjson::dom::element e);

  // nullptr when nothing is recorded. Lives as long as this object is not changed.
  const RecordedType* find(Kind kind, std::string_view key) const;
  // A property of the atoms or of the molecule.
  const RecordedType* property(std::string_view key) const;

  // Brings positions and builtins to their recorded width where that changes no value.
  void narrow(Structure& structure) const;

 private:
  void add(Kind kind, std::string_view key, RecordedType type);

  std::optional<Type> positions_;
  struct Before {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return a.first != b.first ? a.first < b.first : std::string_view(a.second) < std::string_view(b.second); }
  };

  std::map<std::pair<Kind, std::string>, std::optional<RecordedType>, Before> types_;  // nothing: they differ
};

// Whether a reader finds this type without being told: of JSON's lists, whose integers have 64 bits.
bool is_plain_json(const ValueView& value);

// Puts the property in its recorded type. False when the value does not fit it: nothing has been put then.
bool put_recorded(const RecordedType& type, std::string_view key, const FrameValue& value, Structure& structure);

}  // namespace atp
