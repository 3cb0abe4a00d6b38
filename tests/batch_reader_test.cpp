// The batch reader and packed batches give what the simple reader gives, whatever the way.
#include "core/atp/batch_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "core/atp/packed_batch.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/io/read_ring.h"
#include "tests/support/allocations.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;
using test::File;

namespace {

std::vector<Io> ways() {
  std::vector<Io> all = {Io::automatic, Io::map, Io::pread};
  if (ReadRing::available()) all.push_back(Io::uring);
  return all;
}

// A folder of three shards with different codecs.
Dataset shards(const test::TempDir& dir) {
  std::filesystem::create_directory(dir / "d");
  int part = 0;
  for (const Codec codec : test::codecs()) test::write_many(dir / fmt::format("d/part_{}.atp", part++), 40, codec);
  return Dataset({dir / "d"});
}

std::vector<std::uint64_t> random_indices(const Dataset& dataset, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> indices(count);
  for (auto& i : indices) i = random() % dataset.size();
  return indices;
}

File bytes_of(const RecordView& record) {
  Structure s;
  record.copy_to(s);
  File out;
  encode_record(s, out);
  return out;
}

std::vector<File> simple(const Dataset& dataset, std::span<const std::uint64_t> indices) {
  std::vector<File> all;
  Scratch scratch;
  for (const auto i : indices) all.push_back(bytes_of(dataset.record(i, scratch)));
  return all;
}

std::vector<File> batched(const Dataset& dataset, std::span<const std::uint64_t> indices, BatchOptions options) {
  std::vector<File> all;
  BatchReader reader(dataset, options);
  reader.for_each(indices, [&](std::size_t place, const RecordView& record) {
    CHECK(place == all.size());
    all.push_back(bytes_of(record));
  });
  return all;
}

}  // namespace

TEST_CASE("for_each gives the records in the order asked for, across shards and codecs") {
  test::TempDir dir;
  const Dataset dataset = shards(dir);
  for (const std::size_t count : {0, 1, 3, 17, 500}) {
    const auto indices = random_indices(dataset, count, count);
    const auto expected = simple(dataset, indices);
    for (const Io io : ways()) {
      for (const bool verify : {false, true}) CHECK(batched(dataset, indices, {io, verify}) == expected);
    }
  }
}

TEST_CASE("negative indices count from the end, for views and for batches") {
  test::TempDir dir;
  const Dataset dataset = shards(dir);
  const auto n = static_cast<std::int64_t>(dataset.size());
  std::vector<std::int64_t> indices = {-1, -n, 0, n - 1, -1, -n};
  for (const std::uint64_t i : random_indices(dataset, 300, 7)) indices.push_back(i % 2 == 0 ? static_cast<std::int64_t>(i) : -1 - static_cast<std::int64_t>(i));
  std::vector<std::uint64_t> from_start;
  for (const std::int64_t i : indices) from_start.push_back(static_cast<std::uint64_t>(i < 0 ? i + n : i));
  const auto expected = simple(dataset, from_start);
  for (const Io io : ways()) {
    CHECK(batched(dataset, BatchReader::as_unsigned(indices), {io, false}) == expected);
    BatchReader reader(dataset, {io, true});
    PackedBatch batch, same;
    batch.gather(reader, indices);
    same.gather(reader, from_start);
    CHECK(batch.graphs() == indices.size());
    CHECK(std::ranges::equal(batch.offsets(), same.offsets()));
    CHECK(std::ranges::equal(std::as_bytes(batch.positions<float>()), std::as_bytes(same.positions<float>())));
    CHECK(std::ranges::equal(batch.atomic_numbers(), same.atomic_numbers()));
  }
}

TEST_CASE("a batch whose memory was moved away is filled again") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 40, {});
  const Dataset dataset({dir / "x.atp"});
  BatchReader reader(dataset);
  const std::vector<std::uint64_t> indices = {5, 3, 39};
  PackedBatch batch;
  batch.gather(reader, indices);
  const PackedBatch moved = std::move(batch);
  batch = PackedBatch();
  batch.gather(reader, indices);
  PackedBatch left;
  left.gather(reader, indices);
  const PackedBatch taken(std::move(left));
  left.gather(reader, indices);  // NOLINT: what is left of it is a batch
  for (const PackedBatch* b : std::initializer_list<const PackedBatch*>{&batch, &left, &taken}) {
    CHECK(std::ranges::equal(b->atomic_numbers(), moved.atomic_numbers()));
    CHECK(std::ranges::equal(b->offsets(), moved.offsets()));
  }
}

TEST_CASE("an error comes when its record's turn comes") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 40, {});
  const auto entry = Reader(dir / "x.atp").entry(30);
  File bytes = test::read_bytes(dir / "x.atp");
  bytes[entry.offset + 10] ^= std::byte{1};
  test::write_bytes(dir / "x.atp", bytes);
  const Dataset dataset({dir / "x.atp"});
  for (const Io io : ways()) {
    BatchReader verified(dataset, {io, true}), trusting(dataset, {io, false});
    std::size_t seen = 0;
    const auto count = [&](std::size_t, const RecordView&) { ++seen; };
    const std::vector<std::uint64_t> damaged = {1, 2, 3, 30, 4}, outside = {1, 2, 40, 3};
    CHECK_THROWS_WITH_AS(verified.for_each(damaged, count), doctest::Contains("x.atp: record 30: is damaged"), Error);
    CHECK(seen == 3);
    CHECK_NOTHROW(trusting.for_each(damaged, count));
    seen = 0;
    CHECK_THROWS_WITH_AS(trusting.for_each(outside, count), doctest::Contains("record 40 was asked for"), Error);
    CHECK(seen == 2);
    seen = 0;
    const std::vector<std::int64_t> negative = {5, -40, -41, 5};
    CHECK_THROWS_WITH_AS(trusting.for_each(negative, count), doctest::Contains("record -41 was asked for, there are 40"), Error);
    CHECK(seen == 2);
    PackedBatch batch;
    CHECK_THROWS_AS(batch.gather(trusting, negative), Error);
    CHECK(batch.graphs() == 0);
  }
}

TEST_CASE("a file that another one replaced is not read as if it were the first") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 40, {});
  const Dataset dataset({dir / "x.atp"});
  test::write_many(dir / "y.atp", 40, {});
  std::filesystem::rename(dir / "y.atp", dir / "x.atp");
  const std::vector<std::uint64_t> indices = {1};
  for (const Io io : ways()) {
    if (io == Io::automatic || io == Io::map) continue;
    BatchReader reader(dataset, {io, false});
    CHECK_THROWS_WITH_AS(reader.for_each(indices, [](std::size_t, const RecordView&) {}), doctest::Contains("was replaced"), Error);
  }
}

namespace {

template <class Real>
bool same(double a, Real b) {
  return std::isnan(a) ? std::isnan(b) : static_cast<Real>(a) == b;
}

template <class Real>
void check_batch(const Dataset& dataset, std::span<const std::uint64_t> indices, const PackedBatch& batch) {
  REQUIRE(batch.graphs() == indices.size());
  Scratch scratch;
  for (std::size_t g = 0; g < indices.size(); ++g) {
    CAPTURE(indices[g]);
    const RecordView record = dataset.record(indices[g], scratch);
    const auto begin = static_cast<std::size_t>(batch.offsets()[g]), n = std::size_t{record.n_atoms()};
    REQUIRE(static_cast<std::size_t>(batch.offsets()[g + 1]) == begin + n);
    if (n != 0) CHECK(std::memcmp(batch.atomic_numbers().data() + begin, record.atomic_numbers().data(), n) == 0);
    bool equal = true;
    const auto forces = record.forces();
    for (std::size_t i = 0; i < 3 * n; ++i) {
      equal &= same(record.positions().real(i), batch.positions<Real>()[3 * begin + i]);
      equal &= same(forces ? forces->real(i) : std::nan(""), batch.forces<Real>()[3 * begin + i]);
    }
    CHECK(equal);
    CHECK(same(record.energy().value_or(std::nan("")), batch.energy()[g]));
    const auto cell = record.cell(), stress = record.stress();
    const auto pbc = record.pbc();
    for (std::size_t i = 0; i < 9; ++i) {
      CHECK(same(cell ? (*cell)[i] : 0, batch.cell()[9 * g + i]));
      CHECK(same(stress ? (*stress)[i] : std::nan(""), batch.stress()[9 * g + i]));
    }
    for (std::size_t i = 0; i < 3; ++i) CHECK((batch.pbc()[3 * g + i] != 0) == (pbc && (*pbc)[i]));
  }
}

}  // namespace

TEST_CASE("a packed batch holds what the records hold") {
  test::TempDir dir;
  const Dataset made = shards(dir);
  for (const auto& path : test::fixtures()) std::filesystem::copy_file(path, dir / ("d/" + std::filesystem::path(path).filename().string()));
  const Dataset dataset({dir / "d"});
  CHECK(dataset.size() > made.size());
  for (const Scalar real : {Scalar::f32, Scalar::f64}) {
    PackedBatch batch(BatchFields{true, true, true, true, true, true, true, real});
    for (const Io io : ways()) {
      BatchReader reader(dataset, {io, true});
      for (const std::size_t count : {300, 0, 1, 64}) {
        const auto indices = random_indices(dataset, count, count + 1);
        batch.gather(reader, indices);
        real == Scalar::f32 ? check_batch<float>(dataset, indices, batch) : check_batch<double>(dataset, indices, batch);
      }
    }
  }
}

TEST_CASE("a steady stream of batches allocates nothing") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    test::write_many(dir / "x.atp", 200, codec);
    const Dataset dataset({dir / "x.atp"});
    BatchReader reader(dataset, {Io::map, true});
    PackedBatch batch(BatchFields{true, true, true, true, true, true, true, Scalar::f32});
    const auto indices = random_indices(dataset, 200, 5);
    batch.gather(reader, indices);
    const std::uint64_t before = test::allocations();
    for (int i = 0; i < 10; ++i) batch.gather(reader, indices);
    CHECK(test::allocations() == before);
  }
}

namespace {

// Two kinds of records in turns: with and without a name, numbers of atoms from 0 to 40, and a property or none.
void write_mixed(const std::string& path, std::size_t count) {
  Writer writer = Writer::create(path, {});
  RecordEncoder encoder(Codec{});
  EncodedRecords out;
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < count; ++i) {
    Structure s;
    const std::size_t n = random() % 41;
    s.atomic_numbers.assign(n, static_cast<std::uint8_t>(1 + i % 80));
    std::vector<double> xyz(3 * n);
    for (auto& x : xyz) x = static_cast<double>(random() % 1000) / 7;
    s.set_positions(std::span<const double>(xyz));
    s.set_energy(static_cast<double>(i));
    if (random() % 2 == 0) s.put_string(Kind::builtin, "name", std::string(random() % 20, 'x'));
    s.set_forces(xyz);
    if (random() % 3 == 0) s.put_string(Kind::molecule, "", "an empty key");
    if (random() % 3 == 0) s.put_f64(Kind::molecule, "a key that has many more bytes than two words", 1.5);
    s.set_pbc({true, false, i % 2 == 0});
    REQUIRE(encoder.add(s, out).empty());
  }
  writer.add(out);
  writer.finish();
}

}  // namespace

TEST_CASE("records of several patterns in one file are read as each is") {
  test::TempDir dir;
  write_mixed(dir / "m.atp", 300);
  const Dataset dataset({dir / "m.atp"});
  for (const std::size_t count : {1, 2, 1000}) {
    const auto indices = random_indices(dataset, count, count);
    const auto expected = simple(dataset, indices);
    for (const Io io : ways()) CHECK(batched(dataset, indices, {io, true}) == expected);
    BatchReader reader(dataset, {});
    PackedBatch batch(BatchFields{true, true, true, true, true, true, true, Scalar::f64});
    batch.gather(reader, indices);
    check_batch<double>(dataset, indices, batch);
  }
}
