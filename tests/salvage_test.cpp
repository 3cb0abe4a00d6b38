// What salvage brings back.
#include "core/atp/salvage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "core/atp/reader.h"
#include "core/base/error.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/molecules.h"

using namespace atp;
using test::check;
using test::File;
using test::records_of;
using test::salvage;
using test::zero;

TEST_CASE("salvage without header, without index, without both") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    CAPTURE(codec_name(codec));
    test::write_many(dir / "good.atp", 60, codec);
    const auto before = records_of(dir / "good.atp");
    const File good = test::read_bytes(dir / "good.atp");
    const Slot slot = Reader(dir / "good.atp").slot();
    const auto saved = [&](const File& bad) {
      test::write_bytes(dir / "bad.atp", bad);
      const SalvageReport r = salvage(dir / "bad.atp", dir / "out.atp");
      CHECK(check(dir / "out.atp").sound());
      CHECK(records_of(dir / "out.atp").size() == r.records);
      return r;
    };
    File no_header = good;
    zero(no_header, 0, 8192);
    CHECK(saved(no_header).with_checksum == 60);  // the block was found by what must stand in it
    CHECK(records_of(dir / "out.atp") == before);
    CHECK(Reader(dir / "out.atp").codec().id == codec.id);

    // One record damaged in its values: only the checksum can tell.
    File damaged = no_header;
    damaged[Reader(dir / "good.atp").entry(30).offset + 10] ^= std::byte{1};
    const SalvageReport r = saved(damaged);
    CHECK(r.records == 59);
    CHECK(std::count_if(r.skipped.items.begin(), r.skipped.items.end(), [](const Damage& d) { return d.record == 30; }) == 1);

    if (codec.id == CodecId::lz4) continue;  // nothing tells where its records begin
    File no_index = good;
    zero(no_index, slot.index_offset, slot.index_len);
    CHECK(saved(no_index).by_scan == 60);
    CHECK(records_of(dir / "out.atp") == before);
    File neither = no_index;
    zero(neither, 0, 8192);
    CHECK(saved(neither).by_scan == 60);
    CHECK(records_of(dir / "out.atp") == before);
    if (codec.id == CodecId::none) continue;  // random elements, which are plausible only to a schema
    File records_only = neither;  // as a download that broke off
    zero(records_only, slot.schema_offset, slot.schema_len);
    records_only.resize(slot.schema_offset - 10);
    CHECK(saved(records_only).records >= 59);
  }
}

TEST_CASE("salvage passes over a hole in the middle") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    test::write_many(dir / "good.atp", 60, codec);
    const auto before = records_of(dir / "good.atp");
    const Reader reader(dir / "good.atp");
    File bad = test::read_bytes(dir / "good.atp");
    const auto begin = reader.entry(20).offset + 2, end = reader.entry(24).offset + 2;
    zero(bad, begin, end - begin);
    test::write_bytes(dir / "bad.atp", bad);
    const SalvageReport r = salvage(dir / "bad.atp", dir / "out.atp");
    auto left = before;
    left.erase(left.begin() + 20, left.begin() + 25);
    CHECK(records_of(dir / "out.atp") == left);
    CHECK(r.skipped_bytes == reader.entry(25).offset - reader.entry(20).offset);
  }
}

TEST_CASE("salvage of every fixture, whole and without its header") {
  test::TempDir dir;
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    auto before = records_of(path);
    // Records that only a damaged slot knew, or no slot yet, are saved, too.
    if (path.find("slot_a_corrupt") != std::string::npos) before.resize(7);
    if (path.find("uncommitted_tail") != std::string::npos) before.resize(10);
    File bytes = test::read_bytes(path);
    for (const bool header : {true, false}) {
      if (!header) zero(bytes, 0, 8192);
      test::write_bytes(dir / "x.atp", bytes);
      if (before.empty()) {
        CHECK_THROWS_AS(salvage(dir / "x.atp", dir / "out.atp"), Error);
        continue;
      }
      CHECK(salvage(dir / "x.atp", dir / "out.atp").records == before.size());
      const auto after = records_of(dir / "out.atp");
      for (std::size_t i = 0; i < after.size(); ++i) CHECK((before[i].empty() || after[i] == before[i]));
    }
  }
}

TEST_CASE("salvage says which records nothing proves") {
  test::TempDir dir;
  test::write(dir / "bad.atp", {test::molecule({8, 1, 1}, -6)});
  File record = records_of(dir / "bad.atp")[0];
  const auto doubted = [&] {
    test::rewrite_single_record(dir / "bad.atp", record);
    const SalvageReport r = salvage(dir / "bad.atp", dir / "out.atp");
    CHECK(r.records == 1);
    return std::any_of(r.notes.begin(), r.notes.end(), [](const std::string& n) { return n.find("bytes behind the last field") != std::string::npos; });
  };
  CHECK_FALSE(doubted());
  const std::uint64_t fixed = 4 + 3 * (24 + 1);
  zero(record, fixed, record.size() - fixed);  // no fields, and what they were behind them
  CHECK(doubted());
}

TEST_CASE("salvage finds nothing in other bytes") {
  test::TempDir dir;
  File noise(300000);
  std::uint64_t x = 88172645463325252ull;
  for (auto& b : noise) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    b = static_cast<std::byte>(x);
  }
  for (const File& f : {noise, File(300000), File(300000, std::byte{1}), File(100), File()}) {
    test::write_bytes(dir / "x.atp", f);
    CHECK_THROWS_AS(salvage(dir / "x.atp", dir / "out.atp"), Error);
    CHECK_FALSE(std::filesystem::exists(dir / "out.atp"));
  }
}

TEST_CASE("hostile bytes cost salvage linear time") {
  test::TempDir dir;
  // Every position claims to begin an index, or a record of many atoms.
  File bytes(8192 + (4 << 20));
  for (std::size_t i = 8192; i + 8 <= bytes.size(); i += 4) store<std::uint32_t>(&bytes[i], 1 + static_cast<std::uint32_t>(i % 3) * 20000);
  test::write_bytes(dir / "x.atp", bytes);
  CHECK_THROWS_AS(salvage(dir / "x.atp", dir / "out.atp"), Error);
}
