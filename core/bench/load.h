// The molecules that a benchmark stores and reads.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/atp/dataset.h"
#include "core/base/error.h"
#include "core/bench/molecule.h"

namespace atp {

// Molecule i is the same whenever it is asked for. Immutable; any thread.
class Load {
 public:
  virtual ~Load() = default;
  virtual std::uint64_t size() const = 0;
  virtual std::uint32_t atoms(std::uint64_t i) const = 0;
  // Adds molecule i < size() to the chunk. Throws Error (exit 3) where it comes from a damaged file.
  virtual void add(std::uint64_t i, MoleculeChunk& out) const = 0;

  bool custom() const { return custom_; }
  // Bytes of the values of one molecule with that many atoms: what "MB/s" and "size" are relative to.
  std::uint64_t payload(std::uint32_t atoms) const;

  // Lets go of what it has mapped of files: pages that a process has mapped cannot be dropped from the page cache.
  virtual void let_go() const {}

  // What touch() of molecule i gives.
  Touched touched(std::uint64_t i) const;

 protected:
  explicit Load(bool custom) : custom_(custom) {}

 private:
  bool custom_;
};

// `size` made-up molecules. `sizes` are numbers of atoms along the order of records, from which sizes are taken at the
// same relative place, so that where large ones cluster they still do; one number makes all equal.
std::unique_ptr<Load> synthetic_load(std::uint64_t size, std::vector<std::uint32_t> sizes, std::uint64_t seed, bool custom);

// The records of a dataset, which it borrows, with positions and forces as f32. Missing forces and energies are NaN,
// as in packed batches.
std::unique_ptr<Load> dataset_load(const Dataset& dataset);

// Floats of either width as f32, 4 bytes each.
void to_f32(const NumbersView& numbers, std::byte* out);

// [atoms, 3] f32, and f64: NaN where the record has none.
void forces_or_nan(const RecordView& record, std::byte* out);
double energy_or_nan(const RecordView& record);

// Runs what looks at a record: an Error that names no place (fields are looked at only when they are asked for) gets the
// file and the record's number in it.
template <class Work>
void naming_record(const Dataset& dataset, std::uint64_t index, Work&& work) {
  try {
    work();
  } catch (const Error& e) {
    if (!e.where().empty()) throw;
    const Dataset::Place place = dataset.locate(index);
    throw e.within(fmt::format("{}: record {}", dataset.shards()[place.shard].path(), place.record));
  }
}

// Molecules of a store of n in random order, the same for all stores that hold n: each once, or, of more than
// kMostListed, as many drawn with repetition. A store of few is listed again and again, in another order each time, until
// there are kFewestListed: a pass over some hundred molecules is over before a clock has told anything.
inline constexpr std::uint64_t kMostListed = std::uint64_t{1} << 22, kFewestListed = std::uint64_t{1} << 16;
std::vector<std::uint64_t> random_order(std::uint64_t n, std::uint64_t seed);

// A pass in order over places that go on from the last molecule of `n` to the first: the runs (first, count) it consists of.
template <class Run>
void for_each_run(std::uint64_t first, std::uint64_t count, std::uint64_t n, Run&& run) {
  while (count != 0) {
    const std::uint64_t from = first % n, some = std::min(count, n - from);
    run(from, some);
    first += some;
    count -= some;
  }
}

// What a PassSum must be. One thread; remembers what molecules gave. Borrows the load.
class ExpectedSums {
 public:
  explicit ExpectedSums(const Load& load) : load_(load) {}
  // Of a pass over these, `batch` at a time (1: one by one).
  std::uint64_t of(std::span<const std::uint64_t> indices, std::size_t batch);
  // Of a pass in order over a store of n: the runs' sums, added.
  std::uint64_t of_runs(std::uint64_t first, std::uint64_t count, std::uint64_t n);

 private:
  const Touched& touched(std::uint64_t i);

  const Load& load_;
  std::unordered_map<std::uint64_t, Touched> known_;
};

}  // namespace atp
