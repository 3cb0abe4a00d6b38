// A dataset of many files is opened by their headers; the rest is read when it is needed.
#include "core/atp/dataset.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/atp/batch_reader.h"
#include "core/base/error.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;
using namespace atp::test;

namespace {

// Three shards of four records, of the same schema.
void write_shards(const TempDir& dir) {
  std::filesystem::create_directory(dir / "d");
  for (int i = 0; i < 3; ++i) write_many(dir / fmt::format("d/part_{}.atp", i), 4, {});
}

void damage(const std::string& path, const std::function<void(File&, const Slot&)>& how) {
  const Slot slot = Reader(path).slot();
  File file = read_bytes(path);
  how(file, slot);
  write_bytes(path, file);
}

std::string what_fails(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the schema of a shard is read when it is asked for, and named when it is damaged") {
  const TempDir dir;
  write_shards(dir);
  const std::string bad = dir / "d/part_1.atp";
  damage(bad, [](File& file, const Slot& slot) { file[slot.schema_offset + 5] ^= std::byte{0xff}; });

  CHECK(what_fails([&] { Reader reader(bad); }).find("schema block is damaged") != std::string::npos);
  CHECK(what_fails([&] { Dataset dataset({bad}); }).find("schema block is damaged") != std::string::npos);
  CHECK(what_fails([&] { Dataset all({dir / "d"}); }).find(bad) == 0);
  const Dataset dataset({dir / "d"}, Opening::header);
  CHECK(dataset.size() == 12);
  CHECK(dataset.shards()[0].schema() == dataset.shards()[2].schema());
  for (int twice = 0; twice < 2; ++twice) {
    const std::string problem = what_fails([&] { (void)dataset.shards()[1].schema(); });
    CHECK(problem.find(bad) == 0);
    CHECK(problem.find("schema block is damaged") != std::string::npos);
  }
  Scratch scratch;
  CHECK(what_fails([&] { (void)dataset.record(3, scratch); }).empty());
  const std::string problem = what_fails([&] { (void)dataset.record(5, scratch); });
  CHECK(problem.starts_with(bad + ": the schema block is damaged"));
  std::vector<std::uint32_t> atoms(4);
  CHECK(what_fails([&] { dataset.shards()[1].atom_counts(atoms); }) == problem);
}

TEST_CASE("an index that is not as long as the header says is an error when it is first used") {
  const TempDir dir;
  write_shards(dir);
  const std::string bad = dir / "d/part_1.atp";
  damage(bad, [](File& file, const Slot& slot) { file[slot.index_offset] ^= std::byte{1}; });

  const std::string problem = bad + ": the index counts 5 records, the header 4";
  CHECK(what_fails([&] { Reader reader(bad); }).starts_with(problem));
  const Dataset dataset({dir / "d"}, Opening::header);
  Scratch scratch;
  CHECK(what_fails([&] { (void)dataset.record(3, scratch); }).empty());
  CHECK(what_fails([&] { (void)dataset.record(4, scratch); }).starts_with(problem));
  std::vector<std::uint32_t> atoms(4);
  CHECK(what_fails([&] { dataset.shards()[1].atom_counts(atoms); }).starts_with(problem));
  // The records before it come first.
  BatchReader reader(dataset);
  const std::uint64_t indices[] = {0, 11, 3, 6, 1};
  std::size_t read = 0;
  CHECK(what_fails([&] { reader.for_each(indices, [&](std::size_t, const RecordView&) { ++read; }); }).starts_with(problem));
  CHECK(read == 3);
}

TEST_CASE("many threads may ask for a schema at once") {
  const TempDir dir;
  write_shards(dir);
  const Dataset dataset({dir / "d"}, Opening::header);
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  const Schema expected = Reader(dir / "d/part_0.atp").schema();
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { same += dataset.shards()[1].schema() == expected; });
  for (auto& t : threads) t.join();
  CHECK(same == 8);
}
