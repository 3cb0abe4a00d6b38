// What repair and salvage make of records whose schema block is damaged.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>

#include "core/atp/reader.h"
#include "core/atp/repair.h"
#include "core/atp/writer.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/molecules.h"

using namespace atp;
using test::check;
using test::File;
using test::records_of;
using test::salvage;

namespace {

void damage_schema(const std::string& path) {
  File bytes = test::read_bytes(path);
  bytes[Reader(path).slot().schema_offset + 9] ^= std::byte{0x40};
  test::write_bytes(path, bytes);
  CHECK_FALSE(check(path).sound());
}

// Molecules of two atoms in one place, with forces; all numbers are 0. Read with the wrong type
// of positions they are records without fields: a count of 0 stands where theirs would be.
std::vector<Structure> zeros(Type positions, Type forces) {
  std::vector<Structure> all;
  for (int i = 0; i < 5; ++i) {
    Structure s = test::molecule({8, 1}, 0);
    s.erase(Kind::builtin, "energy");
    if (positions == Type::vec3_f32) s.set_positions(std::vector<float>(6));
    if (positions == Type::vec3_f64) s.set_positions(std::vector<double>(6));
    s.put_bytes(Kind::builtin, "forces", forces, std::vector<std::byte>(forces == Type::vec3_f64 ? 48 : 24));
    all.push_back(std::move(s));
  }
  return all;
}

// Two generations; the second has a key that the first does not know.
void write_two(const std::string& path, Codec codec) {
  test::write(path, {test::molecule({1, 1}, -2), test::molecule({8, 8}, -5)}, codec);
  Writer writer = Writer::append(path, {});
  RecordEncoder encoder(writer.codec());
  EncodedRecords records;
  Structure s = test::molecule({6, 8, 8}, -12);
  s.put_i64(Kind::molecule, "spin", 1);
  CHECK(encoder.add(s, records) == "");
  writer.add(records);
  writer.finish();
}

}  // namespace

TEST_CASE("a lost schema: the type of positions is that which explains the records to their last byte") {
  const test::TempDir dir;
  const std::string path = dir / "x.atp", saved = dir / "saved.atp";
  for (const Codec codec : test::codecs()) {
    for (const auto& types : {std::pair(Type::vec3_f64, Type::vec3_f64), std::pair(Type::vec3_f32, Type::vec3_f64), std::pair(Type::vec3_f64, Type::vec3_f32)}) {
      CAPTURE(codec_name(codec));
      CAPTURE(type_info(types.first).name);
      test::write(path, zeros(types.first, types.second), codec);
      const auto records = records_of(path);
      const Schema schema = Reader(path).schema();
      damage_schema(path);

      salvage(path, saved);
      CHECK(records_of(saved) == records);
      CHECK(Reader(saved).schema() == schema);

      const RepairReport repaired = repair_file(path, {});
      CHECK(repaired.left.empty());
      CHECK(records_of(path) == records);
      CHECK(Reader(path).schema() == schema);
    }
  }
}

TEST_CASE("a lost schema and no header: positions are found by the looks of records") {
  const test::TempDir dir;
  const std::string path = dir / "x.atp", saved = dir / "saved.atp";
  for (const Codec codec : {Codec{}, Codec{CodecId::zstd, 3}}) {
    CAPTURE(codec_name(codec));
    test::write(path, zeros(Type::vec3_f64, Type::vec3_f64), codec);
    const auto records = records_of(path);
    const Schema schema = Reader(path).schema();
    File bytes = test::read_bytes(path);
    test::zero(bytes, 0, kFirstData);
    bytes.resize(Reader(path).slot().schema_offset);
    test::write_bytes(path, bytes);
    CHECK(salvage(path, saved).by_scan == records.size());
    CHECK(records_of(saved) == records);
    CHECK(Reader(saved).schema() == schema);
  }
}

TEST_CASE("a lost schema: keys that only its generation had are saved") {
  const test::TempDir dir;
  const std::string path = dir / "x.atp", saved = dir / "saved.atp";
  for (const Codec codec : test::codecs()) {
    for (const bool with_checksums : {true, false}) {
      CAPTURE(codec_name(codec));
      CAPTURE(with_checksums);
      write_two(path, codec);
      const auto records = records_of(path);
      const Schema schema = Reader(path).schema();
      const std::uint64_t checksums = Reader(path).slot().extension->checksums_offset;
      damage_schema(path);
      if (!with_checksums) {
        File bytes = test::read_bytes(path);
        bytes[checksums] ^= std::byte{1};
        test::write_bytes(path, bytes);
      }
      salvage(path, saved);
      CHECK(check(saved).sound());
      CHECK(records_of(saved) == records);
      CHECK(Reader(saved).schema() == schema);
    }
  }
}

TEST_CASE("a schema block that most records disagree with is not believed") {
  const test::TempDir dir;
  const std::string path = dir / "x.atp", saved = dir / "saved.atp";
  for (const Codec codec : test::codecs()) {
    for (const bool header : {true, false}) {
      CAPTURE(codec_name(codec));
      CAPTURE(header);
      test::write(path, {test::molecule({1, 1}, -2), test::molecule({8, 8}, -5), test::molecule({6, 8, 8}, -12)}, codec);
      const auto records = records_of(path);
      const Schema schema = Reader(path).schema();
      Slot slot = Reader(path).slot();
      File bytes = test::read_bytes(path);
      const auto energy = bytes.begin() + static_cast<std::ptrdiff_t>(slot.schema_offset) + sizeof(RawSchemaHead);
      energy[offsetof(RawSchemaEntry, slot)] ^= std::byte{4};
      slot.extension.reset();  // as the reference writes it: no hash proves the block
      const auto head = encode_slot(slot);
      std::copy(head.begin(), head.end(), bytes.begin() + kSlotBytes);
      if (!header) test::zero(bytes, 0, kFirstData);
      test::write_bytes(path, bytes);

      salvage(path, saved);
      CHECK(records_of(saved) == records);
      CHECK(Reader(saved).schema() == schema);
    }
  }
}

TEST_CASE("salvage finds records by their looks whose keys have control characters") {
  const test::TempDir dir;
  const std::string path = dir / "x.atp", saved = dir / "saved.atp";
  Structure s = test::molecule({8, 1, 1}, -6);
  s.put_i64(Kind::molecule, "a\nb", 1);
  test::write(path, {s});
  const auto records = records_of(path);
  File bytes = test::read_bytes(path);
  bytes[Reader(path).slot().index_offset + 8] ^= std::byte{1};
  test::write_bytes(path, bytes);
  CHECK(salvage(path, saved).by_scan == 1);
  CHECK(records_of(saved) == records);
}
