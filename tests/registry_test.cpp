#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "formats/extxyz.h"
#include "formats/foreign.h"
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;
namespace fs = std::filesystem;

namespace {

std::string refusal(const std::string& path, std::string_view from = "") {
  try {
    open_input(path, from, {});
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    CHECK(e.where() == path);
    return e.problem();
  }
  return "";
}

std::string unknown_format(std::string_view name) {
  try {
    format_named(name);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("registry: rows are complete") {
  for (const Format& f : formats()) {
    CHECK_FALSE(f.name.empty());
    CHECK_FALSE((f.extensions.empty() && f.file_names.empty()));
    CHECK_FALSE(f.summary.empty());
    CHECK(static_cast<bool>(f.sniff));
    CHECK((f.open != nullptr || f.open_path != nullptr) == f.missing.empty());
    CHECK((f.claims_folder == nullptr || f.open_path != nullptr || !f.missing.empty()));
    CHECK(&format_named(f.name) == &f);
  }
}

TEST_CASE("registry: a mistyped format") {
  CHECK(unknown_format("extxzy") == "unknown format 'extxzy'; did you mean 'extxyz'?");
  CHECK(unknown_format("zyx").find("unknown format 'zyx'") == 0);
  CHECK(unknown_format("netcdf").find("unknown format 'netcdf'; formats are extxyz, xyz") == 0);
}

TEST_CASE("registry: sniffing") {
  CHECK(sniff_extxyz("3\nLattice=\"1 0 0\" x\nH") == 3);
  CHECK(sniff_extxyz(" 3 \r\nProperties=species:S:1\r\n") == 3);
  CHECK(sniff_extxyz("3\nhello\n") == 2);
  CHECK(sniff_extxyz("\n\n3\nhello\n") == 2);
  CHECK(sniff_extxyz("\xEF\xBB\xBF"
                     "3\nhello\n") == 2);
  CHECK(sniff_extxyz("3") == 2);
  for (const char* no : {"", "\n", "hello", "3 atoms\n", "-3\n", "{\"a\": 1}", "3.5\n"}) {
    CAPTURE(no);
    CHECK(sniff_extxyz(no) == 0);
    CHECK(sniff_xyz(no) == 0);
  }
  CHECK(sniff_xyz("3\nLattice=\n") == 1);
}

TEST_CASE("registry: content decides, and says what it looks like") {
  const TempDir dir;
  const auto file = [&](std::string_view name, std::string_view bytes) {
    write_text(dir / name, bytes);
    return dir / name;
  };
  const std::string cube = file("frames.dat", "1\nProperties=species:S:1:pos:R:3\nH 0 0 0\n");
  auto reader = open_input(cube, "", {});
  CHECK(reader->format() == "extxyz");
  CHECK(read_all(*reader).frames.size() == 1);
  CHECK(open_input(cube, "xyz", {})->format() == "xyz");

  CHECK(refusal(file("e.xyz", "")) == "is empty");
  CHECK(refusal(file("a", "7z\xBC\xAF\x27\x1C..")) == "looks like a 7z archive");
  CHECK(refusal(file("h", "CDF\1....")) == "looks like a NetCDF file");
  CHECK(refusal(file("g", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")) == "looks like a Git LFS pointer, which stands for the file");
  CHECK(refusal(file("i", "<?xml version=\"1.0\"?>\n<svg>\n")) == "looks like an XML file");
  CHECK(refusal(file("j", "# generated\ndata_NaCl\n")) == "looks like a CIF file without data");
  CHECK(refusal(file("l", "what is this\n")) == "is of no format atp knows (it begins with 'what is this')");
  CHECK_THROWS_AS(open_input(cube, "exyz", {}), Error);
}

TEST_CASE("registry: a byte order mark is none of the text's") {
  const TempDir dir;
  write_text(dir / "a.json", "\xEF\xBB\xBF[{\"structure\": {\"sites\": [{\"species\": [{\"element\": \"Na\", \"occu\": 1}], \"xyz\": [0, 0, 0]}]}}]");
  CHECK(read_all(*open_input(dir / "a.json", "", {})).frames.size() == 1);
}

TEST_CASE("registry: files of an argument") {
  const TempDir dir;
  fs::create_directories(dir / "sub/deep");
  for (const char* name :
       {"b.xyz", "a.extxyz.gz", "sub/c.xyz.zst", "sub/deep/d.extxyz", "notes.txt", "x.xyz.bak", "xyz"}) {
    write_text(dir / name, "1\n\nH 0 0 0\n");
  }
  const auto names = [&](const std::string& argument) {
    std::vector<std::string> out;
    for (const std::string& f : input_files(argument))
      out.push_back(fs::path(f).lexically_relative(dir.path()).string());
    return out;
  };
  CHECK(names(dir.path().string()) ==
        std::vector<std::string>{"a.extxyz.gz", "b.xyz", "sub/c.xyz.zst", "sub/deep/d.extxyz"});
  CHECK(names(dir / "*.xyz") == std::vector<std::string>{"b.xyz"});
  CHECK(names(dir / "su?") == std::vector<std::string>{"sub/c.xyz.zst", "sub/deep/d.extxyz"});
  CHECK(names(dir / "notes.txt") == std::vector<std::string>{"notes.txt"});
  CHECK(input_files("-") == std::vector<std::string>{"-"});
  // Links to folders are followed, and none round and round; one that leads nowhere is an input that cannot be opened.
  fs::create_directory_symlink(dir.path(), dir / "sub/deep/root");
  fs::create_directory_symlink(dir / "sub", dir / "again");
  fs::create_symlink(dir / "nowhere", dir / "sub/z.xyz");
  CHECK(names(dir / "sub") == std::vector<std::string>{"sub/c.xyz.zst", "sub/deep/d.extxyz", "sub/deep/root/a.extxyz.gz", "sub/deep/root/b.xyz", "sub/z.xyz"});
  CHECK(names(dir.path().string()) == std::vector<std::string>{"a.extxyz.gz", "again/c.xyz.zst", "again/deep/d.extxyz", "again/z.xyz", "b.xyz"});
  CHECK_THROWS_AS(open_input(dir / "sub/z.xyz", "", {}), Error);
  fs::create_directories(dir / "empty");
  for (const std::string& none : {dir / "empty", dir / "missing.xyz", dir / "*.none"}) {
    CAPTURE(none);
    try {
      input_files(none);
      FAIL("found something");
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
    }
  }
}

TEST_CASE("registry: the metadata.npz of a folder of databases") {
  const TempDir dir;
  // fairchem's sizes of the frames, beside its databases; elsewhere it is a file as others.
  for (const char* name : {"s2ef/data.0000.lmdb", "s2ef/metadata.npz", "omat/data0000.aselmdb", "omat/metadata.npz", "own/metadata.npz"}) {
    fs::create_directories((dir / name).substr(0, (dir / name).rfind('/')));
    write_text(dir / name, "x");
  }
  CHECK(input_files(dir / "s2ef") == std::vector<std::string>{dir / "s2ef/data.0000.lmdb"});
  CHECK(input_files(dir / "omat") == std::vector<std::string>{dir / "omat/data0000.aselmdb"});
  CHECK(input_files(dir / "own") == std::vector<std::string>{dir / "own/metadata.npz"});
  CHECK(input_files(dir / "s2ef/metadata.npz") == std::vector<std::string>{dir / "s2ef/metadata.npz"});
}
