#include "formats/json_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/json_parts.h"

namespace atp {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using Layout = JsonFrame::Layout;
using Of = FrameValue::Of;

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
    if (o.at_key(key).get(structures) != simdjson::SUCCESS || structures.size() == 0 || !is_sites(*structures.begin())) continue;
    std::string beside;
    for (const auto field : o) {
      const auto list = json_list(field.value);
      if (field.key == key || !list || list->size() != structures.size() || is_sites(*list->begin())) continue;
      beside.append(beside.empty() ? "'" : ", '").append(excerpt(field.key)) += '\'';
    }
    if (beside.empty()) continue;
    fail_input("", fmt::format("is lists side by side: '{}' has {} structures, {} as many items, which atp does not read", key, structures.size(), beside),
               "write a list of records, each with one structure and what belongs to it");
  }
}

// Structures anywhere in a document of a layout of its own; beside a molecule of Q-Chem may be its energy.
void walk(element e, std::vector<JsonFrame>& out) {
  array a;
  object o;
  if (e.get(a) == simdjson::SUCCESS) {
    for (const element inner : a) walk(inner, out);
    return;
  }
  if (e.get(o) != simdjson::SUCCESS) return;
  if (json_text(e, "@class") == "Trajectory") return add_trajectory(e, out);
  if (is_sites(e)) return out.push_back({Layout::structure, e, e, 0});
  refuse_columns(o);
  const bool energy = json_member(e, "final_energy") && (json_member(e, "precise_gradients") || json_member(e, "gradients"));
  for (const auto field : o) {
    if (energy && is_sites(field.value)) {
      out.push_back({Layout::qchem, field.value, e, 0});
    } else {
      walk(field.value, out);
    }
  }
}

Layout layout_of(element record) {
  if (json_member(record, "uncorrected_total_energy")) return Layout::mptrj;
  if (json_member(record, "outputs")) return Layout::maml;
  if (json_member(record, "matpes_id")) return Layout::matpes;
  if (json_text(record, "@class").find("Entry") != std::string_view::npos) return Layout::entry;
  return Layout::structure;
}

}  // namespace

std::vector<JsonFrame> frames_of_json(element record) {
  std::vector<JsonFrame> out;
  if (json_text(record, "@class") == "Trajectory") {
    add_trajectory(record, out);
  } else if (is_sites(record)) {
    out.push_back({Layout::structure, record, record, 0});
  } else if (json_member(record, "numbers") && json_member(record, "positions")) {
    out.push_back({Layout::plain, record, record, 0});
  } else if (const auto atoms = json_member(record, "atoms"); atoms && json_member(*atoms, "lattice_mat")) {
    out.push_back({Layout::alignn, *atoms, record, 0});
  } else if (json_member(record, "lattice_mat")) {
    out.push_back({Layout::alignn, record, record, 0});
  } else if (add_task(record, out)) {
  } else {
    auto s = json_member(record, "structure");
    if (!s) s = json_member(record, "molecule");
    if (s && is_sites(*s)) {
      out.push_back({layout_of(record), *s, record, 0});
      const auto alone = json_member(record, "structure_atomic");
      if (alone && is_sites(*alone)) out.push_back({Layout::isolated_atom, *alone, record, 0});
    } else {
      walk(record, out);
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

// ---- atoms --------------------------------------------------------------------------------------

namespace {

bool read3(element e, double* out) {
  const auto a = json_list(e);
  if (!a) return false;
  std::size_t n = 0;
  for (const element x : *a) {
    if (n == 3 || x.get(out[n]) != simdjson::SUCCESS) return false;
    ++n;
  }
  return n == 3;
}

std::uint8_t species_of(element site, std::size_t i) {
  const auto species = json_list_at(site, "species");
  if (!species) {
    const std::string_view name = json_text(site, "name").empty() ? json_text(site, "label") : json_text(site, "name");
    if (name.empty()) fail_input("", fmt::format("site {} has no species", i));
    return element_of_species(name);
  }
  if (species->size() == 0) fail_input("", fmt::format("site {} has no species", i));
  const element first = species->at(0).value();
  const auto occupation = json_member(first, "occu");
  double share = 1;
  if (occupation && occupation->get(share) != simdjson::SUCCESS) share = 1;
  const std::string_view symbol = json_text(first, "element");
  if (species->size() != 1 || std::fabs(share - 1) > 1e-8) {
    fail_input("", fmt::format("site {} is disordered: {} {} of {} species", i, share, excerpt(symbol), species->size()),
               "a frame needs one element a site; order it first or pass --on-error skip");
  }
  return element_of_species(symbol);
}

}  // namespace

void JsonFrameReader::read_lattice(element lattice, Structure& structure) {
  const auto matrix = json_member(lattice, "matrix");
  std::array<double, 9> rows = {};
  const auto v = values_.numbers(matrix ? *matrix : lattice);
  if (!v || v->count() != 9) fail_input("", "has a lattice that is no 3 x 3 matrix");
  for (std::size_t i = 0; i < 9; ++i) rows[i] = v->real(i);
  structure.set_cell(rows);
  std::array<bool, 3> pbc = {true, true, true};
  if (const auto list = json_list_at(lattice, "pbc")) {
    std::size_t i = 0;
    for (const element e : *list) {
      bool b = true;
      if (e.get(b) == simdjson::SUCCESS && i < 3) pbc[i] = b;
      ++i;
    }
  }
  structure.set_pbc(pbc);
}

void JsonFrameReader::read_sites(const JsonFrame& frame, Structure& structure, FrameRemarks&) {
  const auto lattice = json_member(frame.atoms, "lattice");
  if (lattice) {
    read_lattice(*lattice, structure);
  } else {
    structure.set_pbc({false, false, false});
  }
  const auto sites = json_list_at(frame.atoms, "sites");
  if (!sites) fail_input("", "has a structure without sites");
  xyz_.clear();
  std::size_t i = 0;
  for (const element site : *sites) {
    structure.atomic_numbers.push_back(species_of(site, i));
    std::array<double, 3> r = {};
    const auto cartesian = json_member(site, "xyz");
    if (!cartesian || !read3(*cartesian, r.data())) {
      const auto fractional = json_member(site, "abc");
      if (!lattice || !fractional || !read3(*fractional, r.data())) fail_input("", fmt::format("site {} has neither xyz nor abc", i));
      to_cartesian(structure, r.data());
    }
    xyz_.insert(xyz_.end(), r.begin(), r.end());
    ++i;
  }
  structure.set_positions(std::span<const double>(xyz_));
  read_site_properties(*sites, i);
}

// Of the sites' numbers those that all sites have, as arrays.
void JsonFrameReader::read_site_properties(array sites, std::size_t n) {
  if (n == 0) return;
  const auto first = json_member(sites.at(0).value(), "properties");
  object list;
  if (!first || first->get(list) != simdjson::SUCCESS) return;
  for (const auto field : list) {
    const auto shape = values_.numbers(field.value, field.key);
    if (!shape || shape->rank > 1) continue;
    const std::uint64_t width = shape->count();
    auto& column = columns_.emplace_back();
    column.reserve(n * width);
    for (const element site : sites) {
      const auto properties = json_member(site, "properties");
      const auto e = properties ? json_member(*properties, field.key) : std::nullopt;
      const auto v = e ? values_.numbers(*e) : std::nullopt;
      if (!v || v->count() != width) break;
      for (std::uint64_t k = 0; k < width; ++k) column.push_back(v->real(k));
    }
    if (column.size() != n * width) continue;
    ValueHint hint;
    hint.scope = ValueScope::atom;
    const std::uint64_t dims[2] = {n, width};
    fields_.add(field.key, FrameValue::array(Of::f64, std::span(dims, shape->rank == 0 ? 1 : 2), std::as_bytes(std::span<const double>(column))), hint);
  }
}

void JsonFrameReader::read_alignn(element atoms, Structure& structure) {
  const auto lattice = json_member(atoms, "lattice_mat");
  read_lattice(*lattice, structure);
  const auto elements = json_list_at(atoms, "elements"), coords = json_list_at(atoms, "coords");
  if (!elements || !coords || elements->size() != coords->size()) fail_input("", "has elements and coords that do not fit");
  bool cartesian = false;
  if (const auto c = json_member(atoms, "cartesian"); c && c->get(cartesian) != simdjson::SUCCESS) cartesian = false;
  for (const element e : *elements) {
    std::string_view symbol;
    if (e.get(symbol) != simdjson::SUCCESS) fail_input("", "has an element that is no text");
    structure.atomic_numbers.push_back(element_of_species(symbol));
  }
  xyz_.clear();
  for (const element e : *coords) {
    std::array<double, 3> r = {};
    if (!read3(e, r.data())) fail_input("", "has coords that are not three numbers");
    if (!cartesian) to_cartesian(structure, r.data());
    xyz_.insert(xyz_.end(), r.begin(), r.end());
  }
  structure.set_positions(std::span<const double>(xyz_));
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
      if (key == "magmom") hint.scope = ValueScope::atom;
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
      break;
    case Layout::isolated_atom:
      field("energy_atomic", Field::energy);
      if (!hint.field && key != "matpes_id" && key != "functional") return;
      break;
    default: break;
  }
  const auto v = values_.value(e, key);
  if (!v) return;
  if (!hint.field && is_stress_of_no_unit(key)) {
    remarks.note(fmt::format("the file does not say which unit and sign its {0} has: kept as {0}_as_written; --units stress=UNIT takes it, with ASE's sign (--units stress=-kB for VASP's)", excerpt(key)));
    hint.scope = ValueScope::frame;
    return fields_.add(names_.emplace_back(std::string(key) + "_as_written"), *v, hint);
  }
  if (hint.field == Field::stress && settings_.stress_unit_named) hint.conversion = nullptr;
  if (hint.scope == ValueScope::atom && (v->of == Of::text || v->rank == 0 || v->shape[0] != n)) hint.scope = ValueScope::guess;
  fields_.add(key, *v, hint);
}

void JsonFrameReader::read_values(const JsonFrame& frame, const Structure& structure, FrameRemarks& remarks) {
  object o;
  if (frame.layout == Layout::structure && is_sites(frame.values)) {  // alone: only its charge
    const auto charge = json_member(frame.values, "charge");
    const auto v = charge ? values_.numbers(*charge) : std::nullopt;
    ValueHint hint;
    hint.scope = ValueScope::frame;
    if (v) fields_.add("charge", *v, hint);
    return;
  }
  if (frame.values.get(o) != simdjson::SUCCESS) return;
  const std::size_t n = structure.n_atoms();
  per_atom_ = {static_cast<double>(n), "eV/atom times the number of atoms"};
  for (const auto f : o) {
    const std::string_view key = f.key;
    if (key == "structure" || key == "molecule" || key == "atoms" || key == "sites" || key == "lattice" || key == "lattice_mat") continue;
    object inner;
    if (key == "outputs" && frame.layout == Layout::maml && f.value.get(inner) == simdjson::SUCCESS) {
      for (const auto g : inner) add_value(frame, g.key, g.value, n, remarks);
    } else {
      add_value(frame, key, f.value, n, remarks);
    }
  }
}

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
  ValueHint of_frame;
  of_frame.scope = ValueScope::frame;
  if (!key.empty()) fields_.add("key", FrameValue::of_text(key), of_frame);
  fields_.finish(structure, remarks);
  for (const std::string& text : values_.left_out()) remarks.note(text);
  for (const auto& [kind, name] : nulls_) structure.put_bytes(kind, name, Type::null, {});
  if (frame.layout == Layout::plain && types_said_) types_.narrow(structure);
}

}  // namespace atp
