// The frames in one JSON record: what pymatgen, MPtrj, MatPES, maml, ALIGNN and task documents write.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/field_rules.h"
#include "formats/frame_fields.h"
#include "formats/json_values.h"
#include "formats/recorded_types.h"

namespace atp {

// One frame of a record, borrowed from its document.
struct JsonFrame {
  enum class Layout : std::uint8_t { structure, matpes, mptrj, maml, alignn, entry, vasp_step, qchem, trajectory, isolated_atom, plain };
  Layout layout = Layout::structure;
  simdjson::dom::element atoms;    // the structure, molecule, ALIGNN's atoms or trajectory
  simdjson::dom::element values;   // the object with energy and the rest
  std::size_t step = 0;            // of a trajectory
  // Of a row of a table: its values instead of those of `values`, and its name, which may be empty.
  std::vector<std::pair<std::string_view, simdjson::dom::element>> cells = {};
  std::string_view row = {};
  // Of a frame that lies deeper in its record: the member of `values` that holds it, if that is no "structure"; the objects
  // around `values`, innermost first, whose other members are the frame's, too, each with the name of the one that leads
  // here; the names that lead here, where the record has several frames; what of those was left out, for the user.
  std::string_view carrier = {};
  std::vector<std::pair<simdjson::dom::element, std::string_view>> around = {};
  std::vector<std::string_view> path = {};
  std::string left_out = {};
};

// All frames of a record, in document order; empty when there is no structure in it.
std::vector<JsonFrame> frames_of_json(simdjson::dom::element record);

// What the records of one input share. Immutable.
struct JsonSettings {
  std::string name;
  FieldRules rules;
  InputUnits units;
  bool stress_unit_named = false;  // by --units

  JsonSettings(std::string file, const ReadOptions& options);
};

// Frames to structures. One thread; keeps its memory.
class JsonFrameReader {
 public:
  explicit JsonFrameReader(const JsonSettings& settings);
  // `key` is the record's in its dictionary. Throws Error (exit 3, no place).
  void read(const JsonFrame& frame, std::string_view key, Structure& structure, FrameRemarks& remarks);

 private:
  void read_sites(const JsonFrame& frame, Structure& structure, FrameRemarks& remarks);
  void read_lattice(simdjson::dom::element lattice, Structure& structure);
  void read_site_properties(const JsonFrame& frame, simdjson::dom::array sites, Structure& structure, FrameRemarks& remarks);
  void add_own_values(const JsonFrame& frame, std::size_t n, FrameRemarks& remarks);
  void read_alignn(simdjson::dom::element atoms, Structure& structure);
  void read_trajectory(const JsonFrame& frame, Structure& structure, FrameRemarks& remarks);
  void read_plain(simdjson::dom::element record, Structure& structure, FrameRemarks& remarks);
  void add_plain_properties(simdjson::dom::element list, Kind kind);
  void add_plain_builtin(std::string_view key, simdjson::dom::element e, Structure& structure, FrameRemarks& remarks);
  std::optional<FrameValue> number_or_text(simdjson::dom::element e, std::string_view key, bool number);
  void read_values(const JsonFrame& frame, const Structure& structure, FrameRemarks& remarks);
  void add_values_around(const JsonFrame& frame, std::size_t n, FrameRemarks& remarks);
  bool is_stress_of_no_unit(std::string_view key) const;
  void add_value(const JsonFrame& frame, std::string_view key, simdjson::dom::element e, std::size_t n, FrameRemarks& remarks);

  const JsonSettings& settings_;
  FrameFields fields_;
  JsonValues values_;
  std::vector<double> xyz_;
  std::deque<std::vector<double>> columns_;  // site properties
  std::deque<std::string> names_;
  RecordedTypes types_;                                   // of plain objects
  bool types_said_ = false;                               // the record has them
  std::vector<std::pair<Kind, std::string_view>> nulls_;  // properties
  Conversion vasp_stress_, per_atom_, hartree_, gradient_;
};

}  // namespace atp
