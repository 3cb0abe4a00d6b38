// `atp bench`: the options.
#include "cmd/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/remote_inputs.h"
#include "core/bench/footprint.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostAtoms = 1'000'000, kMostBatch = 1 << 20, kMostTrials = 1000, kMostWorkers = 256;

std::vector<std::string> words_in(const std::string& list) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    words.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::uint64_t whole_number(const std::string& option, const std::string& text, std::uint64_t most) {
  std::uint64_t n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (code != std::errc() || end != text.data() + text.size() || n == 0 || n > most) {
    throw Error(Exit::usage, "", fmt::format("{}: '{}' is no number from 1 to {}", option, text, most));
  }
  return n;
}

[[noreturn]] void fail_twice(const std::string& option, std::string_view word) {
  throw Error(Exit::usage, "", fmt::format("{}: '{}' stands there twice", option, word), "name each once");
}

// 12,64,256: each once.
template <class Number>
std::vector<Number> whole_numbers(const std::string& option, const std::string& list, std::uint64_t most) {
  std::vector<Number> numbers;
  for (const auto& word : words_in(list)) {
    const auto n = static_cast<Number>(whole_number(option, word, most));
    if (std::find(numbers.begin(), numbers.end(), n) != numbers.end()) fail_twice(option, word);
    numbers.push_back(n);
  }
  return numbers;
}

std::optional<double> real_in(const std::string& text) {
  double n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

// 20000, 50K, 1e8.
std::uint64_t record_count(const std::string& text) {
  constexpr double kMostRecords = 1e12;
  std::optional<double> n = real_in(text);
  if (!n) {
    try {
      n = static_cast<double>(parse_size(text));
    } catch (const Error&) {  // it would not name the option
    }
  }
  if (!n || !(*n >= 1) || *n > kMostRecords || *n != std::floor(*n)) {
    throw Error(Exit::usage, "", fmt::format("--records: '{}' is no number of records from 1 to 1e12", text), "write 20000, 50K or 1e6");
  }
  return static_cast<std::uint64_t>(*n);
}

double time_in(const std::string& text) {
  const std::optional<double> s = real_in(text);
  if (!s || !(*s > 0) || *s > 1e6) throw Error(Exit::usage, "", fmt::format("--seconds: '{}' is no number of seconds above 0, at most 1e6", text), "write the number alone, as --seconds 90");
  return *s;
}

// In reports there are workers-1, workers-4 and so on; on the command line the numbers have an option of their own.
std::string workers_fix(const std::string& word) {
  if (!word.starts_with("workers-") || word.find_first_not_of("0123456789", 8) != std::string::npos) return "";
  return fmt::format("write workers, and --workers {} for the number of processes", word.size() > 8 ? word.substr(8) : "N");
}

std::vector<std::string> choices(const std::string& option, const std::string& list, const std::vector<std::string>& known) {
  std::vector<std::string> chosen;
  for (const auto& word : words_in(list)) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      std::string fix = workers_fix(word);
      if (fix.empty()) fix = did_you_mean(word, known);
      throw Error(Exit::usage, "", fmt::format("{}: unknown word '{}'", option, word), fix.empty() ? fmt::format("known are {}", fmt::join(known, ", ")) : fix);
    }
    if (std::find(chosen.begin(), chosen.end(), word) != chosen.end()) fail_twice(option, word);
    chosen.push_back(word);
  }
  return chosen;
}

// Two names of one folder would be measured as two mounts.
void need_different_dirs(const std::vector<std::string>& dirs) {
  std::set<std::string> seen;
  for (const auto& dir : dirs) {
    std::error_code error;
    const auto path = std::filesystem::canonical(dir, error);
    if (!error && !seen.insert(path.string()).second) fail_twice("--dir", dir);
  }
}

// What would be ignored without a word is refused.
void need_sensible(const std::vector<std::string>& given) {
  const auto has = [&](std::string_view name) { return std::find(given.begin(), given.end(), name) != given.end(); };
  for (const char* option : {"--records", "--atoms", "--custom", "--like", "--goals"}) {
    if (has("DATASET") && has(option)) {
      throw Error(Exit::usage, "", fmt::format("{} is for molecules that are made up, a DATASET has its own", option), fmt::format("leave out {} or DATASET", option));
    }
  }
  for (const char* option : {"--atoms", "--goals"}) {
    if (has("--like") && has(option)) {
      throw Error(Exit::usage, "", fmt::format("{} is for molecules of equal sizes, --like takes sizes from a dataset", option), "leave out one of them");
    }
  }
  if (has("--grid") && !has("--footprint")) throw Error(Exit::usage, "", "--grid changes nothing but the estimate of --footprint", "add --footprint");
  if (has("--force") && !has("--html")) throw Error(Exit::usage, "", "--force changes nothing but what --html does", "add --html FILE");
}

}  // namespace

Run declare_bench(CLI::App& app) {
  auto o = std::make_shared<BenchCommand>();
  app.add_option_function<std::string>("DATASET", [o](const std::string& d) { o->datasets = {d}; }, "an .atp file, a folder of shards, a glob or an hf:// address to measure where it lies (default: molecules made up)")->type_name("DATASET");

  const auto where = "What to measure";
  app.add_option("--dir", o->dirs, "a folder on the mount to measure; may be repeated (default: the current folder)")->type_name("DIR")->group(where);
  app.add_option_function<std::string>("--records", [o](const std::string& t) { o->records = record_count(t); }, "make N molecules of each size (default: 96 MB of them)")
      ->type_name("N")
      ->group(where);
  app.add_option_function<std::string>(
         "--atoms",
         [o](const std::string& list) { o->atoms = whole_numbers<std::uint32_t>("--atoms", list, kMostAtoms); },
         "sizes of molecules (default: 12,64,256)")
      ->type_name("N,N,...")
      ->group(where);
  app.add_option("--like", o->like, "make molecules with sizes as in this dataset, along its order of records")->type_name("DATASET")->group(where);
  app.add_flag("--custom", o->custom, "add five custom properties to each molecule, which every backend writes and reads")->group(where);
  app.add_option_function<std::string>("--backends", [o](const std::string& list) { o->backends = choices("--backends", list, backend_names()); },
                                       "what to compare (default: all but the yardsticks of --goals)")
      ->type_name("NAME,NAME,...")
      ->group(where);
  app.add_option_function<std::string>("--workloads", [o](const std::string& list) { o->workloads = choices("--workloads", list, all_workloads()); },
                                       "what to do with it (default: all)")
      ->type_name("NAME,NAME,...")
      ->group(where);

  const auto how = "How";
  app.add_option_function<std::string>(
         "--seconds",
         [o](const std::string& text) { o->seconds = time_in(text); },
         "share out about S seconds among all measurements (default: 90)")
      ->type_name("S")
      ->group(how);
  const auto add_number = [&](const std::string& name, auto& target, std::uint64_t most, const char* description) {
    const auto parse = [&target, name, most](const std::string& text) { target = static_cast<std::decay_t<decltype(target)>>(whole_number(name, text, most)); };
    app.add_option_function<std::string>(name, parse, description)->type_name("N")->group(how);
  };
  add_number("--trials", o->trials, kMostTrials, "repeat each measurement N times, writes at most 3 times (default: 5)");
  add_number("--batch", o->batch, kMostBatch, "molecules in a batch (default: 256)");
  app.add_option_function<std::string>(
         "--workers",
         [o](const std::string& list) { o->workers = whole_numbers<int>("--workers", list, kMostWorkers); },
         "numbers of processes that read at a time (default: 1,2,4,8)")
      ->type_name("N,N,...")
      ->group(how);
  add_choice(app, "--io", o->io, {"auto", "map", "pread", "uring"}, "how atp reads records into memory (default: auto)")->group(how);
  add_count(app, "--seed", o->seed, "another seed gives other molecules in another order (default: 0)")->group(how);

  const auto out = "Output";
  app.add_flag("--json", o->json, "print the result as one JSON object")->group(out);
  app.add_option("--html", o->html, "write a page with plots, which needs no other file")->type_name("FILE")->group(out);
  app.add_flag("-f,--force", o->force, "replace an existing page")->group(out);
  app.add_option("--baseline", o->baseline, "show what has changed since an older run, from its --json")->type_name("FILE")->group(out);
  app.add_option("--require", o->require, "exit 1 unless 'BACKEND/BACKEND WORKLOAD LOAD >= RATIO'; may be repeated")->type_name("EXPR")->group(out);
  app.add_flag("--goals", o->goals, "measure what the reader is held to, and print what was reached")->group(out);
  app.add_flag("--footprint", o->footprint, "estimate energy, climate impact and use of resources of the run, with the source of each factor")->group(out);
  app.add_flag("--io-profile", o->io_profile, "show what the run did to the block device: sizes, bursts, concurrency")->group(out);
  std::vector<std::string> names;
  for (const Grid& g : grids()) names.emplace_back(g.name);
  add_choice(app, "--grid", o->grid, names, "with --footprint: whose electricity (default: world)", "NAME")->group(out);
  return [o, &app] {
    need_sensible(given_options(app));
    need_different_dirs(o->dirs);
    fetch_inputs(o->datasets);
    return bench(*o);
  };
}

}  // namespace atp
