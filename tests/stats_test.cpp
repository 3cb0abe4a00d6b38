#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/base/error.h"
#include "core/stats/atom_counts.h"
#include "core/stats/dataset_stats.h"
#include "core/stats/symmetric_eigen.h"

using namespace atp;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Structure molecule(std::vector<std::uint8_t> numbers) {
  Structure s;
  s.atomic_numbers = std::move(numbers);
  std::vector<double> xyz(3 * s.atomic_numbers.size());
  for (std::size_t i = 0; i < xyz.size(); i += 3) xyz[i] = static_cast<double>(i) / 3;
  s.set_positions(std::span<const double>(xyz));
  return s;
}

DatasetStats stats_of(const std::vector<Structure>& structures, StatsOptions options = {}) {
  DatasetStats stats(std::move(options));
  StatsScratch scratch;
  Sample sample;
  for (const Structure& s : structures) {
    sample.fill(s);
    stats.add(sample, scratch);
  }
  return stats;
}

}  // namespace

TEST_CASE("moments: known numbers, far from zero, merged") {
  Moments one, parts;
  for (double v : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) one.add(v);
  CHECK(one.mean() == 1e9 + 10);
  CHECK(one.std() == doctest::Approx(std::sqrt(22.5)).epsilon(1e-14));
  const double first[] = {1e9 + 4, kNaN, 1e9 + 7}, second[] = {1e9 + 13, kInf, 1e9 + 16};
  Moments other;
  parts.add(first);
  other.add(second);
  parts.merge(other);
  parts.merge(Moments());
  CHECK(parts.count() == 4);
  CHECK(parts.min() == 1e9 + 4);
  CHECK(parts.max() == 1e9 + 16);
  CHECK(parts.mean() == one.mean());
  CHECK(parts.std() == doctest::Approx(one.std()).epsilon(1e-14));
}

TEST_CASE("atom counts: quantiles and bins") {
  AtomCounts counts;
  CHECK_FALSE(counts.summary().has_value());
  CHECK(counts.histogram().empty());
  for (std::uint32_t n : {3u, 5u, 5u, 8u}) counts.add(n);
  CHECK(counts.summary()->median == 5);
  counts.add(4'000'000'000u);
  AtomCounts more;
  more.add(9);
  counts.merge(more);
  CHECK(counts.records() == 6);
  CHECK(counts.atoms() == 4'000'000'030u);
  CHECK(counts.summary()->median == 6.5);
  CHECK(counts.summary()->max == 4'000'000'000u);
}

TEST_CASE("atom counts: the histogram covers any range with few bins") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    AtomCounts counts;
    const std::uint64_t top = std::uint64_t{1} << (random() % 32 + 1);
    for (int i = 0; i < 5; ++i) counts.add(static_cast<std::uint32_t>(random() % top));
    if (round == 0) counts.add(std::numeric_limits<std::uint32_t>::max());
    const auto bins = counts.histogram();
    REQUIRE(!bins.empty());
    CHECK(bins.size() <= 16);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < bins.size(); ++i) {
      CHECK(bins[i].from <= bins[i].to);
      if (i > 0) CHECK(bins[i].from == bins[i - 1].to + 1);
      sum += bins[i].records;
    }
    CHECK(sum == counts.records());
    CHECK(bins.front().records > 0);
    CHECK(bins.back().records > 0);
  }
}

TEST_CASE("symmetric eigen: rebuilds its matrix") {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  const std::size_t n = 20;
  std::vector<long double> a(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) a[i * n + j] = a[j * n + i] = normal(random);
  const auto eigen = symmetric_eigen(a, n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      long double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += eigen.vectors[i * n + k] * eigen.values[k] * eigen.vectors[j * n + k];
      CHECK(std::abs(static_cast<double>(sum - a[i * n + j])) < 1e-13);
    }
}

TEST_CASE("reference energies: exact for additive energies, however large") {
  ReferenceFit sample, fit;
  const ElementCount water[] = {{1, 2}, {8, 1}}, hydrogen[] = {{1, 2}}, gold[] = {{79, 4}};
  for (const auto& [c, e] : {std::pair<std::span<const ElementCount>, double>{water, -2 * 13.5 - 2041.25},
                             {hydrogen, -2 * 13.5},
                             {gold, -4 * 535'000.125}})
    sample.add(c, e);
  const auto exact = sample.solve();
  REQUIRE(exact.has_value());
  CHECK(exact->rank == 3);
  CHECK(exact->elements == std::vector<std::uint8_t>{1, 8, 79});
  CHECK(exact->e0[0] == doctest::Approx(-13.5).epsilon(1e-13));
  CHECK(exact->e0[1] == doctest::Approx(-2041.25).epsilon(1e-13));
  CHECK(exact->e0[2] == doctest::Approx(-535'000.125).epsilon(1e-13));
  CHECK(exact->std < 1e-3);  // without a guess the squares of such energies leave few digits

  fit = ReferenceFit(ReferenceFit::as_guess(exact));
  for (int i = 0; i < 1000; ++i) fit.add(gold, -4 * 535'000.125 + (i % 2 == 0 ? 4e-6 : -4e-6));
  CHECK(fit.solve()->std == doctest::Approx(1e-6).epsilon(1e-3));
}

TEST_CASE("reference energies: one composition only has the solution of least norm") {
  ReferenceFit fit;
  const ElementCount water[] = {{1, 2}, {8, 1}};
  fit.add(water, -10);
  fit.add(water, -20);
  const auto e = fit.solve();
  CHECK(e->rank == 1);
  CHECK(e->e0[0] == doctest::Approx(-6));  // (2, 1) * -15 / 5
  CHECK(e->e0[1] == doctest::Approx(-3));
  CHECK(e->mean == doctest::Approx(0).scale(1));
  CHECK(e->std == doctest::Approx(5.0 / 3));
  CHECK_FALSE(ReferenceFit().solve().has_value());
}

TEST_CASE("stats: hand results") {
  Structure a = molecule({8, 1, 1}), b = molecule({1, 1});
  a.set_energy(-30);
  b.set_energy(-10);
  a.set_forces(std::vector<double>{3, 4, 0, 0, 0, 0, 0, 0, -2});
  a.set_cell({4, 0, 0, 0, 5, 0, 0, 0, 3});
  a.set_stress({3, 0, 0, 0, 3, 0, 0, 0, 3});
  b.put_string(Kind::molecule, "energy", "not the builtin");
  const DatasetStats s = stats_of({a, b}, {2.5, {}, false});
  CHECK(s.records == 2);
  CHECK(s.atoms == 5);
  CHECK(s.elements[1].atoms == 4);
  CHECK(s.elements[1].records == 2);
  CHECK(s.elements[8].records == 1);
  CHECK(s.energy_per_atom.min() == -10);
  CHECK(s.energy_per_atom.mean() == -7.5);
  CHECK(s.energy_per_atom.std() == 2.5);
  CHECK(s.force_components.count() == 9);
  CHECK(s.rms_force() == doctest::Approx(std::sqrt(29.0 / 9)));
  CHECK(s.force_norms.max() == 5);
  CHECK(s.force_norms.mean() == doctest::Approx(7.0 / 3));
  CHECK(s.pressure.mean() == -3);
  CHECK(s.stress_components.mean() == 1);
  CHECK(s.volume.mean() == 60);
  CHECK(s.volume_per_atom.mean() == 20);
  // b: one pair. a is periodic as it has a cell: along x atoms at 0, 1, 2 of 4, each with its two
  // neighbours at distance 1 (or the image at 2): 0 sees 1, 2, -2; 1 sees 0, 2; 2 sees 0, 1, 4.
  CHECK(s.neighbours.edges == 2 + 8);
  CHECK(s.neighbours.atoms == 5);
  const auto fields = s.fields.sorted();
  REQUIRE(fields.size() == 5);
  CHECK(fields[0].key == "cell");
  CHECK(fields[1].records == 2);
  CHECK(fields[4].kind == Kind::molecule);
  CHECK(unique_name(Kind::molecule, "energy") == "molecule:energy");
  CHECK(unique_name(Kind::molecule, "gap") == "gap");
}

TEST_CASE("stats: NaN, infinities, no atoms, flat cells and no records") {
  Structure odd = molecule({1, 1}), empty = molecule({});
  odd.set_energy(kNaN);
  odd.set_forces(std::vector<double>{kInf, 0, 0, 1, kNaN, 0});
  odd.set_cell({1, 0, 0, 1, 0, 0, 0, 0, 1});
  odd.set_pbc({true, true, true});
  odd.put_f64(Kind::molecule, "gap", -kInf);
  empty.set_energy(1);
  empty.set_forces(std::vector<double>{});
  const DatasetStats s = stats_of({odd, empty}, {3.0, {}, false});
  CHECK(s.empty_records == 1);
  CHECK(s.energy_per_atom.count() == 0);
  CHECK_FALSE(s.energies.solve().has_value());
  CHECK(s.force_components.count() == 4);
  CHECK(s.force_components.max() == 1);
  CHECK(s.force_norms.count() == 0);
  CHECK(s.zero_volume_cells == 1);
  CHECK(s.volume.count() == 0);
  CHECK(s.neighbours.skipped == 1);
  CHECK(s.neighbours.edges == 0);
  for (const Field& f : s.fields.fields()) {
    CHECK(f.nan == (f.key == "energy" || f.key == "forces" ? 1 : 0));
    CHECK(f.inf == (f.key == "gap" || f.key == "forces" ? 1 : 0));
  }
  CHECK(stats_of({}).records == 0);
}

TEST_CASE("stats: forces of another number of atoms are refused") {
  Structure s = molecule({1, 1});
  s.set_forces(std::vector<double>{1, 2, 3});
  CHECK_THROWS_AS(stats_of({s}), Error);
}

TEST_CASE("stats: fields that disagree are mixed, not refused") {
  Structure a = molecule({1}), b = molecule({1});
  a.put_f64(Kind::molecule, "x", 1);
  b.put_i64(Kind::molecule, "x", 1);
  a.put_array<double>(Kind::molecule, "y", Type::f64_array, std::vector<double>{1, 2});
  b.put_array<double>(Kind::molecule, "y", Type::f64_array, std::vector<double>{1, 2, 3});
  const auto together = stats_of({a, b}).fields.sorted();
  DatasetStats merged = stats_of({a});
  merged.merge(stats_of({b}));
  for (const auto& fields : {together, merged.fields.sorted()}) {
    REQUIRE(fields.size() == 2);
    CHECK(fields[0].mixed_type);
    CHECK(fields[1].mixed_shape);
    CHECK(fields[1].entry.slot == 0);
  }
}

TEST_CASE("stats: fields of inputs widen as pack widens them") {
  Structure a = molecule({1}), b = molecule({1});
  a.put_i64(Kind::molecule, "x", 1);
  b.put_f64(Kind::molecule, "x", 1);
  a.put_string(Kind::molecule, "y", "1");
  b.put_i64(Kind::molecule, "y", 1);
  const auto fields = stats_of({a, b}, {std::nullopt, {}, true}).fields.sorted();
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].entry.type == Type::f64);
  CHECK_FALSE(fields[0].mixed_type);
  CHECK(fields[1].mixed_type);
}

TEST_CASE("stats: merged parts are the whole") {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  std::vector<Structure> all;
  for (int i = 0; i < 60; ++i) {
    std::vector<std::uint8_t> numbers(1 + random() % 9);
    for (auto& z : numbers) z = static_cast<std::uint8_t>(i < 30 ? 1 + random() % 3 : 2 + random() % 4);
    Structure s = molecule(numbers);
    s.set_energy(normal(random));
    if (i % 3 == 0) s.put_f64(Kind::molecule, "gap", normal(random));
    all.push_back(s);
  }
  const DatasetStats whole = stats_of(all);
  DatasetStats merged;
  for (std::size_t at = 0; at < all.size(); at += 7)
    merged.merge(stats_of({all.begin() + static_cast<std::ptrdiff_t>(at),
                           all.begin() + static_cast<std::ptrdiff_t>(std::min(at + 7, all.size()))}));
  CHECK(merged.records == whole.records);
  CHECK(merged.energy_per_atom.std() == doctest::Approx(whole.energy_per_atom.std()).epsilon(1e-14));
  const auto x = merged.energies.solve(), y = whole.energies.solve();
  CHECK(x->elements == y->elements);
  CHECK(x->rank == 5);
  for (std::size_t i = 0; i < x->e0.size(); ++i) CHECK(x->e0[i] == doctest::Approx(y->e0[i]).epsilon(1e-13));
  CHECK(x->std == doctest::Approx(y->std).epsilon(1e-13));
}
