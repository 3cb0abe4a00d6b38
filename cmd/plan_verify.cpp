// `atp plan-batches --verify`: whether a plan is what its plan.json says, of this dataset.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "cmd/terminal.h"
#include "core/io/mapped_file.h"
#include "core/io/npy.h"

namespace atp {
namespace {

namespace dom = simdjson::dom;

// plan.json as far as it says how the plan was made.
class PlanDescription {
 public:
  PlanDescription(const std::string& path) : path_(path) {
    const MappedFile file(path);
    const simdjson::padded_string text(as_text(file.bytes()));
    if (parser_.parse(text).get(root_) != simdjson::SUCCESS || string("format") != "atp-plan") fail_input(path, "is no plan of atp");
    if (count("version") != 1) fail_input(path, fmt::format("has version {}, this atp knows version 1", count("version")));
  }

  std::uint64_t count(const char* key) const {
    std::uint64_t value = 0;
    if (root_[key].get(value) != simdjson::SUCCESS) missing(key);
    return value;
  }
  std::string string(const char* key) const {
    std::string_view value;
    if (root_[key].get(value) != simdjson::SUCCESS) missing(key);
    return std::string(value);
  }
  std::uint64_t limit(const char* key) const { return root_[key].is_null() ? kNoLimit : count(key); }
  std::optional<double> real(const char* key) const {
    double value = 0;
    return root_[key].get(value) == simdjson::SUCCESS ? std::optional(value) : std::nullopt;
  }
  std::optional<std::string> hash(const char* key) const { return root_[key].is_null() ? std::nullopt : std::optional(string(key)); }
  bool flag(const char* key) const {
    bool value = false;
    if (root_[key].get(value) != simdjson::SUCCESS) missing(key);
    return value;
  }
  std::vector<std::string> set_hashes() const {
    std::vector<std::string> hashes;
    dom::array sets;
    if (root_["datasets"].get(sets) != simdjson::SUCCESS) missing("datasets");
    for (const dom::element set : sets) {
      std::string_view text;
      if (set["hash"].get(text) != simdjson::SUCCESS) missing("datasets");
      hashes.emplace_back(text);
    }
    return hashes;
  }

 private:
  [[noreturn]] void missing(const char* key) const { fail_input(path_, fmt::format("has no good '{}'", key)); }

  std::string path_;
  dom::parser parser_;
  dom::element root_;
};

// One plan folder: arrays mapped, findings collected.
class PlanCheck {
 public:
  PlanCheck(const PlanCommand& command, const std::string& folder) : folder_(folder), plan_(folder + "/plan.json"), command_(command) {
    command_.limits = {plan_.limit("max_atoms"), plan_.limit("max_edges"), plan_.limit("max_graphs")};
    command_.seed = plan_.count("seed");
    command_.gpus = static_cast<std::uint32_t>(plan_.count("gpus"));
    command_.oversize = plan_.string("oversize");
    command_.min_atoms = plan_.count("min_atoms");
    command_.records = plan_.string("records");
    command_.mix = plan_.string("weights");
    command_.tail = plan_.string("tail");
    std::error_code error;
    if (!std::filesystem::exists(folder + "/indices.npy", error)) {
      fail_input(folder, "holds no indices.npy", "--verify reads plans as --format npy writes them, without --per-rank");
    }
    if (command_.gpus == 0) fail_input(folder + "/plan.json", "has no GPUs");
    if (command.edges.empty() && !command.cutoff && command.sizes.empty()) command_.cutoff = plan_.real("cutoff");
  }

  std::vector<std::string> run();
  std::uint64_t graphs() const { return graphs_; }
  std::uint64_t batches() const { return batches_; }

 private:
  static constexpr std::size_t kMostFindings = 20;

  void find(std::string text) {
    if (findings_.size() < kMostFindings) findings_.push_back(std::move(text));
    else ++more_;
  }
  NpyArray open(const std::string& name);
  void check_hashes(const PlanSizes& sizes);
  void check_arrays(const PlanSizes& sizes);
  void check_batches(const PlanSizes& sizes, const NpyArray& indices, const NpyArray& offsets);
  void check_schedule(const NpyArray& schedule);
  void check_multiplicity(const PlanSizes& sizes);

  std::string folder_;
  PlanDescription plan_;
  PlanCommand command_;  // as the plan was made
  std::vector<MappedFile> files_;
  std::vector<std::string> findings_;
  std::uint64_t more_ = 0, graphs_ = 0, batches_ = 0;
  std::vector<std::uint32_t> times_;  // [records]: how often each is trained
};

NpyArray PlanCheck::open(const std::string& name) {
  const std::string path = fmt::format("{}/{}.npy", folder_, name);
  files_.emplace_back(path);
  return parse_npy(files_.back().bytes(), path);
}

void PlanCheck::check_hashes(const PlanSizes& sizes) {
  const auto hashes = plan_.set_hashes();
  for (std::size_t d = 0; d < sizes.sets.size() && d < hashes.size(); ++d) {
    if (hashes[d] != fmt::format("{:016x}", sizes.sets[d].hash)) find(fmt::format("{} is not the dataset that was planned: its hash differs", sizes.sets[d].path));
  }
  if (hashes.size() != sizes.sets.size()) find(fmt::format("{} datasets were planned, {} are given", hashes.size(), sizes.sets.size()));
  if (plan_.string("sizes_hash") != fmt::format("{:016x}", sizes.sizes_hash)) find("the atom counts are not those that were planned: their hash differs");
  const auto edges = plan_.hash("edges_hash");
  if (edges && sizes.edges.empty()) find("the plan counts edges, which are not known here; pass --edges FILE");
  if (edges && !sizes.edges.empty() && *edges != fmt::format("{:016x}", sizes.edges_hash)) find("the edge counts are not those that were planned: their hash differs");
}

void PlanCheck::check_batches(const PlanSizes& sizes, const NpyArray& indices, const NpyArray& offsets) {
  const NpyArray atoms = open("atoms"), graphs = open("graphs");
  std::optional<NpyArray> edges;
  if (plan_.hash("edges_hash") && !sizes.edges.empty()) edges = open("edges");
  if (atoms.size() != batches_ || graphs.size() != batches_ || (edges && edges->size() != batches_)) return find("its arrays differ in length");
  for (std::uint64_t b = 0; b < batches_; ++b) {
    const std::int64_t begin = offsets.at(b), end = offsets.at(b + 1);
    if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > indices.size()) return find(fmt::format("batch {}: its offsets {} and {} are not within the plan", b, begin, end));
    Load load;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t record = indices.at(static_cast<std::uint64_t>(i));
      if (record < 0 || static_cast<std::uint64_t>(record) >= sizes.records()) return find(fmt::format("batch {}: record {} is beyond the {} there are", b, record, sizes.records()));
      load.atoms += sizes.atoms[static_cast<std::size_t>(record)];
      load.edges += sizes.edges.empty() ? 0 : sizes.edges[static_cast<std::size_t>(record)];
      ++load.graphs;
      ++times_[static_cast<std::size_t>(record)];
    }
    const bool single = load.graphs == 1 && command_.oversize == "single";
    if (load.atoms > command_.limits.atoms && !single) find(fmt::format("batch {}: {} atoms, the limit is {}", b, load.atoms, command_.limits.atoms));
    if (edges && load.edges > command_.limits.edges && !single) find(fmt::format("batch {}: {} edges, the limit is {}", b, load.edges, command_.limits.edges));
    if (load.graphs > command_.limits.graphs) find(fmt::format("batch {}: {} graphs, the limit is {}", b, load.graphs, command_.limits.graphs));
    if (static_cast<std::int64_t>(load.atoms) != atoms.at(b)) find(fmt::format("batch {}: {} atoms, atoms.npy says {}", b, load.atoms, atoms.at(b)));
    if (static_cast<std::int64_t>(load.graphs) != graphs.at(b)) find(fmt::format("batch {}: {} graphs, graphs.npy says {}", b, load.graphs, graphs.at(b)));
    if (edges && static_cast<std::int64_t>(load.edges) != edges->at(b)) find(fmt::format("batch {}: {} edges, edges.npy says {}", b, load.edges, edges->at(b)));
    graphs_ += load.graphs;
  }
  if (static_cast<std::uint64_t>(offsets.at(batches_)) != indices.size() || offsets.at(0) != 0) find("its offsets do not cover all indices");
}

void PlanCheck::check_schedule(const NpyArray& schedule) {
  if (schedule.shape.size() != 2 || schedule.shape[1] != command_.gpus || schedule.shape[0] != plan_.count("steps")) {
    return find(fmt::format("its schedule is not {} steps of {} GPUs", plan_.count("steps"), command_.gpus));
  }
  std::vector<std::uint32_t> times(batches_);
  for (std::uint64_t i = 0; i < schedule.size(); ++i) {
    const std::int64_t b = schedule.at(i);
    if (b < 0 || static_cast<std::uint64_t>(b) >= batches_) return find(fmt::format("its schedule has batch {} of {}", b, batches_));
    ++times[static_cast<std::size_t>(b)];
  }
  const bool may_repeat = command_.tail == "repeat";
  for (std::uint64_t b = 0; b < batches_; ++b) {
    if (times[b] == 0 || (times[b] > 1 && !may_repeat)) find(fmt::format("batch {} is trained {} times", b, times[b]));
  }
}

// Each graph as often as records, sizes and mix say; fewer where batches were dropped or steps cut out.
void PlanCheck::check_multiplicity(const PlanSizes& sizes) {
  const PlanItems items = choose_items(command_, sizes, plan_.count("epoch"));
  std::vector<std::uint32_t> expected(sizes.records());
  for (std::uint32_t i = 0; i < items.atoms.size(); ++i) ++expected[items.record(i)];
  for (const std::uint32_t record : items.singles) ++expected[record];
  const bool partial = plan_.count("steps") != plan_.count("epoch_steps");
  std::uint64_t missing = 0;
  for (std::uint64_t r = 0; r < expected.size(); ++r) {
    if (times_[r] > expected[r]) find(fmt::format("record {} is in {} batches, {} expected", r, times_[r], expected[r]));
    missing += expected[r] - std::min(times_[r], expected[r]);
  }
  if (!partial && missing != plan_.count("dropped")) find(fmt::format("{} graphs are in no batch, {} were dropped", missing, plan_.count("dropped")));
}

void PlanCheck::check_arrays(const PlanSizes& sizes) {
  const NpyArray indices = open("indices"), offsets = open("offsets"), schedule = open("schedule");
  if (indices.shape.size() != 1 || offsets.shape.size() != 1 || offsets.size() == 0) return find("its arrays have the wrong shape");
  batches_ = offsets.size() - 1;
  if (batches_ != plan_.count("batches")) find(fmt::format("has {} batches, plan.json says {}", batches_, plan_.count("batches")));
  times_.resize(sizes.records());
  check_batches(sizes, indices, offsets);
  if (!findings_.empty()) return;
  check_schedule(schedule);
  check_multiplicity(sizes);
}

std::vector<std::string> PlanCheck::run() {
  const PlanSizes sizes = read_sizes(command_);
  check_hashes(sizes);
  if (findings_.empty()) check_arrays(sizes);
  if (more_ > 0) findings_.push_back(fmt::format("and {} more", more_));
  return findings_;
}

std::vector<std::string> plan_folders(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder + "/plan.json", error)) return {folder};
  std::vector<std::string> epochs;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with("epoch-")) epochs.push_back(entry.path().string());
  }
  if (epochs.empty()) fail_input(folder, "holds no plan.json");
  std::sort(epochs.begin(), epochs.end(), [](const std::string& a, const std::string& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); });
  return epochs;
}

}  // namespace

Exit verify_plan(const PlanCommand& command) {
  if (command.datasets.empty() && command.sizes.empty()) {
    throw Error(Exit::usage, "", "--verify needs the dataset that was planned", "name it, or pass --sizes FILE");
  }
  bool sound = true;
  for (const std::string& folder : plan_folders(command.verify)) {
    PlanCheck check(command, folder);
    const auto findings = check.run();
    for (const std::string& finding : findings) print(fmt::format("{}: {}\n", folder, finding));
    if (findings.empty() && !common_options().quiet) {
      print(fmt::format("{}: sound: {} graphs in {} batches\n", folder, human_count(check.graphs()), human_count(check.batches())));
    }
    sound = sound && findings.empty();
  }
  return sound ? Exit::ok : Exit::no;
}

}  // namespace atp
