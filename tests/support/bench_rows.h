// Rows of a benchmark, made up.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/bench/results.h"
#include "core/bench/serve.h"

namespace atp::test {

inline BenchRow row(std::string backend, std::string workload, std::vector<double> values, BenchUnit unit = BenchUnit::molecules_per_second) {
  BenchRow r;
  r.dir = "/d";
  r.load = "64";
  r.backend = std::move(backend);
  r.workload = std::move(workload);
  r.values = std::move(values);
  r.unit = unit;
  r.molecules = 1000;
  r.atoms = 64;
  r.payload = 1683;
  r.checked = true;
  summarise(r);
  return r;
}

inline BenchResults some_results() {
  BenchResults r;
  r.machine = this_machine();
  Mount m;
  m.folder = "/d";
  m.type = "ext4";
  r.mounts.push_back(m);
  r.rows = {row("atp", "shuffled", {400, 410, 390}), row("lmdb", "shuffled", {100, 101, 99}), row("atp", "open", {2e-5}, BenchUnit::seconds),
            row("lmdb", "open", {1e-5}, BenchUnit::seconds)};
  r.rows[0].latency.assign(kLatencyShares.size(), 2e-7);
  BenchRow refused = row("hdf5", "shuffled", {1});
  refused.values.clear();
  refused.problem = "said <no> & \"never\"";
  r.rows.push_back(refused);
  compare_with_atp(r.rows);
  return r;
}

}  // namespace atp::test
