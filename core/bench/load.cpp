#include "core/bench/load.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/io/page_cache.h"
#include "core/plan/random.h"

namespace atp {
namespace {

// Values are cut from a pool of random ones: as fast as memory, and no two molecules are the same.
constexpr std::size_t kPoolWords = std::size_t{1} << 18;

class SyntheticLoad : public Load {
 public:
  SyntheticLoad(std::uint64_t size, std::vector<std::uint32_t> sizes, std::uint64_t seed, bool with_custom)
      : Load(with_custom), size_(size), sizes_(std::move(sizes)), random_(seed, 0, Purpose::bench_load) {
    const std::uint32_t most = *std::max_element(sizes_.begin(), sizes_.end());
    Random pool(seed, 1, Purpose::bench_load);
    reals_.resize(kPoolWords + 8 * std::size_t{most});
    for (auto& r : reals_) r = static_cast<float>(static_cast<double>(pool.next() >> 40) * 0x1p-24 * 20 - 10);
    numbers_.resize(4096 + std::size_t{most});
    static constexpr std::array<std::uint8_t, 8> kCommon = {1, 1, 1, 6, 6, 7, 8, 16};
    for (auto& z : numbers_) z = kCommon[pool.below(kCommon.size())];
  }

  std::uint64_t size() const override { return size_; }
  std::uint32_t atoms(std::uint64_t i) const override {
    __extension__ using Wide = unsigned __int128;
    return sizes_[static_cast<std::size_t>(static_cast<Wide>(i) * sizes_.size() / size_)];
  }
  void add(std::uint64_t i, MoleculeChunk& out) const override {
    Molecule m;
    m.atoms = atoms(i);
    const std::uint64_t draw = random_.at(i);
    const std::size_t n = m.atoms;
    m.energy = -5.0 * static_cast<double>(n) - static_cast<double>(draw >> 40) * 0x1p-24;
    for (std::size_t k = 0; k < 9; k += 4) m.cell[k] = 10 + static_cast<double>((draw >> k) & 0xff) * 0x1p-8;
    m.pbc = {1, 1, 1};
    std::byte* to = out.add(m, custom());
    if (n != 0) {
      std::memcpy(to, numbers_.data() + draw % 4096, n);
      std::memcpy(to + n, reals_.data() + draw % kPoolWords, 12 * n);
      std::memcpy(to + 13 * n, reals_.data() + (draw >> 20) % kPoolWords, 12 * n);
    }
    if (!custom()) return;
    const std::array<double, 5> scalars = {1.5, 0, reals_[draw % 1000], reals_[draw % 1001], reals_[draw % 1003]};
    std::memcpy(to + 25 * n, scalars.data(), 40);
    if (n != 0) std::memcpy(to + 25 * n + 40, reals_.data() + (draw >> 10) % kPoolWords, 8 * n);
  }

 private:
  std::uint64_t size_;
  std::vector<std::uint32_t> sizes_;
  Random random_;
  std::vector<float> reals_;
  std::vector<std::uint8_t> numbers_;
};

class DatasetLoad : public Load {
 public:
  explicit DatasetLoad(const Dataset& dataset) : Load(false), dataset_(dataset) {}

  std::uint64_t size() const override { return dataset_.size(); }
  std::uint32_t atoms(std::uint64_t i) const override {
    const Dataset::Place place = dataset_.locate(i);
    return dataset_.shards()[place.shard].entry(place.record).atoms;
  }
  void let_go() const override {
    for (const Reader& shard : dataset_.shards()) atp::let_go(shard.mapped());
  }
  void add(std::uint64_t i, MoleculeChunk& out) const override {
    naming_record(dataset_, i, [&] { add_record(i, out); });
  }

 private:
  void add_record(std::uint64_t i, MoleculeChunk& out) const {
    Scratch scratch;
    const RecordView record = dataset_.verified_record(i, scratch);  // a damaged one must not become a sound one of another format
    Molecule m;
    m.atoms = record.n_atoms();
    m.energy = energy_or_nan(record);
    if (const auto cell = record.cell()) m.cell = *cell;
    if (const auto pbc = record.pbc()) m.pbc = {(*pbc)[0], (*pbc)[1], (*pbc)[2]};
    std::byte* to = out.add(m, false);
    const std::size_t n = m.atoms;
    if (n == 0) return;
    std::memcpy(to, record.atomic_numbers().data(), n);
    to_f32(record.positions(), to + n);
    forces_or_nan(record, to + 13 * n);
  }

  const Dataset& dataset_;
};

}  // namespace

void to_f32(const NumbersView& numbers, std::byte* out) {
  if (numbers.scalar == Scalar::f32) {
    if (numbers.count != 0) std::memcpy(out, numbers.data, 4 * numbers.count);
    return;
  }
  for (std::uint64_t k = 0; k < numbers.count; ++k) store(out + 4 * k, static_cast<float>(numbers.real(k)));
}

void forces_or_nan(const RecordView& record, std::byte* out) {
  if (const auto forces = record.forces()) return to_f32(*forces, out);
  for (std::size_t k = 0; k < 3 * std::size_t{record.n_atoms()}; ++k) store(out + 4 * k, std::numeric_limits<float>::quiet_NaN());
}

double energy_or_nan(const RecordView& record) { return record.energy().value_or(std::numeric_limits<double>::quiet_NaN()); }

std::uint64_t Load::payload(std::uint32_t atoms) const {
  return 25 * std::uint64_t{atoms} + 8 + 72 + 3 + (custom_ ? custom_bytes(atoms) : 0);
}

Touched Load::touched(std::uint64_t i) const {
  MoleculeChunk one;
  add(i, one);
  const Molecule& m = one.molecules()[0];
  return touch({m.atoms, m.numbers.data(), m.positions.data(), m.forces.data(), m.energy, {&m.custom, 1}});
}

const Touched& ExpectedSums::touched(std::uint64_t i) {
  const auto [at, is_new] = known_.try_emplace(i);
  if (is_new) at->second = load_.touched(i);
  return at->second;
}

std::uint64_t ExpectedSums::of(std::span<const std::uint64_t> indices, std::size_t batch) {
  PassSum sum;
  for (std::size_t begin = 0; begin < indices.size(); begin += batch) {
    Touched all;
    for (const auto i : indices.subspan(begin, std::min(batch, indices.size() - begin))) all.join(touched(i));
    sum.add(all);
  }
  return sum.value();
}

std::uint64_t ExpectedSums::of_runs(std::uint64_t first, std::uint64_t count, std::uint64_t n) {
  std::uint64_t all = 0;
  for_each_run(first, count, n, [&](std::uint64_t from, std::uint64_t some) {
    PassSum sum;
    for (std::uint64_t i = from; i < from + some; ++i) sum.add(touched(i));
    all += sum.value();
  });
  return all;
}

std::unique_ptr<Load> synthetic_load(std::uint64_t size, std::vector<std::uint32_t> sizes, std::uint64_t seed, bool custom) {
  return std::make_unique<SyntheticLoad>(size, std::move(sizes), seed, custom);
}

std::unique_ptr<Load> dataset_load(const Dataset& dataset) { return std::make_unique<DatasetLoad>(dataset); }

std::vector<std::uint64_t> random_order(std::uint64_t n, std::uint64_t seed) {
  Random random(seed, 0, Purpose::bench_order);
  std::vector<std::uint64_t> order(std::min(n, kMostListed));
  if (n > kMostListed) {
    for (auto& i : order) i = random.below(n);
    return order;
  }
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  random.shuffle(std::span(order));
  if (n == 0) return order;
  while (order.size() < kFewestListed) {
    const auto begin = static_cast<std::ptrdiff_t>(order.size());
    order.resize(order.size() + n);
    std::iota(order.begin() + begin, order.end(), std::uint64_t{0});
    random.shuffle(std::span(order).subspan(static_cast<std::size_t>(begin)));
  }
  return order;
}

}  // namespace atp
