#include "core/plan/statistics.h"

#include <algorithm>
#include <cmath>

namespace atp {
namespace {

double ratio(std::uint64_t a, std::uint64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

void add_sizes(PlanStatistics& s, std::span<const Load> loads) {
  if (loads.empty()) return;
  s.atoms_min = s.edges_min = s.graphs_min = kNoLimit;
  for (const Load& load : loads) {
    s.graphs += load.graphs, s.atoms += load.atoms, s.edges += load.edges;
    s.atoms_min = std::min(s.atoms_min, load.atoms), s.atoms_max = std::max(s.atoms_max, load.atoms);
    s.edges_min = std::min(s.edges_min, load.edges), s.edges_max = std::max(s.edges_max, load.edges);
    s.graphs_min = std::min(s.graphs_min, load.graphs), s.graphs_max = std::max(s.graphs_max, load.graphs);
  }
}

void add_padding(PlanStatistics& s, std::span<const Load> loads, const Limits& limits) {
  s.binding = binding_limit({s.atoms, s.edges, s.graphs}, limits);
  std::uint64_t Load::* const what = s.binding == Binding::atoms ? &Load::atoms : s.binding == Binding::edges ? &Load::edges : &Load::graphs;
  const std::uint64_t limit = s.binding == Binding::atoms ? limits.atoms : s.binding == Binding::edges ? limits.edges : limits.graphs;
  double used = 0, room = 0;
  for (const Load& load : loads) {
    used += static_cast<double>(load.*what);
    room += static_cast<double>(std::max(load.*what, limit == kNoLimit ? s.atoms_max : limit));
  }
  if (room > 0) s.padding = 1 - used / room;
}

// Largest over mean of one step; 1 where nothing is to do.
double straggler(std::span<const std::uint32_t> batches, std::span<const Load> loads, std::uint64_t Load::* what) {
  std::uint64_t most = 0, sum = 0;
  for (const std::uint32_t b : batches) most = std::max(most, loads[b].*what), sum += loads[b].*what;
  return sum == 0 ? 1 : ratio(most * batches.size(), sum);
}

// Distances of the steps' mixes from that of all graphs, added up step by step.
class MixDistance {
 public:
  explicit MixDistance(std::span<const std::uint64_t> starts) : starts_(starts), counts_(starts.size() - 1), all_(starts.size() - 1) {}

  void count_all(std::span<const std::uint32_t> graphs) {
    for (const std::uint32_t g : graphs) ++all_[set_of(g)];
    total_ += graphs.size();
  }
  void count(std::span<const std::uint32_t> graphs) {
    for (const std::uint32_t g : graphs) ++counts_[set_of(g)];
    in_step_ += graphs.size();
  }
  double end_step() {
    double distance = 0;
    for (std::size_t d = 0; d < counts_.size() && in_step_ > 0; ++d) distance += std::abs(ratio(counts_[d], in_step_) - ratio(all_[d], total_));
    std::fill(counts_.begin(), counts_.end(), 0);
    in_step_ = 0;
    return distance / 2;
  }

 private:
  std::size_t set_of(std::uint32_t graph) const {
    return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), graph) - starts_.begin()) - 1;
  }

  std::span<const std::uint64_t> starts_;
  std::vector<std::uint64_t> counts_, all_;
  std::uint64_t in_step_ = 0, total_ = 0;
};

double mean_mix_distance(const Batches& batches, const Schedule& schedule, std::span<const std::uint64_t> starts) {
  if (starts.size() < 3 || schedule.steps() == 0) return 0;
  MixDistance mix(starts);
  mix.count_all({batches.indices.data(), static_cast<std::size_t>(batches.offsets.back())});
  double sum = 0;
  for (std::size_t t = 0; t < schedule.steps(); ++t) {
    for (std::size_t r = 0; r < schedule.gpus; ++r) mix.count(batches.batch(schedule.at(t, r)));
    sum += mix.end_step();
  }
  return sum / static_cast<double>(schedule.steps());
}

}  // namespace

PlanStatistics statistics_of(const Batches& batches, std::span<const Load> loads, const Schedule& schedule,
                             const Limits& limits, std::span<const std::uint64_t> starts) {
  PlanStatistics s;
  s.batches = loads.size();
  s.steps = schedule.steps();
  add_sizes(s, loads);
  add_padding(s, loads, limits);
  double atoms = 0, edges = 0;
  for (std::size_t t = 0; t < s.steps; ++t) {
    const auto step = std::span(schedule.batches).subspan(t * schedule.gpus, schedule.gpus);
    atoms += straggler(step, loads, &Load::atoms);
    edges += straggler(step, loads, &Load::edges);
  }
  if (s.steps > 0) s.straggler_atoms = atoms / static_cast<double>(s.steps), s.straggler_edges = edges / static_cast<double>(s.steps);
  s.mix = mean_mix_distance(batches, schedule, starts);
  return s;
}

double repeats(const Batches& batches, const Batches& other, std::size_t n) {
  std::vector<std::uint32_t> other_batch(n);
  for (std::size_t b = 0; b < other.size(); ++b) {
    for (const std::uint32_t g : other.batch(b)) other_batch[g] = static_cast<std::uint32_t>(b);
  }
  std::uint64_t pairs = 0, again = 0;
  std::vector<std::uint32_t> met;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    met.clear();
    for (const std::uint32_t g : batches.batch(b)) met.push_back(other_batch[g]);
    std::sort(met.begin(), met.end());
    pairs += met.size() * (met.size() - (met.empty() ? 0 : 1)) / 2;
    for (std::size_t i = 0; i < met.size();) {
      std::size_t j = i;
      while (j < met.size() && met[j] == met[i]) ++j;
      again += (j - i) * (j - i - 1) / 2;
      i = j;
    }
  }
  return pairs == 0 ? 0 : ratio(again, pairs);
}

}  // namespace atp
