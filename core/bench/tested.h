// A store under test: its process, its files, its list, and passes over it. Private to core/bench/session*.cpp.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bench/child.h"
#include "core/bench/load.h"
#include "core/bench/results.h"
#include "core/bench/stores.h"

namespace atp {

// What one pass gave.
struct PassResult {
  std::uint64_t first, count;  // places of the list
  double start, end, seconds, cpu_seconds;
  std::uint64_t sum;
  double minor_faults, major_faults, read_calls;
  std::optional<double> storage_bytes;
  std::vector<double> latency;

  PassResult(const Answer& answer, std::uint64_t first_place, std::uint64_t places);
  // Adds its counters to the means of a row, which has one value for each pass so far, this one included or about to be.
  void add_to(BenchRow& row) const;
};

struct PassMaker {
  std::string_view way;  // one, batch, seq
  std::size_t batch;

  std::string command(std::uint64_t first, std::uint64_t count, bool ticks) const {
    return fmt::format("pass {} {} {} {} {}", way, first, count, batch, ticks ? 1 : 0);
  }
};

struct TestedStore {
  const Backend* backend = nullptr;
  std::string folder;
  std::optional<Child> child;
  std::vector<std::string> files;
  std::string failed_at;  // the workload that it failed at, after which it is not asked again
  bool failed() const { return !failed_at.empty(); }
  std::uint64_t molecules = 0;
  double atoms = 0, payload = 0;  // of a molecule, mean
  std::span<const std::uint64_t> order;
  std::string order_path;

  std::string order_command() const { return fmt::format("order {} {}", order_path, molecules); }

  std::uint64_t count = 0;   // places of a trial
  std::uint64_t warmed = 0;  // places of the list that were read before
  std::uint64_t next = 0;    // where the next trial begins
  double rate = 0;           // molecules per second, roughly, one by one

  // It holds the first n of the load.
  void describe(const Load& load, std::uint64_t n);
  // Reads growing runs from the beginning of the list until the whole of it or `most` seconds are over; trials then
  // have as many places as take `trial` seconds, all of them read before.
  void calibrate(const PassMaker& pass, double trial, double most);
  // `places` places from where the last pass ended.
  PassResult pass(const PassMaker& pass, std::uint64_t places, bool ticks);
  // Places that take one process so many seconds, when files are in memory.
  std::uint64_t count_for(double seconds) const;
  // Places of a cold trial: few enough that each is alone among what read-ahead brings along.
  std::uint64_t sparse_count(bool sequential) const;
};

}  // namespace atp
