// Counts, lines and where errors point: the cutter and what a reader makes of it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "formats/byte_source.h"
#include "formats/extxyz.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

constexpr const char* kFix = "; fix the file or pass --on-error skip";

std::string frame(int atoms, std::string_view comment = "") {
  std::string text = fmt::format("{}\n{}\n", atoms, comment);
  for (int i = 0; i < atoms; ++i) text += fmt::format("H {}.0 0.0 0.5\n", i);
  return text;
}

std::string thrown(std::string_view text) {
  try {
    read_xyz(text);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("frames: one after the other, blank lines between and behind") {
  const auto r = read_xyz(frame(2) + frame(1, "x") + "\n\n" + frame(3) + "\n \n\t\n");
  REQUIRE(r.frames.size() == 3);
  CHECK(r.bad.empty());
  CHECK(r.origins[0].line == 1);
  CHECK(r.origins[1].line == 5);
  CHECK(r.origins[2].line == 10);
  CHECK(r.origins[2].frame == 2);
  CHECK(positions(r.frames[2]) == std::vector<double>{0, 0, .5, 1, 0, .5, 2, 0, .5});
}

TEST_CASE("frames: CRLF, tabs, leading blanks, no newline at the end, byte order mark") {
  const auto r = read_xyz("\xEF\xBB\xBF  2 \r\nhello\r\n\tH\t1 2 3 \r\n H 4 5 6\r\n1\r\n\r\nO 1 1 1");
  REQUIRE(r.frames.size() == 2);
  CHECK(r.bad.empty());
  CHECK(text(r.frames[0], Kind::molecule, "comment") == "hello");
  CHECK_FALSE(has(r.frames[1], Kind::molecule, "comment"));
  CHECK(positions(r.frames[1]) == std::vector<double>{1, 1, 1});
}

TEST_CASE("frames: no atoms") {
  const auto r = read_xyz("0\n\n0\nProperties=species:S:1:pos:R:3:q:R:1 a=1\n" + frame(1));
  REQUIRE(r.frames.size() == 3);
  CHECK(r.frames[0].n_atoms() == 0);
  CHECK(i64(r.frames[1], Kind::molecule, "a") == 1);
  CHECK(shape(r.frames[1], Kind::atom, "q") == std::vector<std::uint64_t>{0});
}

TEST_CASE("frames: a comment that is a number is no count") {
  const auto r = read_xyz("1\n5\nH 0 0 0\n1\n1\nH 0 0 0\n");
  CHECK(r.frames.size() == 2);
  CHECK(r.bad.empty());
}

TEST_CASE("frames: too few atom lines, and on with the next frame") {
  std::string text = frame(2) + "3\nshort\nH 0 0 0\nH 1 1 1\n" + frame(1, "after");
  const auto r = read_xyz(text);
  REQUIRE(r.frames.size() == 2);
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:9: frame 1 has 2 atom lines, its count says 3") + kFix);
  CHECK(r.bad_origins[0].frame == 1);
  CHECK(r.bad_origins[0].line == 5);
  CHECK(r.origins[1].frame == 2);
  CHECK(test::text(r.frames[1], Kind::molecule, "comment") == "after");
}

TEST_CASE("frames: too many atom lines, and on with the next frame") {
  const auto r = read_xyz("1\nlong\nH 0 0 0\nH 1 1 1\nH 2 2 2\n" + frame(1, "after"));
  REQUIRE(r.frames.size() == 1);
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:4: frame 0 has 3 atom lines, its count says 1") + kFix);
  CHECK(r.origins[0].line == 6);
  CHECK(read_xyz("1\nx\nH 0 0 0\nH 1 1 1\n").bad.at(0) ==
        std::string("t.xyz:4: frame 0 has 2 atom lines, its count says 1") + kFix);
}

TEST_CASE("frames: a blank line among the atoms") {
  auto r = read_xyz("2\nc\nH 0 0 0\n\nH 1 1 1\n" + frame(1));
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:4: frame 0 has a blank line among its 2 atom lines") + kFix);
  CHECK(r.frames.size() == 1);
  r = read_xyz("2\nc\nH 0 0 0\n\n" + frame(1));
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:4: frame 0 has 1 atom lines, its count says 2") + kFix);
  CHECK(r.frames.size() == 1);
}

TEST_CASE("frames: the input ends inside one") {
  auto r = read_xyz(frame(1) + "3\nc\nH 0 0 0\n");
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:6: ends inside frame 1: 1 of 3 atom lines") + kFix);
  CHECK(r.frames.size() == 1);
  r = read_xyz(frame(1) + "3\n");
  CHECK(r.bad.at(0) == std::string("t.xyz:4: ends inside frame 1: no comment line") + kFix);
  r = read_xyz("3\nc\nH 0 0 0\n\n\n");
  CHECK(r.bad.at(0) == std::string("t.xyz:3: ends inside frame 0: 1 of 3 atom lines") + kFix);
  r = read_xyz("3\nc");
  CHECK(r.bad.at(0) == std::string("t.xyz:2: ends inside frame 0: 0 of 3 atom lines") + kFix);
}

TEST_CASE("frames: counts that cannot be") {
  auto r = read_xyz("99999999999999999999999\nc\nH 0 0 0\n" + frame(1));
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] ==
        std::string("t.xyz:1: frame 0 has a count over 330382099, the most atoms a record can hold") + kFix);
  CHECK(r.frames.size() == 1);
  r = read_xyz("300000000\nc\nH 0 0 0\n");
  CHECK(r.bad.at(0) == std::string("t.xyz:3: ends inside frame 0: 1 of 300000000 atom lines") + kFix);
}

TEST_CASE("frames: what is no XYZ at all") {
  CHECK(thrown("hello\nworld\n") == "t.xyz:1: a frame begins with its number of atoms, this line is 'hello'");
  CHECK(thrown("-1\n\n") == "t.xyz:1: a frame begins with its number of atoms, this line is '-1'");
  CHECK(thrown("+1\n\nH 0 0 0\n") == "t.xyz:1: a frame begins with its number of atoms, this line is '+1'");
  CHECK(thrown("2.0\n") == "t.xyz:1: a frame begins with its number of atoms, this line is '2.0'");
  CHECK(thrown(frame(1) + std::string("\x01\x00\x02\x03", 4)) ==
        "t.xyz:4: holds bytes that are not text; no further frame can be found");
  CHECK(thrown("") == "");
  CHECK(thrown("\n\n") == "");
}

TEST_CASE("frames: larger than a piece, and many in pieces") {
  std::string text = frame(3, "first");
  text += "100000\nbig\n";
  for (int i = 0; i < 100000; ++i)
    text += fmt::format("C {}.25 -1.5 0.0000000000000000000000000000000000000000001\n", i);
  for (int i = 0; i < 50000; ++i) text += frame(2, fmt::format("number {}", i));
  text += "3\nshort\nH 0 0 0\n";
  const auto r = read_xyz(text);
  REQUIRE(r.frames.size() == 50002);
  CHECK(r.frames[1].n_atoms() == 100000);
  CHECK(positions(r.frames[1])[3 * 99999] == 99999.25);
  for (std::size_t i : {std::size_t{0}, std::size_t{1234}, std::size_t{49999}}) {
    CHECK(test::text(r.frames[i + 2], Kind::molecule, "comment") == fmt::format("number {}", i));
    CHECK(r.origins[i + 2].line == 6 + 100002 + 4 * i);
  }
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:300010: ends inside frame 50002: 1 of 3 atom lines") + kFix);
}

TEST_CASE("frames: bad ones across pieces") {
  std::string text;
  for (int i = 0; i < 30000; ++i) {
    text += frame(3, "good one with a comment");
    text += "4\nshort\nH 0 0 0\nH 0 0 0\n";
    text += "1\nlong\nH 0 0 0\nH 0 0 0\n";
  }
  const auto r = read_xyz(text);
  CHECK(r.frames.size() == 30000);
  REQUIRE(r.bad.size() == 60000);
  CHECK(r.bad[59998] ==
        std::string(fmt::format("t.xyz:{}: frame 89998 has 2 atom lines, its count says 4", 13 * 29999 + 10)) + kFix);
}

TEST_CASE("frames: a long stretch of lines without a count is passed over") {
  std::string text = frame(1);
  for (int i = 0; i < 400000; ++i) text += "not an atom line\n";
  text += frame(2);
  const auto r = read_xyz(text);
  CHECK(r.frames.size() == 1);
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0] == std::string("t.xyz:4: frame 0 has 400001 atom lines, its count says 1") + kFix);
}

TEST_CASE("frames: a line without an end is refused") {
  std::string text = frame(1) + "1\n";
  text.append(std::size_t{70} << 20, 'x');
  CHECK(thrown(text) == "t.xyz:5: this line is longer than 64 MiB");
}

TEST_CASE("xyz: comments are text and four columns are read") {
  const std::string text = "1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=1\nH 0 0 0 1 1 1\n";
  const auto r = read_xyz(text, {}, true);
  REQUIRE(r.frames.size() == 1);
  CHECK(test::text(r.frames[0], Kind::molecule, "comment") == "Properties=species:S:1:pos:R:3:forces:R:3 energy=1");
  CHECK_FALSE(has(r.frames[0], Kind::builtin, "forces"));
  CHECK(r.notes.count("columns after the fourth are not read: plain XYZ, or no Properties in the comment") == 1);
}

TEST_CASE("frames: which plain comments are pairs") {
  auto r = read_xyz(
      "1\nkey1=a key2=a/b key4=\"a@b\" \nH 0 0 0\n1\nCSD_code = W | q = 0 | x\nH 0 0 0\n"
      "1\nLattice=\"1 0 0 0 1 0 0 0 1\" flag\nH 0 0 0\n1\nit=\"s\nH 0 0 0\n");
  REQUIRE(r.frames.size() == 4);
  CHECK(text(r.frames[0], Kind::molecule, "key2") == "a/b");
  CHECK(text(r.frames[1], Kind::molecule, "comment") == "CSD_code = W | q = 0 | x");
  CHECK(has(r.frames[2], Kind::builtin, "cell"));
  CHECK(i64(r.frames[2], Kind::molecule, "flag") == 1);
  CHECK(text(r.frames[3], Kind::molecule, "comment") == "it=\"s");
  r = read_xyz("1\nname=\"oops Properties=species:S:1:pos:R:3\nH 0 0 0\n");
  CHECK(r.bad.at(0) == std::string("t.xyz:2: the quote of 'name' is not closed") + kFix);
}

TEST_CASE("frames: text that is not UTF-8") {
  const auto r = read_xyz("1\nname=x note=\"\xE5ngstr\xF6m\" Properties=species:S:1:pos:R:3:tag:S:1\nH 0 0 0 \xFF\n");
  REQUIRE(r.frames.size() == 1);
  CHECK(text(r.frames[0], Kind::molecule, "note") == "\xEF\xBF\xBDngstr\xEF\xBF\xBDm");
  CHECK(text(r.frames[0], Kind::molecule, "tag") == "[\"\xEF\xBF\xBD\"]");
  CHECK(r.notes.count("bytes that are not UTF-8 are read as U+FFFD") == 1);
}
