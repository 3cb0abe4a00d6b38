// Which graphs `atp plan-batches` plans, and how often each.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "cmd/plan_batches.h"
#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/selection.h"
#include "core/plan/mix.h"

namespace atp {
namespace {

constexpr std::uint64_t kRecordsBetweenLooks = 1 << 20;  // for signals

// Whether a record is beyond a limit alone, and why.
std::string beyond(const Limits& limits, std::uint64_t atoms, std::uint64_t edges) {
  if (atoms > limits.atoms) return fmt::format("has {} atoms, --max-atoms is {}", atoms, limits.atoms);
  if (edges > limits.edges) return fmt::format("has {} edges, --max-edges is {}", edges, limits.edges);
  return {};
}

// Chooses records, then says how often each is trained.
class Choice {
 public:
  Choice(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch) : command_(command), sizes_(sizes), epoch_(epoch) {
    mark_selected();
    for (std::size_t d = 0; d < sizes_.sets.size(); ++d) counts_.push_back(count_eligible(d));
    std::vector<std::string> names;
    for (const PlanSet& set : sizes_.sets) names.push_back(set.name);
    weights = mix_weights(command_.mix, names, counts_);
    wanted_counts_ = mix_counts(command_.mix, names, counts_, command_.share);
    for (const std::uint64_t count : wanted_counts_) {
      check_graphs(count, "--mix");
      items += count;
      check_graphs(items, "--mix");
    }
  }

  // Every record once, and nothing else.
  bool everything() const { return command_.mix.empty() && items == sizes_.records(); }

  // Calls take(record, times) for the records that are trained, ascending.
  template <class Take>
  void for_each(Take take) const {
    for (std::size_t d = 0; d < wanted_counts_.size(); ++d) {
      std::uint64_t record = sizes_.starts[d];
      spread_evenly(counts_[d], wanted_counts_[d], command_.seed, epoch_, d, [&](std::uint64_t i, std::uint64_t times) {
        if (i % kRecordsBetweenLooks == 0) throw_if_interrupted();
        while (!eligible_.empty() && !eligible_[record]) ++record;
        if (times > 0) take(record, times);
        ++record;
      });
    }
  }

  std::uint64_t items = 0;
  std::vector<std::uint32_t> singles;
  std::uint64_t too_large = 0, too_small = 0;
  std::vector<double> weights;  // [sets]

 private:
  void mark_selected() {
    if (command_.records.empty()) return;
    eligible_.assign(sizes_.records(), false);
    Selection::parse(command_.records).for_each(sizes_.records(), [&](std::uint64_t i) { eligible_[i] = true; });
  }

  std::uint64_t count_eligible(std::size_t set) {
    const Limits& limits = command_.limits;
    const std::uint64_t begin = sizes_.starts[set], end = sizes_.starts[set + 1];
    if (command_.min_atoms == 0 && limits.atoms == kNoLimit && limits.edges == kNoLimit && eligible_.empty()) return end - begin;
    std::uint64_t kept = 0;
    for (std::uint64_t r = begin; r < end; ++r) {
      if (r % kRecordsBetweenLooks == 0) throw_if_interrupted();
      kept += is_eligible(set, r);
    }
    return kept;
  }

  bool is_eligible(std::size_t set, std::uint64_t record) {
    if (!eligible_.empty() && !eligible_[record]) return false;
    const std::uint32_t atoms = sizes_.atoms[record];
    const std::uint32_t edges = sizes_.edges_known ? sizes_.edges[record] : 0;
    if (atoms < command_.min_atoms) {
      ++too_small;
      return leave_out(record);
    }
    if (atoms <= command_.limits.atoms && edges <= command_.limits.edges) return true;
    if (command_.oversize == "error") {
      const std::string where = fmt::format("{}: record {}", sizes_.sets[set].path, record - sizes_.starts[set]);
      fail_input(where, beyond(command_.limits, atoms, edges), "pass --oversize single or skip, or a larger limit");
    }
    if (command_.oversize == "single") singles.push_back(static_cast<std::uint32_t>(record));
    too_large += command_.oversize == "skip";
    return leave_out(record);
  }

  bool leave_out(std::uint64_t record) {
    if (eligible_.empty()) eligible_.assign(sizes_.records(), true);
    eligible_[record] = false;
    return false;
  }

  const PlanCommand& command_;
  const PlanSizes& sizes_;
  std::uint64_t epoch_;
  std::vector<bool> eligible_;                       // [records]; empty: all
  std::vector<std::uint64_t> counts_, wanted_counts_;  // [sets]: eligible records; graphs of the epoch
};

HugeBuffer<std::uint32_t> picked(const HugeBuffer<std::uint32_t>& of_record, const HugeBuffer<std::uint32_t>& records) {
  HugeBuffer<std::uint32_t> out(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) out[i] = of_record[records[i]];
  return out;
}

}  // namespace

PlanItems choose_items(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch) {
  Choice choice(command, sizes, epoch);
  PlanItems items;
  items.singles = std::move(choice.singles);
  items.too_large = choice.too_large, items.too_small = choice.too_small;
  items.weights = choice.weights;
  if (choice.everything()) {
    items.atoms = sizes.atoms;
    items.edges = sizes.edges;
    return items;
  }
  items.records = HugeBuffer<std::uint32_t>(choice.items);
  std::uint32_t* out = items.records.data();
  choice.for_each([&](std::uint64_t record, std::uint64_t times) { out = std::fill_n(out, times, static_cast<std::uint32_t>(record)); });
  items.own_atoms = picked(sizes.atoms, items.records);
  items.atoms = items.own_atoms;
  if (!sizes.edges_known) return items;
  items.own_edges = picked(sizes.edges, items.records);
  items.edges = items.own_edges;
  return items;
}

ItemCounts count_items(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch) {
  const Choice choice(command, sizes, epoch);
  ItemCounts counts;
  counts.times.resize(sizes.records());
  choice.for_each([&](std::uint64_t record, std::uint64_t times) {
    counts.times[record] = static_cast<std::uint32_t>(times);
    counts.total.atoms += times * sizes.atoms[record];
    counts.total.edges += sizes.edges_known ? times * sizes.edges[record] : 0;
    counts.total.graphs += times;
  });
  for (const std::uint32_t record : choice.singles) counts.times[record] = 1;
  counts.singles = choice.singles.size();
  counts.too_large = choice.too_large, counts.too_small = choice.too_small;
  counts.weights = choice.weights;
  return counts;
}

}  // namespace atp
