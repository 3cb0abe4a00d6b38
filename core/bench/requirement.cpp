#include "core/bench/requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "core/base/error.h"
#include "core/base/nearest_name.h"
#include "core/bench/session.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

constexpr std::string_view kForm = "write 'BACKEND/BACKEND WORKLOAD LOAD >= NUMBER', as 'atp/lmdb shuffled 64 >= 4'";

[[noreturn]] void fail(std::string_view text, const std::string& what, std::string fix = std::string(kForm)) {
  throw Error(Exit::usage, "", fmt::format("--require '{}': {}", text, what), std::move(fix));
}

void need_known(std::string_view text, const std::string& word, const std::vector<std::string>& known, std::string_view kind) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return;
  const std::string fix = did_you_mean(word, known);
  fail(text, fmt::format("unknown {} '{}'", kind, word), fix.empty() ? std::string(kForm) : fix);
}

// "workers-4" is a workload of results, "workers" one of the command line.
bool is_workload(const std::string& word) {
  if (word.starts_with("workers-")) return word.size() > 8 && word.find_first_not_of("0123456789", 8) == std::string::npos;
  const auto& all = all_workloads();
  return word != "workers" && std::find(all.begin(), all.end(), word) != all.end();
}

struct Goal {
  std::string_view what;
  std::string_view requirement;
  std::string_view yardstick = {};  // stands in atp's place to show what is possible
};

// What a prototype reached on a 2-core virtual machine; ratios within one run.
constexpr Goal kGoals[] = {
    {"warm, shuffled, against LMDB", "atp/lmdb shuffled 12 >= 10.8", "copy"},
    {"warm, shuffled, against LMDB", "atp/lmdb shuffled 64 >= 4.6", "copy"},
    {"warm, shuffled, against LMDB", "atp/lmdb shuffled 256 >= 1.9", "copy"},
    {"packed batches, against LMDB", "atp/lmdb batch 12 >= 10", "copy"},
    {"packed batches, against LMDB", "atp/lmdb batch 64 >= 4.4", "copy"},
    {"packed batches, against LMDB", "atp/lmdb batch 256 >= 1.7", "copy"},
    {"packed batches: times the time of a memcpy", "copy/atp batch 12 <= 1.4"},
    {"packed batches: times the time of a memcpy", "copy/atp batch 64 <= 1.15"},
    {"packed batches: times the time of a memcpy", "copy/atp batch 256 <= 1.0"},
    {"against HDF5, default cache", "atp/hdf5 shuffled 12 >= 300", "copy"},
    {"against HDF5, default cache", "atp/hdf5 shuffled 64 >= 300", "copy"},
    {"against HDF5, default cache", "atp/hdf5 shuffled 256 >= 300", "copy"},
    {"against HDF5, 2 GB cache", "atp/hdf5-cache shuffled 64 >= 25", "copy"},
    {"against SQLite, mapped", "atp/sqlite shuffled 12 >= 17", "copy"},
    {"against SQLite, mapped", "atp/sqlite shuffled 64 >= 7", "copy"},
    {"against SQLite, mapped", "atp/sqlite shuffled 256 >= 3.3", "copy"},
    {"sequential, against an LMDB cursor", "atp/lmdb seq 12 >= 2.2", "copy"},
    {"sequential, against an LMDB cursor", "atp/lmdb seq 64 >= 2", "copy"},
    {"sequential, against an LMDB cursor", "atp/lmdb seq 256 >= 1.1", "copy"},
    {"two threads against one", "atp-2threads/atp shuffled 12 >= 1.8", "copy-2threads"},
    {"two threads against one", "atp-2threads/atp shuffled 64 >= 1.8", "copy-2threads"},
    {"two threads against one", "atp-2threads/atp shuffled 256 >= 1.8", "copy-2threads"},
    {"cold, sparse, against page faults", "atp/map cold-shuffled 12 >= 10", "disk"},
    {"cold, sparse, against page faults", "atp/map cold-shuffled 64 >= 10", "disk"},
    {"cold, sparse, against page faults", "atp/map cold-shuffled 256 >= 10", "disk"},
    {"cold, sparse, against LMDB without read-ahead", "atp/lmdb-nordahead cold-shuffled 12 >= 7", "disk"},
    {"cold, sparse, against LMDB without read-ahead", "atp/lmdb-nordahead cold-shuffled 64 >= 7", "disk"},
    {"cold, sparse, against LMDB without read-ahead", "atp/lmdb-nordahead cold-shuffled 256 >= 7", "disk"},
    {"write with fsync, against LMDB", "atp/lmdb write 64 >= 2.8", "disk"},
    {"write with fsync, against HDF5 in batches", "atp/hdf5 write 64 >= 1.7", "disk"},
    {"checking checksums: times the time", "atp/atp-verified shuffled 12 <= 1.5"},
    {"checking checksums: times the time", "atp/atp-verified shuffled 64 <= 1.5"},
    {"checking checksums: times the time", "atp/atp-verified shuffled 256 <= 1.5"},
    {"zstd:3: times the time of ZSTD_decompressDCtx alone", "unzstd/atp-zstd shuffled 12 <= 1.1"},
    {"zstd:3: times the time of ZSTD_decompressDCtx alone", "unzstd/atp-zstd shuffled 64 <= 1.1"},
    {"zstd:3: times the time of ZSTD_decompressDCtx alone", "unzstd/atp-zstd shuffled 256 <= 1.1"},
    {"against Python's LMDB with pickles (the paper's 3.82)", "atp/py-lmdb-pickle shuffled 64 >= 3.82", "copy"},
    {"against Python's ASE SQLite (the paper's 96)", "atp/py-ase-sqlite shuffled 64 >= 96", "copy"},
    {"against Python's ASE LMDB (the paper's 96)", "atp/py-ase-lmdb shuffled 64 >= 96", "copy"},
};

constexpr double kNearlyAsMany = 0.75;  // molecules in two stores

RequirementResult reached_on(const Requirement& r, const BenchResults& results, const std::string& dir) {
  RequirementResult out{r, dir, std::nullopt};
  const BenchRow* row = find_row(results.rows, dir, r.load, r.backend, r.workload);
  const BenchRow* peer = r.peer.empty() ? row : find_row(results.rows, dir, r.load, r.peer, r.workload);
  if (!row || !peer || !comparable(*row, *peer)) return out;
  const BenchRow &favoured = r.at_least ? *row : *peer, &other = r.at_least ? *peer : *row;
  const bool reads = row->unit == BenchUnit::molecules_per_second && row->workload != "write";
  if (reads && static_cast<double>(favoured.molecules) < kNearlyAsMany * static_cast<double>(other.molecules)) {
    out.why_not = fmt::format("{} holds {} molecules and {} {}: give fewer --records, or more --seconds", favoured.backend, favoured.molecules, other.backend, other.molecules);
    return out;
  }
  out.value = peer == row ? row->median : advantage(*row, *peer);
  return out;
}

bool clears(const Requirement& r, double value) { return r.at_least ? value >= r.bar : value <= r.bar; }

}  // namespace

std::string Requirement::text() const {
  return fmt::format("{}{}{} {} {} {} {}", backend, peer.empty() ? "" : "/", peer, workload, load, at_least ? ">=" : "<=", bar);
}

Requirement parse_requirement(std::string_view text) {
  // The sign may stand without spaces around it.
  std::string spaced(text);
  const auto sign = spaced.find_first_of("<>");
  if (sign == std::string::npos || sign + 1 >= spaced.size() || spaced[sign + 1] != '=') fail(text, "has no '>=' or '<='");
  spaced.insert(sign + 2, " ");
  spaced.insert(sign, " ");
  std::istringstream words(spaced);
  std::vector<std::string> w;
  for (std::string word; words >> word;) w.push_back(word);
  if (w.size() != 5 || (w[3] != ">=" && w[3] != "<=")) fail(text, "is not of the right form");

  Requirement r;
  const auto slash = w[0].find('/');
  r.backend = w[0].substr(0, slash);
  need_known(text, r.backend, backend_names(), "backend");
  if (slash != std::string::npos) {
    r.peer = w[0].substr(slash + 1);
    need_known(text, r.peer, backend_names(), "backend");
  }
  r.workload = w[1];
  if (!is_workload(r.workload)) {
    std::vector<std::string> known = all_workloads();
    std::replace(known.begin(), known.end(), std::string("workers"), std::string("workers-4"));
    const std::string fix = did_you_mean(r.workload, known);
    fail(text, fmt::format("unknown workload '{}'", r.workload), fix.empty() ? std::string(kForm) : fix);
  }
  r.load = w[2];
  const bool is_size = !r.load.empty() && r.load.find_first_not_of("0123456789") == std::string::npos;
  if (!is_size && r.load != "dataset" && r.load != "like") fail(text, fmt::format("'{}' is no number of atoms, 'dataset' or 'like'", r.load));
  r.at_least = w[3] == ">=";
  const char* const last = w[4].data() + w[4].size();
  auto [end, code] = std::from_chars(w[4].data(), last, r.bar);
  if (code == std::errc() && end + 1 == last && (*end == 'k' || *end == 'K' || *end == 'M')) r.bar *= *end++ == 'M' ? 1e6 : 1e3;  // as the table has them
  if (code != std::errc() || end != last || !std::isfinite(r.bar) || r.bar < 0) fail(text, fmt::format("'{}' is no number", w[4]));
  return r;
}

std::vector<RequirementResult> check_requirement(const Requirement& r, const BenchResults& results) {
  std::vector<RequirementResult> out;
  for (const Mount& mount : results.mounts) {
    RequirementResult one = reached_on(r, results, mount.folder);
    one.met = one.value && clears(r, *one.value);
    out.push_back(std::move(one));
  }
  return out;
}

bool GoalResult::out_of_reach() const { return reached.value && !reached.met && bound && !clears(reached.requirement, *bound); }

std::vector<GoalResult> check_goals(const BenchResults& results) {
  std::vector<GoalResult> out;
  for (const Goal& goal : kGoals) {
    for (auto& reached : check_requirement(parse_requirement(goal.requirement), results)) {
      GoalResult one{goal.what, std::move(reached), goal.yardstick, std::nullopt};
      if (!goal.yardstick.empty()) {
        Requirement bare = one.reached.requirement;
        bare.backend = goal.yardstick;
        if (bare.peer == "atp") bare.peer = "copy";  // two threads against one
        one.bound = reached_on(bare, results, one.reached.dir).value;
      }
      out.push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace atp
