// Every fixture and every damaged variant gets the right verdict.
#include "core/atp/verify.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/stats/value_checks.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;
using test::File;

namespace {

VerifyOptions full(int jobs = 1) {
  VerifyOptions o;
  o.jobs = jobs;
  return o;
}

VerifyOptions quick() {
  VerifyOptions o;
  o.quick = true;
  return o;
}

FileReport check(const std::string& path, const VerifyOptions& options = full()) { return verify_file(*open_input_file(path), options); }

bool has(const FileReport& r, std::string_view kind, std::optional<std::uint64_t> record = {}) {
  return std::any_of(r.damage.items.begin(), r.damage.items.end(), [&](const Damage& d) { return d.kind == kind && (!record || d.record == record); });
}

}  // namespace

TEST_CASE("every fixture is sound, but for the one whose slot A is damaged") {
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    const bool damaged = path.find("slot_a_corrupt") != std::string::npos;
    for (const auto& options : {full(), full(2), quick()}) {
      const FileReport r = check(path, options);
      CHECK(r.sound() != damaged);
      CHECK(r.checksums == Checksums::none);
      CHECK(r.records == Reader(path).size());
      if (!damaged) continue;
      REQUIRE(r.damage.count == 1);
      CHECK(r.damage.items[0].kind == damage_kind::slot);
      CHECK(r.damage.items[0].offset == 0);
      CHECK(r.damage.items[0].length == 4096);
      CHECK(r.damage.items[0].message == "header slot A: its checksum does not fit; slot B, generation 1, counts");
    }
  }
  const FileReport tail = check(test::data("fixtures/zstd3_v2_uncommitted_tail.atp"));
  REQUIRE(tail.notes.size() == 1);
  CHECK(tail.notes[0].find("1300 bytes behind the last commit") == 0);
}

TEST_CASE("our files are sound, with all checksums") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    test::sample(dir / "x.atp", codec);
    const FileReport r = check(dir / "x.atp", full(2));
    CHECK(r.sound());
    CHECK(r.checksums == Checksums::all);
    CHECK(r.records == 5);
    CHECK(r.generation == 2);
    CHECK(r.slot == 'A');
    CHECK(r.notes.empty());
    CHECK(check(dir / "x.atp", quick()).checksums == Checksums::all);
  }
}

// Dead bytes are old generations' blocks: nothing reads them, so a flip there is no damage.
TEST_CASE("every byte of the newest generation flipped is found, in the right record") {
  test::TempDir dir;
  for (const Codec codec : test::codecs()) {
    const File good = test::sample(dir / "good.atp", codec);
    const Reader reader(dir / "good.atp");
    const Slot slot = reader.slot();
    std::size_t found = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
      if (i < 8192 && i % 4096 > 76 && (i % 4096 < 2048 || i % 4096 > 2136) && i % 97 != 0) continue;
      File bad = good;
      bad[i] ^= std::byte{0x10};
      test::write_bytes(dir / "bad.atp", bad);
      const FileReport r = check(dir / "bad.atp");
      CAPTURE(i);
      std::optional<std::uint64_t> record;
      for (std::uint64_t k = 0; k < reader.size(); ++k) {
        const IndexEntry e = reader.entry(k);
        if (i >= e.offset && i < e.offset + e.stored) record = k;
      }
      const auto inside = [&](std::uint64_t offset, std::uint64_t length) { return i >= offset && i < offset + length; };
      const bool index = inside(slot.index_offset, slot.index_len), schema = inside(slot.schema_offset, slot.schema_len);
      const bool sums = inside(slot.extension->checksums_offset, slot.extension->checksums_len);
      const bool metadata = inside(slot.extension->metadata_offset, slot.extension->metadata_len);
      if (record) {
        REQUIRE(r.damage.count == 1);
        const Damage& d = r.damage.items[0];
        REQUIRE(d.record == record);
        REQUIRE(d.kind == damage_kind::checksum);
        REQUIRE(d.offset == reader.entry(*record).offset);
        REQUIRE(d.length == reader.entry(*record).stored);
      } else if (i < 8192) {
        REQUIRE(has(r, damage_kind::slot));
      } else if (index || schema || sums || metadata) {
        REQUIRE(has(r, index ? damage_kind::index : schema ? damage_kind::schema : sums ? damage_kind::checksum_block : damage_kind::metadata));
        REQUIRE_FALSE(check(dir / "bad.atp", quick()).sound());
      } else {
        REQUIRE(r.sound());
      }
      found += !r.sound();
    }
    CHECK(found > 1000);
  }
}

TEST_CASE("what a flip does to a file without checksums is found or leaves sound values") {
  test::TempDir dir;
  for (const auto& path : test::fixtures()) {
    const File good = test::read_bytes(path);
    for (std::size_t i = 8192; i < good.size(); i += 5) {
      File bad = good;
      bad[i] ^= std::byte{0xff};
      test::write_bytes(dir / "bad.atp", bad);
      (void)check(dir / "bad.atp");  // no crash, no throw
    }
  }
}

TEST_CASE("a file cut anywhere is damaged, and says so without records that are not there") {
  test::TempDir dir;
  const File good = test::sample(dir / "good.atp", {});
  for (std::size_t n = good.size() - 1; n >= 4096; n -= 37) {
    test::write_bytes(dir / "cut.atp", File(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)));
    CAPTURE(n);
    const FileReport r = check(dir / "cut.atp");
    CHECK(has(r, damage_kind::slot));
    CHECK(r.records < 5);
  }
}

TEST_CASE("index entries that make no sense, in files without hashes") {
  test::TempDir dir;
  const std::string fixture = test::data("fixtures/none_v2_single_flush.atp");
  const File good = test::read_bytes(fixture);
  const Slot slot = Reader(fixture).slot();
  const std::size_t entry = slot.index_offset + 8 + 20;  // record 1
  const auto after = [&](auto&& change, const VerifyOptions& options) {
    File bad = good;
    change(bad);
    test::write_bytes(dir / "bad.atp", bad);
    return check(dir / "bad.atp", options);
  };
  const auto offset_of = [&](File& f, std::size_t record) { return load<std::uint64_t>(&f[slot.index_offset + 8 + 20 * record]); };

  SUBCASE("outside the data region") {
    const auto r = after([&](File& f) { store<std::uint64_t>(&f[entry], good.size()); }, quick());
    REQUIRE(has(r, damage_kind::index_entry, 1));
    CHECK(r.damage.items[0].offset == entry);
    CHECK(r.damage.items[0].length == 20);
  }
  SUBCASE("in the header") { CHECK(has(after([&](File& f) { store<std::uint64_t>(&f[entry], 4096); }, quick()), damage_kind::index_entry, 1)); }
  SUBCASE("stored and unpacked differ") { CHECK(has(after([&](File& f) { store<std::uint32_t>(&f[entry + 12], 1u << 30); }, quick()), damage_kind::index_entry, 1)); }
  SUBCASE("more atoms than bytes") { CHECK(has(after([&](File& f) { store<std::uint32_t>(&f[entry + 16], 100000u); }, quick()), damage_kind::index_entry, 1)); }
  SUBCASE("fewer atoms than the record has") {
    CHECK(has(after([&](File& f) { store<std::uint32_t>(&f[entry + 16], 1u); }, full()), damage_kind::atom_count, 1));
  }
  SUBCASE("two entries for the same bytes") {
    const auto r = after([&](File& f) { store<std::uint64_t>(&f[entry], offset_of(f, 0)); }, quick());
    CHECK(has(r, damage_kind::overlap, 1));
  }
  SUBCASE("an entry that points behind the others") {
    const auto r = after([&](File& f) { store<std::uint64_t>(&f[entry], offset_of(f, 3) + 8); }, quick());
    CHECK(has(r, damage_kind::overlap));
  }
  SUBCASE("swapped entries are sound: nothing asks for an order") {
    const auto r = after([&](File& f) { std::swap_ranges(f.begin() + static_cast<std::ptrdiff_t>(entry), f.begin() + static_cast<std::ptrdiff_t>(entry) + 20, f.begin() + static_cast<std::ptrdiff_t>(entry) + 20); }, full());
    CHECK(r.sound());
    CHECK(r.records == 5);
  }
  SUBCASE("a count that is not the header's") {
    CHECK(has(after([&](File& f) { store<std::uint64_t>(&f[slot.index_offset], std::uint64_t{4}); }, quick()), damage_kind::index));
  }
}

TEST_CASE("swapped records do not fit their checksums") {
  test::TempDir dir;
  File bytes = test::sample(dir / "x.atp", {});
  const Reader reader(dir / "x.atp");
  // The same length of bytes from the middles of two records.
  const auto a = reader.entry(0).offset + 4, b = reader.entry(1).offset + 4;
  std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a), bytes.begin() + static_cast<std::ptrdiff_t>(a) + 8, bytes.begin() + static_cast<std::ptrdiff_t>(b));
  test::write_bytes(dir / "x.atp", bytes);
  const FileReport r = check(dir / "x.atp");
  CHECK(has(r, damage_kind::checksum, 0));
  CHECK(has(r, damage_kind::checksum, 1));
}

TEST_CASE("records are held against the schema lock") {
  test::TempDir dir;
  const std::string fixture = test::data("fixtures/none_v2_builtins.atp");
  const Slot slot = Reader(fixture).slot();
  File bytes = test::read_bytes(fixture);
  // The schema's energy entry becomes one of another name: the records' key is then not in it.
  const auto schema = bytes.begin() + static_cast<std::ptrdiff_t>(slot.schema_offset);
  const std::string_view key = "energy";
  const auto at = std::search(schema, schema + static_cast<std::ptrdiff_t>(slot.schema_len), as_bytes(key).begin(), as_bytes(key).end());
  REQUIRE(at != schema + static_cast<std::ptrdiff_t>(slot.schema_len));
  at[0] = std::byte{'x'};
  test::write_bytes(dir / "bad.atp", bytes);
  const FileReport r = check(dir / "bad.atp");
  CHECK(has(r, damage_kind::schema_lock));
  CHECK(r.damage.items[0].message.find("energy is not in the schema") != std::string::npos);
}

TEST_CASE("a file without a schema block locks what its records hold") {
  test::TempDir dir;
  const std::string fixture = test::data("fixtures/none_v2_builtins.atp");
  Slot slot = Reader(fixture).slot();
  File bytes = test::read_bytes(fixture);
  slot.schema_offset = slot.schema_len = 0;
  const auto head = encode_slot(slot);
  std::copy(head.begin(), head.end(), bytes.begin() + (slot.generation % 2 == 0 ? 0 : 4096));
  test::write_bytes(dir / "x.atp", bytes);
  CHECK(check(dir / "x.atp", full(2)).sound());
  CHECK(check(dir / "x.atp").checksums == Checksums::none);
}

TEST_CASE("odd records that the format allows are sound") {
  // Duplicated, unsorted and unknown sections, bytes behind the last one: made by hand, as no writer does.
  test::TempDir dir;
  Structure s;
  s.atomic_numbers = {1};
  s.set_positions(std::vector<float>{0, 0, 0});
  s.set_energy(-1);
  test::write(dir / "x.atp", {s});
  File bytes = test::read_bytes(dir / "x.atp");
  const Reader reader(dir / "x.atp");
  const Bytes record = reader.stored(0);
  File odd(record.begin(), record.end());
  const std::size_t sections = 4 + 13;
  const File energy(odd.begin() + static_cast<std::ptrdiff_t>(sections) + 2, odd.end());
  odd.insert(odd.end(), energy.begin(), energy.end());           // the same key again
  for (const int b : {9, 1, 113, 0, 0, 0, 0, 0}) odd.push_back(static_cast<std::byte>(b));  // a kind of the future
  store<std::uint16_t>(&odd[sections], std::uint16_t{3});
  odd.resize(odd.size() + 5);                                    // bytes behind the last section
  test::rewrite_single_record(dir / "x.atp", odd);
  const FileReport r = check(dir / "x.atp");
  CHECK(r.sound());
  CHECK(r.checksums == Checksums::none);
}

TEST_CASE("other files never were .atp files; damaged ones were") {
  test::TempDir dir;
  const auto kind = [&](std::string_view content) -> std::string {
    test::write_text(dir / "x.atp", content);
    try {
      const FileReport r = check(dir / "x.atp");
      return r.damage.empty() ? "sound" : std::string(r.damage.items[0].kind);
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
      return "refused";
    }
  };
  CHECK(kind("") == "refused");
  CHECK(kind("CDF\x01 and more") == "refused");
  CHECK(kind(std::string("ATPK\x02\0\0\0", 8)) == "slot");
  File good = test::sample(dir / "good.atp", {});
  good[0] = std::byte{'X'};
  test::write_bytes(dir / "x.atp", good);
  const FileReport r = check(dir / "x.atp");
  CHECK(has(r, damage_kind::slot));
  CHECK(r.slot == 'B');
  CHECK(r.records == 3);
}

TEST_CASE("an extension that is damaged although the slot's own checksum fits") {
  test::TempDir dir;
  File bytes = test::sample(dir / "x.atp", {});
  bytes[2048 + 40] ^= std::byte{1};
  store(&bytes[4092], adler32(Bytes(bytes).first(4092)));
  test::write_bytes(dir / "x.atp", bytes);
  const FileReport r = check(dir / "x.atp", quick());
  CHECK(has(r, damage_kind::extension));
}

TEST_CASE("a bad disk is damage with a record number") {
  test::TempDir dir;
  test::sample(dir / "x.atp", {});
  const Reader reader(dir / "x.atp");
  const IndexEntry e = reader.entry(2);
  test::FailingFile file(dir / "x.atp", e.offset + 3, e.offset + 4);
  const FileReport r = verify_file(file, full());
  REQUIRE(r.damage.count == 1);
  CHECK(r.damage.items[0].kind == damage_kind::io_error);
  CHECK(r.damage.items[0].record == 2);
  CHECK(r.damage.items[0].offset == e.offset);

  test::FailingFile index(dir / "x.atp", reader.slot().index_offset + 50, reader.slot().index_offset + 51);
  CHECK(has(verify_file(index, full()), damage_kind::io_error));
  test::FailingFile schema(dir / "x.atp", reader.slot().schema_offset, reader.slot().schema_offset + 1);
  CHECK(has(verify_file(schema, full()), damage_kind::io_error));
}

TEST_CASE("many batches on several threads give one report") {
  test::TempDir dir;
  test::write_many(dir / "x.atp", 3000, {CodecId::none, 0});
  File bytes = test::read_bytes(dir / "x.atp");
  const Reader reader(dir / "x.atp");
  for (const std::uint64_t i : {std::uint64_t{0}, std::uint64_t{1234}, std::uint64_t{2999}}) bytes[reader.entry(i).offset + 5] ^= std::byte{1};
  test::write_bytes(dir / "bad.atp", bytes);
  for (const int jobs : {1, 3}) {
    const FileReport r = check(dir / "bad.atp", full(jobs));
    REQUIRE(r.damage.count == 3);
    CHECK(r.damage.items[1].record == 1234);
    CHECK(r.damage.items[2].record == 2999);
    CHECK(r.checksums == Checksums::all);
  }
}

TEST_CASE("the list of damage is bounded, its count is not") {
  Bounded<Damage> list, more;
  for (int i = 0; i < 10002; ++i) list.add({});
  more.add({});
  list.merge(std::move(more));
  CHECK(list.count == 10003);
  CHECK(list.items.size() == 10000);
}

// ---- values -------------------------------------------------------------------------------------

namespace {

std::map<std::string_view, std::uint64_t> findings_of(const std::vector<Structure>& all) {
  test::TempDir dir;
  test::write(dir / "x.atp", all);
  DuplicateFinder duplicates;
  duplicates.begin_file("x.atp");
  VerifyOptions options = full();
  options.look = [](std::uint64_t record, const RecordView& view, ValueNotes& notes) { check_values(record, view, 100, notes); };
  options.noted = [&](ValueNotes& notes) { duplicates.add(notes); };
  const FileReport r = check(dir / "x.atp", options);
  CHECK(r.sound());
  return r.findings_by_kind;
}

Structure two_atoms(double distance) {
  Structure s;
  s.atomic_numbers = {1, 8};
  s.set_positions(std::vector<double>{0.02, 1, 1, 0.02 + distance, 1, 1});
  return s;
}

}  // namespace

TEST_CASE("findings about values") {
  const auto only = [](std::string_view kind, std::uint64_t n) { return std::map<std::string_view, std::uint64_t>{{kind, n}}; };
  CHECK(findings_of({two_atoms(1)}).empty());
  CHECK(findings_of({two_atoms(0.05)}) == only(finding_kind::coincident_atoms, 1));

  Structure periodic = two_atoms(4.97);  // 0.03 Å through the boundary
  periodic.set_cell({5, 0, 0, 0, 5, 0, 0, 0, 5});
  periodic.set_pbc({true, true, true});
  CHECK(findings_of({periodic}) == only(finding_kind::coincident_atoms, 1));
  periodic.set_pbc({false, true, true});
  CHECK(findings_of({periodic}).empty());

  Structure flat = two_atoms(1);
  flat.set_cell({5, 0, 0, 5, 0, 0, 0, 0, 5});
  flat.set_pbc({true, true, true});
  CHECK(findings_of({flat}) == only(finding_kind::zero_volume, 1));
  flat.set_pbc({false, false, false});
  CHECK(findings_of({flat}).empty());

  Structure heavy = two_atoms(1);
  heavy.atomic_numbers[1] = 119;
  CHECK(findings_of({heavy}) == only(finding_kind::atomic_number, 1));

  Structure nan = two_atoms(1);
  nan.set_energy(std::nan(""));
  CHECK(findings_of({nan}) == only(finding_kind::not_finite, 1));

  Structure pulled = two_atoms(1);
  pulled.set_forces(std::vector<double>{0, 0, 0, 80, 80, 0});
  CHECK(findings_of({pulled}) == only(finding_kind::large_force, 1));

  CHECK(findings_of({two_atoms(1), two_atoms(2), two_atoms(1), two_atoms(1)}) == only(finding_kind::duplicate, 2));
}

TEST_CASE("duplicates across files, and no more memory than allowed") {
  DuplicateFinder finder(1000);
  finder.begin_file("a.atp");
  ValueNotes notes;
  for (std::uint64_t i = 0; i < 5000; ++i) notes.fingerprints.push_back({i, i * 7919, i});
  finder.add(notes);
  CHECK(notes.findings.empty());
  CHECK(finder.full());
  finder.begin_file("b.atp");
  ValueNotes again;
  again.fingerprints = {{5, 42 * 7919, 42}, {6, 4000 * 7919, 4000}};
  finder.add(again);
  REQUIRE(again.findings.size() == 1);
  CHECK(again.findings[0].message == "has species, cell and positions of record 42 of a.atp");
}
