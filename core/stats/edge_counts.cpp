#include "core/stats/edge_counts.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "core/atp/one_pass.h"
#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/chem/cell.h"

namespace atp {
namespace {

// Enough work for a thread, little enough for an interrupt to be answered.
constexpr std::uint64_t kChunkAtoms = 20'000;

struct Chunk {
  std::uint64_t begin, end;
};

}  // namespace

std::uint64_t EdgeCounter::count(const RecordView& record, double cutoff) {
  sample_.fill(record);
  std::array<double, 9> cell{};
  std::optional<std::array<bool, 3>> pbc;
  for (const SectionView& section : sample_.sections) {
    if (section.kind != Kind::builtin || (section.key != "cell" && section.key != "pbc")) continue;
    to_doubles(decode_value(section).numbers, numbers_);
    if (section.key == "cell" && numbers_.size() == 9) std::copy(numbers_.begin(), numbers_.end(), cell.begin());
    if (section.key == "pbc" && numbers_.size() == 3) pbc = {numbers_[0] != 0, numbers_[1] != 0, numbers_[2] != 0};
  }
  const double volume = cell_volume(cell);
  const bool periodic = std::isfinite(volume) && volume > 0;
  to_doubles(sample_.positions, positions_);
  const auto edges = neighbours_.count(positions_, cell, pbc.value_or(std::array{periodic, periodic, periodic}), cutoff);
  if (!edges) fail_input("", "its edges cannot be counted: a flat or missing periodic cell, or NaN positions", "leave it out with --records, or pass --edges FILE");
  return *edges;
}

void count_edges(const Reader& reader, double cutoff, int jobs, std::span<std::uint32_t> out,
                 const std::function<void(std::uint64_t)>& progress) {
  ReadOnce once = read_once(reader);
  std::uint64_t next = 0;
  const auto produce = [&]() -> std::unique_ptr<Chunk> {
    throw_if_interrupted();
    if (next == reader.size()) return nullptr;
    Chunk chunk{next, next};
    for (std::uint64_t atoms = 0; chunk.end < reader.size() && atoms < kChunkAtoms; ++chunk.end) atoms += 8 + reader.raw_entry(chunk.end).atoms;
    next = chunk.end;
    return std::make_unique<Chunk>(chunk);
  };
  const auto work = [&](Chunk& chunk) {
    thread_local EdgeCounter counter;
    thread_local Scratch scratch;
    for (std::uint64_t i = chunk.begin; i < chunk.end; ++i) {
      throw_if_interrupted();
      try {
        const std::uint64_t edges = counter.count(reader.verified_record(i, scratch), cutoff);
        if (edges > std::numeric_limits<std::uint32_t>::max()) fail_input("", fmt::format("has {} edges, more than 2^32", edges), "pass a smaller --cutoff");
        out[i] = static_cast<std::uint32_t>(edges);
      } catch (const Error& e) {
        throw e.where().starts_with(reader.path()) ? e : e.within(fmt::format("{}: record {}", reader.path(), i));
      }
    }
    return chunk.end;
  };
  ordered_parallel<Chunk, std::uint64_t>(jobs, produce, work, [&](std::uint64_t&& done) {
    once.passed(reader.raw_entry(done - 1).offset);
    progress(done);
  });
}

}  // namespace atp
