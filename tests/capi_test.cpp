#include "core/capi/atp.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "core/atp/dataset.h"
#include "tests/support/files.h"

namespace {

const std::string kFixtures = std::string(ATP_SOURCE_DIR) + "/tests/data/fixtures/";
const std::string kBuiltins = kFixtures + "none_v2_builtins.atp";

// A handle that closes itself.
class Opened {
 public:
  explicit Opened(const std::string& path) { REQUIRE_MESSAGE(atp_open(path.c_str(), &handle_) == ATP_OK, atp_last_error()); }
  ~Opened() { atp_close(handle_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  operator const atp_dataset*() const { return handle_; }
  std::uint64_t size() const {
    std::uint64_t n = 0;
    REQUIRE(atp_count(handle_, &n) == ATP_OK);
    return n;
  }
  std::vector<std::uint32_t> atoms() const {
    std::vector<std::uint32_t> atoms(size());
    REQUIRE(atp_atom_counts(handle_, 0, atoms.size(), atoms.data()) == ATP_OK);
    return atoms;
  }

 private:
  atp_dataset* handle_ = nullptr;
};

// Arrays with room for so many graphs and atoms, and guard values behind each.
template <class Real>
struct Arrays {
  std::vector<std::int64_t> offsets;
  std::vector<std::uint8_t> numbers, pbc;
  std::vector<Real> positions, forces;
  std::vector<double> energy, cell, stress;
  atp_batch batch = {};

  Arrays(std::size_t graphs, std::size_t atoms)
      : offsets(graphs + 2, 77), numbers(atoms + 1, 77), pbc(3 * graphs + 1, 77), positions(3 * atoms + 1, 77), forces(3 * atoms + 1, 77),
        energy(graphs + 1, 77), cell(9 * graphs + 1, 77), stress(9 * graphs + 1, 77) {
    batch.struct_bytes = sizeof(batch);
    batch.graph_room = graphs;
    batch.atom_room = atoms;
    batch.real = sizeof(Real);
    batch.offsets = offsets.data();
    batch.atomic_numbers = numbers.data();
    batch.positions = positions.data();
    batch.forces = forces.data();
    batch.energy = energy.data();
    batch.cell = cell.data();
    batch.stress = stress.data();
    batch.pbc = pbc.data();
  }

  bool guards_stand() const {
    return offsets.back() == 77 && numbers.back() == 77 && pbc.back() == 77 && positions.back() == 77 && forces.back() == 77 && energy.back() == 77 && cell.back() == 77 &&
           stress.back() == 77;
  }
};

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// Every number of a batch against the records as the C++ reader has them.
template <class Real>
void check_against_records(const std::string& path, const std::vector<std::uint64_t>& indices, const Arrays<Real>& a) {
  const atp::Dataset data({path});
  atp::Scratch scratch;
  std::size_t at = 0;
  for (std::size_t g = 0; g < indices.size(); ++g) {
    const atp::RecordView r = data.record(indices[g], scratch);
    CHECK(a.offsets[g] == static_cast<std::int64_t>(at));
    const auto forces = r.forces();
    for (std::size_t i = 0; i < r.n_atoms(); ++i) CHECK(a.numbers[at + i] == static_cast<std::uint8_t>(r.atomic_numbers()[i]));
    for (std::size_t i = 0; i < 3 * std::size_t{r.n_atoms()}; ++i) {
      CHECK(same(static_cast<double>(a.positions[3 * at + i]), static_cast<double>(static_cast<Real>(r.positions().real(i)))));
      CHECK(same(static_cast<double>(a.forces[3 * at + i]), forces ? static_cast<double>(static_cast<Real>(forces->real(i))) : NAN));
    }
    CHECK(same(a.energy[g], r.energy().value_or(NAN)));
    for (std::size_t i = 0; i < 9; ++i) {
      CHECK(same(a.cell[9 * g + i], r.cell() ? (*r.cell())[i] : 0));
      CHECK(same(a.stress[9 * g + i], r.stress() ? (*r.stress())[i] : NAN));
    }
    for (std::size_t i = 0; i < 3; ++i) CHECK((a.pbc[3 * g + i] != 0) == (r.pbc() && (*r.pbc())[i]));
    at += r.n_atoms();
  }
  CHECK(a.offsets[indices.size()] == static_cast<std::int64_t>(at));
}

template <class Real>
void gather_and_check(const std::string& path) {
  const Opened data(path);
  const auto atoms = data.atoms();
  std::vector<std::uint64_t> indices;
  std::size_t total = 0;
  for (std::uint64_t i = 0; i < data.size(); ++i) {
    for (const std::uint64_t k : {data.size() - 1 - i, i}) {
      indices.push_back(k);
      total += atoms[k];
    }
  }
  Arrays<Real> a(indices.size(), total);
  for (const std::uint32_t flags : {0u, static_cast<unsigned>(ATP_VERIFY)}) {
    REQUIRE_MESSAGE(atp_gather(data, indices.data(), indices.size(), flags, &a.batch) == ATP_OK, atp_last_error());
    CHECK(a.batch.atoms == total);
    CHECK(a.batch.graphs == indices.size());
    CHECK(a.guards_stand());
    check_against_records(path, indices, a);
  }
}

std::string says(int code, int expected) {
  CHECK(code == expected);
  return atp_last_error();
}

}  // namespace

TEST_CASE("the C interface gathers what the reader reads, in either width") {
  for (const char* name : {"none_v2_builtins", "lz4_v3_custom_all_types", "zstd3_v3_f64_builtins", "none_v3_f32_positions", "none_v2_multiflush", "empty_flushed"}) {
    CAPTURE(name);
    gather_and_check<float>(kFixtures + name + ".atp");
    gather_and_check<double>(kFixtures + name + ".atp");
  }
}

TEST_CASE("the C interface reads one record; arrays that are not asked for are left out") {
  const Opened data(kBuiltins);
  const auto atoms = data.atoms();
  double energy = 0;
  atp_batch batch = {};
  batch.struct_bytes = sizeof(batch);
  batch.graph_room = 1;
  batch.real = ATP_F32;
  batch.energy = &energy;
  REQUIRE(atp_read(data, 0, 0, &batch) == ATP_OK);  // no room for atoms is needed
  CHECK(batch.graphs == 1);
  CHECK(batch.atoms == atoms[0]);
  atp::Scratch scratch;
  CHECK(same(energy, atp::Dataset({kBuiltins}).record(0, scratch).energy().value_or(NAN)));
}

TEST_CASE("the C interface says which room is needed, and writes nothing") {
  const Opened data(kBuiltins);
  const auto atoms = data.atoms();
  const std::array<std::uint64_t, 2> indices = {0, 1};
  const std::uint64_t total = atoms[0] + atoms[1];
  Arrays<float> few_atoms(2, total - 1);
  CHECK(says(atp_gather(data, indices.data(), 2, 0, &few_atoms.batch), ATP_E_TOO_SMALL).find("room for " + std::to_string(total - 1) + " atoms, " + std::to_string(total)) != std::string::npos);
  CHECK(few_atoms.batch.atoms == total);
  CHECK(few_atoms.energy[0] == 77);
  CHECK(few_atoms.offsets[0] == 77);
  Arrays<float> few_graphs(1, total);
  CHECK(says(atp_gather(data, indices.data(), 2, 0, &few_graphs.batch), ATP_E_TOO_SMALL) == "the arrays have room for 1 graphs, 2 are needed");
  CHECK(few_graphs.batch.graphs == 2);
  CHECK(few_graphs.guards_stand());
}

TEST_CASE("negative indices count from the end through the C interface") {
  const Opened data(kFixtures + "zstd3_v2_sizes.atp");
  const auto atoms = data.atoms();
  Arrays<double> last(1, 100000), also_last(1, 100000);
  CHECK(atp_read(data, static_cast<std::uint64_t>(-1), 0, &last.batch) == ATP_OK);
  CHECK(atp_read(data, data.size() - 1, 0, &also_last.batch) == ATP_OK);
  CHECK(last.batch.atoms == atoms.back());
  CHECK(same(last.energy[0], also_last.energy[0]));
  CHECK(atp_read(data, 0 - data.size(), 0, &last.batch) == ATP_OK);
  CHECK(last.batch.atoms == atoms.front());
}

TEST_CASE("the C interface refuses bad arguments") {
  atp_dataset* none = reinterpret_cast<atp_dataset*>(&none);
  CHECK(says(atp_open(nullptr, &none), ATP_E_ARGUMENT) == "path is NULL");
  CHECK(none == nullptr);
  CHECK(atp_open("x", nullptr) == ATP_E_ARGUMENT);
  CHECK(says(atp_open("/no/such/file.atp", &none), ATP_E_INPUT).find("/no/such/file.atp") != std::string::npos);
  CHECK(none == nullptr);
  CHECK(says(atp_open((std::string(ATP_SOURCE_DIR) + "/README.md").c_str(), &none), ATP_E_INPUT).find("not an .atp file") != std::string::npos);
  std::uint64_t n = 0;
  std::uint32_t count = 0;
  CHECK(atp_count(nullptr, &n) == ATP_E_ARGUMENT);
  atp_close(nullptr);

  const Opened data(kBuiltins);
  CHECK(atp_count(data, &n) == ATP_OK);
  CHECK(std::string(atp_last_error()).empty());
  CHECK(atp_count(data, nullptr) == ATP_E_ARGUMENT);
  CHECK(atp_atom_counts(data, 0, 1, nullptr) == ATP_E_ARGUMENT);
  CHECK(atp_atom_counts(data, n, 0, nullptr) == ATP_OK);
  CHECK(atp_atom_counts(data, n, 1, &count) == ATP_E_ARGUMENT);
  CHECK(atp_atom_counts(data, 1, UINT64_MAX, &count) == ATP_E_ARGUMENT);

  Arrays<float> a(4, 1000);
  const std::array<std::uint64_t, 2> indices = {0, n};
  CHECK(says(atp_gather(data, indices.data(), 2, 0, &a.batch), ATP_E_ARGUMENT) == "record " + std::to_string(n) + " was asked for, there are " + std::to_string(n));
  const std::uint64_t before_first = ~n;  // - n - 1
  CHECK(says(atp_read(data, before_first, 0, &a.batch), ATP_E_ARGUMENT) == "record -" + std::to_string(n + 1) + " was asked for, there are " + std::to_string(n));
  CHECK(atp_gather(data, nullptr, 2, 0, &a.batch) == ATP_E_ARGUMENT);
  CHECK(atp_gather(data, nullptr, 0, 0, &a.batch) == ATP_OK);
  CHECK(a.offsets[0] == 0);
  CHECK(atp_gather(data, indices.data(), 1, 0, nullptr) == ATP_E_ARGUMENT);
  CHECK(atp_gather(nullptr, indices.data(), 1, 0, &a.batch) == ATP_E_ARGUMENT);
  CHECK(says(atp_gather(data, indices.data(), 1, 6, &a.batch), ATP_E_ARGUMENT) == "there is no flag 6");
  a.batch.real = 2;
  CHECK(atp_gather(data, indices.data(), 1, 0, &a.batch) == ATP_E_ARGUMENT);
  a.batch.real = ATP_F32;
  a.batch.reserved = 1;
  CHECK(says(atp_gather(data, indices.data(), 1, 0, &a.batch), ATP_E_ARGUMENT) == "batch->reserved is 1, it must be 0");
  CHECK(atp_read(data, 0, 0, &a.batch) == ATP_E_ARGUMENT);
  a.batch.reserved = 0;
  a.batch.struct_bytes = 8;
  CHECK(says(atp_gather(data, indices.data(), 1, 0, &a.batch), ATP_E_ARGUMENT).find("struct_bytes is 8") != std::string::npos);
}

TEST_CASE("threads read through one handle of the C interface, and have errors of their own") {
  const Opened data(kFixtures + "zstd3_v2_sizes.atp");
  const auto atoms = data.atoms();
  std::vector<std::uint64_t> indices(data.size());
  std::size_t total = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i, total += atoms[i];
  Arrays<double> expected(indices.size(), total);
  REQUIRE(atp_gather(data, indices.data(), indices.size(), 0, &expected.batch) == ATP_OK);
  std::array<int, 4> wrong = {};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        Arrays<double> a(indices.size(), total);
        wrong[t] += atp_gather(data, indices.data(), indices.size(), 0, &a.batch) != ATP_OK || a.positions != expected.positions || a.numbers != expected.numbers;
        if (t == 0) wrong[t] += atp_read(data, 1'000'000, 0, &a.batch) != ATP_E_ARGUMENT || std::string(atp_last_error()).empty();
        if (t != 0) wrong[t] += !std::string(atp_last_error()).empty();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("a damaged record is an error of the C interface, and the handle stays good") {
  const atp::test::TempDir folder;
  const std::string path = folder / "x.atp";
  auto bytes = atp::test::read_bytes(kFixtures + "zstd3_v2_sizes.atp");
  std::uint64_t offset = 0;
  {
    const atp::Dataset sound({kFixtures + "zstd3_v2_sizes.atp"});
    offset = sound.shards()[0].entry(3).offset;
  }
  for (std::size_t i = 0; i < 8; ++i) bytes[offset + i] = std::byte{0xff};
  atp::test::write_bytes(path, bytes);
  const Opened data(path);
  Arrays<float> a(1, 100000);
  CHECK(says(atp_read(data, 3, 0, &a.batch), ATP_E_INPUT).find("x.atp: record 3") != std::string::npos);
  CHECK(atp_read(data, 2, 0, &a.batch) == ATP_OK);
  CHECK(std::string(atp_last_error()).empty());
}

// ---- plans --------------------------------------------------------------------------------------

namespace {

struct MadePlan {
  atp_plan* plan = nullptr;
  atp_plan_arrays arrays = {sizeof(atp_plan_arrays), 0, 0, 0, nullptr, nullptr};
  ~MadePlan() { atp_plan_free(plan); }
};

atp_plan_options options(std::uint64_t max_atoms, std::uint32_t gpus) {
  atp_plan_options o = {};
  o.struct_bytes = sizeof(o);
  o.max_atoms = max_atoms;
  o.gpus = gpus;
  return o;
}

}  // namespace

TEST_CASE("the C interface plans: each graph once, within the limits, the same again") {
  std::vector<std::uint32_t> atoms(500), edges(500);
  for (std::size_t i = 0; i < atoms.size(); ++i) atoms[i] = 1 + static_cast<std::uint32_t>(i * 7919 % 60), edges[i] = 3 * atoms[i];
  for (const char* strategy : {static_cast<const char*>(nullptr), "ffd", "fixed:2", "mace-shuffled"}) {
    atp_plan_options o = options(128, 4);
    o.strategy = strategy;
    o.max_edges = 380;
    MadePlan first, again;
    REQUIRE_MESSAGE(atp_plan_make(atoms.data(), edges.data(), atoms.size(), &o, &first.plan) == ATP_OK, atp_last_error());
    REQUIRE(atp_plan_make(atoms.data(), edges.data(), atoms.size(), &o, &again.plan) == ATP_OK);
    REQUIRE(atp_plan_view(first.plan, &first.arrays) == ATP_OK);
    REQUIRE(atp_plan_view(again.plan, &again.arrays) == ATP_OK);
    const atp_plan_arrays& p = first.arrays;
    CHECK(p.gpus == 4);
    CHECK(p.graphs == atoms.size());
    std::vector<int> seen(atoms.size());
    for (std::uint64_t b = 0; b < p.steps * p.gpus; ++b) {
      std::uint64_t held = 0;
      for (auto k = p.offsets[b]; k < p.offsets[b + 1]; ++k) held += atoms[p.indices[k]], ++seen[p.indices[k]];
      CHECK(held <= 128);
    }
    CHECK(p.offsets[p.steps * p.gpus] == static_cast<std::int64_t>(p.graphs));
    CHECK(seen == std::vector<int>(atoms.size(), 1));
    CHECK(std::equal(p.indices, p.indices + p.graphs, again.arrays.indices));
  }
}

TEST_CASE("the C interface says what is wrong with a plan") {
  const std::vector<std::uint32_t> atoms = {5, 300, 7};
  MadePlan made;
  atp_plan_options o = options(256, 1);
  const auto refused = [&] { return says(atp_plan_make(atoms.data(), nullptr, atoms.size(), &o, &made.plan), ATP_E_ARGUMENT); };
  CHECK(refused() == "graph 1 has 300 atoms, the limit of a batch is 256");
  o = options(0, 1);
  CHECK(refused().find("max_atoms") != std::string::npos);
  o = options(512, 1);
  o.strategy = "dael";
  CHECK(refused() == "unknown strategy 'dael'");
  o = options(512, 1);
  o.max_edges = 10;
  CHECK(refused() == "max_edges is given, and edges is NULL");
  o = options(512, 1);
  o.tail = 3;
  CHECK(refused().find("tail is 3") != std::string::npos);
  o = options(512, 4'000'000'000);
  CHECK(refused().find("too many") != std::string::npos);
  CHECK(made.plan == nullptr);
  o = options(512, 0);
  CHECK(atp_plan_make(nullptr, nullptr, 3, &o, &made.plan) == ATP_E_ARGUMENT);
  CHECK(atp_plan_make(atoms.data(), nullptr, 3, nullptr, &made.plan) == ATP_E_ARGUMENT);
  CHECK(atp_plan_make(atoms.data(), nullptr, 3, &o, nullptr) == ATP_E_ARGUMENT);
  REQUIRE(atp_plan_make(nullptr, nullptr, 0, &o, &made.plan) == ATP_OK);
  REQUIRE(atp_plan_view(made.plan, &made.arrays) == ATP_OK);
  CHECK(made.arrays.steps == 0);
  CHECK(made.arrays.offsets[0] == 0);
  CHECK(atp_plan_view(nullptr, &made.arrays) == ATP_E_ARGUMENT);
  CHECK(atp_plan_view(made.plan, nullptr) == ATP_E_ARGUMENT);
  atp_plan_free(nullptr);
}
