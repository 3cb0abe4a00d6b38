// Reading: files in memory, by one process or several, and files that are not.
#include <fmt/format.h>

#include "core/bench/file_cache.h"
#include "core/bench/session_run.h"

namespace atp {
namespace {

constexpr double kMostOpened = 0.25;   // of a file, in memory when a cold pass begins
constexpr double kShortTrial = 0.002, kLongTrial = 0.3;  // seconds
constexpr double kThreadsTrial = 0.02, kWorkersTrial = 0.01;  // at least, of threads and processes: they are not spread over CPUs at once
constexpr double kMeeting = 0.01;  // until all processes are at it: to wake a virtual CPU may take milliseconds
constexpr double kColdPatience = 300;

// "cold-batch" is "batch" as far as the store is concerned.
std::string_view way_of(std::string_view workload) {
  if (workload.starts_with("cold-")) workload.remove_prefix(5);
  return workload == "seq" ? "seq" : workload == "batch" ? "batch" : "one";
}

}  // namespace

void Session::read(const std::string& workload) {
  const double share = share_of_each(workload);
  const double trial = std::clamp(share / (options_.trials + 4), kShortTrial, kLongTrial);
  const double end = now_seconds() + share * static_cast<double>(working());
  // Those that an interval needs are always done; more of them while there is time.
  const auto is_late = [&](int t) { return t >= static_cast<int>(kFewestForInterval) && now_seconds() > end; };
  const PassMaker pass{way_of(workload), options_.batch};
  std::map<const TestedStore*, BenchRow> rows;
  each_taking_part(workload, [&](TestedStore& store) {
    say(store.backend->name, workload);
    const double own = store.backend->name.ends_with("-2threads") ? std::max(trial, kThreadsTrial) : trial;
    store.calibrate(pass, own, 2 * own);
    rows.emplace(&store, row_for(store, workload)).first->second.checked = store.backend->sums;
  });
  // In turns, so that what else the machine does meets all alike.
  for (int t = 0; t < options_.trials; ++t) {
    if (is_late(t)) {
      results_.trials_left_out += rows.size() * static_cast<std::size_t>(options_.trials - t);
      break;
    }
    each_taking_part(workload, [&](TestedStore& store) { add_trial(rows.at(&store), store, pass); });
  }
  for (int t = 0; t < options_.trials && now_seconds() < end; ++t) {
    each_taking_part(workload, [&](TestedStore& store) {
      BenchRow& row = rows.at(&store);
      if (spread(row.values) <= kTooDifferent) return;
      ++row.reruns;
      add_trial(row, store, pass);
    });
  }
  each_taking_part(workload, [&](TestedStore& store) {
    BenchRow& row = rows.at(&store);
    const PassResult timed = store.pass(pass, std::max<std::uint64_t>(1, store.count / 2), true);
    row.latency = timed.latency;
    row.per_trial = store.count;
    keep(std::move(row));
  });
}

void Session::add_trial(BenchRow& row, TestedStore& store, const PassMaker& pass) {
  const PassResult r = store.pass(pass, store.count, false);
  check(store, pass, r);
  row.values.push_back(static_cast<double>(r.count) / r.seconds);
  r.add_to(row);
}

void Session::check(const TestedStore& store, const PassMaker& pass, const PassResult& r) {
  if (!store.backend->sums) return;
  const std::uint64_t right = pass.way == "seq" ? expected_.of_runs(r.first, r.count, store.molecules) : expected_.of(store.order.subspan(r.first, r.count), pass.way == "batch" ? pass.batch : 1);
  if (r.sum != right) throw Error(Exit::system, "", fmt::format("it read other values than were written (checksum {:016x}, not {:016x})", r.sum, right));
}

void Session::workers() {
  const double share = share_of_each("workers");
  const double trial = std::clamp(share / static_cast<double>(options_.workers.size()) / (options_.trials + 3), kWorkersTrial, kLongTrial);
  each_taking_part("workers", [&](TestedStore& store) {
    if (store.rate == 0) store.calibrate({"one", options_.batch}, trial, 2 * trial);
    for (const int n : options_.workers) {
      say(store.backend->name, fmt::format("{} processes", n));
      keep(with_workers(store, n, trial));
    }
  });
}

// Each reads a run of the list, all at the same time; the time is that of the last.
BenchRow Session::with_workers(TestedStore& store, int n, double trial) {
  BenchRow row = row_for(store, fmt::format("workers-{}", n));
  const PassMaker pass{"one", options_.batch};
  std::vector<Child> children;
  for (int i = 0; i < n; ++i) {
    children.push_back(*spawn(store));
    children.back().send(store.order_command());
    children.back().send("open");
  }
  for (auto& c : children) {
    (void)c.receive(kPatience);
    (void)c.receive(kPassPatience);
  }
  if (store.molecules < static_cast<std::uint64_t>(n)) {
    row.problem = "there are fewer molecules than processes";
    return row;
  }
  const std::uint64_t slice = store.order.size() / static_cast<std::uint64_t>(n);
  const std::uint64_t count = std::min(slice, store.count_for(trial));
  for (int t = -1; t < options_.trials; ++t) {  // the first is not counted: it fills page tables and caches
    double first = 1e300, last = 0;
    // Other molecules in each trial, as far as there are: those of the last one are in the processor's caches.
    const std::uint64_t from = static_cast<std::uint64_t>(t + 1) * count % (slice - count + 1);
    const double start = now_seconds() + kMeeting;
    for (std::size_t i = 0; i < children.size(); ++i) {
      children[i].send(fmt::format("meet {}", start));
      children[i].send(pass.command(i * slice + from, count, false));
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
      (void)children[i].receive(kPatience);
      const PassResult r(children[i].receive(kPassPatience), i * slice + from, count);
      check(store, pass, r);
      first = std::min(first, r.start);
      last = std::max(last, r.end);
      if (t >= 0) r.add_to(row);
    }
    if (t >= 0) row.values.push_back(static_cast<double>(count) * n / (last - first));
  }
  row.per_trial = count * static_cast<std::uint64_t>(n);
  row.checked = store.backend->sums;
  return row;
}

void Session::cold(const std::string& workload) {
  const double share = share_of_each(workload);
  const PassMaker pass{way_of(workload), options_.batch};
  // A page that any process has mapped stays.
  each(workload, [](TestedStore& store) { store.child->ask("close", kPatience); });
  each_taking_part(workload, [&](TestedStore& store) {
    say(store.backend->name, workload);
    BenchRow row = row_for(store, workload);
    const double end = now_seconds() + share;
    for (int t = 0; t < options_.trials && (t == 0 || now_seconds() < end); ++t) {
      load_.let_go();
      const double left = drop_from_cache(store.files);
      row.not_dropped = std::max(row.not_dropped, left);
      if (left > kGone) {
        row.problem = fmt::format("{:.0f} % of the file stay in the page cache", 100 * left);
        break;
      }
      store.child->ask("open", kPassPatience);
      if (const double brought = resident_share(store.files); brought > kMostOpened) {
        row.problem = fmt::format("opening reads {:.0f} % of the file ahead: it is too small to be read cold", 100 * brought);
        break;
      }
      // Another part of the list each time: what a trial has read may have brought its neighbours along.
      const std::uint64_t count = store.sparse_count(pass.way == "seq");
      const std::uint64_t first = std::min<std::uint64_t>(store.molecules, store.order.size()) >= count * static_cast<std::uint64_t>(options_.trials) ? count * static_cast<std::uint64_t>(t) : 0;
      const PassResult r(store.child->ask(pass.command(first, count, t == 0), kColdPatience), first, count);
      check(store, pass, r);
      row.values.push_back(static_cast<double>(count) / r.seconds);
      r.add_to(row);
      if (t == 0) row.latency = r.latency;
      row.per_trial = count;
      store.child->ask("close", kPatience);
    }
    row.checked = store.backend->sums;
    if (row.problem.empty()) {
      keep(std::move(row));
    } else {
      results_.rows.push_back(std::move(row));
    }
    store.child->ask("close", kPatience);
  });
}

}  // namespace atp
