// Measures stores: one load on one mount.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bench/load.h"
#include "core/bench/python.h"
#include "core/bench/results.h"
#include "core/bench/stores.h"

namespace atp {

// Time for many pieces of work, shared out by weight as they come, so that the whole ends in time however slow some
// pieces are. One thread.
class Budget {
 public:
  Budget(double seconds, double weight);
  // Seconds for a piece; the weights of all pieces add up to the whole.
  double take(double weight);
  double share(double weight) const;  // what take() would give
  double total() const { return total_; }  // seconds

 private:
  double end_, weight_, total_;
};

struct SessionOptions {
  std::string dir;       // for reports
  std::string folder;    // where files go: a folder of the benchmark's own, whose content the caller removes
  std::string load_name;
  std::vector<const Backend*> backends;
  std::vector<std::string> workloads;  // of all_workloads()
  std::vector<std::string> dispensable;  // of those, what is left out where there is no time for it
  std::vector<int> workers;
  int trials = 5;
  std::size_t batch = 256;
  std::uint64_t seed = 0;
  Io io = Io::automatic;
  std::vector<std::string> in_place;  // files that are there: nothing is written; all backends are such that reads_in_place()
  std::function<void(std::string_view backend, std::string_view what)> progress;  // what is being done; may be empty
  // A backend has failed, and is not asked again. Not called for what is wrong with a dataset; may be empty.
  std::function<void(std::string_view backend, std::string_view workload, std::string_view why)> failed;
  std::function<void()> together;  // waits for the other processes of a job, before each workload; may be empty
};

// seq shuffled batch workers write open size cold-seq cold-shuffled cold-batch.
const std::vector<std::string>& all_workloads();

// Whether a workload is one for this backend at all. Of those that read each other's files one writes.
bool takes_part(const Backend& backend, std::string_view workload);

// What the cells of one load weigh in a Budget.
double session_weight(const SessionOptions& options);

// Writes the stores, measures them, and adds a row for each backend and workload. What a backend cannot do becomes a row
// with a problem; one that does not start at all goes to left_out. Throws Error (exit 4) when the folder cannot be
// written, Interrupted.
void measure(const SessionOptions& options, const Load& load, Budget& budget, Pythons& pythons, BenchResults& results);

}  // namespace atp
