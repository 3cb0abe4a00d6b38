// `atp plan-batches`: mini-batches of equal size for many GPUs, new ones every epoch.
#include "cmd/plan_batches.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cmd/commands.h"
#include "cmd/leftovers.h"
#include "cmd/options.h"
#include "core/base/selection.h"
#include "core/plan/cost.h"
#include "core/plan/mix.h"
#include "core/plan/simulate.h"

namespace atp {
namespace {

[[noreturn]] void fail_usage(const std::string& what, const std::string& fix = {}) { throw Error(Exit::usage, "", what, fix); }

void check_sources(const PlanCommand& c) {
  if (c.datasets.empty() && c.sizes.empty()) fail_usage("no dataset is given", "name .atp files or folders, or pass --sizes FILE");
  if (!c.datasets.empty() && !c.sizes.empty()) fail_usage("--sizes takes the place of a dataset", "pass one of them");
  if (c.cutoff && !c.edges.empty()) fail_usage("--cutoff and --edges both say how many edges there are", "pass one of them");
  if (c.cutoff && !c.sizes.empty()) fail_usage("--cutoff needs a dataset to count edges in", "pass the counts with --edges FILE");
  if (c.sizes == "-" && c.edges == "-") fail_usage("only one of --sizes and --edges can be standard input");
}

void check_capacity(const PlanCommand& c) {
  const Limits& l = c.limits;
  if (l.atoms == kNoLimit && l.edges == kNoLimit && l.graphs == kNoLimit) {
    fail_usage("how much a batch may hold is not given", "pass --max-atoms, --max-edges or --max-graphs");
  }
  if (l.atoms == 0 || l.edges == 0 || l.graphs == 0) fail_usage("a batch that may hold nothing holds no graph", "pass a limit above 0");
  const bool edges_known = c.cutoff || !c.edges.empty();
  if (!edges_known && l.edges != kNoLimit) fail_usage("--max-edges needs to know the edges", "pass --cutoff R or --edges FILE");
  if (!edges_known && !c.cost.empty() && parse_cost(c.cost).per_edge > 0) fail_usage("--cost counts edges, which are not known", "pass --cutoff R or --edges FILE");
}

// Options that say something about a thing that is not asked for are mistakes.
void check_asked_for(const PlanCommand& c) {
  const bool written = !c.output.empty(), json_of_plans = c.json && c.compare;
  const auto needs = [](const char* option, const char* what, bool there) {
    if (!there) fail_usage(fmt::format("{} is about {}, which is not asked for", option, what));
  };
  if (c.gave("--format")) needs("--format", "the plan that -o writes", written);
  if (c.per_rank) needs("--per-rank", "the plan that -o writes", written);
  if (c.gave("--epochs")) needs("--epochs", "the plan that -o writes", written);
  if (c.gave("--static-shapes")) needs("--static-shapes", "the plan that -o writes", written || json_of_plans);
  if (c.per_node > 0) needs("--per-node", "--report", c.report);
  if (!c.model.empty()) needs("--model", "--simulate", c.simulate);
  if (c.json) needs("--json", "the plan that -o writes, --compare or --simulate", written || c.compare || c.simulate);
  if (c.force) needs("--force", "something that is written", written || !c.svg.empty() || !c.html.empty());
  if ((!c.svg.empty() || !c.html.empty()) && c.report + c.simulate != 1) fail_usage("--svg and --html draw what --report or --simulate print", "pass one of these");
}

void check_output(const PlanCommand& c) {
  if (c.output.empty() && !c.report && !c.compare && !c.simulate) {
    fail_usage("no output is given", "pass -o PLANDIR, or --report, --compare or --simulate");
  }
  check_asked_for(c);
  if (c.start && c.step) fail_usage("--start and --step both cut out a part", "pass one of them");
  if ((c.start || c.step) && c.simulate) fail_usage("--simulate is about whole epochs", "leave --start and --step out");
  if (c.epochs == 0) fail_usage("no epoch is to be planned", "pass --epochs 1 or more");
  if (c.epochs > ~std::uint64_t{0} - c.epoch) fail_usage(fmt::format("epoch {} and {} more are too many", c.epoch, c.epochs));
  if (c.epochs > 1 && (c.start || c.step)) fail_usage("--start and --step are about one epoch", "pass --epoch E instead of --epochs");
  if (c.gave("--static-shapes") && (c.shapes == 0 || c.shapes > kMostShapes)) fail_usage(fmt::format("{} static shapes are not few", c.shapes), "pass --static-shapes 1 to 64");
  if (c.json && c.report) fail_usage("--report is for people", "pass --compare --json for numbers");
}

// What is read later is found wrong now, and not after an hour of counting.
void check_values(const PlanCommand& c) {
  if (!c.cost.empty()) parse_cost(c.cost);
  if (!c.model.empty()) parse_cost_model(c.model);
  std::vector<std::string> names;
  for (const std::string& path : c.datasets) names.push_back(set_name(path));
  if (!c.sizes.empty()) names.push_back(set_name(c.sizes));
  mix_weights(c.mix, names, std::vector<std::uint64_t>(names.size()));
}

// A file or folder that is to be written: not there yet, in a folder that is.
void check_target(const std::string& path, const char* option, bool force) {
  namespace fs = std::filesystem;
  if (path.empty()) return;
  if (path == "-") fail_usage(fmt::format("{} cannot go to standard output", option), fmt::format("pass a name, as {} {}", option, option[1] == 'o' ? "plan" : "plan.svg"));
  std::error_code error;
  const fs::path named(path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
  if (named.has_parent_path() && !fs::is_directory(named.parent_path(), error)) {
    throw Error(Exit::system, path, "cannot create: the folder it belongs in does not exist", "make it with mkdir -p");
  }
  if (option[1] != 'o' && fs::is_directory(named, error)) fail_usage(fmt::format("{} {} is a folder", option, path), "name a file");
  if (!force && fs::exists(fs::symlink_status(named, error))) throw Error(Exit::system, path, "exists already", "pass --force to replace it");
  note_leftovers(path);
}

void check_targets(const PlanCommand& c) {
  check_target(c.output, "-o", c.force);
  check_target(c.svg, "--svg", c.force);
  check_target(c.html, "--html", c.force);
  if (!c.svg.empty() && c.svg == c.html) fail_usage("--svg and --html name the same file", "pass two names");
}

// --verify reads how the plan was made from the plan.
void check_verify(const PlanCommand& c) {
  constexpr std::string_view kTaken[] = {"DATASET", "--sizes", "--edges", "--cutoff", "--verify", "--jobs", "--quiet", "--verbose", "--progress", "--color"};
  for (const std::string& name : c.given) {
    if (std::find(std::begin(kTaken), std::end(kTaken), name) == std::end(kTaken)) {
      fail_usage(fmt::format("--verify takes no {}", name), "it reads from plan.json how the plan was made");
    }
  }
}

std::uint64_t limited(const std::optional<std::uint64_t>& given, std::uint64_t otherwise) { return given.value_or(otherwise); }

// Options that are whole numbers, as they were given.
struct Numbers {
  std::optional<std::uint64_t> atoms, edges, graphs, gpus, per_node, epochs, epoch, seed, min_atoms, shapes;
};

std::uint32_t small(const std::optional<std::uint64_t>& given, std::uint32_t otherwise, const char* option) {
  if (!given) return otherwise;
  if (*given == 0 || *given > kMostGpus) fail_usage(fmt::format("{} GPUs for {}", *given, option), "pass 1 to 1000000");
  return static_cast<std::uint32_t>(*given);
}

void take_numbers(const Numbers& n, PlanCommand& c) {
  c.limits = {limited(n.atoms, kNoLimit), limited(n.edges, kNoLimit), limited(n.graphs, kNoLimit)};
  c.gpus = small(n.gpus, 1, "--gpus");
  c.per_node = small(n.per_node, 0, "--per-node");
  c.epochs = limited(n.epochs, 1);
  c.epoch = limited(n.epoch, 0);
  c.seed = limited(n.seed, 0);
  c.min_atoms = limited(n.min_atoms, 0);
  c.shapes = limited(n.shapes, 0);
}

std::vector<std::string> strategy_names() {
  std::vector<std::string> names;
  for (const Strategy& s : strategies()) names.push_back(s.takes_count ? fmt::format("{}:N", s.name) : std::string(s.name));
  return names;
}

void declare_sources(CLI::App& app, PlanCommand& o) {
  app.add_option("DATASET", o.datasets, "an .atp file, a folder of shards or a glob; several follow each other in one index space")->type_name("DATASET");
  app.add_option("--sizes", o.sizes, "take the atoms of each graph from an .npy (or .npz: natoms) file instead; - is stdin")->type_name("FILE")->group("Sizes");
  app.add_option("--edges", o.edges, "take the edges of each graph from an .npy (or .npz: nedges) file; - is stdin")->type_name("FILE")->group("Sizes");
  app.add_option_function<double>("--cutoff", [&o](const double& r) {
       if (!(r > 0) || !std::isfinite(r)) fail_usage(fmt::format("the cutoff {} is no distance", r), "pass Å, as --cutoff 5");
       o.cutoff = r;
     }, "count the directed edges within R Å once and keep the counts beside the dataset, as NAME.atp.edges-R.npy")
      ->type_name("R")->group("Sizes");
  add_selection(app, "--records", o.records, "plan these records only: 0,5,10:20,-1 as in Python")->group("Sizes");
}

void declare_capacity(CLI::App& app, PlanCommand& o, Numbers& n) {
  add_scaled_count(app, "--max-atoms", n.atoms, "the most atoms in a batch: 3072, 3Ki, 10K")->group("Capacity");
  add_scaled_count(app, "--max-edges", n.edges, "the most edges in a batch: 100000, 100K")->group("Capacity");
  add_scaled_count(app, "--max-graphs", n.graphs, "the most graphs in a batch")->group("Capacity");
  app.add_option("--cost", o.cost, "what batches of one step should have in common, as 'a*atoms+b*edges' (default: edges where known)")->type_name("COST")->group("Capacity");
  add_count(app, "--gpus", n.gpus, "the GPUs that train together: a step has one batch for each (default: 1)")->group("Capacity");
  add_count(app, "--per-node", n.per_node, "the GPUs of a node, for --report")->group("Capacity");
}

void declare_policies(CLI::App& app, PlanCommand& o, Numbers& n) {
  const char* group = "Policies";
  app.add_option_function<std::string>("--strategy", [&o](const std::string& text) {
       const std::string name = text.substr(0, text.find(':'));
       std::vector<std::string> plain;
       for (const Strategy& s : strategies()) plain.emplace_back(s.name);
       if (std::find(plain.begin(), plain.end(), name) == plain.end()) {
         const std::string near = did_you_mean(name, plain);
         fail_usage(fmt::format("unknown strategy '{}'", text), near.empty() ? fmt::format("choose from {}", fmt::join(strategy_names(), ", ")) : near);
       }
       parse_strategy(text);
       o.strategy = text;
     }, "how batches are made (default: deal)")
      ->type_name(fmt::format("{}", fmt::join(strategy_names(), "|")))->group(group);
  add_count(app, "--seed", n.seed, "the seed of all that is random (default: 0)")->group(group);
  add_count(app, "--epoch", n.epoch, "the first epoch to plan (default: 0)")->group(group);
  add_count(app, "--epochs", n.epochs, "plan so many epochs, each in a folder epoch-E (default: 1, without one)")->group(group);
  app.add_option("--mix", o.mix, "how often each dataset is trained: A=2,B=0.5, balanced or temperature:T")->type_name("MIX")->group(group);
  add_choice(app, "--oversize", o.oversize, {"error", "single", "skip"}, "what becomes of a graph above a limit: an error (the default), a batch of its own, or nothing")->group(group);
  add_scaled_count(app, "--min-atoms", n.min_atoms, "leave out graphs with fewer atoms")->group(group);
  add_choice(app, "--tail", o.tail, {"pad", "drop", "repeat"}, "a last step with too few batches gets empty ones (the default), is dropped, or gets the first ones again")->group(group);
  app.add_flag("--drop-last", o.drop_last, "leave out the last batch of next-fit and fixed:N, which is only as full as graphs were left")->group(group);
  add_count(app, "--static-shapes", n.shapes, "find at most N shapes (n_node, n_edge, n_graph) to pad batches to")->group(group);
}

void declare_output(CLI::App& app, PlanCommand& o) {
  const char* group = "Output";
  app.add_option("-o,--output", o.output, "the folder of the plan")->type_name("PLANDIR")->group(group);
  add_choice(app, "--format", o.format, {"npy", "npz", "jsonl"}, "arrays to map into memory (the default), one archive of them, or a JSON line for each batch")->group(group);
  app.add_flag("--per-rank", o.per_rank, "write a folder rank-R for each GPU with its own batches in the order of its steps")->group(group);
  const auto step_option = [&](const char* name, std::optional<std::uint64_t>& target, const char* text) { add_count(app, name, target, text)->group(group); };
  step_option("--start", o.start, "write the steps from T on only: a run that was interrupted goes on there");
  step_option("--step", o.step, "write step T only");
  app.add_flag("-f,--force", o.force, "replace a plan that exists")->group(group);
  app.add_flag("--json", o.json, "print plan.json instead of a summary")->group(group);
}

void declare_looking(CLI::App& app, PlanCommand& o) {
  const char* group = "Looking at plans";
  app.add_option("--verify", o.verify, "check a plan against its dataset instead: each graph once, limits, counts, hashes")->type_name("PLANDIR")->group(group);
  app.add_flag("--report", o.report, "print the load of GPUs before and after, how full batches are, straggler and padding")->group(group);
  app.add_option("--svg", o.svg, "draw the report")->type_name("FILE")->group(group);
  app.add_option("--html", o.html, "write the report as a page")->type_name("FILE")->group(group);
  app.add_flag("--compare", o.compare, "plan with every strategy and print how they compare")->group(group);
  app.add_flag("--simulate", o.simulate, "estimate the time of an epoch on 1 to G GPUs with every strategy")->group(group);
  app.add_option("--model", o.model, "what a step costs, for --simulate: token=S,saturation=ATOMS,edge=S,step=S,reduce=S,latency=S")->type_name("MODEL")->group(group);
}

}  // namespace

Exit plan_batches(const PlanCommand& command) {
  if (!command.verify.empty()) {
    check_verify(command);
    return verify_plan(command);
  }
  check_sources(command);
  check_capacity(command);
  check_output(command);
  check_values(command);
  check_targets(command);
  const PlanSizes sizes = read_sizes(command);
  if (!command.output.empty()) write_plans(command, sizes);
  if (command.report) report_plan(command, sizes);
  if (command.compare) compare_strategies(command, sizes);
  if (command.simulate) simulate_epochs(command, sizes);
  return Exit::ok;
}

Run declare_plan_batches(CLI::App& app) {
  auto o = std::make_shared<PlanCommand>();
  auto n = std::make_shared<Numbers>();
  declare_sources(app, *o);
  declare_capacity(app, *o, *n);
  declare_policies(app, *o, *n);
  declare_output(app, *o);
  declare_looking(app, *o);
  return [&app, o, n] {
    take_numbers(*n, *o);
    o->given = given_options(app);
    return plan_batches(*o);
  };
}

}  // namespace atp
