// Damaged input: frames or Errors, never a crash. Run under sanitizers too.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> texts = {
      "2\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3:forces:R:3:tag:I:1:fix:L:1:label:S:1 "
      "energy=-1.5 "
      "stress=\"1 2 3 4 5 6\" pbc=\"T T F\"\nSi 0.0 0.0 0.0 0.1 0.2 0.3 1 T a\nO 1.5 -2.5e-3 1d2 1 2 3 4 F b\n"
      "1\nProperties=species:S:1:pos:R:3 name=\"x\"\nH 0 0 0\n",
      "1\na=[[1,2],[3,4]] b={1 2 3} c='T F' d=\"_JSON {\\\"k\\\": [1]}\" e=[\"x\", \"y\"] f=it's \"g h\"=5\nH 0 0 0\n",
      "3\n\n  C 1.0 2.0 3.0\n\tN 4 5 6\nO 7 8 9 extra\n\n1\nx\nFe 1 1 1\n",
      "1\nLattice=\"5 0 0 0 5 0 0 0 5\" Properties=Z:I:1:pos:R:3:q:R:1:t:R:2 virial=\"1 0 0 0 1 0 0 0 1\" energy=2 "
      "REF_energy=2 "
      "energy_unit=Hartree\n14 1 2 3 0.5 1 2\n",
  };
  return texts;
}

// Whatever comes: the structure must be consistent. Anything but an Error ends the test program.
void survive(const std::string& text) {
  try {
    const ReadFrames r = read_xyz(text);
    for (const Structure& s : r.frames) {
      REQUIRE(s.positions.size() == 24 * s.n_atoms());
      for (const auto& section : s.sections()) decode_value(section.view());
    }
    for (const std::string& bad : r.bad) REQUIRE(bad.starts_with("t.xyz:"));
  } catch (const Error& e) {
    REQUIRE(e.exit() == Exit::input);
    REQUIRE(e.where().starts_with("t.xyz"));
  }
}

}  // namespace

TEST_CASE("hostile: the seeds are sound") {
  for (const std::string& text : seeds()) CHECK(read_xyz(text).bad.empty());
}

TEST_CASE("hostile: every length cut") {
  for (const std::string& text : seeds()) {
    for (std::size_t n = 0; n < text.size(); ++n) survive(text.substr(0, n));
  }
}

TEST_CASE("hostile: every byte replaced") {
  for (const std::string& text : seeds()) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (const char c : {'\0', '\n', ' ', '"', '9', '=', '[', '\xFF'}) {
        std::string bad = text;
        bad[i] = c;
        survive(bad);
      }
    }
  }
}

TEST_CASE("hostile: random edits") {
  std::mt19937 random(3);
  static constexpr std::string_view kPieces[] = {"\"", "'",  "[",        "]",     "{", "}",   "=",          " ",
                                                 "\n", "\\", ":",        ",",     "1", "999", "-1",         "1e",
                                                 ".",  "\0", "\xC3\xA5", "_JSON", "T", "R:3", "Properties="};
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seeds()[random() % seeds().size()];
    for (auto k = random() % 6 + 1; k > 0; --k) {
      const std::size_t at = random() % (text.size() + 1);
      if (random() % 2) {
        text.insert(at, kPieces[random() % std::size(kPieces)]);
      } else {
        text.erase(at, random() % 8);
      }
    }
    survive(text);
  }
}

TEST_CASE("hostile: blank lines without end behind a frame are not kept") {
  const std::string frame = "1\n\nH 0 0 0\n";
  const ReadFrames two = read_xyz(frame + std::string(3 << 20, '\n') + frame);
  CHECK(two.frames.size() == 2);
  // An atom line too many makes the frame a bad one; so far behind it, it is none of it.
  CHECK(read_xyz(frame + std::string(100, '\n') + "H 0 0 1\n").bad.size() == 1);
  CHECK_THROWS_WITH_AS(read_xyz(frame + std::string(3 << 20, '\n') + "H 0 0 1\n"), "t.xyz:3145732: a frame begins with its number of atoms, this line is 'H 0 0 1'", Error);
}
