// `atp shard` from inputs to folder: what comes out is what went in.
#include "cmd/shard.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "cmd/options.h"
#include "core/atp/dataset.h"
#include "core/atp/manifest.h"
#include "core/atp/verify.h"
#include "core/atp/writer.h"
#include "core/base/hash.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

struct Quiet {
  Quiet() { common_options().quiet = true; }
  ~Quiet() {
    common_options().quiet = false;
    common_options().jobs = 0;
  }
};

// Files of 7, 0, 1 and 30 records under one schema.
std::vector<std::string> uneven(const TempDir& dir, Codec codec = {}) {
  std::mt19937_64 random(11);
  std::vector<std::string> paths;
  for (const int count : {7, 0, 1, 30}) {
    std::vector<Structure> all(static_cast<std::size_t>(count));
    for (auto& s : all) test::fill_random(s, random, true);
    paths.push_back(dir / ("in" + std::to_string(paths.size()) + ".atp"));
    test::write(paths.back(), all, codec);
  }
  return paths;
}

ShardCommand command(std::vector<std::string> inputs, std::string output, std::uint64_t shards) {
  ShardCommand c;
  c.inputs = std::move(inputs);
  c.output = std::move(output);
  c.shards = shards;
  return c;
}

std::vector<Structure> records_of(const std::vector<std::string>& inputs) {
  const Dataset dataset(inputs);
  std::vector<Structure> all(dataset.size());
  Scratch scratch;
  for (std::uint64_t i = 0; i < dataset.size(); ++i) dataset.record(i, scratch).copy_to(all[i]);
  return all;
}

bool same_records(const std::vector<Structure>& a, const std::vector<Structure>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const Structure& x, const Structure& y) { return test::same(x, y); });
}

// The folder as verify sees it: every file, and the manifest with its hashes.
void check_sound(const std::string& folder) {
  for (const auto& path : dataset_files(folder)) {
    CAPTURE(path);
    const FileReport r = verify_file(*open_input_file(path), {});
    CHECK(r.sound());
    CHECK(r.checksums == Checksums::all);
  }
  ManifestOptions hashes;
  hashes.hashes = true;
  const FileReport m = check_manifest(folder, hashes);
  for (const auto& d : m.damage.items) FAIL_CHECK(d.message);
  CHECK(!fs::exists(folder + "/unfinished.json"));
}

std::map<std::string, std::vector<std::byte>> bytes_of(const std::string& folder) {
  std::map<std::string, std::vector<std::byte>> all;
  for (const auto& path : dataset_files(folder)) all[fs::path(path).lexically_relative(folder).string()] = test::read_bytes(path);
  return all;
}

void damage_record(const std::string& path, std::uint64_t record) {
  auto bytes = test::read_bytes(path);
  const std::uint64_t at = Reader(path).entry(record).offset + 4;
  bytes[at] ^= std::byte{1};
  test::write_bytes(path, bytes);
}

template <class Fn>
std::string error_of(Fn&& fn) {
  try {
    fn();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("split and merge give the identical dataset, for every codec and number of shards") {
  const Quiet quiet;
  for (const Codec codec : test::codecs()) {
    const TempDir dir;
    const auto inputs = uneven(dir, codec);
    const auto before = records_of(inputs);
    for (const std::uint64_t shards : {1, 2, 5, 38}) {
      const std::string split = dir / ("split" + std::to_string(shards)), merged = dir / ("merged" + std::to_string(shards));
      CHECK(shard(command(inputs, split, shards)) == Exit::ok);
      check_sound(split);
      CHECK(dataset_files(split).size() == shards);
      CHECK(same_records(records_of({split}), before));
      CHECK(shard(command({split}, merged, 1)) == Exit::ok);
      CHECK(same_records(records_of({merged}), before));
      CHECK(Reader(merged + "/part_0000.atp").codec() == codec);
    }
  }
}

TEST_CASE("stored bytes and checksums are copied as they are") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir, Codec{CodecId::zstd, 7});
  shard(command(inputs, dir / "out", 3));
  const Dataset from(inputs), to({dir / "out"});
  for (std::uint64_t i = 0; i < from.size(); ++i) {
    const auto a = from.locate(i), b = to.locate(i);
    const Reader &x = from.shards()[a.shard], &y = to.shards()[b.shard];
    CHECK(std::ranges::equal(x.stored(a.record), y.stored(b.record)));
    CHECK(x.checksum(a.record) == y.checksum(b.record));
  }
}

TEST_CASE("every order holds every record once, for any number of threads and any memory") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  const auto before = records_of(inputs);
  for (const std::string order : {"keep", "shuffle", "size", "formula", "morton", "balance"}) {
    CAPTURE(order);
    std::map<std::string, std::vector<std::byte>> first;
    for (const int jobs : {1, 2, 5}) {
      for (const std::uint64_t memory : {std::uint64_t{1} << 20, std::uint64_t{1} << 30}) {
        common_options().jobs = jobs;
        ShardCommand c = command(inputs, dir / (order + std::to_string(jobs) + "-" + std::to_string(memory)), 4);
        c.order = order;
        c.memory = memory;
        c.seed = 3;
        shard(c);
        check_sound(c.output);
        if (first.empty()) first = bytes_of(c.output);
        CHECK(first == bytes_of(c.output));
      }
    }
    const auto after = records_of({dir / (order + "1-1048576")});
    REQUIRE(after.size() == before.size());
    CHECK(std::all_of(before.begin(), before.end(), [&](const Structure& s) {
      return std::count_if(after.begin(), after.end(), [&](const Structure& t) { return test::same(s, t); }) == 1;
    }));
    if (order == "size") CHECK(std::is_sorted(after.begin(), after.end(), [](const auto& a, const auto& b) { return a.n_atoms() < b.n_atoms(); }));
    if (order == "shuffle") CHECK(!same_records(before, after));
  }
}

TEST_CASE("fields: --drop and --keep take them out, --dtype changes all floats") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  ShardCommand c = command(inputs, dir / "out", 2);
  c.drop = {"forces", "no such field"};
  c.keep = {"*e*"};
  c.dtype = "f64";
  c.codec = "lz4";
  shard(c);
  check_sound(c.output);
  const Dataset of_c({c.output});
  for (const Reader& file : of_c.shards()) {
    CHECK(file.positions_type() == Type::vec3_f64);
    CHECK(file.codec() == Codec{CodecId::lz4, 0});
    for (const auto& [key, entry] : file.schema().entries) {
      CHECK(key.second != "forces");
      CHECK((key.first == Kind::builtin || key.second.find('e') != std::string::npos));
      CHECK(type_info(entry.type).scalar != Scalar::f32);
    }
  }
  CHECK(records_of({c.output}).size() == 38);
}

TEST_CASE("every fixture of the reference goes into shards and comes out the same") {
  const Quiet quiet;
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    const TempDir dir;
    const std::uint64_t records = Reader(path).size();
    if (records == 0) {
      CHECK(error_of([&] { shard(command({path}, dir / "out", 1)); }).find("no record is left") != std::string::npos);
      continue;
    }
    shard(command({path}, dir / "out", std::min<std::uint64_t>(2, records)));
    check_sound(dir / "out");
    CHECK(same_records(records_of({dir / "out"}), records_of({path})));
  }
}

TEST_CASE("schemas that disagree: the error names field, types and both files; --dtype reconciles floats") {
  const Quiet quiet;
  const TempDir dir;
  Structure a, b;
  for (Structure* s : {&a, &b}) {
    s->atomic_numbers = {1};
    s->set_positions(std::vector<double>{0, 0, 0});
  }
  a.put_f64(Kind::molecule, "gap", 1);
  a.put_f64(Kind::molecule, "only_here", 1);
  b.put_i64(Kind::molecule, "gap", 1);
  test::write(dir / "a.atp", {a});
  test::write(dir / "b.atp", {b});
  ShardCommand c = command({dir / "a.atp", dir / "b.atp"}, dir / "out", 1);
  const std::string error = error_of([&] { shard(c); });
  CHECK(error.find("b.atp: property 'gap' is i64, before it was f64, in " + (dir / "a.atp")) != std::string::npos);
  CHECK(!fs::exists(c.output));
  c.drop = {"gap"};
  shard(c);
  check_sound(c.output);
  CHECK(Dataset({c.output}).shards()[0].schema().entries.size() == 1);

  b.clear();
  b.atomic_numbers = {1};
  b.set_positions(std::vector<float>{0, 0, 0});
  test::write(dir / "f32.atp", {b});
  ShardCommand d = command({dir / "a.atp", dir / "f32.atp"}, dir / "out32", 1);
  CHECK(error_of([&] { shard(d); }).find("positions are vec3_f32, before they were vec3_f64") != std::string::npos);
  d.dtype = "f32";
  shard(d);
  check_sound(d.output);
}

TEST_CASE("a damaged record stops the run with its number, or is left out and listed") {
  const Quiet quiet;
  for (const std::string order : {"keep", "shuffle", "formula"}) {
    for (const std::string codec : {"", "zstd"}) {
      CAPTURE(order);
      CAPTURE(codec);
      const TempDir dir;
      const auto inputs = uneven(dir);
      damage_record(inputs[3], 12);
      ShardCommand c = command(inputs, dir / "out", 3);
      c.order = order;
      c.codec = codec;
      CHECK(error_of([&] { shard(c); }).find(inputs[3] + ": record 12: is damaged: its checksum does not fit") != std::string::npos);
      CHECK(!fs::exists(c.output + "/manifest.json"));
      c.on_error = "skip";
      c.force = true;
      shard(c);
      check_sound(c.output);
      CHECK(records_of({c.output}).size() == 37);
      CHECK(test::read_text(c.output + "/manifest.json").find("\"record\":12,\"why\":\"is damaged: its checksum does not fit\"") != std::string::npos);
    }
  }
}

TEST_CASE("--no-verify copies a damaged record, with the checksum that tells") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  damage_record(inputs[3], 12);
  ShardCommand c = command(inputs, dir / "out", 1);
  c.no_verify = true;
  shard(c);
  const FileReport r = verify_file(*open_input_file(c.output + "/part_0000.atp"), {});
  REQUIRE(r.damage.count == 1);
  CHECK(r.damage.items[0].record == 20);
}

TEST_CASE("resume keeps what is finished, of the same plan only") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  ShardCommand c = command(inputs, dir / "out", 4);
  shard(c);
  const auto whole = bytes_of(c.output);
  const std::string manifest = test::read_text(c.output + "/manifest.json");
  simdjson::dom::parser parser;
  std::string_view plan;
  REQUIRE(parser.parse(manifest)["plan"].get(plan) == simdjson::SUCCESS);

  // As a run that was killed after its second shard left it.
  const auto interrupt = [&] {
    fs::remove(c.output + "/manifest.json");
    fs::remove(c.output + "/part_0001.atp");
    fs::remove(c.output + "/part_0003.atp");
    test::write_text(c.output + "/unfinished.json", "{\"plan\":\"" + std::string(plan) + "\"}\n");
    test::write_text(c.output + "/part_0003.atp.tmp-4711-0", "half a shard");
  };
  interrupt();
  const auto kept = fs::last_write_time(c.output + "/part_0000.atp");
  CHECK(error_of([&] { shard(c); }).find("repeat atp shard with --resume") != std::string::npos);
  c.resume = true;
  shard(c);
  check_sound(c.output);
  CHECK(bytes_of(c.output) == whole);
  CHECK(fs::last_write_time(c.output + "/part_0000.atp") == kept);
  CHECK(!fs::exists(c.output + "/part_0003.atp.tmp-4711-0"));
  CHECK(shard(c) == Exit::ok);  // complete: nothing to do

  interrupt();
  test::write_bytes(c.output + "/part_0002.atp", whole.at("part_0000.atp"));  // not the shard of this place
  shard(c);
  CHECK(bytes_of(c.output) == whole);

  interrupt();
  ShardCommand other = c;
  other.order = "shuffle";
  CHECK(error_of([&] { shard(other); }).find("another plan") != std::string::npos);
  test::write_many(inputs[2], 2, {});
  CHECK(error_of([&] { shard(c); }).find("another plan") != std::string::npos);
}

TEST_CASE("a folder with other things in it is not touched") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  ShardCommand c = command(inputs, dir / "out", 2);
  fs::create_directory(c.output);
  shard(c);  // empty: fine
  CHECK(error_of([&] { shard(c); }).find("is not empty") != std::string::npos);
  c.shards = 1;
  c.force = true;
  test::write_text(c.output + "/notes.txt", "mine");
  shard(c);
  check_sound(c.output);
  CHECK(dataset_files(c.output).size() == 1);
  CHECK(test::read_text(c.output + "/notes.txt") == "mine");

  fs::copy_file(inputs[0], c.output + "/foreign.atp");
  CHECK(error_of([&] { shard(c); }).find("foreign.atp: is in the way") != std::string::npos);
  CHECK(fs::exists(c.output + "/part_0000.atp"));
  ShardCommand itself = command({c.output}, c.output, 2);
  itself.force = true;
  CHECK(error_of([&] { shard(itself); }).find("lies in the output folder") != std::string::npos);
}

TEST_CASE("splits: folders that are datasets, no record twice, groups whole") {
  const Quiet quiet;
  const TempDir dir;
  std::vector<Structure> all(60);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].atomic_numbers = {static_cast<std::uint8_t>(1 + i % 7)};
    all[i].set_positions(std::vector<double>{static_cast<double>(i), 0, 0});
    if (i != 0) all[i].put_string(Kind::molecule, "source", std::to_string(i % 10));
  }
  test::write(dir / "in.atp", all);
  for (const std::string by : {"record", "formula", "source"}) {
    CAPTURE(by);
    ShardCommand c = command({dir / "in.atp"}, dir / by, 2);
    c.split = "train=0.7,test=0.3";
    c.by = by;
    c.seed = 1;
    shard(c);
    check_sound(c.output + "/train");
    check_sound(c.output + "/test");
    std::map<std::string, std::set<std::string>> groups;
    std::size_t count = 0;
    for (const std::string part : {"train", "test"}) {
      const auto records = records_of({c.output + "/" + part});
      count += records.size();
      for (const auto& s : records) {
        const auto* source = s.find(Kind::molecule, "source");
        if (by == "formula") groups[std::to_string(s.atomic_numbers[0])].insert(part);
        if (by == "source" && source) groups[std::string(as_text(source->payload))].insert(part);
      }
      if (by == "record") CHECK(records.size() == (part == "train" ? 42 : 18));
    }
    CHECK(count == 60);
    for (const auto& [key, parts] : groups) CHECK(parts.size() == 1);
  }
}

TEST_CASE("duplicates, samples, selections") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  const auto before = records_of(inputs);
  auto twice = inputs;
  twice.insert(twice.end(), inputs.begin(), inputs.end());
  ShardCommand c = command(twice, dir / "dedup", 2);
  c.dedup = "exact";
  shard(c);
  CHECK(same_records(records_of({c.output}), before));

  ShardCommand some = command(inputs, dir / "some", 2);
  some.records = "3,::-10,3";
  shard(some);
  const auto after = records_of({some.output});
  REQUIRE(after.size() == 6);
  CHECK(test::same(after[0], before[3]));
  CHECK(test::same(after[1], before[37]));
  CHECK(test::same(after[4], before[7]));
  CHECK(test::same(after[5], before[3]));

  ShardCommand few = command(inputs, dir / "few", 1);
  few.sample = 10;
  shard(few);
  CHECK(records_of({few.output}).size() == 10);
}

TEST_CASE("sizes: --max-records and --shard-size hold") {
  const Quiet quiet;
  const TempDir dir;
  const auto inputs = uneven(dir);
  ShardCommand c = command(inputs, dir / "records", 0);
  c.shards.reset();
  c.max_records = 5;
  shard(c);
  check_sound(c.output);
  CHECK(dataset_files(c.output).size() == 8);
  const Dataset of_c({c.output});
  for (const Reader& file : of_c.shards()) CHECK(file.size() <= 5);

  ShardCommand s = command(inputs, dir / "bytes", 0);
  s.shards.reset();
  s.shard_bytes = 20000;
  shard(s);
  check_sound(s.output);
  CHECK(dataset_files(s.output).size() > 1);
  const Dataset of_s({s.output});
  for (const Reader& file : of_s.shards()) CHECK((file.file_bytes() <= 20000 || file.size() == 1));
  s.shard_bytes = 5000;
  s.output = dir / "tiny";
  CHECK(error_of([&] { shard(s); }).find("no room for records") != std::string::npos);
}

TEST_CASE("the manifest has the published keys") {
  const Quiet quiet;
  const TempDir dir;
  ShardCommand c = command(uneven(dir), dir / "set", 3);
  c.codec = "zstd:5";
  shard(c);
  const std::string text = test::read_text(c.output + "/manifest.json");
  simdjson::dom::parser parser;
  const simdjson::dom::element m = parser.parse(text);
  CHECK(std::string_view(m["dataset"]) == "set");
  CHECK(std::string_view(m["variant"]) == "all");
  CHECK(std::uint64_t(m["n_samples"]) == 38);
  CHECK(std::uint64_t(m["n_files"]) == 3);
  CHECK(std::uint64_t(m["max_samples_per_file"]) >= 13);
  CHECK(std::string_view(m["compression"]) == "zstd");
  CHECK(std::int64_t(m["compression_level"]) == 5);
  CHECK(std::string_view(m["output_files"].at(1)) == "part_0001.atp");
  CHECK(std::string_view(m["created_at_utc"]).size() == 20);
  CHECK(m["sources"].get_array().size() == 4);
}
