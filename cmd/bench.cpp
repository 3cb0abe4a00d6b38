// `atp bench`: the options.
#include "cmd/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/remote_inputs.h"
#include "core/bench/footprint.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

constexpr std::uint32_t kMostAtoms = 1'000'000;

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

// 20000, 50K, 1e8.
std::uint64_t record_count(const std::string& text) {
  if (text.find_first_of("eE") == std::string::npos) {
    const std::uint64_t n = parse_size(text);
    if (n == 0) throw Error(Exit::usage, "", "--records: 0 records cannot be measured");
    return n;
  }
  double n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (code != std::errc() || end != text.data() + text.size() || !(n >= 1) || n > 1e12 || n != std::floor(n)) {
    throw Error(Exit::usage, "", fmt::format("--records: '{}' is no number of records", text), "write 20000, 50K or 1e6");
  }
  return static_cast<std::uint64_t>(n);
}

std::vector<std::string> choices(const std::string& option, const std::string& list, const std::vector<std::string>& known) {
  std::vector<std::string> chosen;
  for (const auto& word : words_in(list)) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      const std::string fix = did_you_mean(word, known);
      throw Error(Exit::usage, "", fmt::format("{}: unknown word '{}'", option, word), fix.empty() ? fmt::format("known are {}", fmt::join(known, ", ")) : fix);
    }
    if (std::find(chosen.begin(), chosen.end(), word) == chosen.end()) chosen.push_back(word);
  }
  return chosen;
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
         [o](const std::string& list) {
           o->atoms.clear();
           for (const auto& w : words_in(list)) o->atoms.push_back(static_cast<std::uint32_t>(whole_number("--atoms", w, kMostAtoms)));
           o->atoms_given = true;
         },
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
  app.add_option_function<double>(
         "--seconds",
         [o](const double& s) {
           if (!(s > 0) || s > 1e6) throw Error(Exit::usage, "", fmt::format("--seconds: {} is no time", s), "pass seconds, as --seconds 90");
           o->seconds = s;
         },
         "share out about S seconds among all measurements (default: 90)")
      ->type_name("S")
      ->group(how);
  add_count(app, "--trials", o->trials, "repeat each measurement N times, writes at most 3 times (default: 5)")->group(how);
  add_count(app, "--batch", o->batch, "molecules in a batch (default: 256)")->group(how);
  app.add_option_function<std::string>(
         "--workers",
         [o](const std::string& list) {
           o->workers.clear();
           for (const auto& w : words_in(list)) o->workers.push_back(static_cast<int>(whole_number("--workers", w, 256)));
         },
         "numbers of processes that read at a time (default: 1,2,4,8)")
      ->type_name("N,N,...")
      ->group(how);
  add_choice(app, "--io", o->io, {"auto", "map", "pread", "uring"}, "how atp reads records into memory (default: auto)")->group(how);
  app.add_option("--seed", o->seed, "another seed gives other molecules in another order (default: 0)")->type_name("N")->group(how);

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
  return [o] {
    fetch_inputs(o->datasets);
    return bench(*o);
  };
}

}  // namespace atp
