#include "cmd/plan_edges.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/io/npy.h"
#include "core/io/output_file.h"
#include "core/stats/edge_counts.h"

namespace atp {
namespace {

// Follows the array, so that the file stays one that numpy.load reads. Frozen.
struct Trailer {
  std::array<char, 8> magic;  // "ATPEDGES"
  le_u64 index_hash;          // of the .atp file
  Little<double> cutoff;      // Å
  le_u64 hash;                // XXH3-64 of the file before this field
};
static_assert(sizeof(Trailer) == 32);

constexpr std::array<char, 8> kMagic{'A', 'T', 'P', 'E', 'D', 'G', 'E', 'S'};

void read_edges(const std::string& path, const Reader& shard, double cutoff, std::span<std::uint32_t> out) {
  const MappedFile file(path);
  const NpyArray array = parse_npy(file.bytes(), path);
  const std::string again = "remove it to count again";
  if (!is_edge_trailer(array.trailer)) fail_input(path, "does not say which dataset it was made of", again);
  const auto trailer = load<Trailer>(array.trailer.data());
  if (trailer.hash != xxh3(file.bytes().first(file.bytes().size() - sizeof trailer.hash))) fail_input(path, "is damaged: its checksum does not fit", again);
  if (trailer.index_hash != shard.index_hash() || array.size() != shard.size()) fail_input(path, fmt::format("is stale: it was made of another state of {}", shard.path()), again);
  if (trailer.cutoff != cutoff) fail_input(path, fmt::format("was made with a cutoff of {} Å", double{trailer.cutoff}), again);
  const auto counts = counts_of(array, path);
  std::copy(counts.begin(), counts.end(), out.begin());
}

void write_edges(const std::string& path, const Reader& shard, double cutoff, std::span<const std::uint32_t> counts) {
  const std::uint64_t n = counts.size();
  std::string bytes = npy_header("<u4", std::span(&n, 1));
  bytes.append(reinterpret_cast<const char*>(counts.data()), counts.size_bytes());
  Trailer trailer{kMagic, shard.index_hash(), cutoff, 0};
  bytes.append(reinterpret_cast<const char*>(&trailer), sizeof trailer - sizeof trailer.hash);
  trailer.hash = xxh3(as_bytes(bytes));
  bytes.append(reinterpret_cast<const char*>(&trailer.hash), sizeof trailer.hash);
  auto file = real_disk().create_beside(path);
  try {
    file->write_at(0, as_bytes(bytes));
    file->sync_all();
    real_disk().rename(file->path(), path, true);
  } catch (...) {
    real_disk().remove(file->path());
    throw;
  }
}

// Somebody else's dataset may lie where nothing can be written: the counts are good all the same.
void keep_edges(const std::string& path, const Reader& shard, double cutoff, std::span<const std::uint32_t> counts) {
  try {
    write_edges(path, shard, cutoff, counts);
    note(fmt::format("edges within {} Å kept in {}", cutoff, path));
  } catch (const Error& e) {
    if (e.exit() != Exit::system) throw;
    warn(fmt::format("{}: {}; the edges are counted again next time", e.where(), e.problem()));
  }
}

}  // namespace

std::string edge_file(const std::string& dataset, double cutoff) { return fmt::format("{}.edges-{}.npy", dataset, cutoff); }

bool is_edge_trailer(Bytes bytes) { return bytes.size() == sizeof(Trailer) && load<Trailer>(bytes.data()).magic == kMagic; }

HugeBuffer<std::uint32_t> edge_counts(const std::vector<Dataset>& datasets, std::span<const std::uint64_t> starts, double cutoff) {
  HugeBuffer<std::uint32_t> edges(starts.back());
  std::uint64_t before = 0;
  Progress progress("counting edges", starts.back(), false);
  for (std::size_t d = 0; d < datasets.size(); ++d) {
    for (const Reader& shard : datasets[d].shards()) {
      const std::span<std::uint32_t> out(edges.data() + before, shard.size());
      const std::string path = edge_file(shard.path(), cutoff);
      std::error_code error;
      if (std::filesystem::exists(path, error)) {
        read_edges(path, shard, cutoff, out);
      } else {
        count_edges(shard, cutoff, jobs(), out, [&](std::uint64_t done) {
          progress.advance_to(before + done);
          progress.set_records(before + done);
        });
        keep_edges(path, shard, cutoff, out);
      }
      before += shard.size();
    }
  }
  return edges;
}

}  // namespace atp
