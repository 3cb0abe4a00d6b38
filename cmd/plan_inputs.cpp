// Where `atp plan-batches` has the sizes of graphs from.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "cmd/plan_edges.h"
#include "cmd/plan_source.h"
#include "cmd/remote_inputs.h"
#include "core/atp/dataset.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/hub/names.h"
#include "core/io/fd.h"
#include "core/io/mapped_file.h"
#include "core/io/npy.h"
#include "core/io/npz.h"

namespace atp {
namespace {

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
  std::string name = path == "-" ? "standard input" : path;
  Bytes bytes = path == "-" ? Bytes(own) : file.bytes();
  if (looks_like_zip(bytes)) {
    own = npz_member(bytes, member, name);
    bytes = own;
    name += fmt::format(": {}.npy", member);
  }
  const NpyArray array = parse_npy(bytes, name);
  if (!array.trailer.empty() && !is_edge_trailer(array.trailer)) {
    fail_input(name, fmt::format("has {} bytes behind its array", array.trailer.size()), "write it again with numpy.save");
  }
  auto counts = counts_of(array, name);
  check_graphs(counts.size(), name);
  return counts;
}

std::uint64_t hash_of(std::span<const std::uint32_t> counts) { return xxh3(std::as_bytes(counts)); }

PlanSet set_of(const std::string& path) {
  PlanSet set;
  set.path = shown_address(path);
  set.name = set_name(set.path);
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
  check_graphs(sizes.records(), command.datasets[0]);
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

}  // namespace

void check_graphs(std::uint64_t graphs, const std::string& where) {
  constexpr std::uint64_t kMost = 0xffffffff;
  if (graphs > kMost) fail_input(where, fmt::format("{} graphs are more than a plan can have (2^32 - 1)", graphs), "split the dataset");
}

std::string set_name(const std::string& path) {
  const std::filesystem::path named(path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
  return named.extension() == ".atp" ? named.stem().string() : named.filename().string();
}

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
      fail_input(command.edges, fmt::format("has {} counts, there are {} records", sizes.edges.size(), sizes.atoms.size()), "pass one number for each record");
    }
  }
  sizes.sizes_hash = hash_of(sizes.atoms);
  sizes.edges_known = !command.edges.empty() || command.cutoff.has_value();
  if (sizes.edges_known) sizes.edges_hash = hash_of(sizes.edges);
  return sizes;
}

}  // namespace atp
