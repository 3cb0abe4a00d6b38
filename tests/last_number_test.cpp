#include "formats/last_number.h"

#include <doctest/doctest.h>

#include "core/base/error.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

LastNumber::Is judge(std::initializer_list<const char*> lines, const char* last) {
  LastNumber number;
  for (const char* line : lines) number.add(line);
  return number.judge(last);
}

const std::string kHead = "4\nProperties=species:S:1:pos:R:3\n";
const std::string kRows = "H 0 0 0.125\nH 0 0 -0.250\nH 0 0 10.375\nH 0 0 0.5";

}  // namespace

TEST_CASE("last number: digits of the lines before") {
  using Is = LastNumber::Is;
  CHECK(judge({"a 1.25", "b -1.25", "c 10.00"}, "d 1.25") == Is::whole);
  CHECK(judge({"a 1.25", "b -1.25", "c 10.00"}, "d 1.2") == Is::cut);
  CHECK(judge({"a 1.25", "b -1.25", "c 10.00"}, "d 1") == Is::cut);
  CHECK(judge({"a 1.25", "b -1.25", "c 10.00"}, "d 1.250") == Is::doubtful);
  CHECK(judge({"a 1.25", "b -1.25", "c 10.00"}, "d 1.2 ") == Is::whole);  // another number could follow
  CHECK(judge({"a 1.25", "b -1.25", "c 10.00"}, "d T") == Is::whole);
  CHECK(judge({"1.25e-01", "1.25e+00", "1.25e+10"}, "1.25e-0") == Is::cut);
  CHECK(judge({"1.25e-01", "1.25e+00", "1.25e+10"}, "1.25e-02") == Is::whole);
  // As Python prints floats, whole numbers, too few lines: nothing tells.
  CHECK(judge({"0.1", "0.125", "0.3333"}, "0.5") == Is::doubtful);
  CHECK(judge({"1", "2", "3"}, "1") == Is::doubtful);
  CHECK(judge({"0.0", "1.0", "2.0"}, "1") == Is::doubtful);
  CHECK(judge({"0.125", "0.125"}, "0.5") == Is::doubtful);
  CHECK(judge({}, "0.5") == Is::doubtful);
}

TEST_CASE("last number: a frame that ends within it is refused where its column tells, else doubted") {
  CHECK(read_xyz(kHead + kRows + "\n").notes.empty());
  const ReadFrames whole = read_xyz(kHead + kRows + "00");
  CHECK(whole.frames.size() == 1);
  CHECK(whole.notes.empty());
  const ReadFrames cut = read_xyz("1\n\nH 0 0 0\n" + kHead + kRows);
  CHECK(cut.frames.size() == 1);
  REQUIRE(cut.bad.size() == 1);
  CHECK(cut.bad[0] == "t.xyz:9: the file ends within its last number '0.5', the lines before have more digits; fix the file or pass --on-error skip");
  const ReadFrames doubtful = read_xyz("2\nProperties=species:S:1:pos:R:3\nH 0 0 0.125\nH 0 0 0.5");
  CHECK(doubtful.frames.size() == 1);
  CHECK(doubtful.notes.contains("t.xyz:4 ends without a newline within its last number '0.5': it may have been cut off"));
}
