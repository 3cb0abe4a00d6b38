#include "core/base/selection.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>

#include "core/base/error.h"

using atp::Error;
using atp::Selection;

namespace {

using Indices = std::vector<std::uint64_t>;

Indices indices(const std::string& spec, std::uint64_t size) {
  Indices out;
  Selection::parse(spec).for_each(size, [&](std::uint64_t i) { out.push_back(i); });
  return out;
}

// Python's definition, walked step by step: start and stop are fixed, then counted through.
Indices by_hand(std::optional<int> start, std::optional<int> stop, int step, int n) {
  const auto bound = [&](int b) { return b < 0 ? b + n : b; };
  Indices out;
  if (step > 0) {
    const int first = std::max(start ? bound(*start) : 0, 0);
    const int last = stop ? bound(*stop) : n;
    for (int i = first; i < last && i < n; i += step) out.push_back(static_cast<std::uint64_t>(i));
  } else {
    const int first = std::min(start ? bound(*start) : n - 1, n - 1);
    const int last = stop ? std::max(bound(*stop), -1) : -1;
    for (int i = first; i > last && i >= 0; i += step) out.push_back(static_cast<std::uint64_t>(i));
  }
  return out;
}

std::string message(const std::string& spec, std::uint64_t size) {
  try {
    (void)Selection::parse(spec).count(size);
  } catch (const Error& e) {
    CHECK(e.exit() == atp::Exit::usage);
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("indices and slices select what Python selects") {
  CHECK(indices("0,5,1:3,-1", 10) == Indices{0, 5, 1, 2, 9});
  CHECK(indices(" 7 , 1 : 7 : 3 ,7", 10) == Indices{7, 1, 4, 7});
  CHECK(indices("::-1", 3) == Indices{2, 1, 0});
  CHECK(indices(":", 0).empty());
  CHECK(indices("-3:", 10) == Indices{7, 8, 9});
  CHECK(indices("99999999999999999999999:-99999999999999999999999:-4", 9) == Indices{8, 4, 0});
}

TEST_CASE("every slice over small sizes agrees with the definition") {
  std::vector<std::optional<int>> bounds{std::nullopt};
  for (int b = -7; b <= 7; ++b) bounds.push_back(b);
  const auto text = [](std::optional<int> b) { return b ? fmt::format("{}", *b) : std::string(); };
  for (int n = 0; n <= 5; ++n) {
    const auto size = static_cast<std::uint64_t>(n);
    for (const auto start : bounds) {
      for (const auto stop : bounds) {
        for (const int step : {-7, -3, -2, -1, 1, 2, 3, 7}) {
          const std::string spec = fmt::format("{}:{}:{}", text(start), text(stop), step);
          const Indices want = by_hand(start, stop, step, n);
          const Selection s = Selection::parse(spec);
          INFO(spec, " of ", n);
          REQUIRE(indices(spec, size) == want);
          REQUIRE(s.count(size) == want.size());
          for (std::uint64_t i = 0; i < size; ++i) {
            REQUIRE(s.contains(i, size) == (std::find(want.begin(), want.end(), i) != want.end()));
          }
          if (!s.needs_size()) {
            const auto all = by_hand(start, stop, step, 100);
            REQUIRE(s.end() == (stop ? std::optional(all.empty() ? 0 : all.back() + 1) : std::nullopt));
          }
        }
      }
    }
  }
}

TEST_CASE("enormous datasets are never walked to be counted") {
  const std::uint64_t trillion = 1'000'000'000'000;
  CHECK(Selection::parse(":").count(trillion) == trillion);
  CHECK(Selection::parse("::-3").count(trillion) == 333'333'333'334);
  CHECK(Selection::parse("::7").contains(trillion - trillion % 7, trillion));
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  CHECK(Selection::parse("10:").contains(most - 1, most));
  CHECK(Selection::parse(":,:").count(most) == most);
  CHECK(Selection::parse("-1:0:-9223372036854775808").count(most) == 2);
}

TEST_CASE("whether the size is needed, and where the selection ends") {
  for (const char* spec : {"-1", "-3:", ":-1", "::-1", "3,4:2:-1"}) CHECK(Selection::parse(spec).needs_size());
  for (const char* spec : {"0", "3:", ":9", "::2", "1,2,5:6"}) CHECK_FALSE(Selection::parse(spec).needs_size());
  CHECK(Selection::parse("3,10:20:4").end() == 19);
  CHECK(Selection::parse("5:5").end() == 0);
  CHECK_FALSE(Selection::parse("3,10:").end().has_value());
}

TEST_CASE("what is no selection is a usage error that names the part") {
  CHECK(message("12", 10) == "record 12 is outside 0..9");
  CHECK(message("-11", 10) == "record -11 is outside 0..9");
  CHECK(message("0", 0) == "there is no record 0: the dataset is empty");
  CHECK(message("", 10).find("no records are named") == 0);
  CHECK(message("  ", 10).find("no records are named") == 0);
  CHECK(message("1,,2", 10).find("a record number is missing") == 0);
  CHECK(message("1,", 10).find("a record number is missing") == 0);
  CHECK(message("1,x:2", 10).find("'x:2' is no record number and no slice") == 0);
  CHECK(message("1:2:0", 10).find("the step of '1:2:0' is 0") == 0);
  for (const char* spec : {"1:2:3:4", "--1", "+", "1 2", "0x3", "1e3", "1.0", ":-"}) {
    CHECK(message(spec, 10).find("is no record number and no slice") != std::string::npos);
  }
}
