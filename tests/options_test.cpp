#include "cmd/options.h"

#include <doctest/doctest.h>

#include "cmd/usage.h"
#include "core/base/error.h"

using namespace atp;

namespace {

struct Values {
  std::vector<std::string> inputs, map;
  std::string output, on_error = "stop";
  std::uint64_t size = 0;
  int level = 0;
  bool force = false;
};

Values g_values;

Run declare_example(CLI::App& app) {
  g_values = {};
  app.add_option("INPUT", g_values.inputs, "inputs")->required();
  app.add_option("-o,--output", g_values.output, "output")->required()->type_name("FILE");
  app.add_option("--map", g_values.map, "map")->type_name("FIELD=KEY");
  app.add_option("--level", g_values.level, "level")->type_name("N");
  app.add_flag("-f,--force", g_values.force, "force");
  add_choice(app, "--on-error", g_values.on_error, {"stop", "skip"}, "what then");
  add_size(app, "--size", g_values.size, "size");
  return [] { return Exit::ok; };
}

constexpr Example kNone[] = {{"", ""}};
constexpr Command kExample{"example", "Test", "an example", declare_example, kNone, ""};

// What main would print behind "atp: example: ", or nothing.
std::string parse(std::vector<std::string> arguments) {
  common_options() = {};
  DeclaredCommand declared = declare(kExample);
  try {
    parse_arguments(declared, std::move(arguments));
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what();
  } catch (const CLI::CallForHelp&) {
    return "help";
  }
  return "";
}

std::uint64_t size_error(const char* text) {
  CHECK_THROWS_AS(parse_size(text), Error);
  return 0;
}

}  // namespace

TEST_CASE("sizes") {
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("10K") == 10'000);
  CHECK(parse_size("10k") == 10'000);
  CHECK(parse_size("1.1KB") == 1100);
  CHECK(parse_size("1.5Gi") == (3ull << 29));
  CHECK(parse_size("2TiB") == (2ull << 40));
  CHECK(parse_size("7B") == 7);
  CHECK(parse_size("18446744073709551615") == UINT64_MAX);
  for (const char* bad : {"", " ", "-1", "+1", "K", "1X", "1KK", "1i", "1.K", ".5K", "0.5", "1e3", "1 K", "1Ki ", "nan",
                          "18446744073709551616", "18446744073710M", "16777216Ti"}) {
    CAPTURE(bad);
    size_error(bad);
  }
}

TEST_CASE("the nearest name is a slip of the finger away") {
  const std::vector<std::string> names{"none", "lz4", "zstd"};
  CHECK(nearest_name("zstf", names) == "zstd");
  CHECK(nearest_name("zsdt", names) == "zstd");
  CHECK(nearest_name("ZSTD", names) == "zstd");
  CHECK(nearest_name("lz", names) == "lz4");
  CHECK(nearest_name("brotli", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name("x", {"y"}).empty());
  CHECK(nearest_name("--prog", {"--progress", "--quiet"}) == "--progress");
  CHECK(nearest_name("--pro", {"--progress", "--profile"}).empty());
  CHECK(did_you_mean("pakc", {"pack", "inspect"}) == "did you mean 'pack'?");
  CHECK(did_you_mean("frobnicate", {"pack", "inspect"}).empty());
}

TEST_CASE("globs") {
  CHECK(glob_match("*.xyz", "a.xyz"));
  CHECK(glob_match("run?/[ab]*", "run1/b2"));
  CHECK_FALSE(glob_match("*.xyz", "a.xyzz"));
}

TEST_CASE("options are read in every spelling") {
  CHECK(parse({"a", "-o", "out", "--map", "energy=E", "b", "--on-error=skip", "-fq", "-j3", "--size", "1K"}).empty());
  CHECK(g_values.inputs == std::vector<std::string>{"a", "b"});  // --map takes one value and no more
  CHECK(g_values.map == std::vector<std::string>{"energy=E"});
  CHECK(g_values.on_error == "skip");
  CHECK(g_values.size == 1000);
  CHECK(g_values.force);
  CHECK(common_options().quiet);
  CHECK(jobs() == 3);
  CHECK(parse({"-o", "-", "--map", "a=b", "--map", "c=d", "--", "--level", "-"}).empty());
  CHECK(g_values.output == "-");
  CHECK(g_values.map.size() == 2);
  CHECK(g_values.inputs == std::vector<std::string>{"--level", "-"});
  CHECK(parse({"a", "-o", "b", "--jobs", "auto", "--level", "-1"}).empty());
  CHECK(g_values.level == -1);
  CHECK(jobs() >= 1);
  CHECK(parse({"--help"}) == "help");
  CHECK(parse({"-h", "x"}) == "help");
}

TEST_CASE("a wrong command line is told in one line") {
  const auto see = [](const std::string& what) { return what + "; see atp example --help"; };
  CHECK(parse({"a", "--outptu", "b"}) == "unknown option '--outptu'; did you mean '--output'?");
  CHECK(parse({"a", "-level", "3"}) == "unknown option '-l' in '-level'; did you mean '--level'?");
  CHECK(parse({"a", "-o", "b", "-x"}) == see("unknown option '-x'"));
  CHECK(parse({"a", "-o", "b", "-qx"}) == see("unknown option '-x' in '-qx'"));
  CHECK(parse({"a", "-o", "b", "--out", "c"}) == "unknown option '--out'; did you mean '--output'?");
  CHECK(parse({"a"}) == see("-o/--output FILE is missing"));
  CHECK(parse({}) == see("INPUT is missing"));
  CHECK(parse({"a", "-o"}) == see("option '--output' needs a value (FILE)"));
  CHECK(parse({"a", "-o", "--force"}) == see("option '--output' needs a value (FILE)"));
  CHECK(parse({"a", "--output="}) == see("option '--output' has an empty value"));
  CHECK(parse({"a", "-o", "b", "-o", "c"}) == see("option '--output' is given more than once"));
  CHECK(parse({"a", "-o", "b", "--force=false"}) == see("option '--force' takes no value"));
  CHECK(parse({"a", "-o", "b", "--level", "x"}) == "'x' is no value for '--level'; it takes N");
  CHECK(parse({"a", "-o", "b", "--on-error", "sotp"}) == "unknown value 'sotp' for '--on-error'; did you mean 'stop'?");
  CHECK(parse({"a", "-o", "b", "--on-error", "abort"}) ==
        "unknown value 'abort' for '--on-error'; choose from stop, skip");
  for (const char* bad : {"-1", "4097", "1x", "99999999999", ""}) {
    CHECK(parse({"a", "-o", "b", "--jobs", bad}).find("is not a number of threads") != std::string::npos);
  }
}
