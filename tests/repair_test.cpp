// What repair brings back, and that it loses nothing which could be read.
#include "core/atp/repair.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"

using namespace atp;
using test::check;
using test::File;
using test::records_of;
using test::salvage;
using test::zero;

namespace {

constexpr const char* kMetadata = R"({"generator":"repair"})";

RepairReport repair(const std::string& path, bool dry_run = false) {
  RepairOptions options;
  options.dry_run = dry_run;
  options.metadata = kMetadata;
  return repair_file(path, options);
}

bool did(const RepairReport& r, std::string_view what) {
  return std::any_of(r.actions.begin(), r.actions.end(), [&](const std::string& a) { return a.find(what) != std::string::npos; });
}

// Repairs in a copy; the file must be sound afterwards, and a dry run must have said the same and done nothing.
RepairReport mended(const std::string& path) {
  const File before = test::read_bytes(path);
  const RepairReport dry = repair(path, true);
  CHECK(test::read_bytes(path) == before);
  const RepairReport done = repair(path);
  CHECK(done.actions == dry.actions);
  CHECK(done.records_after == dry.records_after);
  CHECK(check(path).sound());
  CHECK(repair(path).actions.empty());
  return done;
}

}  // namespace

TEST_CASE("the reference's files get checksums and metadata, and keep their records' bytes and places") {
  test::TempDir dir;
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    test::write_bytes(dir / "x.atp", test::read_bytes(path));
    const auto before = records_of(path);
    const RepairReport r = mended(dir / "x.atp");
    CHECK(r.lost.empty());
    CHECK(r.left.empty());
    CHECK(records_of(dir / "x.atp") == before);
    const Reader was(path), is(dir / "x.atp");
    CHECK(is.metadata() == kMetadata);
    CHECK(is.slot().generation > was.slot().generation);
    CHECK(is.slot().record_format == was.slot().record_format);
    for (std::uint64_t i = 0; i < was.size(); ++i) CHECK(is.entry(i).offset == was.entry(i).offset);
    if (was.size() != 0) CHECK(is.schema() == was.schema());
    CHECK(check(dir / "x.atp").checksums == Checksums::all);
  }
}

TEST_CASE("a sound file of ours is left alone") {
  test::TempDir dir;
  const File before = test::sample(dir / "x.atp", {});
  CHECK(repair(dir / "x.atp").actions.empty());
  CHECK(test::read_bytes(dir / "x.atp") == before);
}

TEST_CASE("only an uncommitted tail is cut off") {
  test::TempDir dir;
  File bytes = test::sample(dir / "x.atp", {});
  const File before = bytes;
  bytes.resize(bytes.size() + 4321, std::byte{7});
  test::write_bytes(dir / "x.atp", bytes);
  CHECK(did(mended(dir / "x.atp"), "cut off 4321 bytes"));
  CHECK(test::read_bytes(dir / "x.atp") == before);
}

TEST_CASE("a damaged slot is written anew") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    for (const std::size_t slot : {std::size_t{0}, std::size_t{4096}}) {
      // Magic, version, generation, offsets, codec, reserved bytes, extension, checksum.
      for (const std::size_t at : {0u, 4u, 8u, 16u, 24u, 40u, 48u, 60u, 1000u, 2048u, 2070u, 4092u}) {
        CAPTURE(slot);
        CAPTURE(at);
        File bytes = test::sample(dir / "x.atp", codec);
        const auto before = records_of(dir / "x.atp");
        bytes[slot + at] ^= std::byte{0x15};
        test::write_bytes(dir / "x.atp", bytes);
        CHECK_FALSE(check(dir / "x.atp").sound());
        const RepairReport r = mended(dir / "x.atp");
        const auto after = records_of(dir / "x.atp");
        // Slot A is the newest one: where it still leads to its generation, nothing is lost; else the older
        // generation counts, as it did before, and the bytes of the newer one stay.
        REQUIRE(after.size() >= 3);
        CHECK(std::equal(after.begin(), after.end(), before.begin()));
        if (slot == 4096 || at == 0 || at == 4 || at == 1000 || at == 2048 || at == 4092) CHECK(after.size() == 5);
        if (after.size() == 3) {
          CHECK(did(r, "keep"));
          const SalvageReport s = salvage(dir / "x.atp", dir / "out.atp");
          CHECK(s.records == 5);
        }
      }
    }
  }
}

TEST_CASE("slot A lost right after the first commit") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 20, {});
  const auto before = records_of(dir / "x.atp");
  File bytes = test::read_bytes(dir / "x.atp");
  SUBCASE("slot B is damaged, and slot A knows an empty file") {
    bytes[4096 + 3000] ^= std::byte{1};
    test::write_bytes(dir / "x.atp", bytes);
    CHECK(Reader(dir / "x.atp").size() == 0);
    CHECK(did(mended(dir / "x.atp"), "to which it leads, is whole"));
    CHECK(records_of(dir / "x.atp") == before);
  }
  SUBCASE("slot B is gone: the records stay as dead bytes and can be salvaged") {
    zero(bytes, 4096, 4096);
    test::write_bytes(dir / "x.atp", bytes);
    CHECK_THROWS_WITH_AS(repair(dir / "x.atp"), doctest::Contains("nothing was changed"), Error);
    CHECK(test::read_bytes(dir / "x.atp") == bytes);
    salvage(dir / "x.atp", dir / "out.atp");
    CHECK(records_of(dir / "out.atp") == before);
  }
  SUBCASE("both are gone") {
    zero(bytes, 0, 8192);
    bytes[0] = std::byte{'A'};
    test::write_bytes(dir / "x.atp", bytes);
    CHECK_THROWS_AS(repair(dir / "x.atp"), Error);
    CHECK(test::read_bytes(dir / "x.atp") == bytes);
  }
  SUBCASE("both are damaged, but B still leads somewhere") {
    zero(bytes, 0, 4096);
    bytes[4096 + 3000] ^= std::byte{1};
    test::write_bytes(dir / "x.atp", bytes);
    mended(dir / "x.atp");
    CHECK(records_of(dir / "x.atp") == before);
  }
}

TEST_CASE("a damaged index: entries that lead to records stay, the older generation helps with the rest") {
  test::TempDir dir;
  File bytes = test::sample(dir / "x.atp", {});
  const auto before = records_of(dir / "x.atp");
  const Slot slot = Reader(dir / "x.atp").slot();
  const auto entry = [&](std::size_t i) { return slot.index_offset + 8 + 20 * i; };
  SUBCASE("an old record's entry") {
    bytes[entry(1) + 2] ^= std::byte{0xff};
    test::write_bytes(dir / "x.atp", bytes);
    const RepairReport r = mended(dir / "x.atp");
    CHECK(did(r, "take 1 index entry from the older generation 1"));
    CHECK(r.lost.empty());
    CHECK(records_of(dir / "x.atp") == before);
  }
  SUBCASE("a new record's entry") {
    bytes[entry(3) + 2] ^= std::byte{0xff};
    test::write_bytes(dir / "x.atp", bytes);
    const RepairReport r = mended(dir / "x.atp");
    REQUIRE(r.lost.count == 1);
    CHECK(r.lost.items[0].record == 3);
    CHECK(r.records_before == 5);
    CHECK(r.records_after == 4);
    auto left = before;
    left.erase(left.begin() + 3);
    CHECK(records_of(dir / "x.atp") == left);
    CHECK(salvage(dir / "x.atp", dir / "out.atp").records == 5);  // its bytes are still there
  }
  SUBCASE("all of it: the older generation counts") {
    zero(bytes, slot.index_offset, slot.index_len);
    test::write_bytes(dir / "x.atp", bytes);
    const RepairReport r = mended(dir / "x.atp");
    CHECK(r.lost.count == 2);
    CHECK(r.lost.items[0].record == 3);
    CHECK(records_of(dir / "x.atp") == std::vector<File>(before.begin(), before.begin() + 3));
  }
  SUBCASE("its count") {
    bytes[slot.index_offset] ^= std::byte{1};
    test::write_bytes(dir / "x.atp", bytes);
    CHECK(mended(dir / "x.atp").lost.empty());
    CHECK(records_of(dir / "x.atp") == before);
  }
}

TEST_CASE("damaged blocks are made anew from the records") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    File bytes = test::sample(dir / "x.atp", codec);
    const auto before = records_of(dir / "x.atp");
    const Schema schema = Reader(dir / "x.atp").schema();
    const Slot slot = Reader(dir / "x.atp").slot();
    const auto after = [&](std::uint64_t at) {
      File bad = bytes;
      bad[at] ^= std::byte{0xff};
      test::write_bytes(dir / "x.atp", bad);
      CHECK_FALSE(check(dir / "x.atp").sound());
      const RepairReport r = mended(dir / "x.atp");
      CHECK(records_of(dir / "x.atp") == before);
      CHECK(Reader(dir / "x.atp").schema() == schema);
      return r;
    };
    CHECK(did(after(slot.schema_offset + 12), "schema"));
    CHECK(did(after(slot.extension->checksums_offset + 9), "take the checksums of 1 record from the older generation"));
    CHECK(did(after(slot.extension->metadata_offset + 3), "metadata"));
    CHECK(Reader(dir / "x.atp").metadata() == R"({"generator":"test"})");  // from the older generation
  }
}

TEST_CASE("a damaged record is not made to look sound") {
  test::TempDir dir;
  SUBCASE("with a checksum") {
    File bytes = test::sample(dir / "x.atp", {});
    bytes[Reader(dir / "x.atp").entry(1).offset + 6] ^= std::byte{1};
    bytes[4096] ^= std::byte{1};  // something to repair
    test::write_bytes(dir / "x.atp", bytes);
    repair(dir / "x.atp");
    const FileReport r = check(dir / "x.atp");
    REQUIRE(r.damage.count == 1);
    CHECK(r.damage.items[0].record == 1);
    CHECK(r.damage.items[0].kind == damage_kind::checksum);
  }
  SUBCASE("without one") {
    const std::string fixture = test::data("fixtures/none_v2_builtins.atp");
    File bytes = test::read_bytes(fixture);
    store<std::uint32_t>(&bytes[Reader(fixture).entry(2).offset], 1u);
    test::write_bytes(dir / "x.atp", bytes);
    const RepairReport r = repair(dir / "x.atp");
    REQUIRE(r.left.count == 1);
    CHECK(r.left.items[0].record == 2);
    const Reader reader(dir / "x.atp");
    CHECK_FALSE(reader.checksum(2));
    CHECK(reader.checksum(1));
    CHECK(check(dir / "x.atp").checksums == Checksums::some);
  }
}

TEST_CASE("repair waits for no other writer") {
  test::TempDir dir;
  test::sample(dir / "x.atp", {});
  Writer other = Writer::append(dir / "x.atp", {});
  CHECK_THROWS_AS(repair(dir / "x.atp"), Error);
}

namespace {

// A machine that stops after some number of operations: whatever would change a file fails from then on.
class StoppingDisk final : public Disk {
 public:
  explicit StoppingDisk(int operations) : left_(operations) {}
  bool stopped() const { return left_ < 0; }

  std::unique_ptr<OutputFile> create_beside(const std::string& target) override { return real_disk().create_beside(target); }
  std::unique_ptr<OutputFile> open_existing(const std::string& path) override {
    return std::make_unique<StoppingFile>(real_disk().open_existing(path), *this);
  }
  void rename(const std::string& from, const std::string& to, bool replace) override { real_disk().rename(from, to, replace); }
  void remove(const std::string& path) noexcept override { real_disk().remove(path); }

 private:
  class StoppingFile final : public OutputFile {
   public:
    StoppingFile(std::unique_ptr<OutputFile> file, StoppingDisk& disk) : file_(std::move(file)), disk_(disk) {}
    const std::string& path() const override { return file_->path(); }
    void write_at(std::uint64_t offset, Bytes bytes) override {
      disk_.spend(path());
      file_->write_at(offset, bytes);
    }
    void truncate(std::uint64_t size) override {
      disk_.spend(path());
      file_->truncate(size);
    }
    void sync_data() override { disk_.spend(path()); }
    void sync_all() override { disk_.spend(path()); }
    void start_writeback(std::uint64_t, std::uint64_t) override {}
    std::uint64_t size() override { return file_->size(); }
    std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) override { return file_->read_at(offset, out); }
    MappedFile map() override { return file_->map(); }

   private:
    std::unique_ptr<OutputFile> file_;
    StoppingDisk& disk_;
  };

  void spend(const std::string& path) {
    if (--left_ < 0) fail_system(path, "cannot write", EIO);
  }

  int left_;
};

}  // namespace

TEST_CASE("a repair that stops anywhere leaves what could be read, and can be done again") {
  test::TempDir dir;
  const File good = test::sample(dir / "x.atp", {});
  const auto all = records_of(dir / "x.atp");
  const Slot slot = Reader(dir / "x.atp").slot();
  std::vector<File> variants;
  const auto variant = [&](auto&& change) {
    File bad = good;
    change(bad);
    variants.push_back(std::move(bad));
  };
  variant([](File& f) { f[4096] ^= std::byte{1}; });                                       // slot B
  variant([](File& f) { f[1000] ^= std::byte{1}; });                                       // slot A, which still leads somewhere
  variant([](File& f) { f[24] ^= std::byte{1}; });                                         // slot A, which does not
  variant([](File& f) { f.resize(f.size() - 30); });                                       // slot A's index is cut
  variant([&](File& f) { f[slot.schema_offset + 12] ^= std::byte{1}; });
  variant([&](File& f) { f[slot.index_offset + 8 + 21] ^= std::byte{1}; });
  variant([](File& f) { f.resize(f.size() + 100); });
  variant([](File& f) { f[0] ^= std::byte{1}, f[4096 + 2500] ^= std::byte{1}; });          // both slots
  int stops = 0;
  for (std::size_t v = 0; v < variants.size(); ++v) {
    for (int operations = 0;; ++operations) {
      CAPTURE(v);
      CAPTURE(operations);
      test::write_bytes(dir / "x.atp", variants[v]);
      StoppingDisk disk(operations);
      RepairOptions options;
      options.metadata = kMetadata;
      try {
        repair_file(dir / "x.atp", options, disk);
      } catch (const Error&) {
        REQUIRE(disk.stopped());
      }
      const RepairReport again = repair(dir / "x.atp");
      REQUIRE(check(dir / "x.atp").sound());
      const auto now = records_of(dir / "x.atp");
      REQUIRE(now.size() >= 3);
      REQUIRE(std::equal(now.begin(), now.end(), all.begin()));
      if (v != 2 && v != 3) REQUIRE(now.size() == 5);
      if (!disk.stopped()) break;
      ++stops;
    }
  }
  CHECK(stops > 30);
}

TEST_CASE("a slot whose blocks are cut off cannot come back to life") {
  test::TempDir dir;
  File bytes = test::sample(dir / "x.atp", {});
  bytes.resize(bytes.size() - 30);
  test::write_bytes(dir / "x.atp", bytes);
  const RepairReport r = mended(dir / "x.atp");
  CHECK(r.records_after == 3);
  CHECK(did(r, "keep"));
  CHECK(salvage(dir / "x.atp", dir / "out.atp").records == 5);
}

namespace {

// Record 1 has other numbers than were written, and something else is damaged, too: no repair may give
// those numbers a checksum.
void stays_damaged(test::TempDir& dir, File bytes, const std::function<void(File&, const Slot&)>& also) {
  test::write_bytes(dir / "x.atp", bytes);
  const Reader reader(dir / "x.atp");
  bytes[reader.entry(1).offset + 6] ^= std::byte{1};
  also(bytes, reader.slot());
  test::write_bytes(dir / "x.atp", bytes);
  const auto repaired = [&] {
    try {
      return !repair(dir / "x.atp").left.empty();
    } catch (const Error& e) {
      return e.exit() == Exit::no;
    }
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(repaired());
    const FileReport report = check(dir / "x.atp");
    CHECK_FALSE(report.sound());
    CHECK(std::any_of(report.damage.items.begin(), report.damage.items.end(), [](const Damage& d) { return d.record == 1 || !d.record; }));
  }
}

void spoil_extension_hash(File& f, std::size_t slot) {
  f[slot + 2128] ^= std::byte{1};
  store(f.data() + slot + 4092, adler32(Bytes(f).subspan(slot, 4092)));
}

}  // namespace

TEST_CASE("a changed record never gets a checksum") {
  test::TempDir dir;
  const File two_generations = test::sample(dir / "x.atp", {});
  test::write_many(dir / "one.atp", 20, {});
  const File one = test::read_bytes(dir / "one.atp");
  for (const bool single : {false, true}) {
    CAPTURE(single);
    const File& file = single ? one : two_generations;
    const std::size_t newest = single ? 4096 : 0;
    stays_damaged(dir, file, [](File&, const Slot&) {});
    stays_damaged(dir, file, [&](File& f, const Slot&) { f[newest + 100] ^= std::byte{1}; });
    stays_damaged(dir, file, [&](File& f, const Slot&) { f[newest + 2100] ^= std::byte{1}; });
    stays_damaged(dir, file, [&](File& f, const Slot&) { spoil_extension_hash(f, newest); });
    stays_damaged(dir, file, [](File& f, const Slot& s) { f[s.extension->checksums_offset + 2 * 8] ^= std::byte{1}; });
    stays_damaged(dir, file, [](File& f, const Slot& s) { zero(f, s.extension->checksums_offset, s.extension->checksums_len); });
    stays_damaged(dir, file, [](File& f, const Slot& s) { f[s.index_offset + 8 + 2 * 20] ^= std::byte{1}; });
  }
}

TEST_CASE("an extension whose own checksum alone is wrong is written anew") {
  test::TempDir dir;
  for (const std::size_t slot : {std::size_t{0}, std::size_t{4096}}) {
    File bytes = test::sample(dir / "x.atp", {});
    spoil_extension_hash(bytes, slot);
    test::write_bytes(dir / "x.atp", bytes);
    CHECK_FALSE(check(dir / "x.atp").sound());
    CHECK(mended(dir / "x.atp").lost.empty());
    CHECK(check(dir / "x.atp").checksums == Checksums::all);
  }
}

TEST_CASE("a damaged slot that names another codec is not believed") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 20, {});
  File bytes = test::read_bytes(dir / "x.atp");
  bytes[4096 + 48] ^= std::byte{1};  // none becomes lz4
  test::write_bytes(dir / "x.atp", bytes);
  CHECK_THROWS_WITH_AS(repair(dir / "x.atp"), doctest::Contains("nothing was changed"), Error);
  CHECK(test::read_bytes(dir / "x.atp") == bytes);
  CHECK(salvage(dir / "x.atp", dir / "out.atp").records == 20);
}

TEST_CASE("an entry that leads to another record's bytes is no record of its own") {
  test::TempDir dir;
  File bytes = test::sample(dir / "x.atp", {});
  const Slot slot = Reader(dir / "x.atp").slot();
  const auto entry = [&](std::size_t i) { return bytes.begin() + static_cast<std::ptrdiff_t>(slot.index_offset + 8 + 20 * i); };
  std::copy_n(entry(3), 20, entry(4));
  test::write_bytes(dir / "x.atp", bytes);
  const RepairReport r = mended(dir / "x.atp");
  CHECK(r.records_after == 4);
  REQUIRE(r.lost.count == 1);
  CHECK(r.lost.items[0].record == 4);
}

TEST_CASE("what only an older generation leads to is not cut off") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 20, {});
  File bytes = test::read_bytes(dir / "x.atp");
  bytes[8] = std::byte{4};  // slot A, an empty generation, is made the newest
  store(bytes.data() + 4092, adler32(Bytes(bytes).first(4092)));
  test::write_bytes(dir / "x.atp", bytes);
  CHECK(Reader(dir / "x.atp").size() == 0);
  repair(dir / "x.atp");
  CHECK(salvage(dir / "x.atp", dir / "out.atp").records == 20);
}
