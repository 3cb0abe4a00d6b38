// Folders of shards held against their manifest.json.
#include "core/atp/manifest.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/io/file_sums.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"

using namespace atp;

namespace {

struct Folder {
  test::TempDir dir;
  FileSums sums;
  std::uint64_t bytes;

  Folder() {
    test::write_many(dir / "000.atp", 4, {CodecId::zstd, 3});
    test::write_many(dir / "001.atp", 3, {CodecId::zstd, 3});
    const auto file = open_input_file(dir / "001.atp");
    sums = sums_of(*file, {});
    bytes = file->size();
  }

  std::vector<std::string> problems(const std::string& manifest, bool hashes = true) {
    test::write_text(dir / "manifest.json", manifest);
    ManifestOptions options;
    options.hashes = hashes;
    std::vector<std::string> out;
    for (const Damage& d : check_manifest(dir.path().string(), options).damage.items) {
      CHECK(d.kind == damage_kind::manifest);
      out.push_back(d.message);
    }
    return out;
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a manifest of the reference's kind") {
  Folder f;
  CHECK(f.problems(R"({"dataset":"x","variant":"y","n_samples":7,"max_samples_per_file":4,"n_files":2,"compression":"zstd",
                       "compression_level":3,"output_files":["000.atp","001.atp"]})").empty());
  CHECK(f.problems(R"({"n_samples":7,"n_files":2,"output_files":["/some/where/000.atp","/some/where/001.atp"]})").empty());
  CHECK(f.problems(R"({"n_samples":7})").empty());
  CHECK(f.problems(R"({"n_samples":8,"output_files":["000.atp"]})") ==
        Lines{"001.atp: is there, but the manifest does not name it", "the number of records in all files is 4, the manifest says 8"});
  CHECK(f.problems(R"({"n_files":3,"max_samples_per_file":3,"compression":"lz4","output_files":["000.atp","001.atp","002.atp"]})") ==
        Lines{"000.atp: holds 4 records, at most 3 were to be in a file", "000.atp: its codec is zstd, the manifest says lz4",
              "001.atp: its codec is zstd, the manifest says lz4", "002.atp: cannot open: no such file or directory"});
}

TEST_CASE("a manifest with sizes and hashes") {
  Folder f;
  const auto manifest = [&](std::uint64_t bytes, const std::string& xxh, const std::string& sha, int records) {
    return fmt::format(R"({{"output_files":["000.atp","001.atp"],"files":[{{"name":"001.atp","bytes":{},"xxh3_128":"{}","sha256":"{}","records":{}}}]}})",
                       bytes, xxh, sha, records);
  };
  CHECK(f.problems(manifest(f.bytes, f.sums.xxh128, f.sums.sha256, 3)).empty());
  CHECK(f.problems(manifest(f.bytes + 1, f.sums.xxh128, f.sums.sha256, 4)).size() == 2);
  const std::string wrong(64, '0');
  CHECK(f.problems(manifest(f.bytes, f.sums.xxh128, wrong, 3)).size() == 1);
  CHECK(f.problems(manifest(f.bytes, wrong.substr(32), f.sums.sha256, 3)).size() == 1);
  CHECK(f.problems(manifest(f.bytes, wrong, wrong, 3), false).empty());
}

TEST_CASE("a manifest cannot lead out of its folder") {
  Folder f;
  const auto lines = f.problems(R"({"output_files":["../x.atp","a/../../y.atp","","000.atp","./001.atp"]})");
  REQUIRE(lines.size() == 3);
  for (const auto& line : lines) CHECK(line.find("no name of a file in the folder") != std::string::npos);
}

TEST_CASE("values of another type, and statements that differ, are said") {
  Folder f;
  CHECK(f.problems(R"({"n_samples":"5"})").size() == 1);
  CHECK(f.problems(R"({"n_samples":-5})").size() == 1);
  CHECK(f.problems(R"({"compression":3})").size() == 1);
  CHECK(f.problems(R"({"files":{"000.atp":1}})").size() == 1);
  CHECK(f.problems(R"({"files":["000.atp",{"path":"001.atp","records":"3","sha256":7}]})").size() == 2);
  CHECK(f.problems(R"({"files":["000.atp",{"path":"./001.atp","records":3},{"path":"001.atp","records":3}]})").empty());
  CHECK(f.problems(R"({"files":["000.atp",{"path":"001.atp","records":4},{"path":"001.atp","records":3}]})").size() == 1);
  CHECK(f.problems(R"({"files":["000.atp","001.atp",7]})").size() == 1);
  CHECK(f.problems("{\"files\":[\"000.atp\\u0000x\",\"001.atp\"]}").size() >= 1);
}

TEST_CASE("what is no manifest") {
  Folder f;
  CHECK_THROWS_AS(f.problems("[1]"), Error);
  CHECK_THROWS_AS(f.problems("{"), Error);
  CHECK_THROWS_AS(f.problems(""), Error);
  CHECK_THROWS_AS(check_manifest((f.dir / "none"), {}), Error);
}

TEST_CASE("sums are those of the tools") {
  test::TempDir dir;
  test::write_text(dir / "x", "abc");
  const FileSums sums = sums_of(*open_input_file(dir / "x"), {});
  CHECK(sums.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sums.xxh128 == "06b05ab6733a618578af5f94892f3950");
  test::write_text(dir / "x", std::string(3 << 20, 'x'));
  CHECK(sums_of(*open_input_file(dir / "x"), {false, true}).xxh128.empty());
}
