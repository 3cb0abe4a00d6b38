// Damaged .atp files: an error or the right data, never a crash, a hang or memory without bound.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cstring>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;

namespace {

using File = std::vector<std::byte>;

// All records as they were, or nothing when the reader refused. The bytes are a heap block of
// exactly their size, so that a sanitizer sees any step over its end.
std::optional<std::vector<Structure>> read_all(const File& bytes) {
  try {
    const Reader reader("x.atp", bytes);
    reader.check_index();
    (void)reader.metadata();
    std::vector<Structure> out;
    Scratch scratch;
    for (std::uint64_t i = 0; i < reader.size(); ++i) {
      const RecordView record = reader.verified_record(i, scratch);
      record.check();
      record.copy_to(out.emplace_back());
    }
    return out;
  } catch (const Error&) {
    return std::nullopt;
  }
}

File first_bytes(const File& of, std::size_t n) { return {of.begin(), of.begin() + static_cast<std::ptrdiff_t>(n)}; }

// Most of a slot is zeros that its checksum covers alike: every 31st of these stands for all.
bool worth_flipping(std::size_t at) {
  const std::size_t in_slot = at % kSlotBytes;
  return at >= kFirstData || in_slot < 100 || (in_slot >= 2040 && in_slot < 2140) || in_slot >= 4088 || in_slot % 31 == 0;
}

bool same_records(const std::vector<Structure>& a, const std::vector<Structure>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), test::same);
}

// Two generations of a few small records, with every block of the format.
File sample(const std::string& path, Codec codec) {
  std::mt19937_64 random(42);
  const auto add = [&](Writer& writer, int count) {
    RecordEncoder encoder(codec);
    EncodedRecords records;
    Structure s;
    for (int i = 0; i < count; ++i) {
      test::fill_random(s, random, true);
      CHECK(encoder.add(s, records) == "");
    }
    writer.add(records);
    writer.finish();
  };
  WriterOptions options;
  options.codec = codec;
  options.overwrite = true;
  options.metadata = R"({"generator":"test"})";
  Writer writer = Writer::create(path, options);
  add(writer, 3);
  Writer again = Writer::append(path, {});
  add(again, 2);
  return test::read_bytes(path);
}

}  // namespace

TEST_CASE("every fixture cut at every length") {
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    const File bytes = test::read_bytes(path);
    const auto whole = read_all(bytes);
    REQUIRE(whole);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const auto got = read_all(first_bytes(bytes, n));
      if (!got) continue;
      // What can still be read is the newest generation that fits, or an earlier one.
      CAPTURE(n);
      REQUIRE(got->size() <= whole->size());
      REQUIRE(same_records(*got, {whole->begin(), whole->begin() + static_cast<std::ptrdiff_t>(got->size())}));
    }
  }
}

TEST_CASE("every byte of our files flipped in turn: an error or the right data") {
  test::TempDir dir;
  for (const Codec codec : {Codec{}, Codec{CodecId::zstd, 3}, Codec{CodecId::lz4, 0}}) {
    const File good = sample(dir / "good.atp", codec);
    const auto whole = read_all(good);
    REQUIRE(whole);
    REQUIRE(whole->size() == 5);
    const std::vector<Structure> older(whole->begin(), whole->begin() + 3);
    int refused = 0, fallen_back = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
      if (!worth_flipping(i)) continue;
      for (const std::byte mask : {std::byte{0xff}, std::byte{0x01}, std::byte{0x80}}) {
        File bad = good;
        bad[i] ^= mask;
        const auto got = read_all(bad);
        CAPTURE(i);
        if (!got) {
          ++refused;
        } else if (got->size() == 3) {
          ++fallen_back;  // slot A damaged: generation 1 counts
          REQUIRE(same_records(*got, older));
        } else {
          REQUIRE(same_records(*got, *whole));
        }
      }
    }
    CHECK(refused > 1000);
    CHECK(fallen_back > 100);
  }
}

TEST_CASE("every byte of the reference's files flipped: no crash, bounded memory") {
  for (const auto& path : test::fixtures()) {
    const File good = test::read_bytes(path);
    for (std::size_t i = 0; i < good.size(); ++i) {
      if (!worth_flipping(i)) continue;
      File bad = good;
      bad[i] ^= std::byte{0xff};
      (void)read_all(bad);
    }
  }
}

TEST_CASE("sizes that lie are refused before anything is reserved") {
  test::TempDir dir;
  for (const Codec codec : {Codec{CodecId::zstd, 3}, Codec{CodecId::lz4, 0}, Codec{}}) {
    File bytes = sample(dir / "x.atp", codec);
    const Reader reader(dir / "x.atp");
    store<std::uint32_t>(&bytes[reader.slot().index_offset + 8 + 12], 0xfffffff0u);
    test::write_bytes(dir / "bad.atp", bytes);
    const Reader bad(dir / "bad.atp");
    Scratch scratch;
    CHECK_THROWS_AS(bad.record(0, scratch), Error);
    CHECK(scratch.buffer().size() < 1 << 20);
  }
}

TEST_CASE("other files are named for what they are") {
  test::TempDir dir;
  const auto message = [&](std::string_view content) {
    test::write_text(dir / "x.atp", content);
    try {
      Reader reader(dir / "x.atp");
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
      return std::string(e.what()).substr((dir / "x.atp").size() + 2);
    }
    return std::string();
  };
  CHECK(message("") == "is empty, not an .atp file");
  CHECK(message("version https://git-lfs.github.com/spec/v1\n") == "not an .atp file; it begins as a Git LFS pointer does, and git lfs pull would fetch the file");
  CHECK(message("CDF\x01 and more") == "not an .atp file (magic is 'CDF\\x01')");
  CHECK(message(std::string("ATPK\x09\0\0\0", 8)) == "has file format version 9, this program reads 2");
  CHECK(message(std::string("ATPK\x02\0\0\0", 8)).find("no header slot is valid") == 0);

  auto good = sample(dir / "good.atp", {});
  good[0] = std::byte{'X'};
  CHECK(message({reinterpret_cast<const char*>(good.data()), good.size()}).find("slot B is sound") != std::string::npos);
}

namespace {

// A record of no atoms and as many sections as fit, one in ten of a key that comes again and again.
File record_of_many_sections() {
  File record(4 + 2);
  store<std::uint16_t>(&record[4], 65535);
  for (std::uint32_t i = 0; i < 65535; ++i) {
    const std::string key = i % 10 == 0 ? "again" : std::to_string((i * 7919u) % 65535u);
    record.push_back(std::byte{2});
    record.push_back(static_cast<std::byte>(key.size()));
    for (const char c : key) record.push_back(static_cast<std::byte>(c));
    record.insert(record.end(), {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}});
  }
  return record;
}

// Far above what linear work needs with sanitizers on a busy machine, far below what quadratic work needs.
constexpr std::chrono::seconds kPatience{20};

}  // namespace

TEST_CASE("as many sections as a record can hold are handled in linear time") {
  const auto start = std::chrono::steady_clock::now();
  const File bytes = record_of_many_sections();
  const RecordView record(bytes, Type::vec3_f32);
  record.check();
  CHECK(record.find(Kind::molecule, "again").has_value());
  Structure copy;
  record.copy_to(copy);
  CHECK(copy.sections().size() < 65535);
  File again;
  encode_record(copy, again);
  Schema schema;
  CHECK(schema.add(record) == "");
  CHECK(schema.add(copy) == "");
  CHECK(schema.entries.size() == copy.sections().size());
  CHECK(std::chrono::steady_clock::now() - start < kPatience);
}

TEST_CASE("a schema of a million keys is read in its own size, and one that lies about its count is not") {
  const auto start = std::chrono::steady_clock::now();
  Schema schema;
  for (int i = 0; i < 1000000; ++i) {
    schema.entries.emplace_hint(schema.entries.end(), Schema::Key{Kind::molecule, fmt::format("{:07}", i)},
                                SchemaEntry{Type::f64, false, 8, 8});
  }
  File block = schema.encode();
  CHECK(Schema::decode(block) == schema);
  store<std::uint32_t>(&block[5], 0xffffffffu);
  CHECK_THROWS_AS(Schema::decode(block), Error);
  CHECK(std::chrono::steady_clock::now() - start < kPatience);
}

TEST_CASE("every index of a file may point at one record") {
  test::TempDir dir;
  File bytes = sample(dir / "x.atp", {CodecId::zstd, 3});
  const Reader reader(dir / "x.atp");
  const std::uint64_t index = reader.slot().index_offset + 8;
  for (std::uint64_t i = 1; i < reader.size(); ++i) std::memcpy(&bytes[index + 20 * i], &bytes[index], 20);
  test::write_bytes(dir / "same.atp", bytes);
  const Reader same(dir / "same.atp");
  CHECK_THROWS_AS(same.check_index(), Error);
  Scratch scratch;
  for (std::uint64_t i = 0; i < same.size(); ++i) CHECK(same.record(i, scratch).n_atoms() == reader.entry(0).atoms);
}
