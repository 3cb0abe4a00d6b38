// Plans as folders: arrays to be mapped into memory, or JSON lines, or one .npz.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cmd/counted.h"
#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "cmd/plan_files.h"
#include "cmd/plan_shapes.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/base/interrupt.h"
#include "core/base/json_writer.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "core/io/output_folder.h"

namespace atp {
namespace {

struct Array {
  std::string name, header;
  Bytes data;
};

template <class T>
Array array_of(const PlanArray& array, std::span<const T> data, std::vector<std::uint64_t> shape = {}) {
  if (shape.empty()) shape = {data.size()};
  return {std::string(array.name), npy_header(array.type, shape), std::as_bytes(data)};
}

// The columns of the loads, which the arrays borrow.
struct Columns {
  std::vector<std::int64_t> atoms, edges, graphs;

  explicit Columns(std::span<const Load> loads) {
    for (const Load& load : loads) {
      atoms.push_back(static_cast<std::int64_t>(load.atoms));
      edges.push_back(static_cast<std::int64_t>(load.edges));
      graphs.push_back(static_cast<std::int64_t>(load.graphs));
    }
  }
};

class PlanWriter {
 public:
  PlanWriter(const PlanCommand& command, const PlanSizes& sizes, OutputFolder& folder) : command_(command), sizes_(sizes), folder_(folder) {}

  // `prefix`: "" or "epoch-3/".
  void write(const FinishedPlan& plan, const std::string& prefix) {
    if (command_.per_rank) {
      for (std::uint32_t rank = 0; rank < command_.gpus; ++rank) write_rank(plan, rank, prefix);
    } else {
      write_part(plan.batches, plan.loads, &plan.schedule, plan, prefix);
    }
    const std::string json = plan_json(command_, sizes_, plan) + "\n";
    folder_.write(prefix + "plan.json", {as_bytes(json)});
  }

 private:
  void write_part(const Batches& batches, std::span<const Load> loads, const Schedule* schedule, const FinishedPlan& plan, const std::string& prefix) {
    StaticShapes shapes;
    if (command_.shapes > 0) shapes = static_shapes(plan, command_.shapes);
    if (command_.format == "jsonl") return write_lines(batches, loads, *schedule, shapes, plan, prefix);
    const Columns columns(loads);
    const std::span<const std::uint32_t> indices(batches.indices.data(), static_cast<std::size_t>(batches.offsets.back()));
    std::vector<Array> arrays{array_of<std::uint32_t>(kIndices, indices), array_of<std::int64_t>(kOffsets, batches.offsets)};
    if (!command_.per_rank) arrays.push_back(array_of<std::uint32_t>(kSchedule, schedule->batches, {schedule->steps(), schedule->gpus}));
    arrays.push_back(array_of<std::int64_t>(kAtoms, columns.atoms));
    if (sizes_.edges_known) arrays.push_back(array_of<std::int64_t>(kEdges, columns.edges));
    arrays.push_back(array_of<std::int64_t>(kGraphs, columns.graphs));
    if (command_.shapes > 0) arrays.push_back(array_of<std::uint32_t>(kShapes, shapes.of_step));
    if (command_.format == "npz") return write_npz(arrays, prefix);
    for (const Array& array : arrays) folder_.write(prefix + array.name + ".npy", {as_bytes(array.header), array.data});
  }

  void write_npz(const std::vector<Array>& arrays, const std::string& prefix) {
    std::vector<std::pair<std::string, std::string>> members;
    for (const Array& array : arrays) members.emplace_back(array.name + ".npy", array.header + std::string(as_text(array.data)));
    const std::string archive = zip_archive(members, command_.output);
    folder_.write(prefix + "plan.npz", {as_bytes(archive)});
  }

  void write_lines(const Batches& batches, std::span<const Load> loads, const Schedule& schedule, const StaticShapes& shapes, const FinishedPlan& plan,
                   const std::string& prefix) {
    std::string lines;
    for (std::size_t t = 0; t < schedule.steps(); ++t) {
      throw_if_interrupted();
      for (std::uint32_t r = 0; r < schedule.gpus; ++r) {
        const std::uint32_t b = schedule.at(t, r);
        JsonWriter w;
        w.begin_object().key("step").count(plan.first_step + t).key("rank").count(command_.per_rank ? rank_ : r).key("atoms").count(loads[b].atoms);
        if (sizes_.edges_known) w.key("edges").count(loads[b].edges);
        w.key("graphs").count(loads[b].graphs);
        if (command_.shapes > 0) w.key("shape").count(shapes.of_step[t]);
        w.key("indices").begin_array();
        for (const std::uint32_t i : batches.batch(b)) w.count(i);
        lines += w.end_array().end_object().text() + "\n";
      }
    }
    folder_.write(prefix + "batches.jsonl", {as_bytes(lines)});
  }

  // The batches of one GPU in the order of its steps.
  void write_rank(const FinishedPlan& plan, std::uint32_t rank, const std::string& prefix) {
    throw_if_interrupted();
    rank_ = rank;
    Batches own;
    std::vector<Load> loads;
    Schedule steps;
    own.offsets = {0};
    std::uint64_t graphs = 0;
    for (std::size_t t = 0; t < plan.schedule.steps(); ++t) graphs += plan.loads[plan.schedule.at(t, rank)].graphs;
    own.indices = HugeBuffer<std::uint32_t>(graphs);
    for (std::size_t t = 0; t < plan.schedule.steps(); ++t) {
      const std::uint32_t b = plan.schedule.at(t, rank);
      std::copy(plan.batches.batch(b).begin(), plan.batches.batch(b).end(), own.indices.begin() + own.offsets.back());
      own.offsets.push_back(own.offsets.back() + static_cast<std::int64_t>(plan.loads[b].graphs));
      loads.push_back(plan.loads[b]);
      steps.batches.push_back(static_cast<std::uint32_t>(t));
    }
    const std::string folder = fmt::format("{}rank-{}", prefix, rank);
    folder_.make_folder(folder);
    write_part(own, loads, &steps, plan, folder + "/");
  }

  const PlanCommand& command_;
  const PlanSizes& sizes_;
  OutputFolder& folder_;
  std::uint32_t rank_ = 0;
};

// Names that a plan has: --force replaces nothing else.
bool is_plans_own(std::string_view name) {
  return name.ends_with(".npy") || name == "plan.json" || name == "plan.npz" || name == "batches.jsonl" || name.starts_with("epoch-") || name.starts_with("rank-");
}

void write_datasets(JsonWriter& w, const PlanSizes& sizes, const std::vector<double>& weights) {
  w.key("datasets").begin_array();
  for (std::size_t d = 0; d < sizes.sets.size(); ++d) {
    const PlanSet& set = sizes.sets[d];
    w.begin_object().key("path").string(set.path).key("name").string(set.name).key("records").count(set.records);
    w.key("weight").real(weights[d]).key("hash").string(fmt::format("{:016x}", set.hash)).end_object();
  }
  w.end_array();
}

void write_limit(JsonWriter& w, std::string_view key, std::uint64_t limit) { limit == kNoLimit ? w.key(key).null() : w.key(key).count(limit); }

void write_options(JsonWriter& w, const PlanCommand& c, const PlanSizes& sizes, const std::vector<double>& weights) {
  write_limit(w, "max_atoms", c.limits.atoms);
  write_limit(w, "max_edges", c.limits.edges);
  write_limit(w, "max_graphs", c.limits.graphs);
  w.key("cost").string(c.cost).key("tail").string(c.tail).key("drop_last").boolean(c.drop_last);
  w.key("oversize").string(c.oversize).key("min_atoms").count(c.min_atoms).key("records").string(c.records).key("weights").string(c.mix);
  c.cutoff ? w.key("cutoff").real(*c.cutoff) : w.key("cutoff").null();
  write_datasets(w, sizes, weights);
  w.key("sizes_hash").string(fmt::format("{:016x}", sizes.sizes_hash));
  sizes.edges_known ? w.key("edges_hash").string(fmt::format("{:016x}", sizes.edges_hash)) : w.key("edges_hash").null();
}

std::string summary(const PlanCommand& command, const std::string& folder, const PlanSizes& sizes, const FinishedPlan& plan) {
  const PlanStatistics& s = plan.statistics;
  std::string line = fmt::format("{}: {} in {} ({} of {}), {} to {} atoms, padding {:.2f} %{}, straggler {:.4f}",
                                 folder, counted(s.graphs, "graph"), counted(s.batches, "batch"), counted(s.steps, "step"), counted(command.gpus, "GPU"),
                                 human_count(s.atoms_min), human_count(s.atoms_max), 100 * s.padding,
                                 s.binding == Binding::atoms ? "" : fmt::format(" of {}", binding_name(s.binding)), s.straggler_atoms);
  if (sizes.edges_known) line += fmt::format(" (edges {:.4f})", s.straggler_edges);
  line += fmt::format(", planned in {:.2f} s\n", plan.seconds);
  if (plan.too_large > 0) line += fmt::format("left out: {} above the limits\n", counted(plan.too_large, "record"));
  if (plan.too_small > 0) line += fmt::format("left out: {} below --min-atoms\n", counted(plan.too_small, "record"));
  if (plan.dropped > 0) line += fmt::format("left out: {} of batches that were dropped\n", counted(plan.dropped, "graph"));
  return line;
}

}  // namespace

std::string_view binding_name(Binding binding) { return binding == Binding::atoms ? "atoms" : binding == Binding::edges ? "edges" : "graphs"; }

void warn_if_empty(const PlanCommand& command, const FinishedPlan& plan) {
  if (plan.statistics.graphs == 0) warn(fmt::format("the plan holds no graphs: {}", plan.dropped != 0 ? "there are fewer batches than GPUs, and --tail drop drops the last step" : "no record is left to plan"));
  const auto filled = static_cast<std::uint64_t>(std::ranges::count_if(plan.loads, [](const Load& load) { return load.graphs != 0; }));
  if (filled == 0 || filled >= command.gpus || command.step || command.start) return;
  const char* get = command.tail == "repeat" ? "only graphs that others get, too," : "no graph";
  warn(fmt::format("{} of {} GPUs get {} in the whole epoch: there are {} batch{} with graphs", human_count(command.gpus - filled), human_count(command.gpus), get, human_count(filled), filled == 1 ? "" : "es"));
}

std::string plan_json(const PlanCommand& command, const PlanSizes& sizes, const FinishedPlan& plan) {
  const PlanStatistics& s = plan.statistics;
  JsonWriter w;
  w.begin_object().key("format").string("atp-plan").key("version").count(1).key("atp").string(version());
  w.key("files").string(command.format).key("per_rank").boolean(command.per_rank);
  w.key("strategy").string(command.strategy).key("seed").count(command.seed).key("epoch").count(plan.epoch);
  w.key("gpus").count(command.gpus).key("graphs").count(s.graphs).key("batches").count(s.batches);
  w.key("lower_bound").count(plan.lower_bound).key("steps").count(s.steps);
  w.key("first_step").count(plan.first_step).key("epoch_steps").count(plan.all_steps);
  w.key("atoms").count(s.atoms).key("atoms_min").count(s.atoms_min).key("atoms_max").count(s.atoms_max);
  if (sizes.edges_known) w.key("edges").count(s.edges).key("edges_min").count(s.edges_min).key("edges_max").count(s.edges_max);
  w.key("graphs_min").count(s.graphs_min).key("graphs_max").count(s.graphs_max);
  w.key("padding").real(s.padding).key("padding_of").string(binding_name(s.binding)).key("straggler_atoms").real(s.straggler_atoms);
  sizes.edges_known ? w.key("straggler_edges").real(s.straggler_edges) : w.key("straggler_edges").null();
  w.key("mix").real(s.mix).key("too_large").count(plan.too_large).key("too_small").count(plan.too_small).key("dropped").count(plan.dropped);
  write_options(w, command, sizes, plan.weights);
  if (command.shapes > 0) write_shapes_json(w, command.shapes, static_shapes(plan, command.shapes));
  w.key("seconds").real(plan.seconds).end_object();
  return w.take();
}

void write_plans(const PlanCommand& command, const PlanSizes& sizes) {
  const ChosenStrategy strategy = parse_strategy(command.strategy);
  OutputFolder folder(command.output);
  PlanWriter writer(command, sizes, folder);
  std::string shown;
  Progress progress("planning epochs", command.epochs, false);
  for (std::uint64_t e = 0; e < command.epochs; ++e) {
    const FinishedPlan plan = make_plan(command, sizes, strategy, command.epoch + e);
    const std::string name = command.epochs == 1 ? "" : fmt::format("epoch-{}", plan.epoch);
    if (!name.empty()) folder.make_folder(name);
    writer.write(plan, name.empty() ? "" : name + "/");
    warn_if_empty(command, plan);
    progress.advance_to(e + 1);
    progress.set_records(e + 1);
    if (command.json) {
      shown += plan_json(command, sizes, plan) + "\n";
    } else if (!common_options().quiet) {
      shown += summary(command, name.empty() ? command.output : command.output + "/" + name, sizes, plan);
    }
  }
  folder.commit(command.force, is_plans_own);
  print(shown);
}

}  // namespace atp
