#include "core/stats/dataset_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/cell.h"

namespace atp {
namespace {

// Counts what is not finite. The first loop has no branch: anything but zero left means there is some.
void count_odd(const std::vector<double>& numbers, std::uint64_t& nan, std::uint64_t& inf) {
  double odd = 0;
  for (const double v : numbers) odd += v * 0.0;
  if (odd == 0) return;
  for (const double v : numbers) {
    nan += std::isnan(v);
    inf += std::isinf(v);
  }
}

bool is_float(Scalar s) { return s == Scalar::f32 || s == Scalar::f64; }

void check_length(std::string_view key, const std::vector<double>& numbers, std::uint64_t wanted) {
  if (numbers.size() != wanted)
    fail_input(std::string(key), fmt::format("has {} numbers, the record's atoms need {}", numbers.size(), wanted));
}

template <std::size_t N>
std::array<double, N> fixed(std::string_view key, const std::vector<double>& numbers) {
  check_length(key, numbers, N);
  std::array<double, N> result;
  std::ranges::copy(numbers, result.begin());
  return result;
}

}  // namespace

DatasetStats::DatasetStats(StatsOptions options)
    : fields(options.widen_fields), energies(options.energy_guess), options_(std::move(options)) {}

void DatasetStats::add(const Sample& sample, StatsScratch& scratch) {
  ++records;
  atoms += sample.n_atoms();
  empty_records += sample.n_atoms() == 0;
  add_composition(sample, scratch);
  to_doubles(sample.positions, scratch.positions);
  count_odd(scratch.positions, positions_nan, positions_inf);

  Builtins found;
  fields.add(sample);
  for (const auto& [field, section] : fields.found())
    add_field(fields[field], section, sample.n_atoms(), scratch, found);

  if (found.energy && std::isfinite(*found.energy) && sample.n_atoms() > 0) {
    energy_per_atom.add(*found.energy / static_cast<double>(sample.n_atoms()));
    energies.add(scratch.composition, *found.energy);
  }
  if (found.cell) add_volume(*found.cell, sample.n_atoms());
  if (options_.cutoff) add_neighbours(sample, found, scratch);
}

void DatasetStats::add_composition(const Sample& sample, StatsScratch& scratch) {
  scratch.composition.clear();
  for (const std::byte z : sample.atomic_numbers)
    if (scratch.atoms_of[static_cast<std::uint8_t>(z)]++ == 0)
      scratch.composition.push_back({static_cast<std::uint8_t>(z), 0});
  for (auto& [element, count] : scratch.composition) {
    count = std::exchange(scratch.atoms_of[element], 0);
    elements[element].atoms += count;
    ++elements[element].records;
  }
}

void DatasetStats::add_field(Field& field, const SectionView& section, std::uint64_t n, StatsScratch& scratch,
                             Builtins& found) {
  const ValueView value = decode_value(section);
  const bool builtin = section.kind == Kind::builtin;
  if (!is_float(value.numbers.scalar) && !(builtin && section.key == "pbc")) return;
  std::vector<double>& numbers = scratch.numbers;
  to_doubles(value.numbers, numbers);
  count_odd(numbers, field.nan, field.inf);
  if (!builtin) return;

  if (section.key == "energy") {
    found.energy = fixed<1>(section.key, numbers)[0];
  } else if (section.key == "forces") {
    check_length(section.key, numbers, 3 * n);
    add_forces(numbers);
  } else if (section.key == "stress") {
    check_length(section.key, numbers, 9);
    add_stress(numbers);
  } else if (section.key == "cell") {
    found.cell = fixed<9>(section.key, numbers);
  } else if (section.key == "pbc") {
    const auto flags = fixed<3>(section.key, numbers);
    found.pbc = {flags[0] != 0, flags[1] != 0, flags[2] != 0};
  }
}

void DatasetStats::add_forces(const std::vector<double>& xyz) {
  force_components.add(xyz);
  std::array<double, 64> norms;
  std::size_t used = 0;
  for (std::size_t i = 0; i < xyz.size(); i += 3) {
    norms[used++] = std::sqrt(xyz[i] * xyz[i] + xyz[i + 1] * xyz[i + 1] + xyz[i + 2] * xyz[i + 2]);
    if (used < norms.size() && i + 3 < xyz.size()) continue;
    force_norms.add(std::span(norms).first(used));
    used = 0;
  }
}

void DatasetStats::add_stress(const std::vector<double>& rows) {
  stress_components.add(rows);
  const double trace = rows[0] + rows[4] + rows[8];
  if (std::isfinite(trace)) pressure.add(-trace / 3);
}

void DatasetStats::add_volume(const std::array<double, 9>& cell, std::uint64_t n) {
  const double v = cell_volume(cell);
  if (!std::isfinite(v)) return;
  if (v == 0) {
    ++zero_volume_cells;
    return;
  }
  volume.add(v);
  if (n > 0) volume_per_atom.add(v / static_cast<double>(n));
}

void DatasetStats::add_neighbours(const Sample& sample, const Builtins& found, StatsScratch& scratch) {
  const auto cell = found.cell.value_or(std::array<double, 9>{});
  const double spanned = found.cell ? cell_volume(cell) : 0;
  const bool periodic = spanned > 0 && std::isfinite(spanned);
  const auto pbc = found.pbc.value_or(std::array{periodic, periodic, periodic});
  const auto edges = scratch.neighbours.count(scratch.positions, cell, pbc, *options_.cutoff);
  if (!edges) {
    ++neighbours.skipped;
    return;
  }
  neighbours.edges += *edges;
  neighbours.atoms += sample.n_atoms();
  ++neighbours.records;
}

void DatasetStats::merge(const DatasetStats& other) {
  records += other.records;
  atoms += other.atoms;
  empty_records += other.empty_records;
  zero_volume_cells += other.zero_volume_cells;
  positions_nan += other.positions_nan;
  positions_inf += other.positions_inf;
  fields.merge(other.fields);
  for (std::size_t z = 0; z < elements.size(); ++z) {
    elements[z].atoms += other.elements[z].atoms;
    elements[z].records += other.elements[z].records;
  }
  energy_per_atom.merge(other.energy_per_atom);
  force_components.merge(other.force_components);
  force_norms.merge(other.force_norms);
  stress_components.merge(other.stress_components);
  pressure.merge(other.pressure);
  volume.merge(other.volume);
  volume_per_atom.merge(other.volume_per_atom);
  energies.merge(other.energies);
  neighbours.edges += other.neighbours.edges;
  neighbours.atoms += other.neighbours.atoms;
  neighbours.records += other.neighbours.records;
  neighbours.skipped += other.neighbours.skipped;
}

}  // namespace atp
