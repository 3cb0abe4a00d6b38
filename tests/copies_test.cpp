// Copies of a record come into different batches.
#include "core/plan/copies.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "core/plan/strategies.h"

using namespace atp;

namespace {

// The second copies in batches, over all batches.
std::size_t meetings(const Batches& b, std::span<const std::uint32_t> records) {
  std::size_t again = 0;
  for (std::size_t k = 0; k < b.size(); ++k) {
    std::vector<std::uint32_t> met;
    for (const std::uint32_t g : b.batch(k)) met.push_back(records[g]);
    std::sort(met.begin(), met.end());
    for (std::size_t i = 1; i < met.size(); ++i) again += met[i] == met[i - 1];
  }
  return again;
}

// Each record `times` times, with random sizes up to `most`.
struct Copies {
  std::vector<std::uint32_t> atoms, edges, records;
  PlanInput input;

  Copies(std::uint32_t n, std::uint32_t times, std::uint32_t most) {
    std::mt19937 random(1);
    for (std::uint32_t r = 0; r < n; ++r) {
      const auto a = static_cast<std::uint32_t>(1 + random() % most), e = static_cast<std::uint32_t>(a * 10 + random() % 50);
      for (std::uint32_t k = 0; k < times; ++k) atoms.push_back(a), edges.push_back(e), records.push_back(r);
    }
    input.atoms = atoms, input.edges = edges;
    input.limits = {300, 4500, 40};
    input.gpus = 4;
  }
};

}  // namespace

TEST_CASE("no batch has a record twice where that can be avoided, whatever the strategy") {
  for (const std::uint32_t most : {8u, 100u}) {
    const Copies c(400, 5, most);
    for (const Strategy& s : strategies()) {
      CAPTURE(s.name);
      Batches b = s.run(c.input, 3);
      const auto before = meetings(b, c.records);
      if (s.name == "bfd" || s.name == "deal") CHECK(before > 0);
      separate_copies(c.input, c.records, b);
      // Best and first fit put all graphs of a size side by side, so that a few copies find no place.
      const bool by_size = s.name == "bfd" || s.name == "ffd";
      CHECK(meetings(b, c.records) <= (by_size ? before / 8 : 0));
      const auto loads = loads_of(c.input, b);
      if (!b.loads.empty()) {
        for (std::size_t k = 0; k < loads.size(); ++k) CHECK((b.loads[k].atoms == loads[k].atoms && b.loads[k].edges == loads[k].edges && b.loads[k].graphs == loads[k].graphs));
      }
      std::vector<int> times(c.atoms.size());
      for (const std::uint32_t g : b.indices) ++times[g];
      CHECK(std::count(times.begin(), times.end(), 1) == static_cast<std::ptrdiff_t>(times.size()));
      for (const Load& load : loads) CHECK(load.within(c.input.limits));
    }
  }
}

TEST_CASE("copies that outnumber the batches stay, and that takes no time") {
  const Copies c(3, 2000, 10);
  Batches b = strategies()[0].run(c.input, 0);
  separate_copies(c.input, c.records, b);
  CHECK(meetings(b, c.records) > 0);
  CHECK(b.indices.size() == 6000);
}
