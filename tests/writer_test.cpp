#include "core/atp/writer.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <thread>

#include "core/atp/dataset.h"
#include "core/atp/reader.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;

namespace {

std::vector<Structure> structures(std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  std::vector<Structure> out(static_cast<std::size_t>(count));
  for (auto& s : out) test::fill_random(s, random, true);
  return out;
}

void add_all(Writer& writer, std::vector<Structure> all) {
  RecordEncoder encoder(writer.codec());
  EncodedRecords records;
  for (auto& s : all) CHECK(encoder.add(s, records) == "");
  writer.add(records);
}

void write_file(const std::string& path, const std::vector<Structure>& all, Codec codec = {}) {
  WriterOptions options;
  options.codec = codec;
  options.metadata = R"({"generator":"test"})";
  Writer writer = Writer::create(path, options);
  add_all(writer, all);
  writer.finish();
}

void check_holds(const Reader& reader, const std::vector<Structure>& all, std::uint64_t from = 0) {
  Scratch scratch;
  Structure s;
  REQUIRE(reader.size() >= from + all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    reader.verified_record(from + i, scratch).copy_to(s);
    CHECK(test::same(s, all[i]));
  }
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("what is written is read, in every codec") {
  const auto all = structures(1, 300);
  for (const Codec codec : {Codec{}, Codec{CodecId::lz4, 0}, Codec{CodecId::zstd, 3}, Codec{CodecId::zstd, -5}}) {
    test::TempDir dir;
    write_file(dir / "x.atp", all, codec);
    const Reader reader(dir / "x.atp");
    CHECK(reader.codec() == codec);
    CHECK(reader.slot().generation == 1);
    CHECK(reader.slot_name() == 'B');
    CHECK(reader.metadata() == R"({"generator":"test"})");
    CHECK(reader.has_checksums());
    reader.check_index();
    check_holds(reader, all);
  }
}

// The checks that FORMAT.md lists for the reference, made here by hand on the raw bytes.
TEST_CASE("our files pass the reference's checks") {
  test::TempDir dir;
  write_file(dir / "x.atp", structures(2, 20));
  const auto bytes = test::read_bytes(dir / "x.atp");
  const auto u32 = [&](std::size_t at) { return load<std::uint32_t>(&bytes[at]); };
  const auto u64 = [&](std::size_t at) { return load<std::uint64_t>(&bytes[at]); };
  for (const std::size_t slot : {std::size_t{0}, std::size_t{4096}}) {
    CHECK(as_text(Bytes(bytes).subspan(slot, 4)) == "ATPK");
    CHECK(u32(slot + 4) == 2);
    CHECK(u32(slot + 4092) == adler32(Bytes(bytes).subspan(slot, 4092)));
    CHECK(u64(slot + 16) == 8192);
  }
  CHECK(u64(8) == 0);
  CHECK(u64(4096 + 8) == 1);
  const auto index = u64(4096 + 24), index_len = u64(4096 + 32), count = u64(4096 + 40);
  CHECK(index + index_len == bytes.size());
  CHECK(index_len == 8 + 20 * count);
  CHECK(u64(index) == count);
  CHECK(count == 20);
  CHECK(u32(4096 + 56) == 2);
  const auto schema = u64(4096 + 60), schema_len = u64(4096 + 68);
  CHECK(schema >= 8192);
  CHECK(schema + schema_len <= index);
  CHECK(u32(schema) == 1);
  std::uint64_t end = 8192;  // records lie back to back
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t entry = index + 8 + 20 * i;
    CHECK(u64(entry) == end);
    CHECK(u32(entry + 8) == u32(entry + 12));
    CHECK(u32(u64(entry)) == u32(entry + 16));
    end += u32(entry + 8);
  }
  CHECK(end == schema);
}

TEST_CASE("appending commits a new generation and keeps the old records") {
  test::TempDir dir;
  const auto first = structures(3, 40), second = structures(4, 30);
  write_file(dir / "x.atp", first, {CodecId::zstd, 1});
  {
    Writer writer = Writer::append(dir / "x.atp", {});
    CHECK(writer.codec() == Codec{CodecId::zstd, 1});
    add_all(writer, second);
    const Reader old(dir / "x.atp");  // a reader meanwhile sees the old generation
    CHECK(old.size() == 40);
    writer.finish();
  }
  const Reader reader(dir / "x.atp");
  CHECK(reader.slot().generation == 2);
  CHECK(reader.slot_name() == 'A');
  check_holds(reader, first);
  check_holds(reader, second, 40);
  CHECK(reader.metadata() == R"({"generator":"test"})");
}

TEST_CASE("an interrupted append leaves the old generation, and the next writer cuts the tail") {
  test::TempDir dir;
  const auto first = structures(5, 10);
  write_file(dir / "x.atp", first);
  const auto before = test::read_bytes(dir / "x.atp");
  {
    Writer writer = Writer::append(dir / "x.atp", {});
    add_all(writer, structures(6, 2000));
  }
  CHECK(test::read_bytes(dir / "x.atp") == before);

  auto torn = before;  // as a killed process leaves it
  torn.resize(torn.size() + 777, std::byte{0x5a});
  test::write_bytes(dir / "x.atp", torn);
  check_holds(Reader(dir / "x.atp"), first);
  Writer writer = Writer::append(dir / "x.atp", {});
  add_all(writer, first);
  writer.finish();
  const Reader reader(dir / "x.atp");
  CHECK(reader.size() == 20);
  check_holds(reader, first, 10);
  CHECK(reader.entry(10).offset == before.size());
}

TEST_CASE("appending to the reference's files") {
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    test::TempDir dir;
    test::write_bytes(dir / "x.atp", test::read_bytes(path));
    const Reader before(path);
    if (!before.other_slot_problem().empty()) {
      CHECK(refusal([&] { Writer::append(dir / "x.atp", {}); }).find("slot A is damaged") != std::string::npos);
      continue;
    }
    Writer writer = Writer::append(dir / "x.atp", {});
    Structure s;
    Scratch scratch;
    if (before.size() != 0) before.record(0, scratch).copy_to(s);
    add_all(writer, {s});
    writer.finish();
    const Reader reader(dir / "x.atp");
    CHECK(reader.size() == before.size() + 1);
    CHECK(reader.checksum(before.size()).has_value());
    if (before.size() != 0) CHECK_FALSE(reader.checksum(0).has_value());
    CHECK(reader.slot().generation == before.slot().generation + 1);
    for (std::uint64_t i = 0; i < reader.size(); ++i) reader.verified_record(i, scratch).check();
  }
}

TEST_CASE("an empty commit advances the generation") {
  test::TempDir dir;
  write_file(dir / "x.atp", {});
  CHECK(Reader(dir / "x.atp").size() == 0);
  CHECK(Reader(dir / "x.atp").slot().index_len == 8);
  Writer::append(dir / "x.atp", {}).finish();
  CHECK(Reader(dir / "x.atp").slot().generation == 2);
}

TEST_CASE("record format 3 is for empty files and files of format 3") {
  test::TempDir dir;
  Structure s;
  s.atomic_numbers = {1};
  s.set_positions(std::vector<double>{0, 0, 0});
  write_file(dir / "three.atp", {s});
  CHECK(Reader(dir / "three.atp").slot().record_format == 3);
  write_file(dir / "empty.atp", {});
  Writer promoted = Writer::append(dir / "empty.atp", {});
  add_all(promoted, {s});
  promoted.finish();
  CHECK(Reader(dir / "empty.atp").slot().record_format == 3);
  Structure energy_f32;
  energy_f32.atomic_numbers = {1};
  energy_f32.set_positions(std::vector<float>{0, 0, 0});
  write_file(dir / "two.atp", {energy_f32});
  const float e = 1;
  energy_f32.put_bytes(Kind::builtin, "energy", Type::f32, std::as_bytes(std::span(&e, 1)));
  Writer refused = Writer::append(dir / "two.atp", {});
  CHECK(refusal([&] { add_all(refused, {energy_f32}); }).find("record format 2") != std::string::npos);
}

TEST_CASE("nothing is left behind and nothing replaced unasked") {
  test::TempDir dir;
  write_file(dir / "x.atp", structures(7, 3));
  const auto before = test::read_bytes(dir / "x.atp");
  {
    Writer abandoned = Writer::create(dir / "y.atp", {});
    add_all(abandoned, structures(8, 3));
  }
  CHECK(refusal([&] { write_file(dir / "x.atp", structures(9, 3)); }).find("exists already") != std::string::npos);
  CHECK(test::read_bytes(dir / "x.atp") == before);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator(dir.path())) ++files;
  CHECK(files == 1);
  CHECK(refusal([&] { Writer::create(dir / "no/such/x.atp", {}); }).find("folder does not exist") != std::string::npos);
}

TEST_CASE("a second writer is refused while the first is at work") {
  test::TempDir dir;
  write_file(dir / "x.atp", structures(10, 3));
  Writer first = Writer::append(dir / "x.atp", {});
  CHECK(refusal([&] { Writer::append(dir / "x.atp", {}); }).find("another process is writing") != std::string::npos);
}

TEST_CASE("two threads read one reader") {
  test::TempDir dir;
  const auto all = structures(11, 500);
  write_file(dir / "x.atp", all, {CodecId::zstd, 1});
  const Reader reader(dir / "x.atp");
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) threads.emplace_back([&] { check_holds(reader, all); });
  for (auto& t : threads) t.join();
}

TEST_CASE("a record of our format is reached without allocation or copy when the codec is none") {
  test::TempDir dir;
  write_file(dir / "x.atp", structures(12, 50));
  const Reader reader(dir / "x.atp");
  Scratch scratch;
  const RecordView record = reader.record(7, scratch);
  CHECK(record.atomic_numbers().data() > reader.stored(7).data());
  CHECK(record.atomic_numbers().data() < reader.stored(7).data() + reader.stored(7).size());
  CHECK(scratch.buffer().empty());
}

TEST_CASE("a dataset is its shards in bytewise path order") {
  test::TempDir dir;
  std::filesystem::create_directories(dir.path() / "d" / "a");
  const auto all = structures(13, 9);
  const auto part = [&](int from, int to) { return std::vector<Structure>(all.begin() + from, all.begin() + to); };
  write_file(dir / "d/a-b.atp", part(0, 2));   // '-' sorts before '/'
  write_file(dir / "d/a/x.atp", part(2, 5));
  write_file(dir / "d/b10.atp", part(5, 5));
  write_file(dir / "d/b9.atp", part(5, 9));
  test::write_text(dir / "d/manifest.json", "{}");
  const Dataset dataset({dir / "d"});
  REQUIRE(dataset.size() == 9);
  CHECK(dataset.shards().size() == 4);
  Scratch scratch;
  Structure s;
  for (std::uint64_t i = 0; i < 9; ++i) {
    dataset.verified_record(i, scratch).copy_to(s);
    CHECK(test::same(s, all[i]));
  }
  CHECK(Dataset({dir / "d/b*.atp"}).size() == 4);
  CHECK_THROWS_AS(Dataset({dir / "d/c*.atp"}), Error);
  CHECK_THROWS_AS(Dataset({dir / "nowhere"}), Error);
}

TEST_CASE("nothing is put in the place of what is no file") {
  test::TempDir dir;
  const std::string fifo = dir / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(write_text_file(fifo, "text", true), doctest::Contains("is not a regular file"), Error);
  CHECK(std::filesystem::is_fifo(fifo));
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);  // no temporary file stays
}
