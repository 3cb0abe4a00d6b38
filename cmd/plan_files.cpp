#include "cmd/plan_files.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <numeric>
#include <optional>
#include <set>

#include "core/base/interrupt.h"
#include "core/io/mapped_file.h"
#include "core/io/npy.h"
#include "core/io/npz.h"

namespace atp {
namespace {

std::vector<PlanArray> arrays_of(const PlanForm& form) {
  std::vector<PlanArray> arrays{kIndices, kOffsets, kAtoms, kGraphs};
  if (!form.per_rank) arrays.push_back(kSchedule);
  if (form.edges) arrays.push_back(kEdges);
  if (form.shapes) arrays.push_back(kShapes);
  return arrays;
}

// The files that hold batches: in the folder itself, or in each rank's.
std::vector<std::string> data_files(const PlanForm& form) {
  if (form.files == "npz") return {"plan.npz"};
  if (form.files == "jsonl") return {"batches.jsonl"};
  std::vector<std::string> names;
  for (const PlanArray& array : arrays_of(form)) names.push_back(fmt::format("{}.npy", array.name));
  return names;
}

// Exactly these names, whatever else is there.
void check_names(const std::string& folder, std::vector<std::string> expected, std::string_view within = "") {
  std::set<std::string> missing(expected.begin(), expected.end());
  std::error_code error;
  std::vector<std::string> foreign;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (missing.erase(name) == 0) foreign.push_back(name);
  }
  if (error) fail_system(folder, "cannot list", error.value());
  std::sort(foreign.begin(), foreign.end());
  if (!missing.empty()) throw PlanFault{fmt::format("{}{} is missing", within, *missing.begin())};
  if (!foreign.empty()) throw PlanFault{fmt::format("{}{} is no file of this plan", within, foreign[0])};
}

// The arrays of one folder or archive, which stay where they are.
class ArrayFolder {
 public:
  ArrayFolder(const std::string& folder, const PlanForm& form, std::string within) : folder_(folder), within_(std::move(within)) {
    if (form.files != "npz") return;
    archive_.emplace(folder + "/plan.npz");
    std::vector<std::string> expected, held = npz_names(archive_->bytes(), folder + "/plan.npz");
    for (const PlanArray& array : arrays_of(form)) expected.emplace_back(array.name);
    std::sort(expected.begin(), expected.end());
    std::sort(held.begin(), held.end());
    if (held != expected) throw PlanFault{fmt::format("{}plan.npz does not hold the arrays that plan.json tells of", within_)};
  }

  NpyArray open(const PlanArray& wanted) {
    const std::string name = fmt::format("{}.npy", wanted.name);
    const Bytes bytes = archive_ ? unpacked(wanted.name) : mapped(name);
    const NpyArray array = parse_npy(bytes, fmt::format("{}/{}", folder_, archive_ ? "plan.npz: " + name : name));
    const std::string type = fmt::format("<{}{}", array.is_signed ? 'i' : 'u', array.item_bytes);
    if (type != wanted.type) throw PlanFault{fmt::format("{}{} holds numbers of type {}, a plan's are {}", within_, name, type, wanted.type)};
    if (!array.trailer.empty()) throw PlanFault{fmt::format("{}{} has {} bytes behind its array", within_, name, array.trailer.size())};
    return array;
  }
  // One dimension.
  NpyArray row(const PlanArray& wanted, std::optional<std::uint64_t> size = {}) {
    const NpyArray array = open(wanted);
    if (array.shape.size() != 1) throw PlanFault{fmt::format("{}{}.npy has {} dimensions, not one", within_, wanted.name, array.shape.size())};
    if (size && array.size() != *size) throw PlanFault{fmt::format("{}{}.npy has {} numbers, {} are expected", within_, wanted.name, array.size(), *size)};
    return array;
  }

 private:
  Bytes mapped(const std::string& name) {
    files_.emplace_back(folder_ + "/" + name);
    return files_.back().bytes();
  }
  Bytes unpacked(std::string_view name) {
    members_.push_back(npz_member(archive_->bytes(), name, folder_ + "/plan.npz"));
    return members_.back();
  }

  std::string folder_, within_;
  std::optional<MappedFile> archive_;
  std::list<MappedFile> files_;
  std::list<std::vector<std::byte>> members_;
};

template <class T>
std::vector<T> copied(const NpyArray& array) {
  std::vector<T> out(array.size());
  for (std::uint64_t i = 0; i < array.size(); ++i) out[i] = static_cast<T>(array.at(i));
  return out;
}

// Batches behind those that are there.
void append_batches(ArrayFolder& arrays, const PlanForm& form, const std::string& within, StoredPlan& plan) {
  const NpyArray indices = arrays.row(kIndices), offsets = arrays.row(kOffsets);
  if (offsets.size() == 0) throw PlanFault{within + "offsets.npy is empty"};
  const std::uint64_t batches = offsets.size() - 1;
  const NpyArray atoms = arrays.row(kAtoms, batches), graphs = arrays.row(kGraphs, batches);
  std::optional<NpyArray> edges;
  if (form.edges) edges = arrays.row(kEdges, batches);
  const std::int64_t base = plan.batches.offsets.back();
  for (std::uint64_t b = 0; b < batches; ++b) {
    const std::int64_t begin = offsets.at(b), end = offsets.at(b + 1);
    if ((b == 0 && begin != 0) || end < begin || static_cast<std::uint64_t>(end) > indices.size()) {
      throw PlanFault{fmt::format("{}batch {}: its offsets {} and {} are not within the plan", within, b, begin, end)};
    }
    plan.batches.offsets.push_back(base + end);
    plan.loads.push_back({static_cast<std::uint64_t>(atoms.at(b)), edges ? static_cast<std::uint64_t>(edges->at(b)) : 0, static_cast<std::uint64_t>(graphs.at(b))});
  }
  if (static_cast<std::uint64_t>(offsets.at(batches)) != indices.size()) throw PlanFault{within + "its offsets do not cover all indices"};
  HugeBuffer<std::uint32_t> all(static_cast<std::size_t>(base) + indices.size());
  std::copy_n(plan.batches.indices.begin(), base, all.begin());
  for (std::uint64_t i = 0; i < indices.size(); ++i) all[static_cast<std::size_t>(base) + i] = static_cast<std::uint32_t>(indices.at(i));
  plan.batches.indices = std::move(all);
}

// Batches by step and rank, as they come out of files without numbers; and then with them.
class Assembly {
 public:
  explicit Assembly(const PlanForm& form) : form_(form) { out_.batches.offsets = {0}; }

  void add(std::span<const std::uint32_t> indices, const Load& load) {
    indices_.insert(indices_.end(), indices.begin(), indices.end());
    out_.batches.offsets.push_back(static_cast<std::int64_t>(indices_.size()));
    out_.loads.push_back(load);
  }
  void add_shape(std::uint64_t step, std::uint64_t shape) {
    if (step < out_.shapes.size() && out_.shapes[step] == shape) return;
    if (step != out_.shapes.size() || shape > 0xffffffff) throw PlanFault{fmt::format("step {}: its GPUs have different shapes", form_.first_step + step)};
    out_.shapes.push_back(static_cast<std::uint32_t>(shape));
  }

  StoredPlan finish() {
    std::copy(indices_.begin(), indices_.end(), (out_.batches.indices = HugeBuffer<std::uint32_t>(indices_.size())).begin());
    out_.schedule.gpus = form_.gpus;
    out_.schedule.batches.resize(out_.loads.size());
    std::iota(out_.schedule.batches.begin(), out_.schedule.batches.end(), 0);
    merge_repeated();
    return std::move(out_);
  }

 private:
  // With --tail repeat the last batches are the first ones again.
  void merge_repeated() {
    const std::uint64_t entries = out_.loads.size(), own = form_.batches;
    if (entries == own) return;
    if (!form_.may_repeat || entries < own || entries - own >= form_.gpus) throw PlanFault{fmt::format("it has {} batches, plan.json says {}", entries, own)};
    for (std::uint64_t b = own; b < entries; ++b) {
      const auto again = out_.batches.batch(b), first = out_.batches.batch(b % own);
      const Load &x = out_.loads[b], &y = out_.loads[b % own];
      if (!std::equal(again.begin(), again.end(), first.begin(), first.end()) || x.atoms != y.atoms || x.edges != y.edges || x.graphs != y.graphs) {
        throw PlanFault{fmt::format("batch {} is not batch {} again, though plan.json says {} batches", b, b % own, own)};
      }
      out_.schedule.batches[b] = static_cast<std::uint32_t>(b % own);
    }
    out_.batches.offsets.resize(own + 1);
    out_.loads.resize(own);
  }

  const PlanForm& form_;
  StoredPlan out_;
  std::vector<std::uint32_t> indices_;
};

StoredPlan read_arrays(const std::string& folder, const PlanForm& form) {
  StoredPlan plan;
  plan.batches.offsets = {0};
  ArrayFolder arrays(folder, form, "");
  append_batches(arrays, form, "", plan);
  const NpyArray schedule = arrays.open(kSchedule);
  if (schedule.shape.size() != 2 || schedule.shape[0] != form.steps || schedule.shape[1] != form.gpus) {
    throw PlanFault{fmt::format("its schedule is not {} steps of {} GPUs", form.steps, form.gpus)};
  }
  plan.schedule = {form.gpus, copied<std::uint32_t>(schedule)};
  for (const std::uint32_t b : plan.schedule.batches) {
    if (b >= plan.loads.size()) throw PlanFault{fmt::format("its schedule has batch {} of {}", b, plan.loads.size())};
  }
  if (form.shapes) plan.shapes = copied<std::uint32_t>(arrays.row(kShapes, form.steps));
  return plan;
}

StoredPlan read_array_ranks(const std::string& folder, const PlanForm& form) {
  std::vector<StoredPlan> ranks(form.gpus);
  for (std::uint32_t r = 0; r < form.gpus; ++r) {
    throw_if_interrupted();
    const std::string within = fmt::format("rank-{}/", r);
    ArrayFolder arrays(folder + "/" + within, form, within);
    ranks[r].batches.offsets = {0};
    append_batches(arrays, form, within, ranks[r]);
    if (ranks[r].loads.size() != form.steps) throw PlanFault{fmt::format("{}it has {} batches for {} steps", within, ranks[r].loads.size(), form.steps)};
    if (form.shapes) ranks[r].shapes = copied<std::uint32_t>(arrays.row(kShapes, form.steps));
  }
  Assembly assembly(form);
  for (std::uint64_t t = 0; t < form.steps; ++t) {
    for (const StoredPlan& rank : ranks) {
      assembly.add(rank.batches.batch(t), rank.loads[t]);
      if (form.shapes) assembly.add_shape(t, rank.shapes[t]);
    }
  }
  return assembly.finish();
}

// batches.jsonl, line after line.
class LineFile {
 public:
  LineFile(const std::string& path, const PlanForm& form) : path_(path), form_(form), file_(path), rest_(as_text(file_.bytes())) {}

  bool at_end() const { return rest_.empty(); }

  // The line of this step and rank.
  void read(std::uint64_t step, std::uint32_t rank, Assembly& assembly) {
    ++line_;
    const std::size_t end = rest_.find('\n');
    if (rest_.empty()) throw PlanFault{fmt::format("{} has {} lines, more are expected", path_, line_ - 1)};
    if (end == std::string_view::npos) throw PlanFault{fmt::format("{} is cut off", path_)};
    const simdjson::padded_string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    simdjson::dom::object object;
    if (parser_.parse(text).get(object) != simdjson::SUCCESS) fail("is no JSON object");
    if (object.size() != 5u + form_.edges + form_.shapes) fail("has other keys than a plan's lines");
    if (number(object, "step") != form_.first_step + step || number(object, "rank") != rank) fail(fmt::format("is not step {} of rank {}", form_.first_step + step, rank));
    indices_.clear();
    simdjson::dom::array indices;
    if (object["indices"].get(indices) != simdjson::SUCCESS) fail("has no indices");
    for (const simdjson::dom::element index : indices) {
      std::uint64_t record = 0;
      if (index.get(record) != simdjson::SUCCESS || record > 0xffffffff) fail("has an index that is none");
      indices_.push_back(static_cast<std::uint32_t>(record));
    }
    assembly.add(indices_, {number(object, "atoms"), form_.edges ? number(object, "edges") : 0, number(object, "graphs")});
    if (form_.shapes) assembly.add_shape(step, number(object, "shape"));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw PlanFault{fmt::format("{}:{} {}", path_, line_, what)}; }
  std::uint64_t number(const simdjson::dom::object& object, const char* key) const {
    std::uint64_t value = 0;
    if (object[key].get(value) != simdjson::SUCCESS) fail(fmt::format("has no number '{}'", key));
    return value;
  }

  std::string path_;
  const PlanForm& form_;
  MappedFile file_;
  std::string_view rest_;
  std::uint64_t line_ = 0;
  simdjson::dom::parser parser_;
  std::vector<std::uint32_t> indices_;
};

StoredPlan read_lines(const std::string& folder, const PlanForm& form) {
  std::list<LineFile> files;
  for (std::uint32_t r = 0; r < (form.per_rank ? form.gpus : 1); ++r) {
    files.emplace_back(form.per_rank ? fmt::format("{}/rank-{}/batches.jsonl", folder, r) : folder + "/batches.jsonl", form);
  }
  Assembly assembly(form);
  for (std::uint64_t t = 0; t < form.steps; ++t) {
    throw_if_interrupted();
    auto file = files.begin();
    for (std::uint32_t r = 0; r < form.gpus; ++r) {
      file->read(t, r, assembly);
      if (form.per_rank) ++file;
    }
  }
  for (const LineFile& file : files) {
    if (!file.at_end()) throw PlanFault{"batches.jsonl has more lines than plan.json says steps"};
  }
  return assembly.finish();
}

}  // namespace

std::vector<std::string> plan_file_names(const PlanForm& form) {
  std::vector<std::string> names{"plan.json"};
  if (form.per_rank) {
    for (std::uint32_t r = 0; r < form.gpus; ++r) names.push_back(fmt::format("rank-{}", r));
  } else {
    for (std::string& name : data_files(form)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

StoredPlan read_plan(const std::string& folder, const PlanForm& form) {
  check_names(folder, plan_file_names(form));
  for (std::uint32_t r = 0; form.per_rank && r < form.gpus; ++r) check_names(fmt::format("{}/rank-{}", folder, r), data_files(form), fmt::format("rank-{}/", r));
  if (form.files == "jsonl") return read_lines(folder, form);
  return form.per_rank ? read_array_ranks(folder, form) : read_arrays(folder, form);
}

}  // namespace atp
