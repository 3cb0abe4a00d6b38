// What a benchmark has found out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/bench/footprint.h"
#include "core/bench/io_profile.h"
#include "core/bench/machine.h"
#include "core/bench/mount.h"
#include "core/bench/statistics.h"

namespace atp {

// What the values of a row are. Of rates more is better, of the rest less.
enum class BenchUnit { molecules_per_second, seconds, bytes_per_byte };

// One backend doing one thing to one load on one mount.
struct BenchRow {
  std::string dir, load, backend, workload;
  BenchUnit unit = BenchUnit::molecules_per_second;
  std::string problem;  // why there are no values

  std::vector<double> values;  // of each trial
  double median = 0, spread = 0;
  Interval interval;                   // 95 %, of the median
  std::optional<double> ratio_to_atp;  // above 1: atp is better by that factor
  Interval ratio_interval;

  std::uint64_t molecules = 0;    // that the store holds
  std::uint64_t per_trial = 0;    // that a trial touched
  double atoms = 0, payload = 0;  // of a molecule, mean: atoms, bytes of values
  bool checked = false;           // every trial's checksum was the right one
  int reruns = 0;                 // trials on top because the first ones differed

  // Reading: seconds of one molecule (batch: of one batch) at kLatencyShares; empty where nothing was measured.
  std::vector<double> latency;
  // Reading, all trials together, per molecule.
  double cpu_seconds = 0, minor_faults = 0, major_faults = 0, read_calls = 0;
  std::optional<double> storage_bytes;
  // Open: memory that came on top.
  std::uint64_t resident = 0, anonymous = 0;
  double not_dropped = 0;  // cold: the share of pages that stayed in memory, at worst

  std::optional<double> read_amplification() const {
    return storage_bytes && payload > 0 ? std::optional(*storage_bytes / payload) : std::nullopt;
  }
  double latency_at(double share) const;  // seconds; NaN where nothing was measured
};

// What the processes of a job reached at the same time: their medians, molecules a second.
struct TogetherRow {
  std::string dir, load, workload, backend;
  std::size_t processes = 0;
  double sum = 0, slowest = 0, fastest = 0;
};

// How a run was made, as far as what its rows say depends on it.
struct BenchOptions {
  std::string dataset, like;             // empty: none
  std::optional<std::uint64_t> records;  // nothing: as many as the usual bytes hold
  bool custom = false;
  std::size_t batch = 0;
  int trials = 0;
  double seconds = 0;
  std::uint64_t seed = 0;
  std::string io;
  std::size_t processes = 1;  // of a job, at the same time
};

struct BenchResults {
  std::optional<BenchOptions> options;  // nothing: a report that was written before it had them
  Machine machine;
  std::vector<Mount> mounts;
  std::vector<std::pair<std::string, std::string>> versions;
  std::vector<BenchRow> rows;
  std::vector<std::string> left_out;  // "hdf5: why"
  std::map<std::string, std::vector<std::string>> no_time;  // workloads that were left out, and for which loads
  std::vector<std::string> notes;
  std::string bad_input;  // what is wrong with the dataset; empty when nothing is
  std::map<std::string, double> spent;  // seconds by what took them: a workload, "starting backends"
  std::uint64_t trials_left_out = 0;    // for want of time
  double seconds = 0, cpu_seconds = 0, foreign_cpu = 0;  // foreign: CPUs that others kept busy, mean
  std::optional<Footprint> footprint;
  std::string grid;
  std::vector<std::pair<std::string, IoProfile>> io_profiles;  // by dir
  std::uint64_t peak_bytes = 0;                          // on the disk at one time
  std::vector<TogetherRow> together;                     // empty for a process alone
};

// Median, interval and spread of row.values.
void summarise(BenchRow& row);
// Ratios to the row of backend atp with the same dir, load and workload.
void compare_with_atp(std::vector<BenchRow>& rows);
// nullptr when there is no such row with values.
const BenchRow* find_row(const std::vector<BenchRow>& rows, std::string_view dir, std::string_view load, std::string_view backend, std::string_view workload);
// Not where one has written less: what a sync costs whatever was written weighs more there.
bool comparable(const BenchRow& a, const BenchRow& b);
// How many times `better` is better than `worse` in the same unit: rates divide one way, times the other.
double advantage(const BenchRow& better, const BenchRow& worse);

}  // namespace atp
