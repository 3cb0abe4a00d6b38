// Random numbers for plans: the same on every machine for a seed, an epoch and a purpose.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

namespace atp {

// What numbers are drawn for. Each purpose has a sequence of its own, so that one more draw for one
// leaves the others as they are. The values go into plans: frozen.
enum class Purpose : std::uint64_t {
  input_order = 1,  // of the graphs, for strategies that take them as they come
  class_order = 2,  // of the graphs of one size
  batch_order = 3,
  step_order = 4,
  rank_order = 5,
  mix = 6,
  parts = 7,  // of large classes
  synthetic = 8,
  copies = 9,   // partners of copies that met
  patterns = 10,
  remote_sample = 11,
  bootstrap = 100,  // of measurements: not in plans
  bench_load = 101,
  bench_order = 102,
};

// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection in which every bit of the
// input moves every bit of the output.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// SplitMix64 from a start that is a hash of its key: number i is mixed(start + i * step), so any of them
// can be had alone. One thread.
class Random {
 public:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;

  Random(std::uint64_t seed, std::uint64_t epoch, Purpose purpose, std::uint64_t stream = 0) {
    state_ = mixed(seed + kStep);
    state_ = mixed(state_ ^ (epoch + 2 * kStep));
    state_ = mixed(state_ ^ (static_cast<std::uint64_t>(purpose) + 3 * kStep));
    state_ = mixed(state_ ^ (stream + 4 * kStep));
  }

  std::uint64_t next() { return mixed(state_ += kStep); }
  // Number i of those still to come, without moving on.
  std::uint64_t at(std::uint64_t i) const { return mixed(state_ + (i + 1) * kStep); }

  // Uniform in [0, n), n > 0, but for a bias of n / 2^64.
  std::uint64_t below(std::uint64_t n) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * n) >> 64);
  }

  // Fisher and Yates, for fewer than 2^32 items. One number serves two swaps, so the bias is up to size / 2^32.
  template <class T>
  void shuffle(std::span<T> items) {
    std::size_t i = items.size();
    for (; i > 2; i -= 2) {
      const std::uint64_t number = next();
      std::swap(items[i - 1], items[((number >> 32) * i) >> 32]);
      std::swap(items[i - 2], items[((number & 0xffffffff) * (i - 1)) >> 32]);
    }
    if (i == 2) std::swap(items[1], items[below(2)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace atp
