// A row of an ASE database, whatever it is stored in: SQLite, JSON, LMDB.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/field_rules.h"
#include "formats/frame_fields.h"
#include "formats/json_values.h"
#include "formats/recorded_types.h"

namespace atp {

// What the rows of one database share. Immutable.
struct AseSettings {
  std::string name;  // of the file
  FieldRules rules;
  InputUnits units;
  // SchNetPack: unit of each property, from the database's metadata.
  std::map<std::string, std::string, std::less<>> property_units;
  // Of a database that atp exported: true of the rows whose user is "atp".
  RecordedTypes types;
  std::string note;  // for the user; may be empty

  AseSettings(std::string file, const ReadOptions& options);
  // Looks for SchNetPack's units in the metadata's JSON text. Throws Error (exit 3, no place).
  void read_metadata(std::string_view json);
  void read_types(std::string_view json);
};

// The user of rows that atp exported.
inline constexpr std::string_view kAtpUser = "atp";

// Puts rows into structures: column() for each column that is there, then finish(). One thread; keeps
// its memory. Values are borrowed until finish().
class AseRow {
 public:
  explicit AseRow(const AseSettings& settings);

  void begin();
  // A column of ASE's table "systems" by its name; others are ignored.
  void column(std::string_view name, const FrameValue& value);
  // The same for a whole JSON object, as in JSON databases and LMDB.
  void object(simdjson::dom::element row);
  // key_value_pairs and data as JSON text; `binary` is what arrays in it point into (version 9).
  void key_value_pairs(std::string_view json);
  void data(std::string_view json, Bytes binary);
  // Throws Error (exit 3, no place).
  void finish(std::int64_t id, Structure& structure, FrameRemarks& remarks);

 private:
  void object_data(simdjson::dom::element e);
  void object_pairs(simdjson::dom::element e);
  void add_data(std::string_view key, const FrameValue& value);
  void add_nested(const std::string& prefix, simdjson::dom::element e);
  void put_atoms(Structure& structure, FrameRemarks& remarks);
  void put_velocities(const Structure& structure);
  void put_constraints(const Structure& structure, FrameRemarks& remarks);
  bool fix(simdjson::dom::element constraint, std::size_t n);
  bool says_no_more(simdjson::dom::array list, const std::array<double, 9>* lattice) const;
  bool repeats(const FrameValue& of_momenta) const;
  bool repeats_mask() const;
  void put_stress();
  const RecordedType* recorded(std::string_view key) const { return types_ == nullptr ? nullptr : types_->property(key); }

  const AseSettings& settings_;
  FrameFields fields_;
  JsonParser pairs_parser_, data_parser_, constraints_parser_;
  JsonValues values_, data_values_;
  std::optional<FrameValue> numbers_, positions_, cell_, pbc_, masses_, momenta_;
  const RecordedTypes* types_ = nullptr;  // of rows that atp exported
  RecordedTypes own_types_;               // in the row itself
  std::optional<FrameValue> velocities_of_data_, mask_of_data_, stress_, stress_of_data_;
  std::vector<std::string_view> nulls_;   // keys
  std::string_view constraints_;          // JSON text
  std::string constraints_text_;
  std::vector<std::string_view> taken_;   // keys that those of data must not hide
  std::deque<std::string> names_;         // of keys that are made up
  std::vector<std::byte> velocities_;
  std::vector<std::int32_t> move_mask_;   // [n, 3]
  bool along_lattice_ = false, along_axes_ = false;  // some atom is fixed in part, along these
  std::int64_t id_ = 0;
  bool has_id_ = false;                   // among the row's data
};

}  // namespace atp
