// One small interface that every way of storing molecules has, so that all are measured by the same code.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/bench/molecule.h"

namespace atp {

inline double now_seconds() {  // CLOCK_MONOTONIC: the same in all processes of a machine
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// How long each step of a pass took. One thread.
class Ticks {
 public:
  void start() { last_ = now_seconds(); }
  void tick() {
    const double now = now_seconds();
    seconds_.push_back(static_cast<float>(now - last_));
    last_ = now;
  }
  std::vector<float>& seconds() { return seconds_; }

 private:
  double last_ = 0;
  std::vector<float> seconds_;
};

// What a store must know before the first molecule comes.
struct StoreShape {
  std::uint64_t molecules = 0, atoms = 0;  // at most so many of them all
  std::uint64_t payload = 0;               // bytes of their values, at most
};

// Molecules in files. One thread, one process. All throw Error: exit 4 what the system or the library refuses, exit 3
// bytes that are not what was written.
class Store {
 public:
  virtual ~Store() = default;

  // Whether molecules have the properties of --custom, which are then written and read. Said before anything else.
  void set_custom(bool custom) { custom_ = custom; }
  bool custom() const { return custom_; }

  // Writes anew, in chunks, in order; finish() returns when everything is on the disk.
  virtual void begin(const StoreShape& shape) = 0;
  virtual void add(std::span<const Molecule> chunk) = 0;
  virtual void finish() = 0;

  virtual void open() = 0;
  virtual void close() = 0;

  // Right before the clock of a pass starts: threads, where the store has several, are got to their CPUs.
  virtual void get_ready() {}

  // Each takes molecules in the order of the list, computes touch() of each (or of each batch of `batch`, in flat
  // arrays), and returns the PassSum. `ticks`, where given, gets a tick after each molecule or batch.
  virtual std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) = 0;
  virtual std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t batch, Ticks* ticks) = 0;
  // From `first` on, `count` of them, as they lie.
  virtual std::uint64_t sequential(std::uint64_t first, std::uint64_t count, Ticks* ticks) = 0;

  // The files that hold the molecules, for their size and to drop them from the page cache.
  virtual std::vector<std::string> files() const = 0;

 private:
  bool custom_ = false;
};

// What most stores share: get() finds one molecule, the passes are loops around it.
// `Self` has `template <class Fn> void get(std::uint64_t i, Fn&& fn)`, which calls fn(MoleculeView), and
// `void walk(first, count, fn)` likewise for a sequence.
template <class Self>
class StoreLoops : public Store {
 public:
  std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) override {
    PassSum sum;
    if (ticks) ticks->start();
    for (const auto i : indices) {
      self().get(i, Single{sum, ticks});
    }
    return sum.value();
  }

  std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t batch, Ticks* ticks) override {
    PassSum sum;
    if (ticks) ticks->start();
    for (std::size_t begin = 0; begin < indices.size(); begin += batch) {
      flat_.clear();
      for (const auto i : indices.subspan(begin, std::min(batch, indices.size() - begin))) {
        self().get(i, [&](const MoleculeView& m) { flat_.add(m); });
      }
      sum.add(flat_.touched());
      if (ticks) ticks->tick();
    }
    return sum.value();
  }

  std::uint64_t sequential(std::uint64_t first, std::uint64_t count, Ticks* ticks) override {
    PassSum sum;
    if (ticks) ticks->start();
    self().walk(first, count, Single{sum, ticks});
    return sum.value();
  }

 private:
  struct Single {
    PassSum& sum;
    Ticks* ticks;
    void operator()(const MoleculeView& m) const {
      sum.add(touch(m));
      if (ticks) ticks->tick();
    }
  };
  Self& self() { return static_cast<Self&>(*this); }

  FlatBatch flat_;
};

}  // namespace atp
