#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <random>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/hub/cache.h"
#include "core/hub/content_hash.h"
#include "core/hub/dataset_files.h"
#include "core/hub/partial.h"
#include "core/hub/range_get.h"
#include "core/hub/retry.h"
#include "tests/support/files.h"

using namespace atp;

namespace {

const std::string kSha1(40, '1'), kSha256(64, '2');

HttpAnswer answer(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpAnswer a;
  a.status = status;
  a.headers = std::move(headers);
  return a;
}

}  // namespace

TEST_CASE("a name that cannot be resolved is tried once more") {
  CHECK(most_retries(Trouble::resolve, kMostRetries) == 1);
  CHECK(most_retries(Trouble::resolve, 0) == 0);
  CHECK(most_retries(Trouble::connect, kMostRetries) == kMostRetries);
}

TEST_CASE("how long a retry waits") {
  CHECK(retry_delay(1, nullptr, 1, 0) == 1);
  CHECK(retry_delay(2, nullptr, 1, 0) == 2);
  CHECK(retry_delay(4, nullptr, 1, 0) == 8);
  CHECK(retry_delay(5, nullptr, 1, 0) == 8);
  CHECK(retry_delay(1, nullptr, 1, 1) == 1.5);
  HttpAnswer a = answer(429, {{"ratelimit", "\"api\";r=0;t=42"}, {"retry-after", "5"}});
  CHECK(retry_delay(1, &a, 1, 0) == 43);
  a = answer(429, {{"ratelimit", "\"api\";r=3;t=42"}, {"retry-after", "5"}});
  CHECK(retry_delay(1, &a, 1, 0) == 6);
  a = answer(503, {{"retry-after", "99999999999999999999"}});
  CHECK(retry_delay(1, &a, 1, 0) == kLongestWait);
  a = answer(429, {{"retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"}});
  CHECK(retry_delay(1, &a, 1, 0) == 1);
  a = answer(429, {{"retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"}, {"date", "Wed, 21 Oct 2015 07:27:40 GMT"}});
  CHECK(retry_delay(1, &a, 1, 0) == 21);
  a = answer(429, {{"retry-after", "Wed, 21 Oct 2115 07:28:00 GMT"}});
  CHECK(retry_delay(1, &a, 1, 0) == kLongestWait);
  a = answer(500, {{"retry-after", "7"}});
  CHECK(retry_delay(1, &a, 1, 0) == 1);
}

TEST_CASE("the next page") {
  CHECK(next_link("<https://h/x?cursor=a,b>; rel=\"next\", <https://h/y>; rel=\"last\"") == "https://h/x?cursor=a,b");
  CHECK(next_link("<https://h/y>; rel=\"last\", <https://h/x>; rel=\"next\"") == "https://h/x");
  CHECK(next_link("<https://h/y>; rel=\"last\"").empty());
  CHECK(next_link("").empty());
  CHECK(next_link("<").empty());
  CHECK(next_link("<>").empty());
}

TEST_CASE("a list of files") {
  const HubAddress of{"o/n", kSha1, ""};
  const auto files = parse_tree(fmt::format(R"([{{"type":"directory","path":"a"}},{{"type":"file","path":"a/x.atp","oid":"{}","size":7,"lfs":{{"oid":"{}","size":7,"pointerSize":1}}}},)"
                                            R"({{"type":"file","path":"b","oid":"{}","size":1}},{{"type":"new","x":1}}])",
                                            kSha1, kSha256, kSha1),
                                of, "w");
  REQUIRE(files.size() == 2);
  CHECK(files[0].etag() == kSha256);
  CHECK(files[0].size == 7);
  CHECK(files[0].name() == "hf://o/n@" + kSha1 + "/a/x.atp");
  CHECK(files[1].etag() == kSha1);
  for (const char* bad : {"{}", "[1]", "[", R"([{"type":"file"}])", R"([{"type":"file","path":"x","oid":"1","size":1}])", R"([{"type":"file","path":"x","oid":"1111111111111111111111111111111111111111","size":-1}])"}) {
    CHECK_THROWS_AS(parse_tree(bad, of, "w"), Error);
  }
}

TEST_CASE("a manifest names files") {
  const auto files = parse_manifest(R"({"output_files":["/made/on/x/a.atp","./b.atp"],"files":[{"path":"a.atp","bytes":5,"sha256":")" + std::string(64, 'A') + R"("}]})", "m");
  REQUIRE(files.size() == 2);
  CHECK(files[0].path == "a.atp");
  CHECK(files[0].size == 5);
  CHECK(files[0].size_known);
  CHECK(files[0].sha256 == std::string(64, 'a'));
  CHECK(!files[1].size_known);
  for (const char* bad : {"[]", "{}", R"({"files":[{"path":"../x"}]})", R"({"files":["a\\b"]})", R"({"files":[{"path":"a","sha256":"x"}]})", R"({"files":[{}]})"}) {
    CHECK_THROWS_AS(parse_manifest(bad, "m"), Error);
  }
}

TEST_CASE("the list of a commit survives its own text") {
  RemoteFile large, small;
  large.path = "a/\"x\".atp";
  large.size = 1234567890123;
  large.git_sha1 = kSha1;
  large.sha256 = kSha256;
  small.path = "b";
  small.size = 3;
  small.git_sha1 = kSha1;
  const auto read = parse_tree_json(tree_json({large, small}), "t");
  REQUIRE(read.size() == 2);
  CHECK(read[0].path == large.path);
  CHECK(read[0].size == large.size);
  CHECK(read[0].sha256 == kSha256);
  CHECK(read[1].etag() == kSha1);
  for (const char* bad : {"", "[]", R"({"format_version":2,"files":{}})", R"({"format_version":1,"files":{"../x":{"size":1,"blob_id":"1111111111111111111111111111111111111111"}}})",
                          R"({"format_version":1,"files":{"x":{"size":1,"blob_id":"../x"}}})"}) {
    CHECK_THROWS_AS(parse_tree_json(bad, "t"), Error);
  }
  CHECK(link_target("x.atp", "e") == "../../blobs/e");
  CHECK(link_target("omat/train/000.atp", "e") == "../../../../blobs/e");
}

TEST_CASE("the range that a server says it sends") {
  std::uint64_t first = 0, last = 0, size = 0;
  CHECK(parse_content_range("bytes 5-9/100", first, last, size));
  CHECK((first == 5 && last == 9 && size == 100));
  for (const char* bad : {"", "bytes", "bytes 5-9/*", "bytes */100", "bytes 5-/100", "items 5-9/100", "bytes 5-9/100 ", "bytes 5-9/99999999999999999999999"}) {
    CHECK_MESSAGE(!parse_content_range(bad, first, last, size), bad);
  }
}

TEST_CASE("hashes by which content is named") {
  const test::TempDir folder;
  test::write_text(folder / "x", "hello");
  RemoteFile file;
  file.size = 5;
  CHECK(!has_content(folder / "x", file));
  file.git_sha1 = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";  // printf hello | git hash-object --stdin
  CHECK(has_content(folder / "x", file));
  file.sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  CHECK(has_content(folder / "x", file));
  file.sha256[0] = '3';
  CHECK(!has_content(folder / "x", file));
}

TEST_CASE("a partial file believes only what it can prove") {
  const test::TempDir folder;
  const std::uint64_t size = 2 * PartialFile::kChunk + 100;
  std::vector<std::byte> bytes(size);
  std::mt19937 random(1);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  const auto chunk = [&](const PartialFile& p, std::size_t c) { return Bytes(bytes).subspan(p.begin_of(c), p.end_of(c) - p.begin_of(c)); };
  const std::string path = folder / "p", journal = path + ".journal";
  {
    PartialFile p(path, "id", size);
    CHECK(p.sound() == std::vector<bool>{false, false, false});
    for (const std::size_t c : {2u, 0u}) {
      p.write(p.begin_of(c), chunk(p, c));
      p.finish_chunk(c, xxh3(chunk(p, c)));
    }
  }
  const auto sound = [&](const std::string& identity, std::uint64_t bytes_now) { return PartialFile(path, identity, bytes_now).sound(); };
  const std::vector<bool> both = {true, false, true}, none = {false, false, false};
  CHECK(sound("id", size) == both);
  SUBCASE("another content") { CHECK(sound("other", size) == none); }
  SUBCASE("another size") { CHECK(sound("id", size - 1) == none); }
  SUBCASE("a line cut off") {
    std::string text = test::read_text(journal);
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      test::write_text(journal, text.substr(0, cut));
      const auto now = sound("id", size);
      CHECK(!now[1]);
      CHECK((now == none || now == std::vector<bool>{true, false, false} || now == std::vector<bool>{false, false, true} || now == both));
    }
  }
  SUBCASE("bytes changed") {
    auto there = test::read_bytes(path);
    there[17] ^= std::byte{1};
    test::write_bytes(path, there);
    CHECK(sound("id", size) == std::vector<bool>{false, false, true});
  }
  SUBCASE("bytes cut off") {
    std::filesystem::resize_file(path, size - 1);
    CHECK(sound("id", size) == std::vector<bool>{true, false, false});
    CHECK(std::filesystem::file_size(path) == size);
  }
  SUBCASE("restart") {
    PartialFile p(path, "id", size);
    p.restart();
    CHECK(p.sound() == none);
    CHECK(sound("id", size) == none);
  }
  SUBCASE("finish") {
    PartialFile(path, "id", size).finish();
    CHECK(!std::filesystem::exists(journal));
  }
}
