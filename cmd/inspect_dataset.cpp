// What .atp files say of themselves, and the pass over their records.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/inspect.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/atp/one_pass.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/base/selection.h"

namespace atp {
namespace {

constexpr std::uint64_t kIndexPiece = 1 << 20;   // entries a thread reads at a time: 20 MB
constexpr std::uint64_t kSampledRecords = 4096;  // for the first guess of the reference energies
constexpr std::uint64_t kPieceRecords = 1024;    // what a thread takes at a time in the pass over
constexpr std::uint64_t kPieceAtoms = 1 << 17;   //   the records; fixed, so sums never depend on -j

struct Range {
  std::size_t shard;
  std::uint64_t begin, end;
};

struct IndexSums {
  AtomCounts counts;
  std::uint64_t stored = 0, raw = 0, atoms = 0;
};

IndexSums sum_entries(const Reader& reader, std::uint64_t begin, std::uint64_t end) {
  IndexSums sums;
  for (std::uint64_t i = begin; i < end; ++i) {
    const IndexEntry e = reader.raw_entry(i);
    sums.counts.add(e.atoms);
    sums.stored += e.stored;
    sums.raw += e.unpacked;
    sums.atoms += e.atoms;
  }
  return sums;
}

void add_sums(const IndexSums& sums, std::size_t file, Findings& findings) {
  FileFacts& facts = findings.files[file];
  facts.atoms += sums.atoms;
  facts.atp->stored += sums.stored;
  facts.atp->raw += sums.raw;
  findings.counts.merge(sums.counts);
}

// The whole index of every shard, by pieces on all threads: a large one is gigabytes.
void read_indexes(const Dataset& dataset, Findings& findings) {
  Range next{0, 0, 0};
  const auto produce = [&]() -> std::unique_ptr<Range> {
    throw_if_interrupted();
    while (next.shard < dataset.shards().size() && next.begin == dataset.shards()[next.shard].size())
      next = {next.shard + 1, 0, 0};
    if (next.shard == dataset.shards().size()) return nullptr;
    auto piece = std::make_unique<Range>(next);
    piece->end = std::min(next.begin + kIndexPiece, dataset.shards()[next.shard].size());
    next.begin = piece->end;
    return piece;
  };
  using Result = std::pair<std::size_t, IndexSums>;
  const auto threads = std::min<std::uint64_t>(static_cast<std::uint64_t>(jobs()), dataset.size() / kIndexPiece + 1);
  ordered_parallel<Range, Result>(
      static_cast<int>(threads), produce,
      [&](Range& r) {
        return Result{r.shard, sum_entries(dataset.shards()[r.shard], r.begin, r.end)};
      },
      [&](Result&& result) { add_sums(result.second, result.first, findings); });
}

// ---- the pass over the records ------------------------------------------------------------------

// Memory of one thread.
struct Workplace {
  Scratch reading;
  StatsScratch stats;
  Sample sample;
};

void add_record(const Reader& reader, std::uint64_t i, Workplace& place, DatasetStats& stats) {
  throw_if_interrupted();  // for each record: with a cutoff one may take long
  const RecordView record = reader.verified_record(i, place.reading);
  try {
    place.sample.fill(record);
    stats.add(place.sample, place.stats);
  } catch (const Error& e) {
    throw e.within(fmt::format("{}: record {}", reader.path(), i));
  }
}

// Reference energies of records spread over the whole dataset.
std::vector<double> guess_energies(const Dataset& dataset) {
  DatasetStats stats;
  Workplace place;
  const std::uint64_t step = std::max<std::uint64_t>(1, dataset.size() / kSampledRecords);
  for (std::uint64_t i = 0; i < dataset.size(); i += step) {
    throw_if_interrupted();
    const Dataset::Place where = dataset.locate(i);
    add_record(dataset.shards()[where.shard], where.record, place, stats);
  }
  return ReferenceFit::as_guess(stats.energies.solve());
}

// Cut by what the index says, so threads get equal work whether records are small or large.
class Pieces {
 public:
  explicit Pieces(const Dataset& dataset) : dataset_(dataset) {}

  std::unique_ptr<Range> next() {
    throw_if_interrupted();
    while (shard_ < dataset_.shards().size() && at_ == dataset_.shards()[shard_].size()) ++shard_, at_ = 0;
    if (shard_ == dataset_.shards().size()) return nullptr;
    const Reader& reader = dataset_.shards()[shard_];
    auto piece = std::make_unique<Range>(Range{shard_, at_, at_});
    std::uint64_t atoms = 0;
    while (at_ < reader.size() && at_ - piece->begin < kPieceRecords && atoms < kPieceAtoms)
      atoms += reader.raw_entry(at_++).atoms;
    piece->end = at_;
    return piece;
  }

 private:
  const Dataset& dataset_;
  std::size_t shard_ = 0;
  std::uint64_t at_ = 0;
};

DatasetStats pass_over_records(const Dataset& dataset, const InspectOptions& options, OnePass& once) {
  const StatsOptions wanted{options.cutoff, guess_energies(dataset), false};
  DatasetStats total(wanted);
  Progress progress("inspecting", dataset.size(), false);
  Pieces pieces(dataset);
  ordered_parallel<Range, DatasetStats>(
      jobs(), [&] { return pieces.next(); },
      [&](Range& range) {
        static thread_local Workplace place;
        DatasetStats stats(wanted);
        for (std::uint64_t i = range.begin; i < range.end; ++i)
          add_record(dataset.shards()[range.shard], i, place, stats);
        return stats;
      },
      [&](DatasetStats&& stats) {
        total.merge(stats);
        once.passed(total.records);
        progress.advance_to(total.records);
        progress.set_records(total.records);
      });
  return total;
}

}  // namespace

std::uint64_t Findings::records() const {
  if (!header_only) return counts.records();
  std::uint64_t sum = 0;
  for (const FileFacts& file : files) sum += file.records;
  return sum;
}

FileFacts facts_of(const Reader& reader) {
  const Slot& slot = reader.slot();
  FileFacts facts;
  facts.path = reader.path();
  facts.records = reader.size();
  facts.bytes = reader.file_bytes();
  const std::uint64_t end = std::max(slot.committed_end(), kFirstData);
  facts.atp = AtpFacts{reader.codec(),
                       slot.record_format,
                       slot.generation,
                       reader.slot_name(),
                       reader.other_slot_problem(),
                       0,
                       0,
                       reader.file_bytes() > end ? reader.file_bytes() - end : 0,
                       reader.has_checksums(),
                       slot.unknown_extension,
                       std::string(reader.metadata())};
  return facts;
}

void add_schema(const Schema& schema, Findings& findings) {
  if (schema.positions) {
    if (findings.positions && *findings.positions != *schema.positions) findings.mixed_positions = true;
    findings.positions = schema.positions;
  }
  for (const auto& [key, entry] : schema.entries) findings.fields.declare(key.first, key.second, entry);
}

void add_index(const Reader& reader, std::size_t file, Findings& findings) { add_sums(sum_entries(reader, 0, reader.size()), file, findings); }

Findings inspect_dataset(const Dataset& dataset, const InspectOptions& options) {
  Findings findings;
  findings.format = "atp";
  std::optional<OnePass> once;
  if (options.stats) once.emplace(dataset);
  for (const Reader& reader : dataset.shards()) {
    findings.files.push_back(facts_of(reader));
    add_schema(reader.schema(), findings);
  }
  read_indexes(dataset, findings);
  if (options.stats) findings.stats = pass_over_records(dataset, options, *once);
  return findings;
}

void print_dataset_records(const Dataset& dataset, const InspectOptions& options) {
  const Selection selection = Selection::parse(options.records);
  selection.check_not_empty(dataset.size());  // refuses what is outside, too, before anything is printed
  Scratch scratch;
  Sample sample;
  bool first = true;
  selection.for_each(dataset.size(), [&](std::uint64_t i) {
    throw_if_interrupted();
    const RecordView record = dataset.verified_record(i, scratch);
    try {
      record.check();
      sample.fill(record);
      if (options.json) {
        print(record_json(sample, i) + "\n");
      } else {
        print((first ? "" : "\n") + record_text(sample, i, common_options().verbose));
      }
    } catch (const Error& e) {
      const Dataset::Place place = dataset.locate(i);
      throw e.within(fmt::format("{}: record {}", dataset.shards()[place.shard].path(), place.record));
    }
    first = false;
  });
}

}  // namespace atp
