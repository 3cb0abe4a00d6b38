#include "cmd/terminal.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "cmd/options.h"
#include "cmd/stderr_line.h"

using namespace atp;

namespace {

// Sets a variable for the length of a test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old, had_ = true;
    ::setenv(name, value, 1);
  }
  ~Environment() { had_ ? ::setenv(name_, old_.c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

}  // namespace

TEST_CASE("numbers for humans") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.00 kB");
  CHECK(human_bytes(1'234'567'890) == "1.23 GB");
  CHECK(human_bytes(812'000'000) == "812 MB");
  CHECK(human_bytes(999'600) == "1.00 MB");
  CHECK(human_bytes(UINT64_MAX) == "18.4 EB");
  CHECK(human_count(0) == "0");
  CHECK(human_count(999) == "999");
  CHECK(human_count(1'234'567) == "1,234,567");
  CHECK(human_seconds(0.42) == "0.42 s");
  CHECK(human_seconds(59.99) == "1 min 00 s");
  CHECK(human_seconds(185) == "3 min 05 s");
  CHECK(human_seconds(7800) == "2 h 10 min");
  CHECK(human_seconds(-1) == "0.00 s");
  CHECK(human_rate(412e6) == "412 MB/s");
  CHECK(human_rate(-1) == "0 B/s");
}

TEST_CASE("text from files cannot steer the terminal") {
  CHECK(printable("plain Å 晶") == "plain Å 晶");
  CHECK(printable("a\x1b[31m\n\x7f") == "a\\x1b[31m\\x0a\\x7f");
  CHECK(printable("\xff\xc2\x9b") == "\\xff\\xc2\\x9b");
  CHECK(printable("\xE2\x80\xAE") == "\\xe2\\x80\\xae");  // right-to-left override
}

TEST_CASE("widths are those of the terminal") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("Å³") == 2);
  CHECK(display_width("e\xCC\x81") == 1);
  CHECK(display_width("晶体") == 4);
  CHECK(display_width("\x1b[1mbold\x1b[0m") == 4);
}

TEST_CASE("tables") {
  common_options().color = "never";
  CHECK(table({{"key", "type", "n"}, {"energy", "f64", "5"}, {"Å", "vec3", "1,000"}}, {false, false, true}) ==
        "key     type      n\n"
        "energy  f64       5\n"
        "Å       vec3  1,000\n");
  CHECK(table({{"a", "b"}, {"x", ""}}, {}) == "a  b\nx\n");
  CHECK(table({}, {}).empty());
  common_options().color = "always";
  CHECK(table({{"a"}, {"b"}}, {}) == "\x1b[1ma\x1b[0m\nb\n");
  common_options() = {};
}

TEST_CASE("histograms") {
  common_options().color = "never";
  const std::vector<HistogramBin> bins{{"1-9", 40}, {"10-99", 1000}, {"100-", 0}};
  {
    const Environment locale("LC_ALL", "C");
    CHECK(histogram(bins, 40) ==
          "  1-9     40  #\n"
          "10-99  1,000  ##########################\n"
          " 100-      0\n");
  }
  const Environment locale("LC_ALL", "en_US.UTF-8");
  CHECK(histogram(bins, 24) ==
        "  1-9     40  ▍\n"
        "10-99  1,000  ██████████\n"
        " 100-      0\n");
  CHECK(histogram(bins, 0) == "  1-9     40\n10-99  1,000\n 100-      0\n");
  CHECK(histogram({}, 80).empty());
  common_options() = {};
}

TEST_CASE("the progress line says how far, how fast and how long") {
  ProgressState state{"packing", 812'000'000, 1'300'000'000, 1'234'567, true, 2};
  CHECK(progress_line(state, 200, false) ==
        "packing  [############........]   62%  1,234,567 records  812 MB of 1.30 GB  406 MB/s  0:01 left");
  CHECK(progress_line(state, 40, false) == "packing  [############........]   62%");
  CHECK(progress_line(state, 5, false) == "packing");
  // Where only the time is known, it and what is being done.
  ProgressState timed{"measuring", 22500, 90000, 0, false, 22.5, ""};
  timed.now = "/d, 64 atoms: lmdb, shuffled";
  CHECK(progress_line(timed, 200, false) == "measuring  [#####...............]   25%  1:07 left  /d, 64 atoms: lmdb, shuffled");
  timed.done = timed.total;
  CHECK(progress_line(timed, 60, false) == "measuring  [####################]  100%  0:22");
  CHECK(progress_line(state, 200, true).find("████████████░░░░░░░░") != std::string::npos);
  for (int width = 0; width < 120; ++width) {
    CHECK(display_width(progress_line(state, width, true)) <=
          std::max<std::size_t>(7, static_cast<std::size_t>(width)));
  }
  state = {"reading", 5000, 0, 12, true, 65};
  CHECK(progress_line(state, 80, false) == "reading  12 records  5.00 kB  76 B/s  1:05");
  state = {"checking", 999, 1000, 0, false, 10};
  CHECK(progress_line(state, 200, false) ==
        "checking  [###################.]   99%  999 of 1,000 records  99 records/s  0:00 left");
  state = {"checking", 2000, 1000, 0, false, 10};  // a total that was only an estimate
  CHECK(progress_line(state, 200, false).find("100%") != std::string::npos);
  state = {"packing", 0, 1000, 0, true, 0};
  CHECK(progress_line(state, 200, false) ==
        "packing  [....................]    0%  0 records  0 B of 1.00 kB  0 B/s  0:00");
}

TEST_CASE("the progress line of a pull: what was there before says nothing of the rate") {
  ProgressState state{"pulling", 30'000'000, 61'000'000, 2, true, 2, "files", 6, 10'000'000};
  CHECK(progress_line(state, 200, false) == "pulling  [#########...........]   49%  30.0 MB of 61.0 MB  10.0 MB/s  0:03 left  2 of 6 files");
  CHECK(progress_line(state, 20, false) == "pulling   49%");  // no room for the bar
  state.before = 40'000'000;  // what was there turned out to be wrong
  CHECK(progress_line(state, 200, false).find("0 B/s") != std::string::npos);
}

TEST_CASE("a part's line fits any width") {
  const ProgressPart part{"omat/train/000.atp", 2'540'000, 5'000'000};
  CHECK(part_line(part, 80, false) == "  omat/train/000.atp                       51%  [#####.....]  2.54 MB of 5.00 MB");
  CHECK(part_line(part, 30, false) == "  omat/train/000.atp       51%");
  CHECK(part_line(part, 20, false) == "  ..in/000.atp   51%");
  for (int width = 0; width < 120; ++width) {
    CHECK(display_width(part_line({"Å/晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶晶.atp", 1, 3}, width, true)) <= static_cast<std::size_t>(width));
    CHECK(display_width(part_line({"\x1b[2J\n", 5, 0}, width, false)) <= static_cast<std::size_t>(width));
  }
}

TEST_CASE("rows that lines take once the terminal is narrower") {
  CHECK(rows_of({}, 80) == 0);
  CHECK(rows_of({79, 10, 0}, 80) == 3);
  CHECK(rows_of({79, 10, 0}, 40) == 4);
  CHECK(rows_of({80, 81}, 80) == 3);
  CHECK(rows_of({5}, 0) == 5);
}

TEST_CASE("progress that is over soon, or not wanted, draws nothing and ends at once") {
  for (const char* wish : {"never", "always", "auto"}) {
    common_options().progress = wish;
    Progress progress("packing", 10, true);
    progress.advance_to(5);
    progress.set_records(1);
  }
  common_options() = {};
}

TEST_CASE("colour follows the wish, then NO_COLOR") {
  const Environment no_color("NO_COLOR", "1");
  CHECK_FALSE(stdout_colored());
  CHECK(styled("x", Style::red) == "x");
  common_options().color = "always";
  CHECK(styled("x", Style::red) == "\x1b[31mx\x1b[0m");
  common_options().color = "never";
  CHECK_FALSE(stderr_colored());
  common_options() = {};
}
