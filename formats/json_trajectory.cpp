// pymatgen's Trajectory.
#include <fmt/format.h>

#include "core/base/error.h"
#include "formats/json_frames.h"
#include "formats/json_sites.h"

namespace atp {

using simdjson::dom::element;
using simdjson::dom::object;

void JsonFrameReader::read_trajectory(const JsonFrame& frame, Structure& structure, FrameRemarks& remarks) {
  const element t = frame.atoms;
  bool displacements = false, constant = true;
  if (const auto d = json_member(t, "coords_are_displacement"); d && d->get(displacements) == simdjson::SUCCESS && displacements) {
    fail_input("", "is a Trajectory of displacements, which atp does not read", "write it with coords_are_displacement false");
  }
  if (const auto c = json_member(t, "constant_lattice"); c && c->get(constant) != simdjson::SUCCESS) constant = true;
  const auto step_of = [&](std::string_view key) -> std::optional<element> {
    const auto list = json_list_at(t, key);
    element e;
    if (!list || list->at(frame.step).get(e) != simdjson::SUCCESS || e.is_null()) return std::nullopt;
    return e;
  };
  const auto lattice = json_member(t, "lattice");
  if (lattice) {
    const auto own = constant ? lattice : step_of("lattice");
    if (!own) fail_input("", "has no lattice for this step");
    read_lattice(*own, structure);
  } else {
    structure.set_pbc({false, false, false});
  }
  const auto species = json_list_at(t, "species");
  if (!species) fail_input("", "is a Trajectory without species");
  for (const element e : *species) {
    std::string_view symbol;
    if (e.get(symbol) != simdjson::SUCCESS) symbol = json_text(e, "element");
    structure.atomic_numbers.push_back(element_of_species(symbol));
  }
  const auto coords = step_of("coords");
  const auto v = coords ? values_.numbers(*coords) : std::nullopt;
  const std::size_t n = structure.n_atoms();
  if (!v || v->count() != 3 * n) fail_input("", fmt::format("has coords that do not fit its {} species", n));
  xyz_.resize(3 * n);
  for (std::size_t i = 0; i < 3 * n; ++i) xyz_[i] = v->real(i);
  if (lattice) {
    for (std::size_t i = 0; i < n; ++i) from_fractional(structure, xyz_.data() + 3 * i);
  }
  structure.set_positions(std::span<const double>(xyz_));

  bool ase = false;  // momenta are what ASE calls them, and pymatgen takes all numbers from it as they are
  const auto add = [&](std::string_view key, element e) {
    ase |= key == "momenta";
    const auto value = values_.value(e, key);
    if (!value) return;
    if (key != "stress" || ase || settings_.stress_unit_named) return fields_.add(key, *value);
    fields_.add(names_.emplace_back("stress_as_written"), *value);
    remarks.note("the trajectory does not say which unit and sign its stress has: kept as stress_as_written; --units stress=UNIT takes it, with ASE's sign (--units stress=-kB for VASP's)");
  };
  for (const char* const key : {"site_properties", "frame_properties"}) {
    const auto values = step_of(key);
    object o;
    if (values && values->get(o) == simdjson::SUCCESS) {
      for (const auto field : o) add(field.key, field.value);
      continue;
    }
    // Before 2023: the properties of all sites once, and of frames a list for each.
    const auto all = json_member(t, key);
    if (!all || all->get(o) != simdjson::SUCCESS) continue;
    for (const auto field : o) {
      const auto list = json_list(field.value);
      element e;
      if (key == std::string_view("site_properties")) {
        add(field.key, field.value);
      } else if (list && list->at(frame.step).get(e) == simdjson::SUCCESS) {
        add(field.key, e);
      }
    }
  }
}

}  // namespace atp
