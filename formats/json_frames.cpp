#include "formats/json_frames.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/json_columns.h"
#include "formats/json_sites.h"

namespace atp {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using Layout = JsonFrame::Layout;
using Of = FrameValue::Of;

constexpr std::size_t kMostNamed = 8;  // in a note

// ---- what a record holds ------------------------------------------------------------------------

bool add_steps(element e, std::vector<JsonFrame>& out) {
  const auto steps = json_list_at(e, "ionic_steps");
  if (!steps) return false;
  for (const element step : *steps) {
    if (const auto s = json_member(step, "structure")) out.push_back({Layout::vasp_step, *s, step, 0});
  }
  return true;
}

// calcs_reversed begins with the last calculation.
bool add_task(element record, std::vector<JsonFrame>& out) {
  if (add_steps(record, out)) return true;
  const auto calcs = json_list_at(record, "calcs_reversed");
  bool found = false;
  if (calcs) {
    std::vector<element> in_order(calcs->begin(), calcs->end());
    for (auto c = in_order.rbegin(); c != in_order.rend(); ++c) {
      const auto output = json_member(*c, "output");
      found |= add_steps(output ? *output : *c, out);
    }
  }
  if (found) return true;
  const auto output = json_member(record, "output");
  return output && add_steps(*output, out);
}

void add_trajectory(element e, std::vector<JsonFrame>& out) {
  const auto coords = json_list_at(e, "coords");
  if (!coords) fail_input("", "is a Trajectory without coords");
  for (std::size_t i = 0; i < coords->size(); ++i) out.push_back({Layout::trajectory, e, e, i});
}

// A list of structures with lists of energies and the rest beside it: those would be lost.
void refuse_columns(object o) {
  for (const char* const key : {"structure", "structures"}) {
    array structures;
    if (o.at_key(key).get(structures) != simdjson::SUCCESS || structures.size() == 0 || !is_json_sites(*structures.begin())) continue;
    std::string beside;
    for (const auto field : o) {
      const auto list = json_list(field.value);
      if (field.key == key || !list || list->size() != structures.size() || is_json_sites(*list->begin())) continue;
      beside.append(beside.empty() ? "'" : ", '").append(excerpt(field.key)) += '\'';
    }
    if (beside.empty()) continue;
    fail_input("", fmt::format("is lists side by side: '{}' has {} structures, {} as many items, which atp does not read", key, structures.size(), beside),
               "write a list of records, each with one structure and what belongs to it");
  }
}

Layout layout_of(element record) {
  if (json_member(record, "uncorrected_total_energy")) return Layout::mptrj;
  if (json_member(record, "outputs")) return Layout::maml;
  if (json_member(record, "matpes_id")) return Layout::matpes;
  if (json_text(record, "@class").find("Entry") != std::string_view::npos) return Layout::entry;
  return Layout::structure;
}

void add_nested(element e, object o, std::vector<JsonFrame>& out);

void add_frames(element e, std::vector<JsonFrame>& out) {
  array a;
  if (e.get(a) == simdjson::SUCCESS) {
    for (const element inner : a) add_frames(inner, out);
  } else if (e.is_object()) {
    for (JsonFrame& frame : frames_of_json(e)) out.push_back(std::move(frame));
  }
}

// The values beside its structure belong to a frame.
void wrap(JsonFrame& frame, element e, std::string_view carrier) {
  if (frame.layout == Layout::qchem) return;  // a whole calculation lies beside it
  if (frame.layout == Layout::structure && is_json_sites(frame.values)) {
    frame.layout = layout_of(e);
    frame.values = e;
    frame.carrier = carrier;
  } else {
    frame.around.emplace_back(e, carrier);
  }
}

std::string names_beside(object o, const std::vector<std::string_view>& carriers) {
  std::string names;
  std::size_t n = 0;
  for (const auto field : o) {
    if (field.key.starts_with('@') || field.value.is_null() || std::ranges::find(carriers, field.key) != carriers.end()) continue;
    if (++n <= kMostNamed) names.append(names.empty() ? "'" : ", '").append(excerpt(field.key)) += '\'';
  }
  return n > kMostNamed ? fmt::format("{} and {} more", names, n - kMostNamed) : names;
}

// Structures anywhere in a document of a layout of its own; beside a molecule of Q-Chem may be its energy. Where one
// member alone holds a frame, as in {"id": 7, "entry": {...}}, the others belong to it.
void add_nested(element e, object o, std::vector<JsonFrame>& out) {
  refuse_columns(o);
  const bool energy = json_member(e, "final_energy") && (json_member(e, "precise_gradients") || json_member(e, "gradients"));
  std::vector<JsonFrame> found;
  std::vector<std::string_view> carriers;
  for (const auto field : o) {
    const std::size_t before = found.size();
    if (energy && is_json_sites(field.value)) {
      found.push_back({Layout::qchem, field.value, e, 0});
    } else {
      add_frames(field.value, found);
    }
    if (found.size() != before) carriers.push_back(field.key);
    if (found.size() == before + 1) found.back().path.insert(found.back().path.begin(), field.key);
  }
  if (found.size() == 1) {
    found[0].path.clear();
    wrap(found[0], e, carriers[0]);
  } else if (!found.empty() && !energy) {
    const std::string names = names_beside(o, carriers);
    for (JsonFrame& frame : found) {
      if (!names.empty()) frame.left_out = fmt::format("where several structures lie in a record, what lies beside them is left out: {}", names);
    }
  }
  std::ranges::move(found, std::back_inserter(out));
}

}  // namespace

std::vector<JsonFrame> frames_of_json(element record) {
  std::vector<JsonFrame> out;
  if (json_text(record, "@class") == "Trajectory") {
    add_trajectory(record, out);
  } else if (is_json_sites(record)) {
    out.push_back({Layout::structure, record, record, 0});
  } else if (json_member(record, "numbers") && json_member(record, "positions")) {
    out.push_back({Layout::plain, record, record, 0});
  } else if (const auto atoms = json_member(record, "atoms"); atoms && json_member(*atoms, "lattice_mat")) {
    out.push_back({Layout::alignn, *atoms, record, 0});
  } else if (json_member(record, "lattice_mat")) {
    out.push_back({Layout::alignn, record, record, 0});
  } else if (add_task(record, out) || add_table(record, out)) {
  } else {
    auto s = json_member(record, "structure");
    if (!s) s = json_member(record, "molecule");
    if (s && is_json_sites(*s)) {
      out.push_back({layout_of(record), *s, record, 0});
      const auto alone = json_member(record, "structure_atomic");
      if (alone && is_json_sites(*alone)) out.push_back({Layout::isolated_atom, *alone, record, 0});
    } else if (object o; record.get(o) == simdjson::SUCCESS) {
      add_nested(record, o, out);
    }
  }
  return out;
}

// ---- settings -----------------------------------------------------------------------------------

JsonSettings::JsonSettings(std::string file, const ReadOptions& options)
    : name(std::move(file)), rules(options), units(options), stress_unit_named(options.units.contains("stress")) {
  declare_standard_units(units);
  units.declare(Quantity::velocity, "A/fs", "as pymatgen has them from VASP");
}

JsonFrameReader::JsonFrameReader(const JsonSettings& settings) : settings_(settings), fields_(settings.rules, settings.units) {
  vasp_stress_ = {-0.1 * kGigaPascalInEvPerAngstrom3, "kB with VASP's sign to eV/A^3"};
  hartree_ = {kHartreeInEv, "hartree to eV, as Q-Chem prints it"};
  gradient_ = {-kHartreeInEv / kBohrInAngstrom, "minus the gradient, hartree/bohr to eV/A, as Q-Chem prints it"};
}

// ---- energies and the rest ----------------------------------------------------------------------

// A stress that no layout explains and the user has not: it may be in eV/A^3, GPa or kB, with either sign.
bool JsonFrameReader::is_stress_of_no_unit(std::string_view key) const {
  const auto claim = settings_.rules.of_frame_value(key);
  return claim && claim->field == Field::stress && !claim->virial && !claim->asked && !settings_.stress_unit_named;
}

void JsonFrameReader::add_value(const JsonFrame& frame, std::string_view key, element e, std::size_t n, FrameRemarks& remarks) {
  const Layout layout = frame.layout;
  ValueHint hint;
  const auto field = [&](std::string_view name, Field f, const Conversion* conversion = nullptr) {
    if (key != name) return;
    hint.field = f;
    hint.conversion = conversion;
    hint.scope = f == Field::forces ? ValueScope::atom : ValueScope::frame;
  };
  if (key.starts_with('@') || key == "structure_atomic") return;
  switch (layout) {
    case Layout::mptrj:
      field("uncorrected_total_energy", Field::energy);
      field("force", Field::forces);
      field("stress", Field::stress, &vasp_stress_);
      break;
    case Layout::matpes:
      if (key == "energy_atomic") break;
      field("energy", Field::energy);
      field("forces", Field::forces);
      field("stress", Field::stress, &vasp_stress_);
      break;
    case Layout::maml:
      field("energy", Field::energy);
      field("forces", Field::forces);
      field("stress", Field::stress, &vasp_stress_);
      field("virial_stress", Field::stress, &vasp_stress_);
      hint.vasp_order = key == "virial_stress";
      break;
    case Layout::vasp_step:
      field("e_0_energy", Field::energy);
      field("forces", Field::forces);
      field("stress", Field::stress, &vasp_stress_);
      if (key == "electronic_steps") return;
      break;
    case Layout::alignn:
      field("total_energy", Field::energy, &per_atom_);
      field("forces", Field::forces);
      if (key == "stresses" && settings_.stress_unit_named) field("stresses", Field::stress);
      if (key == "stresses" && !settings_.stress_unit_named) {
        hint.scope = ValueScope::frame;
        remarks.note("ALIGNN's file does not say which unit and sign its stresses have: kept as a property; --units stress=UNIT takes them, with ASE's sign (--units stress=-kB for VASP's)");
      }
      break;
    case Layout::entry: field("energy", Field::energy); break;
    case Layout::qchem:
      field("final_energy", Field::energy, &hartree_);
      field("gradients", Field::forces, &gradient_);
      field("precise_gradients", Field::forces, &gradient_);
      if (!hint.field) return;  // a whole calculation lies beside it
      if (key == "gradients") hint.scope = ValueScope::guess;  // of each step
      break;
    case Layout::isolated_atom:
      field("energy_atomic", Field::energy);
      if (!hint.field && key != "matpes_id" && key != "functional") return;
      break;
    default: break;
  }
  auto v = values_.value(e, key);
  if (!v) return;
  if (layout == Layout::mptrj && key == "magmom" && v->rank > 0 && v->shape[0] == n) hint.scope = ValueScope::atom;
  if (hint.field == Field::forces && v->of != Of::text && v->rank == 1) {
    if (v->count() == 0 && n != 0) return;  // an empty list
    const std::uint64_t rows[] = {n, 3};
    if (v->count() == 3 * n) v = FrameValue::array(v->of, rows, v->data);
  }
  if (!hint.field && is_stress_of_no_unit(key)) {
    remarks.note(fmt::format("the file does not say which unit and sign its {0} has: kept as {0}_as_written; --units stress=UNIT takes it, with ASE's sign (--units stress=-kB for VASP's)", excerpt(key)));
    hint.scope = ValueScope::frame;
    return fields_.add(names_.emplace_back(std::string(key) + "_as_written"), *v, hint);
  }
  if (hint.field == Field::stress && settings_.stress_unit_named) hint.conversion = nullptr;
  fields_.add(key, *v, hint);
}

// What a Structure or Molecule says of itself as a whole; the record's values of these names come before.
void JsonFrameReader::add_own_values(const JsonFrame& frame, std::size_t n, FrameRemarks& remarks) {
  const bool alone = frame.layout == Layout::structure && is_json_sites(frame.values);
  const auto of_record = [&](std::string_view key) { return !alone && json_member(frame.values, key).has_value(); };
  ValueHint hint;
  hint.scope = ValueScope::frame;
  const auto charge = json_member(frame.atoms, "charge");
  const auto q = charge && !of_record("charge") ? values_.numbers(*charge) : std::nullopt;
  // Nearly all crystals say that they have none.
  if (q && (alone || !json_member(frame.atoms, "lattice") || (q->count() == 1 && q->real(0) != 0))) fields_.add("charge", *q, hint);
  const auto multiplicity = json_member(frame.atoms, "spin_multiplicity");
  if (multiplicity && !of_record("spin") && !of_record("spin_multiplicity")) {
    if (const auto m = values_.numbers(*multiplicity)) fields_.add("spin", *m, hint), remarks.mapped("spin", "from 'spin_multiplicity'");
  }
  const auto properties = json_member(frame.atoms, "properties");
  object o;
  if (!properties || properties->get(o) != simdjson::SUCCESS) return;
  for (const auto field : o) {
    if (!of_record(field.key)) add_value(frame, field.key, field.value, n, remarks);
  }
}

void JsonFrameReader::read_values(const JsonFrame& frame, const Structure& structure, FrameRemarks& remarks) {
  object o;
  const std::size_t n = structure.n_atoms();
  add_own_values(frame, n, remarks);
  if (frame.layout == Layout::structure && is_json_sites(frame.values)) return;
  for (const auto& [name, cell] : frame.cells) {
    const auto claim = settings_.rules.of_frame_value(name);
    add_value(frame, claim && claim->asked ? name : name_of_table_cell(name), cell, n, remarks);
  }
  if (!frame.cells.empty() || frame.values.get(o) != simdjson::SUCCESS) return;
  per_atom_ = {static_cast<double>(n), "eV/atom times the number of atoms"};
  for (const auto f : o) {
    const std::string_view key = f.key;
    if (key == "structure" || key == "molecule" || key == "atoms" || key == "sites" || key == "lattice" || key == "lattice_mat" || key == frame.carrier) continue;
    object inner;
    if (key == "outputs" && frame.layout == Layout::maml && f.value.get(inner) == simdjson::SUCCESS) {
      for (const auto g : inner) add_value(frame, g.key, g.value, n, remarks);
    } else {
      add_value(frame, key, f.value, n, remarks);
    }
  }
}

// What lies around the object that the frame is in.
void JsonFrameReader::add_values_around(const JsonFrame& frame, std::size_t n, FrameRemarks& remarks) {
  for (std::size_t i = 0; i < frame.around.size(); ++i) {
    const auto& [outer, carrier] = frame.around[i];
    object o;
    if (outer.get(o) != simdjson::SUCCESS) continue;
    for (const auto f : o) {
      if (f.key == carrier) continue;
      auto inner = json_member(frame.values, f.key);
      for (std::size_t k = 0; k < i && !inner; ++k) inner = json_member(frame.around[k].first, f.key);
      if (!inner) {
        add_value(frame, f.key, f.value, n, remarks);
      } else if (!f.value.is_null() && simdjson::minify(*inner) != simdjson::minify(f.value)) {
        remarks.note(fmt::format("'{0}' beside '{1}' is not the '{0}' in it and is left out", excerpt(f.key), excerpt(carrier)));
      }
    }
  }
}

namespace {

// A value of its own that has the name under which the record's key in its dictionary, or the table's index, is kept.
bool has_own_key(const JsonFrame& frame) {
  if (!frame.cells.empty()) return std::ranges::any_of(frame.cells, [](const auto& cell) { return cell.first == "key"; });
  if (std::ranges::any_of(frame.around, [](const auto& outer) { return json_member(outer.first, "key").has_value(); })) return true;
  return !is_json_sites(frame.values) && json_member(frame.values, "key").has_value();
}

// Under which the frame lies: in its document, and in the record.
std::string name_of(const JsonFrame& frame, std::string_view key) {
  std::string name(frame.row.empty() ? key : frame.row);
  for (const std::string_view part : frame.path) name.append(name.empty() ? "" : "/").append(part);
  return name;
}

}  // namespace

void JsonFrameReader::read(const JsonFrame& frame, std::string_view key, Structure& structure, FrameRemarks& remarks) {
  values_.clear();
  columns_.clear();
  names_.clear();
  fields_.begin();
  nulls_.clear();
  if (frame.layout == Layout::trajectory) {
    read_trajectory(frame, structure, remarks);
  } else if (frame.layout == Layout::plain) {
    read_plain(frame.atoms, structure, remarks);
  } else if (frame.layout == Layout::alignn) {
    read_alignn(frame.atoms, structure);
    read_values(frame, structure, remarks);
  } else {
    read_sites(frame, structure, remarks);
    read_values(frame, structure, remarks);
  }
  add_values_around(frame, structure.n_atoms(), remarks);
  ValueHint of_frame;
  of_frame.scope = ValueScope::frame;
  const std::string& under = names_.emplace_back(name_of(frame, key));
  if (!under.empty() && !has_own_key(frame)) fields_.add("key", FrameValue::of_text(under), of_frame);
  fields_.finish(structure, remarks);
  if (!frame.left_out.empty()) remarks.note(frame.left_out);
  for (const std::string& text : values_.left_out()) remarks.note(text);
  for (const auto& [kind, name] : nulls_) structure.put_bytes(kind, name, Type::null, {});
  if (frame.layout == Layout::plain && types_said_) types_.narrow(structure);
}

}  // namespace atp
