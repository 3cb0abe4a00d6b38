#include "core/atp/repair_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

#include "core/atp/record_checker.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"

namespace atp {
namespace {

constexpr std::uint64_t kBatch = 4 << 20;

struct Range {
  std::size_t begin, end;  // records
};

struct Checked {
  std::size_t begin = 0;
  std::uint64_t bytes = 0;
  std::vector<std::optional<RecordProblem>> problems;
  std::vector<std::uint64_t> found;  // checksums of the bytes that are there; 0: not readable
};

Checked check_range(const InputFile& file, const RepairedRecords& r, const Range& range) {
  Checked out;
  out.begin = range.begin;
  RecordChecker checker(r.codec, &r.schema, r.positions);
  std::vector<std::byte> stored;
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const RawIndexEntry& raw = r.index[i];
    const IndexEntry entry{raw.offset, raw.stored, raw.unpacked, raw.atoms};
    stored.resize(entry.stored);
    out.bytes += entry.stored;
    try {
      read_exactly(file, entry.offset, stored);
      out.problems.push_back(checker.check(entry, stored, r.checksums[i]));
      out.found.push_back(record_checksum(stored));
    } catch (const Error& e) {
      out.problems.push_back(RecordProblem{damage_kind::io_error, e.problem(), false});
      out.found.push_back(0);
    }
  }
  return out;
}

// Settles one record: its checksum, or what is wrong with it.
class Verdicts {
 public:
  Verdicts(RepairedRecords& records, Bounded<Damage>& left) : r_(records), left_(left) {}

  void settle(std::size_t i, std::optional<RecordProblem>& problem, std::uint64_t found) {
    std::uint64_t& checksum = r_.checksums[i];
    const bool doubtful = problem && problem->kind == damage_kind::checksum && problem->decodes;
    if (!problem && checksum != 0) return;
    if (!problem && r_.fill_in_unknown) {
      checksum = found;
      ++done.filled;
      return;
    }
    if (!problem || doubtful) {
      const auto known = r_.older.find(r_.index[i].offset);
      if (known != r_.older.end() && known->second == found) {
        checksum = found;
        ++done.filled;
        return;
      }
    }
    if (!problem) {
      ++done.unproven;
      problem = RecordProblem{damage_kind::checksum, "its checksum is lost: it decodes, but nothing proves its bytes", true};
    }
    left_.add({i, r_.index[i].offset, r_.index[i].stored, problem->kind, std::move(problem->message)});
  }

  RepairedCheck done;

 private:
  RepairedRecords& r_;
  Bounded<Damage>& left_;
};

void report_overlaps(const std::vector<RawIndexEntry>& index, Bounded<Damage>& left) {
  std::vector<std::size_t> order(index.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto offset = [&](std::size_t i) { return std::uint64_t{index[i].offset}; };
  if (!std::is_sorted(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return offset(a) < offset(b); })) {
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return offset(a) != offset(b) ? offset(a) < offset(b) : a < b; });
  }
  for (std::size_t k = 1; k < order.size(); ++k) {
    const std::size_t before = order[k - 1], i = order[k];
    if (offset(before) + index[before].stored <= offset(i)) continue;
    left.add({i, offset(i), index[i].stored, damage_kind::overlap, fmt::format("record {} overlaps record {}", i, before)});
  }
}

}  // namespace

RepairedCheck check_repaired(const InputFile& file, RepairedRecords& records, int jobs,
                             const std::function<void(std::uint64_t bytes, std::uint64_t records)>& progress, Bounded<Damage>& left) {
  std::size_t next = 0;
  std::uint64_t bytes = 0;
  Verdicts verdicts(records, left);
  const auto produce = [&]() -> std::unique_ptr<Range> {
    throw_if_interrupted();
    if (next == records.index.size()) return nullptr;
    const std::size_t begin = next;
    std::uint64_t size = 0;
    do size += records.index[next++].stored;
    while (next < records.index.size() && size + records.index[next].stored <= kBatch);
    return std::make_unique<Range>(Range{begin, next});
  };
  const auto work = [&](Range& range) { return check_range(file, records, range); };
  ordered_parallel<Range, Checked>(jobs, produce, work, [&](Checked&& checked) {
    for (std::size_t i = 0; i < checked.problems.size(); ++i) verdicts.settle(checked.begin + i, checked.problems[i], checked.found[i]);
    bytes += checked.bytes;
    if (progress) progress(bytes, checked.begin + checked.problems.size());
  });
  report_overlaps(records.index, left);
  return verdicts.done;
}

}  // namespace atp
