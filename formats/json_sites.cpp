// The atoms of JSON records: pymatgen's sites, JARVIS's lists.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/json_frames.h"
#include "formats/json_sites.h"
#include "formats/move_mask.h"

namespace atp {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using Layout = JsonFrame::Layout;
using Of = FrameValue::Of;

std::optional<array> json_list(element e) {
  array a;
  if (e.get(a) == simdjson::SUCCESS) return a;
  const auto data = json_member(e, "data");
  if (!data || json_text(e, "@module") != "numpy" || data->get(a) != simdjson::SUCCESS) return std::nullopt;
  return a;
}

std::optional<array> json_list_at(element e, std::string_view key) {
  const auto found = json_member(e, key);
  return found ? json_list(*found) : std::nullopt;
}

bool is_json_sites(element e) { return json_list_at(e, "sites").has_value(); }

std::uint8_t element_of_species(std::string_view text) {
  std::string_view symbol = text;
  if (symbol.starts_with("X")) {
    const auto xenon = symbol.starts_with("Xe");
    if (!xenon) return 0;  // a dummy
  }
  while (!symbol.empty() && !((symbol.back() >= 'a' && symbol.back() <= 'z') || (symbol.back() >= 'A' && symbol.back() <= 'Z'))) symbol.remove_suffix(1);
  if (symbol == "D" || symbol == "T") return 1;
  const auto z = atomic_number_of(symbol);
  if (!z) fail_input("", fmt::format("'{}' is no element", excerpt(text)));
  return static_cast<std::uint8_t>(*z);
}

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

// `says_more` is set where it has an oxidation state or a spin.
std::uint8_t species_of(element site, std::size_t i, bool& says_more) {
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
  object o;
  says_more |= symbol.ends_with('+') || symbol.ends_with('-') || (first.get(o) == simdjson::SUCCESS && o.size() > 2);
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

void from_fractional(const Structure& structure, double* r) {
  const auto* cell = structure.find(Kind::builtin, "cell");
  if (cell == nullptr) return;
  const double a = r[0], b = r[1], c = r[2];
  for (std::size_t k = 0; k < 3; ++k) {
    const auto m = [&](std::size_t row) { return load<double>(cell->payload.data() + 8 * (3 * row + k)); };
    r[k] = a * m(0) + b * m(1) + c * m(2);
  }
}

void JsonFrameReader::read_sites(const JsonFrame& frame, Structure& structure, FrameRemarks& remarks) {
  if (frame.atoms.is_null()) fail_input("", "has no structure: it is null", "pass --on-error skip to leave it out");
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
  bool says_more = false;
  for (const element site : *sites) {
    structure.atomic_numbers.push_back(species_of(site, i, says_more));
    std::array<double, 3> r = {};
    const auto cartesian = json_member(site, "xyz");
    if (!cartesian || !read3(*cartesian, r.data())) {
      const auto fractional = json_member(site, "abc");
      if (!lattice || !fractional || !read3(*fractional, r.data())) fail_input("", fmt::format("site {} has neither xyz nor abc", i));
      from_fractional(structure, r.data());
    }
    xyz_.insert(xyz_.end(), r.begin(), r.end());
    ++i;
  }
  structure.set_positions(std::span<const double>(xyz_));
  if (says_more) remarks.note("what the species of sites say beyond their elements (oxidation states, spins) is left out");
  read_site_properties(frame, *sites, structure, remarks);
}

namespace {

using PropertyNames = std::vector<std::string_view>;

// In the order in which they come.
PropertyNames names_of_properties(array sites) {
  PropertyNames names;
  for (const element site : sites) {
    const auto properties = json_member(site, "properties");
    object o;
    if (!properties || properties->get(o) != simdjson::SUCCESS) continue;
    for (const auto field : o) {
      if (std::ranges::find(names, field.key) == names.end()) names.push_back(field.key);
    }
  }
  return names;
}

bool is_null(element e, std::string_view key) {
  element found;
  return e.at_key(key).get(found) == simdjson::SUCCESS && found.is_null();
}

// What a POSCAR says of its atoms.
void put_selective_dynamics(Structure& structure, std::span<const double> may_move) {
  std::vector<std::int32_t> mask(may_move.size());
  std::ranges::transform(may_move, mask.begin(), [](double d) { return d != 0; });
  put_lattice_mask(structure, mask);
}

}  // namespace

// Of the sites' numbers those that all sites have, as arrays.
void JsonFrameReader::read_site_properties(const JsonFrame& frame, array sites, Structure& structure, FrameRemarks& remarks) {
  const std::size_t n = structure.n_atoms();
  for (const std::string_view name : names_of_properties(sites)) {
    if (frame.layout == Layout::mptrj && name == "magmom" && is_null(frame.values, name)) {
      remarks.note("frames whose 'magmom' is null have none: that of their sites is not the frame's");
      continue;
    }
    std::size_t with = 0;  // sites that have it
    std::optional<std::uint64_t> width;
    unsigned rank = 0;
    bool numbers = true;
    auto& column = columns_.emplace_back();
    for (const element site : sites) {
      const auto properties = json_member(site, "properties");
      const auto e = properties ? json_member(*properties, name) : std::nullopt;
      if (!e) continue;
      ++with;
      const auto v = numbers ? values_.numbers(*e, name) : std::nullopt;
      numbers = v && v->rank <= 1 && (!width || (*width == v->count() && rank == v->rank));
      if (!numbers) continue;
      width = v->count();
      rank = v->rank;
      for (std::uint64_t k = 0; k < *width; ++k) column.push_back(v->real(k));
    }
    if (with == 0) continue;
    if (with != n) {
      remarks.note(fmt::format("the site property '{}' is not there on every site and is left out", excerpt(name)));
      continue;
    }
    if (!numbers) {
      remarks.note(fmt::format("the site property '{}' is not numbers of one shape and is left out", excerpt(name)));
      continue;
    }
    if (name == "selective_dynamics" && rank == 1 && *width == 3) {
      put_selective_dynamics(structure, column);
      continue;
    }
    ValueHint hint;
    hint.scope = ValueScope::atom;
    const std::uint64_t dims[2] = {n, *width};
    fields_.add(name, FrameValue::array(Of::f64, std::span(dims, rank == 0 ? 1 : 2), std::as_bytes(std::span<const double>(column))), hint);
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
    if (!cartesian) from_fractional(structure, r.data());
    xyz_.insert(xyz_.end(), r.begin(), r.end());
  }
  structure.set_positions(std::span<const double>(xyz_));
}

}  // namespace atp
