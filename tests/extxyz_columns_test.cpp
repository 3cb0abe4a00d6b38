#include <doctest/doctest.h>

#include <string>

#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

ReadFrames with(std::string_view properties, std::string_view lines, int n = 1) {
  return read_xyz(std::to_string(n) + "\nProperties=" + std::string(properties) + "\n" + std::string(lines));
}

// The problem of the only, bad frame; its line must be `line`.
std::string problem(std::string_view properties, std::string_view lines, int n, int line) {
  const ReadFrames r = with(properties, lines, n);
  REQUIRE(r.bad.size() == 1);
  CHECK(r.frames.empty());
  const std::string prefix = "t.xyz:" + std::to_string(line) + ": ";
  CAPTURE(r.bad[0]);
  REQUIRE(r.bad[0].starts_with(prefix));
  return r.bad[0].substr(prefix.size(), r.bad[0].find(';') - prefix.size());
}

}  // namespace

TEST_CASE("columns: every type and width") {
  const auto r = with("id:I:1:pos:R:3:species:S:1:q:R:1:v:R:3:t:R:2:m:R:9:iv:I:3:b:L:1:bv:L:2",
                      "7 1 2 3 Si 0.5 1 2 3 8 9 1 2 3 4 5 6 7 8 9 -1 0 1 T T F\n"
                      "8 4 5 6 O -.5 4 5 6 8 9 1 2 3 4 5 6 7 8 9 -1 0 2 F true 0\n",
                      2);
  REQUIRE(r.bad.empty());
  const Structure& s = r.frames.at(0);
  CHECK(elements(s) == std::vector<int>{14, 8});
  CHECK(positions(s) == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(type(s, Kind::atom, "id") == Type::i64_array);
  CHECK(numbers(s, Kind::atom, "id") == std::vector<double>{7, 8});
  CHECK(type(s, Kind::atom, "q") == Type::f64_array);
  CHECK(numbers(s, Kind::atom, "q") == std::vector<double>{0.5, -0.5});
  CHECK(type(s, Kind::atom, "v") == Type::vec3_f64);
  CHECK(type(s, Kind::atom, "t") == Type::tensor_f64);
  CHECK(shape(s, Kind::atom, "t") == std::vector<std::uint64_t>{2, 2});
  CHECK(shape(s, Kind::atom, "m") == std::vector<std::uint64_t>{2, 9});
  CHECK(type(s, Kind::atom, "iv") == Type::tensor_i64);
  CHECK(numbers(s, Kind::atom, "iv") == std::vector<double>{-1, 0, 1, -1, 0, 2});
  CHECK(type(s, Kind::atom, "b") == Type::i64_array);
  CHECK(numbers(s, Kind::atom, "b") == std::vector<double>{1, 0});
  CHECK(numbers(s, Kind::atom, "bv") == std::vector<double>{1, 0, 1, 0});
}

TEST_CASE("columns: logicals are read in any case") {
  const auto r = with("species:S:1:pos:R:3:b:L:1", "H 0 0 0 t\nH 0 0 0 tRUE\nH 0 0 0 f\nH 0 0 0 FALSE\nH 0 0 0 1\n", 5);
  CHECK(numbers(r.frames.at(0), Kind::atom, "b") == std::vector<double>{1, 1, 0, 0, 1});
}

TEST_CASE("columns: text becomes one JSON list") {
  auto r = with("species:S:1:pos:R:3:name:S:1", "H 0 0 0 CA\nH 0 0 0 \"q\\\n", 2);
  CHECK(text(r.frames.at(0), Kind::molecule, "name") == R"(["CA","\"q\\"])");
  CHECK(r.notes.size() == 1);
  r = with("species:S:1:pos:R:3:s:S:2", "H 0 0 0 a b\nH 0 0 0 c d\n", 2);
  CHECK(text(r.frames.at(0), Kind::molecule, "s") == R"([["a","b"],["c","d"]])");
}

TEST_CASE("columns: species as programs write them") {
  auto r = with("species:S:1:pos:R:3",
                "H 0 0 0\nCL 0 0 0\ncl 0 0 0\nfe 0 0 0\n14 0 0 0\nX 0 0 0\nXx 0 0 0\nOg 0 0 0\nc 0 0 0\n", 9);
  CHECK(elements(r.frames.at(0)) == std::vector<int>{1, 17, 17, 26, 14, 0, 0, 118, 6});
  CHECK(r.notes.empty());
  r = with("species:S:1:pos:R:3", "D 0 0 0\nT 0 0 0\n", 2);
  CHECK(elements(r.frames.at(0)) == std::vector<int>{1, 1});
  CHECK(r.notes.count("isotope symbols D and T are read as H") == 1);
  for (const char* bad : {"C12", "Qq", "119", "-1", "H1", "Foo", "@", "H+", "{{"}) {
    CAPTURE(bad);
    const std::string lines = "H 0 0 0\n" + std::string(bad) + " 0 0 0\n";
    CHECK(problem("species:S:1:pos:R:3", lines, 2, 4) == "'" + std::string(bad) + "' is no chemical element");
  }
}

TEST_CASE("columns: names of species and positions") {
  for (const char* p : {"species:S:1:pos:R:3", "symbols:S:1:positions:R:3", "element:S:1:position:R:3"}) {
    CHECK(elements(with(p, "Ne 0 0 0\n").frames.at(0)) == std::vector<int>{10});
  }
  for (const char* p : {"Z:I:1:pos:R:3", "atomic_numbers:I:1:pos:R:3", "numbers:I:1:pos:R:3"}) {
    CHECK(elements(with(p, "255 0 0 0\n").frames.at(0)) == std::vector<int>{255});
  }
  const auto r = with("species:S:1:pos:R:3:Z:I:1", "H 0 0 0 5\n");
  CHECK(elements(r.frames.at(0)) == std::vector<int>{1});
  CHECK(numbers(r.frames.at(0), Kind::atom, "Z") == std::vector<double>{5});
}

TEST_CASE("columns: Properties that are wrong") {
  const std::string line = "H 0 0 0\n";
  CHECK(problem("species:S:1", line, 1, 2) == "Properties has no positions (pos:R:3)");
  CHECK(problem("pos:R:3", line, 1, 2) == "Properties has no species (species:S:1 or Z:I:1)");
  CHECK(problem("species:S:1:pos:R", line, 1, 2) == "Properties has 5 parts, which is no multiple of 3");
  CHECK(problem("species:S:1:pos:X:3", line, 1, 2) == "Properties gives the column 'pos' the type 'X'");
  CHECK(problem("species:S:1:pos:R:0", line, 1, 2) == "Properties gives the column 'pos' the width '0'");
  CHECK(problem("species:S:1:pos:R:x", line, 1, 2) == "Properties gives the column 'pos' the width 'x'");
  CHECK(problem("species:S:1:pos:R:3:a:R:1:a:R:1", line, 1, 2) == "Properties names the column 'a' twice");
  CHECK(problem("species:S:1:pos:R:3::R:1", line, 1, 2) == "Properties has a column without a name");
  CHECK(problem("species:S:1:symbols:S:1:pos:R:3", line, 1, 2) == "Properties has both 'species' and 'symbols'");
  CHECK(problem("species:S:1:pos:R:3:a:R:99999999", line, 1, 2) ==
        "Properties gives the column 'a' the width '99999999'");
}

TEST_CASE("columns: atom lines that are wrong") {
  const char* p = "species:S:1:pos:R:3:q:I:1:b:L:1:k:S:1";
  const std::string good = "H 1 2 3 4 T x\n";
  CHECK(problem(p, good + "H 1 2 3 4\n", 2, 4) == "has 5 columns, Properties asks for 7");
  CHECK(problem(p, good + "H 1 2 3 4 T x y\n", 2, 4) == "has 8 columns, Properties asks for 7");
  CHECK(problem(p, good + "H 1 abc 3 4 T x\n", 2, 4) == "column 3 (pos) is 'abc', not a real number");
  CHECK(problem(p, good + "H 1 1.2.3 3 4 T x\n", 2, 4) == "column 3 (pos) is '1.2.3', not a real number");
  CHECK(problem(p, good + "H 1 2 *** 4 T x\n", 2, 4) == "column 4 (pos) is '***', not a real number");
  CHECK(problem(p, good + "H 1 2 3 4.0 T x\n", 2, 4) == "column 5 (q) is '4.0', not an integer");
  CHECK(problem(p, good + "H 1 2 3 9223372036854775808 T x\n", 2, 4) ==
        "column 5 (q) is '9223372036854775808', not an integer");
  CHECK(problem(p, good + "H 1 2 3 4 ok x\n", 2, 4) == "column 6 (b) is 'ok', not T or F");
  CHECK(problem("Z:I:1:pos:R:3", "256 0 0 0\n", 1, 3) == "column 1 (Z) is '256', not an atomic number (0 to 255)");
  CHECK(read_xyz("1\n\nH 0 0\n").bad.at(0).starts_with("t.xyz:3: has 3 columns, species x y z are 4;"));
}

TEST_CASE("columns: nothing is reserved for what cannot be there") {
  // A million columns times a hundred thousand atoms would be 800 GB.
  std::string lines;
  for (int i = 0; i < 100000; ++i) lines += "H 0 0 0\n";
  CHECK(problem("species:S:1:pos:R:3:x:R:1000000", lines, 100000, 3) == "has 4 columns, Properties asks for 1000004");
}

TEST_CASE("columns: a name that is also a key of the comment") {
  auto r = read_xyz("1\nProperties=species:S:1:pos:R:3:q:R:1 q=5\nH 0 0 0 1\n");
  CHECK(r.bad.at(0) ==
        "t.xyz:2: 'q' is both a column and a key of the comment; rename one of them or pass --on-error skip");
  r = read_xyz("1\nProperties=species:S:1:pos:R:3:k:S:1 k=5\nH 0 0 0 1\n");
  CHECK(r.bad.size() == 1);
  r = read_xyz("1\nProperties=species:S:1:pos:R:3:charge:R:1 charge=5\nH 0 0 0 1\n");  // the column fills a field
  REQUIRE(r.frames.size() == 1);
  CHECK(i64(r.frames[0], Kind::molecule, "charge") == 5);
  CHECK(numbers(r.frames[0], Kind::builtin, "charges") == std::vector<double>{1});
}
