// What a pass over a file brings into memory leaves it again; what was there stays.
#include "core/io/read_once.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "core/atp/batch_reader.h"
#include "core/atp/verify.h"
#include "core/bench/file_cache.h"
#include "core/io/input_file.h"
#include "core/io/mapped_file.h"
#include "core/io/page_cache.h"
#include "formats/byte_source.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"

using namespace atp;
using namespace atp::test;

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Whether this file system gives memory back at all (tmpfs does not).
bool drops(const std::string& path) {
  if (drop_from_cache({path}) < 0.01) return true;
  MESSAGE("skipped: the file system of the temporary folder keeps its files in memory");
  return false;
}

void read_range(const std::string& path, std::uint64_t begin, std::uint64_t length) {
  const Fd fd = open_for_reading(path);
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);  // and nothing behind it
  std::vector<std::byte> bytes(length);
  CHECK(read_at(fd, begin, bytes, path) == length);
}

double share(const MappedFile& file, std::uint64_t begin, std::uint64_t end) {
  const std::vector<bool> pages = resident_runs(file.bytes().subspan(begin, end - begin), 1);
  return static_cast<double>(std::count(pages.begin(), pages.end(), true)) / static_cast<double>(pages.size());
}

// A dataset of some megabytes.
std::string large_dataset(const TempDir& dir) {
  std::vector<Structure> all(6000);
  for (Structure& s : all) {
    s.atomic_numbers.assign(100, 6);
    s.positions_type = Type::vec3_f32;
    s.positions.assign(1200, std::byte{1});
  }
  write(dir / "large.atp", all);
  return dir / "large.atp";
}

}  // namespace

TEST_CASE("a look at a file's head reads nothing ahead") {
  const TempDir dir;
  const std::string path = large_dataset(dir);
  if (!drops(path)) return;
  CHECK_FALSE(ByteSource(path).peek().empty());
  const MappedFile file(path);
  CHECK(share(file, kMiB / 2, kMiB) == 0);
}

TEST_CASE("a pass leaves nothing in memory but what was there before") {
  const TempDir dir;
  const std::string path = dir / "a";
  write_bytes(path, std::vector<std::byte>(48 * kMiB, std::byte{1}));
  if (!drops(path)) return;
  read_range(path, 0, 8 * kMiB);
  const MappedFile file(path);
  REQUIRE(share(file, 0, 8 * kMiB) == 1);
  REQUIRE(share(file, 8 * kMiB, 48 * kMiB) == 0);
  {
    ReadOnce once(path, file.id(), file.bytes());
    read_range(path, 0, 48 * kMiB);
    (void)std::accumulate(file.bytes().begin(), file.bytes().end(), 0U, [](unsigned sum, std::byte b) { return sum + static_cast<unsigned>(b); });
    once.passed(4 * kMiB);
    CHECK(share(file, 0, 48 * kMiB) == 1);
    once.passed(32 * kMiB);
    CHECK(share(file, 0, 8 * kMiB) == 1);
    CHECK(share(file, 8 * kMiB, 32 * kMiB) == 0);
    CHECK(share(file, 33 * kMiB, 48 * kMiB) == 1);
    once.passed(16 * kMiB);
  }
  CHECK(share(file, 0, 8 * kMiB) == 1);
  CHECK(share(file, 8 * kMiB, 48 * kMiB) == 0);
}

TEST_CASE("single pages that were in memory stay, too") {
  const TempDir dir;
  const std::string path = dir / "a";
  write_bytes(path, std::vector<std::byte>(8 * kMiB, std::byte{1}));
  if (!drops(path)) return;
  for (std::uint64_t at = 0; at < 8 * kMiB; at += 256 << 10) read_range(path, at, 1);
  const MappedFile file(path);
  const double before = share(file, 0, 8 * kMiB);
  REQUIRE(before > 0);
  REQUIRE(before < 0.2);
  ReadOnce once(path, file.id(), file.bytes());
  read_range(path, 0, 8 * kMiB);
  once.finish();
  CHECK(share(file, 0, 8 * kMiB) >= before);
  CHECK(share(file, 0, 8 * kMiB) <= 0.3);
}

TEST_CASE("a file that took the place of the one that was read stays") {
  const TempDir dir;
  const std::string path = dir / "a";
  write_bytes(path, std::vector<std::byte>(20 * kMiB, std::byte{1}));
  if (!drops(path)) return;
  const MappedFile file(path);
  ReadOnce once(path, file.id(), file.bytes());
  std::filesystem::remove(path);
  once.passed(20 * kMiB);  // there is no file
  write_bytes(dir / "b", std::vector<std::byte>(20 * kMiB, std::byte{2}));
  (void)drop_from_cache({dir / "b"});
  read_into_cache({dir / "b"});
  std::filesystem::rename(dir / "b", path);
  once.finish();
  CHECK(resident_share({path}) == 1);
}

TEST_CASE("a batch reader that reads once, and a check of all records, leave nothing in memory") {
  const TempDir dir;
  const std::string path = large_dataset(dir);
  if (!drops(path)) return;
  const auto pass = [&](bool once) {
    (void)drop_from_cache({path});
    {
      const Dataset dataset({path});
      BatchReader reader(dataset, {Io::map, false, once});
      std::vector<std::uint64_t> all(dataset.size());
      std::iota(all.begin(), all.end(), std::uint64_t{0});
      std::size_t read = 0;
      reader.for_each(all, [&](std::size_t, const RecordView& record) { read += record.n_atoms(); });
      CHECK(read == 600000);
    }
    return resident_share({path});
  };
  CHECK(pass(false) > 0.9);
  CHECK(pass(true) < 0.2);  // opening it has read something before

  (void)drop_from_cache({path});
  CHECK(check(path).sound());
  CHECK(resident_share({path}) < 0.2);
  read_into_cache({path});
  CHECK(check(path).sound());
  CHECK(resident_share({path}) == 1);
}

TEST_CASE("what is in memory of a file that belongs to somebody else is found out by reading") {
  if (::geteuid() != 0) return;  // it takes root to be somebody else
  const TempDir dir;
  const std::string path = large_dataset(dir);
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  if (!drops(path)) return;
  CHECK(MappedFile(path).tells_residence());
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
    const MappedFile file(path);
    const Fd fd = open_for_reading(path);
    const std::uint64_t middle = file.bytes().size() / 2;
    if (file.tells_residence()) ::_exit(1);
    if (!is_resident(file.bytes().data() + middle)) ::_exit(2);  // what Linux says of other people's files
    if (reads_at_once(fd, middle)) ::_exit(3);
    read_into_cache({path});
    if (!reads_at_once(fd, middle)) ::_exit(4);
    // It is only a question: a file that has gone is read through the map.
    const Dataset dataset({path});
    const std::uint64_t some[] = {1, 2, 3};
    std::filesystem::remove(path);
    BatchReader(dataset).for_each(some, [](std::size_t, const RecordView&) {});
    ::_exit(0);
  }
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}
