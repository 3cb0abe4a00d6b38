#include "core/plan/copies.h"

#include <algorithm>

#include "core/base/interrupt.h"
#include "core/plan/packing.h"
#include "core/plan/random.h"

namespace atp {
namespace {

constexpr std::size_t kTries = 256;   // partners looked at for one copy
constexpr std::size_t kChoices = 4;   // of which so many that would do are compared
// Graphs looked at in all: where copies outnumber batches most of them cannot be separated.
constexpr std::uint64_t kLooksPerGraph = 64, kLooks = 10'000'000;

std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

class Separation {
 public:
  Separation(const PlanInput& input, std::span<const std::uint32_t> records, Batches& batches)
      : input_(input), records_(records), batches_(batches), indices_(batches.indices.data(), batches.indices.size()) {}

  void run() {
    const auto again = second_copies();
    if (again.empty()) return;
    if (batches_.loads.empty()) batches_.loads = loads_of(input_, batches_);
    sort_places();
    Random random(input_.seed, input_.epoch, Purpose::copies);
    for (const std::uint32_t place : again) {
      if (looks_ > kLooks + kLooksPerGraph * indices_.size()) return;
      throw_if_interrupted();
      if (times_in(batch_of_[place], record(place)) > 1) separate(place, random);
    }
  }

 private:
  std::uint32_t record(std::uint32_t place) const { return records_[indices_[place]]; }

  // Places whose record an earlier place of their batch has.
  std::vector<std::uint32_t> second_copies() const {
    const std::uint32_t most = records_.empty() ? 0 : *std::max_element(records_.begin(), records_.end());
    std::vector<std::uint32_t> last(std::size_t{most} + 1), again;  // last: the batch + 1
    for (std::uint32_t b = 0; b < batches_.size(); ++b) {
      for (auto p = static_cast<std::uint32_t>(batches_.offsets[b]); p < static_cast<std::uint32_t>(batches_.offsets[b + 1]); ++p) {
        if (std::exchange(last[record(p)], b + 1) == b + 1) again.push_back(p);
      }
    }
    return again;
  }

  void sort_places() {
    const std::size_t n = indices_.size();
    weights_.resize(n), batch_of_.resize(n);
    std::vector<std::uint32_t> places(n);
    for (std::uint32_t b = 0; b < batches_.size(); ++b) {
      for (auto p = static_cast<std::uint32_t>(batches_.offsets[b]); p < static_cast<std::uint32_t>(batches_.offsets[b + 1]); ++p) {
        places[p] = p, batch_of_[p] = b, weights_[p] = input_.atoms[indices_[p]];
      }
    }
    sorted_ = by_descending_weight(weights_, std::move(places));
  }

  std::size_t times_in(std::uint32_t batch, std::uint32_t wanted) {
    const auto graphs = batches_.batch(batch);
    looks_ += graphs.size();
    return static_cast<std::size_t>(std::count_if(graphs.begin(), graphs.end(), [&](std::uint32_t g) { return records_[g] == wanted; }));
  }

  Load swapped(std::uint32_t batch, std::uint32_t out, std::uint32_t in) const {
    Load load = batches_.loads[batch];
    load.atoms = load.atoms - input_.atoms[out] + input_.atoms[in];
    if (!input_.edges.empty()) load.edges = load.edges - input_.edges[out] + input_.edges[in];
    return load;
  }

  bool may_swap(std::uint32_t a, std::uint32_t b) {
    const std::uint32_t from = batch_of_[a], to = batch_of_[b];
    if (from == to || record(a) == record(b)) return false;
    if (!swapped(from, indices_[a], indices_[b]).within(input_.limits) || !swapped(to, indices_[b], indices_[a]).within(input_.limits)) return false;
    return times_in(to, record(a)) == 0 && times_in(from, record(b)) == 0;
  }

  void swap(std::uint32_t a, std::uint32_t b) {
    const std::uint32_t from = batch_of_[a], to = batch_of_[b];
    const Load one = swapped(from, indices_[a], indices_[b]), other = swapped(to, indices_[b], indices_[a]);
    batches_.loads[from] = one, batches_.loads[to] = other;
    std::swap(indices_[a], indices_[b]);
  }

  // Partners of equal atoms from a random one on, then outwards from them, then any.
  void separate(std::uint32_t place, Random& random) {
    const auto [first, last] = std::equal_range(sorted_.begin(), sorted_.end(), place, [&](std::uint32_t a, std::uint32_t b) { return weights_[a] > weights_[b]; });
    const auto begin = static_cast<std::size_t>(first - sorted_.begin()), end = static_cast<std::size_t>(last - sorted_.begin());
    const std::size_t count = end - begin, start = random.below(count);
    std::vector<std::uint32_t> found;
    for (std::size_t i = 0; i < std::min(count, kTries) && found.size() < kChoices; ++i) {
      const std::uint32_t partner = sorted_[begin + (start + i) % count];
      if (may_swap(place, partner)) found.push_back(partner);
    }
    for (std::size_t i = 1; i <= kTries / 2 && found.empty(); ++i) {
      if (begin >= i && may_swap(place, sorted_[begin - i])) found.push_back(sorted_[begin - i]);
      if (end - 1 + i < sorted_.size() && may_swap(place, sorted_[end - 1 + i])) found.push_back(sorted_[end - 1 + i]);
    }
    for (std::size_t i = 0; i < kTries && found.empty(); ++i) {
      const auto partner = static_cast<std::uint32_t>(random.below(sorted_.size()));
      if (may_swap(place, partner)) found.push_back(partner);
    }
    if (found.empty()) return;
    const auto edges = [&](std::uint32_t p) { return input_.edges.empty() ? 0 : difference(input_.edges[indices_[p]], input_.edges[indices_[place]]); };
    swap(place, *std::min_element(found.begin(), found.end(), [&](std::uint32_t a, std::uint32_t b) { return edges(a) < edges(b); }));
  }

  const PlanInput& input_;
  std::span<const std::uint32_t> records_;
  Batches& batches_;
  std::span<std::uint32_t> indices_;
  std::vector<std::uint32_t> weights_, batch_of_;  // [places]: atoms before any swap
  std::vector<std::uint32_t> sorted_;              // places by descending weight
  std::uint64_t looks_ = 0;
};

}  // namespace

void separate_copies(const PlanInput& input, std::span<const std::uint32_t> records, Batches& batches) {
  Separation(input, records, batches).run();
}

}  // namespace atp
