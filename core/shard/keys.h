// What records are sorted, grouped and compared by, where the index does not tell.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/shard/copy.h"

namespace atp {

// A property of records by which they belong together: equal values, one group. A record that does not
// have it is a group alone.
struct GroupBy {
  enum class What { content, formula, field } what;
  Schema::Key field;  // a builtin or a property of molecules
};

struct WantedKeys {
  enum class Order { none, formula, morton } order = Order::none;
  std::optional<GroupBy> group, duplicates;

  bool any() const { return order != Order::none || group || duplicates; }
};

// One item a record, in the order asked for; empty where not wanted.
struct RecordKeys {
  std::vector<std::uint64_t> order;     // to sort by, ascending
  std::vector<Hash128> group, duplicates;
  std::vector<DamagedRecord> damaged;   // with rules.skip_damaged
  std::vector<std::uint64_t> left_out;  // their places, ascending
};

// Reads the records once, in file order, on `jobs` threads, and holds them against their checksums if
// rules.verify. 8 to 40 bytes a record. `progress` is called with the records read so far. Throws Error
// (exit 3) naming a damaged record, unless rules.skip_damaged.
RecordKeys read_keys(const Dataset& dataset, std::span<const std::uint64_t> records, const WantedKeys& wanted, const CopyRules& rules, int jobs,
                     const std::function<void(std::uint64_t)>& progress);

// Of a composition, such that equal ones are equal and those of the same elements are neighbours.
std::uint64_t formula_key(Bytes atomic_numbers);

// The places of all but the first of equal keys, ascending.
std::vector<std::uint64_t> duplicates_among(std::span<const Hash128> keys);

// Takes the items at `places` (ascending) out of a list.
template <class T>
void remove_places(std::vector<T>& list, std::span<const std::uint64_t> places) {
  if (list.empty()) return;
  std::size_t next = 0, kept = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (next < places.size() && places[next] == i) {
      ++next;
    } else {
      list[kept++] = list[i];
    }
  }
  list.resize(kept);
}

// Which of the parts each item goes to: groups stay whole, and part p gets about fractions[p] of the items:
// groups in an order drawn by the seed are cut there, and one on a cut goes to where most of it lies. Fractions add up to 1.
std::vector<std::uint32_t> split_groups(std::span<const Hash128> groups, std::span<const double> fractions, std::uint64_t seed);
// The same where every item is a group alone; then the counts are exact.
std::vector<std::uint32_t> split_items(std::uint64_t items, std::span<const double> fractions, std::uint64_t seed);

}  // namespace atp
