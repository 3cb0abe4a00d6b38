// Where `atp plan-batches` has the sizes of graphs from, and which of them it plans.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "cmd/plan_edges.h"
#include "cmd/plan_source.h"
#include "cmd/remote_inputs.h"
#include "core/atp/dataset.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/base/selection.h"
#include "core/io/fd.h"
#include "core/io/mapped_file.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "core/plan/mix.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostGraphs = 0xffffffff;

void check_count(std::uint64_t graphs, const std::string& where) {
  if (graphs > kMostGraphs) fail_input(where, fmt::format("{} graphs are more than a plan can have (2^32 - 1)", graphs), "split the dataset");
}

std::vector<std::byte> read_stdin() {
  std::vector<std::byte> bytes;
  const Fd in(::dup(0));
  for (std::size_t end = 0;;) {
    throw_if_interrupted();
    bytes.resize(std::max<std::size_t>(2 * end, 1 << 20));
    const std::size_t n = read_some(in, std::span(bytes).subspan(end), "standard input");
    end += n;
    if (n != 0) continue;
    bytes.resize(end);
    return bytes;
  }
}

// A .npy file, or the array `member` of an .npz file.
HugeBuffer<std::uint32_t> read_counts(const std::string& path, std::string_view member) {
  MappedFile file;
  std::vector<std::byte> own;
  if (path == "-") {
    own = read_stdin();
  } else {
    file = MappedFile(path);
  }
  const std::string name = path == "-" ? "standard input" : path;
  Bytes bytes = path == "-" ? Bytes(own) : file.bytes();
  if (looks_like_zip(bytes)) {
    own = npz_member(bytes, member, name);
    bytes = own;
  }
  const NpyArray array = parse_npy(bytes, name);
  if (!array.trailer.empty() && !is_edge_trailer(array.trailer)) {
    fail_input(name, fmt::format("has {} bytes behind its array", array.trailer.size()));
  }
  auto counts = counts_of(array, name);
  check_count(counts.size(), name);
  return counts;
}

std::uint64_t hash_of(std::span<const std::uint32_t> counts) { return xxh3(std::as_bytes(counts)); }

PlanSet set_of(const std::string& path) {
  PlanSet set;
  set.path = path;
  const std::filesystem::path named(path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
  set.name = named.extension() == ".atp" ? named.stem().string() : named.filename().string();
  return set;
}

void read_datasets(const PlanCommand& command, PlanSizes& sizes) {
  std::vector<std::string> arguments = command.datasets;
  if (command.cutoff) fetch_inputs(arguments);  // edges are counted in records, sizes stand in the index
  std::vector<PlanSource> sources;
  for (std::size_t d = 0; d < arguments.size(); ++d) {
    sources.emplace_back(arguments[d]);
    PlanSet set = set_of(command.datasets[d]);
    set.records = sources.back().size();
    sizes.sets.push_back(set);
    sizes.starts.push_back(sizes.starts.back() + set.records);
  }
  check_count(sizes.records(), command.datasets[0]);
  sizes.atoms = HugeBuffer<std::uint32_t>(sizes.records());
  for (std::size_t d = 0; d < sources.size(); ++d) {
    Xxh3Stream hash;
    for (std::size_t s = 0; s < sources[d].shards(); ++s) {
      throw_if_interrupted();
      const Reader& shard = sources[d].shard(s);
      shard.atom_counts({sizes.atoms.data() + sizes.starts[d] + sources[d].start_of(s), shard.size()});
      const std::uint64_t of_shard = shard.index_hash();
      hash.update(std::as_bytes(std::span(&of_shard, 1)));
    }
    sizes.sets[d].hash = hash.digest();
  }
  if (!command.cutoff) return;
  std::vector<Dataset> datasets;
  for (const std::string& argument : arguments) datasets.emplace_back(std::vector{argument});
  sizes.edges = edge_counts(datasets, sizes.starts, *command.cutoff);
}

// Whether a record is beyond a limit alone, and why.
std::string beyond(const PlanCommand& command, std::uint64_t atoms, std::uint64_t edges) {
  if (atoms > command.limits.atoms) return fmt::format("has {} atoms, --max-atoms is {}", atoms, command.limits.atoms);
  if (edges > command.limits.edges) return fmt::format("has {} edges, --max-edges is {}", edges, command.limits.edges);
  return {};
}

// Chooses records, then repeats or subsamples them.
class ItemChooser {
 public:
  ItemChooser(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch) : command_(command), sizes_(sizes), epoch_(epoch) {}

  PlanItems choose() {
    mark_selected();
    for (std::size_t d = 0; d < sizes_.sets.size(); ++d) keep_eligible(d);
    const bool all = command_.mix.empty() && command_.share == 1 && std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}) == sizes_.records();
    if (all) {
      items_.starts = sizes_.starts;
      items_.atoms = sizes_.atoms;
      items_.edges = sizes_.edges;
    } else {
      spread();
    }
    return std::move(items_);
  }

 private:
  void mark_selected() {
    if (command_.records.empty()) return;
    wanted_.assign(sizes_.records(), false);
    Selection::parse(command_.records).for_each(sizes_.records(), [&](std::uint64_t i) { wanted_[i] = true; });
  }

  std::string name_of(std::size_t set, std::uint64_t record) const {
    return fmt::format("{}: record {}", sizes_.sets[set].path, record - sizes_.starts[set]);
  }

  void keep_eligible(std::size_t set) {
    std::uint64_t kept = 0;
    const bool check = command_.min_atoms > 0 || command_.limits.atoms != kNoLimit || command_.limits.edges != kNoLimit || !wanted_.empty();
    for (std::uint64_t r = sizes_.starts[set]; r < sizes_.starts[set + 1]; ++r) kept += !check || eligible(set, r);
    counts_.push_back(kept);
  }

  bool eligible(std::size_t set, std::uint64_t record) {
    if (!wanted_.empty() && !wanted_[record]) return false;
    const std::uint32_t atoms = sizes_.atoms[record];
    const std::uint32_t edges = sizes_.edges.empty() ? 0 : sizes_.edges[record];
    if (atoms < command_.min_atoms) {
      ++items_.too_small;
      return leave_out(record);
    }
    if (atoms <= command_.limits.atoms && edges <= command_.limits.edges) return true;
    if (command_.oversize == "error") {
      fail_input(name_of(set, record), beyond(command_, atoms, edges), "pass --oversize single or skip, or a larger limit");
    }
    if (command_.oversize == "single") items_.singles.push_back(static_cast<std::uint32_t>(record));
    items_.too_large += command_.oversize == "skip";
    return leave_out(record);
  }

  bool leave_out(std::uint64_t record) {
    if (wanted_.empty()) wanted_.assign(sizes_.records(), true);
    wanted_[record] = false;
    return false;
  }

  void spread() {
    std::vector<std::string> names;
    for (const PlanSet& set : sizes_.sets) names.push_back(set.name);
    const auto weights = mix_weights(command_.mix, names, counts_);
    std::vector<std::uint64_t> wanted;
    items_.starts = {0};
    for (std::size_t d = 0; d < weights.size(); ++d) {
      const double count = command_.share * weights[d] * static_cast<double>(counts_[d]);
      if (count > static_cast<double>(kMostGraphs)) check_count(kMostGraphs + 1, "--mix");
      wanted.push_back(static_cast<std::uint64_t>(std::llround(count)));
      items_.starts.push_back(items_.starts.back() + wanted.back());
    }
    check_count(items_.starts.back(), "--mix");
    items_.records = HugeBuffer<std::uint32_t>(items_.starts.back());
    for (std::size_t d = 0; d < weights.size(); ++d) take_from(d, wanted[d]);
    copy_counts();
  }

  void take_from(std::size_t set, std::uint64_t count) {
    std::uint64_t record = sizes_.starts[set];
    std::uint32_t* out = items_.records.data() + items_.starts[set];
    spread_evenly(counts_[set], count, command_.seed, epoch_, set, [&](std::uint64_t, std::uint64_t times) {
      while (!wanted_.empty() && !wanted_[record]) ++record;
      out = std::fill_n(out, times, static_cast<std::uint32_t>(record++));
    });
  }

  void copy_counts() {
    const std::size_t n = items_.records.size();
    items_.own_atoms = HugeBuffer<std::uint32_t>(n);
    for (std::size_t i = 0; i < n; ++i) items_.own_atoms[i] = sizes_.atoms[items_.records[i]];
    items_.atoms = items_.own_atoms;
    if (sizes_.edges.empty()) return;
    items_.own_edges = HugeBuffer<std::uint32_t>(n);
    for (std::size_t i = 0; i < n; ++i) items_.own_edges[i] = sizes_.edges[items_.records[i]];
    items_.edges = items_.own_edges;
  }

  const PlanCommand& command_;
  const PlanSizes& sizes_;
  std::uint64_t epoch_;
  std::vector<bool> wanted_;  // [records]; empty: all
  std::vector<std::uint64_t> counts_;  // [sets]: eligible records
  PlanItems items_;
};

}  // namespace

PlanSizes read_sizes(const PlanCommand& command) {
  PlanSizes sizes;
  sizes.starts = {0};
  if (!command.sizes.empty()) {
    sizes.atoms = read_counts(command.sizes, "natoms");
    PlanSet set = set_of(command.sizes);
    set.records = sizes.atoms.size();
    set.hash = hash_of(sizes.atoms);
    sizes.sets.push_back(set);
    sizes.starts.push_back(set.records);
  } else {
    read_datasets(command, sizes);
  }
  if (!command.edges.empty()) {
    sizes.edges = read_counts(command.edges, "nedges");
    if (sizes.edges.size() != sizes.atoms.size()) {
      fail_input(command.edges, fmt::format("has {} counts, there are {} records", sizes.edges.size(), sizes.atoms.size()));
    }
  }
  sizes.sizes_hash = hash_of(sizes.atoms);
  if (!sizes.edges.empty()) sizes.edges_hash = hash_of(sizes.edges);
  if (!command.mix.empty()) {
    std::vector<std::string> names;
    std::vector<std::uint64_t> counts;
    for (const PlanSet& set : sizes.sets) names.push_back(set.name), counts.push_back(set.records);
    const auto weights = mix_weights(command.mix, names, counts);
    for (std::size_t d = 0; d < weights.size(); ++d) sizes.sets[d].weight = weights[d];
  }
  return sizes;
}

PlanItems choose_items(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch) {
  return ItemChooser(command, sizes, epoch).choose();
}

}  // namespace atp
