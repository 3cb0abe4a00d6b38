#include "core/shard/keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/shard/order.h"

namespace atp {
namespace {

constexpr std::size_t kPieceRecords = 4096;

double volume_per_atom(const RecordView& record) {
  const auto cell = record.cell();
  if (!cell || record.n_atoms() == 0) return 0;
  const auto& c = *cell;
  const double volume = c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) + c[2] * (c[3] * c[7] - c[4] * c[6]);
  return std::abs(volume) / record.n_atoms();
}

Hash128 hash_of_content(const RecordView& record) {
  Hash128 h = xxh3_128(record.positions_bytes());
  for (const Bytes part : {record.atomic_numbers(), record.sections_bytes()}) {
    const Hash128 next = xxh3_128(part);
    const std::array<std::uint64_t, 4> both{h.high, h.low, next.high, next.low};
    h = xxh3_128(std::as_bytes(std::span(both)));
  }
  return h;
}

Hash128 group_of(const GroupBy& by, const RecordView& record, std::uint64_t number) {
  if (by.what == GroupBy::What::content) return hash_of_content(record);
  if (by.what == GroupBy::What::formula) return {0, formula_key(record.atomic_numbers())};
  if (const auto section = record.find(by.field.first, by.field.second)) return xxh3_128(section->payload);
  return {UINT64_MAX, number};
}

// Reads records on one thread.
class KeyReader {
 public:
  KeyReader(const Dataset& dataset, const WantedKeys& wanted, const CopyRules& rules) : dataset_(dataset), wanted_(wanted), rules_(rules), finder_(dataset) {}

  // `places` of `records`, which ascend that way; the keys go to the same places of `keys`.
  void read(std::span<const std::uint64_t> records, std::span<const std::uint64_t> places, RecordKeys& keys, std::vector<std::pair<std::uint64_t, DamagedRecord>>& damaged) {
    for (const std::uint64_t place : places) {
      const Dataset::Place at = finder_.place(records[place]);
      const Reader& file = dataset_.shards()[at.shard];
      try {
        look(rules_.verify ? file.verified_record(at.record, scratch_) : file.record(at.record, scratch_), records[place], place, keys);
      } catch (const Error& e) {
        if (e.exit() != Exit::input) throw;
        if (!rules_.skip_damaged) throw;
        damaged.push_back({place, {records[place], file.path(), at.record, e.problem()}});
      }
    }
  }

 private:
  void look(const RecordView& record, std::uint64_t number, std::uint64_t place, RecordKeys& keys) {
    if (wanted_.order == WantedKeys::Order::formula) keys.order[place] = formula_key(record.atomic_numbers());
    if (wanted_.order == WantedKeys::Order::morton) keys.order[place] = morton_key(record.n_atoms(), volume_per_atom(record));
    if (wanted_.group) keys.group[place] = group_of(*wanted_.group, record, number);
    if (wanted_.duplicates) keys.duplicates[place] = group_of(*wanted_.duplicates, record, number);
  }

  const Dataset& dataset_;
  const WantedKeys& wanted_;
  const CopyRules& rules_;
  RecordFinder finder_;
  Scratch scratch_;
};

std::vector<double> summed(std::span<const double> fractions) {
  std::vector<double> sums(fractions.size());
  std::partial_sum(fractions.begin(), fractions.end(), sums.begin());
  return sums;
}

}  // namespace

RecordKeys read_keys(const Dataset& dataset, std::span<const std::uint64_t> records, const WantedKeys& wanted, const CopyRules& rules, int jobs,
                     const std::function<void(std::uint64_t)>& progress) {
  RecordKeys keys;
  if (wanted.order != WantedKeys::Order::none) keys.order.resize(records.size());
  if (wanted.group) keys.group.resize(records.size());
  if (wanted.duplicates) keys.duplicates.resize(records.size());
  std::vector<std::uint64_t> places(records.size());
  std::iota(places.begin(), places.end(), std::uint64_t{0});
  if (!std::is_sorted(records.begin(), records.end())) sort_by_key(places, records);

  using Piece = std::span<const std::uint64_t>;
  using Damaged = std::vector<std::pair<std::uint64_t, DamagedRecord>>;
  std::size_t next = 0;
  std::uint64_t done = 0;
  Damaged damaged;
  ordered_parallel<Piece, std::pair<std::size_t, Damaged>>(
      jobs,
      [&]() -> std::unique_ptr<Piece> {
        throw_if_interrupted();
        if (next == places.size()) return nullptr;
        const Piece piece = std::span(places).subspan(next, std::min(kPieceRecords, places.size() - next));
        next += piece.size();
        return std::make_unique<Piece>(piece);
      },
      [&](Piece& piece) {
        std::pair<std::size_t, Damaged> result(piece.size(), {});
        std::vector<std::uint64_t> numbers;
        for (const std::uint64_t place : piece) numbers.push_back(records[place]);
        prefetch(dataset, numbers);
        KeyReader(dataset, wanted, rules).read(records, piece, keys, result.second);
        return result;
      },
      [&](std::pair<std::size_t, Damaged>&& result) {
        progress(done += result.first);
        damaged.insert(damaged.end(), std::make_move_iterator(result.second.begin()), std::make_move_iterator(result.second.end()));
      });
  std::sort(damaged.begin(), damaged.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [place, what] : damaged) {
    keys.left_out.push_back(place);
    keys.damaged.push_back(std::move(what));
  }
  return keys;
}

std::uint64_t formula_key(Bytes atomic_numbers) {
  std::array<std::uint32_t, 256> counts{};
  for (const std::byte z : atomic_numbers) ++counts[static_cast<std::size_t>(z)];
  std::uint64_t elements = 0;
  int shift = 56;
  for (std::uint64_t z = 0; z < counts.size() && shift >= 32; ++z) {
    if (counts[z] == 0) continue;
    elements |= z << shift;
    shift -= 8;
  }
  return elements | (xxh3(std::as_bytes(std::span(counts))) >> 32);
}

std::vector<std::uint64_t> duplicates_among(std::span<const Hash128> keys) {
  std::vector<std::uint64_t> places(keys.size());
  std::iota(places.begin(), places.end(), std::uint64_t{0});
  const auto order = [&](std::uint64_t a, std::uint64_t b) {
    return std::tuple(keys[a].high, keys[a].low, a) < std::tuple(keys[b].high, keys[b].low, b);
  };
  std::sort(places.begin(), places.end(), order);
  std::vector<std::uint64_t> later;
  for (std::size_t i = 1; i < places.size(); ++i) {
    const Hash128 &now = keys[places[i]], &before = keys[places[i - 1]];
    if (now.high == before.high && now.low == before.low) later.push_back(places[i]);
  }
  std::sort(later.begin(), later.end());
  return later;
}

std::vector<std::uint32_t> split_groups(std::span<const Hash128> groups, std::span<const double> fractions, std::uint64_t seed) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> drawn(groups.size());  // rank of the group, place
  for (std::uint64_t i = 0; i < drawn.size(); ++i) drawn[i] = {mixed(groups[i].low ^ mixed(groups[i].high ^ mixed(seed + 1))), i};
  std::sort(drawn.begin(), drawn.end());
  const std::vector<double> until = summed(fractions);
  std::vector<std::uint32_t> part_of(groups.size());
  const auto total = static_cast<double>(groups.size());
  for (std::size_t begin = 0, end; begin < drawn.size(); begin = end) {
    end = begin;
    while (end < drawn.size() && drawn[end].first == drawn[begin].first) ++end;
    const double middle = (static_cast<double>(begin) + static_cast<double>(end)) / 2 / total;
    std::uint32_t part = 0;
    while (part + 1 < until.size() && middle >= until[part]) ++part;
    for (std::size_t i = begin; i < end; ++i) part_of[drawn[i].second] = part;
  }
  return part_of;
}

std::vector<std::uint32_t> split_items(std::uint64_t items, std::span<const double> fractions, std::uint64_t seed) {
  std::vector<std::uint64_t> drawn(items);
  std::iota(drawn.begin(), drawn.end(), std::uint64_t{0});
  shuffle(drawn, seed);
  const std::vector<double> until = summed(fractions);
  std::vector<std::uint32_t> part_of(items);
  std::uint64_t i = 0;
  for (std::uint32_t part = 0; part < until.size(); ++part) {
    const bool last = part + 1 == until.size();
    const std::uint64_t end = last ? items : std::min(items, static_cast<std::uint64_t>(std::llround(until[part] * static_cast<double>(items))));
    for (; i < end; ++i) part_of[drawn[i]] = part;
  }
  return part_of;
}

}  // namespace atp
