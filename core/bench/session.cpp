#include "core/bench/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/bench/child.h"
#include "core/bench/counters.h"
#include "core/bench/file_cache.h"
#include "core/bench/python.h"
#include "core/bench/serve.h"
#include "core/bench/tested.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

constexpr double kTooDifferent = 0.1;  // spread above which trials are repeated
constexpr int kMostWorkers = 256;
constexpr double kShortestWrite = 0.5, kPatience = 60;   // seconds
constexpr double kMostOpened = 0.25;                     // of a file, in memory when a cold pass begins
constexpr double kShortTrial = 0.002, kLongTrial = 0.3;  // seconds

struct Weight {
  std::string_view workload;
  double weight;
};
constexpr Weight kWeights[] = {{"seq", 1},          {"shuffled", 1.3}, {"batch", 1},      {"workers", 2}, {"write", 3},
                               {"open", 0.2}, {"size", 0},       {"cold-seq", 1},  {"cold-shuffled", 1}, {"cold-batch", 1}};

bool wants(const SessionOptions& options, std::string_view workload) {
  return std::find(options.workloads.begin(), options.workloads.end(), workload) != options.workloads.end();
}

double weight_of(std::string_view workload) {
  for (const Weight& w : kWeights) {
    if (w.workload == workload) return w.weight;
  }
  return 0;
}

// "cold-batch" is "batch" as far as the store is concerned.
std::string_view way_of(std::string_view workload) {
  if (workload.starts_with("cold-")) workload.remove_prefix(5);
  return workload == "seq" ? "seq" : workload == "batch" ? "batch" : "one";
}

class Session {
 public:
  Session(const SessionOptions& options, const Load& load, Budget& budget, BenchResults& results)
      : options_(options), load_(load), budget_(budget), results_(results), expected_(load) {}

  void run() {
    start();
    wait_for_others();
    if (options_.in_place.empty()) write();
    results_.peak_bytes = std::max(results_.peak_bytes, bytes_of_all());
    list_orders();
    warm_up_files();
    for (const char* workload : {"seq", "shuffled", "batch"}) {
      wait_for_others();
      if (wants(options_, workload)) read(workload);
    }
    wait_for_others();
    if (wants(options_, "workers")) workers();
    if (wants(options_, "open")) open();
    if (wants(options_, "size")) sizes();
    // These leave the files closed and dropped.
    for (const char* workload : {"cold-seq", "cold-shuffled", "cold-batch"}) {
      wait_for_others();
      if (wants(options_, workload)) cold(workload);
    }
  }

 private:
  // ---- rows ------------------------------------------------------------------------------------

  BenchRow row_for(const TestedStore& store, std::string workload) const {
    BenchRow row;
    row.dir = options_.dir;
    row.load = options_.load_name;
    row.backend = store.backend->name;
    row.workload = std::move(workload);
    row.molecules = store.molecules;
    row.payload = store.payload;
    row.atoms = store.atoms;
    return row;
  }
  void keep(BenchRow&& row) {
    if (row.problem.empty()) summarise(row);
    results_.rows.push_back(std::move(row));
  }
  void wait_for_others() const {
    if (options_.together) options_.together();
  }
  void say(const std::string& what) const {
    if (options_.progress) options_.progress(what);
  }
  // Does something with each store that still works; one that fails has a row saying so, and is not asked again.
  template <class Work>
  void each(const std::string& workload, Work&& work) {
    for (TestedStore& store : stores_) {
      if (store.failed) continue;
      try {
        work(store);
      } catch (const Error& e) {
        store.failed = true;
        store.child.reset();
        BenchRow row = row_for(store, workload);
        row.problem = e.what();
        results_.rows.push_back(std::move(row));
      }
    }
  }

  // ---- files -----------------------------------------------------------------------------------

  void start() {
    for (const Backend* backend : options_.backends) {
      if (!backend->missing.empty()) {
        leave_out(*backend, std::string(backend->missing));
        continue;
      }
      TestedStore store;
      store.backend = backend;
      const TestedStore* owner = store_named(backend->files);
      store.folder = owner ? owner->folder : options_.folder + "/" + std::string(backend->name);
      try {
        if (options_.in_place.empty()) fs::create_directories(store.folder);
        store.child = spawn(store);
        stores_.push_back(std::move(store));
      } catch (const fs::filesystem_error& e) {
        throw Error(Exit::system, options_.folder, fmt::format("cannot be written: {}", e.code().message()));
      } catch (const Error& e) {
        leave_out(*backend, e.what());
      }
    }
  }

  TestedStore* store_named(std::string_view name) {
    for (TestedStore& store : stores_) {
      if (!store.failed && store.backend->name == name) return &store;
    }
    return nullptr;
  }

  void leave_out(const Backend& backend, const std::string& why) {
    std::string text = fmt::format("{}: {}", backend.name, why);
    if (std::find(results_.left_out.begin(), results_.left_out.end(), text) == results_.left_out.end()) results_.left_out.push_back(std::move(text));
  }

  std::optional<Child> spawn(const TestedStore& store) {
    const Backend& backend = *store.backend;
    if (backend.kind == BackendKind::python) return start_python(backend.name, store.folder, raw_file(), load_.custom(), results_.versions);
    return Child::fork([&](int socket) {
      serve_store(socket, [&] { return options_.in_place.empty() ? make_store_in(backend, store.folder, options_.io) : make_store_of(backend, options_.in_place, options_.io); }, load_);
    });
  }

  // What Python children write from.
  const std::string& raw_file() {
    if (raw_.empty()) raw_ = write_raw_file(load_, options_.folder);
    return raw_;
  }

  // A store's trials of writing so far, and the seconds that they may take.
  struct Writing {
    BenchRow row;
    double share, spent;
  };

  void write() {
    const bool measured = wants(options_, "write");
    const int trials = measured ? std::min(3, options_.trials) : 1;
    std::map<const TestedStore*, Writing> writings;
    // In turns, as reading.
    for (int t = 0; t < trials; ++t) {
      each("write", [&](TestedStore& store) {
        if (owner_of(store)) return;
        if (t == 0) writings.emplace(&store, Writing{row_for(store, "write"), budget_.take(weight_of("write")), 0});
        say(fmt::format("{}: write", store.backend->name));
        write(store, writings.at(&store));
      });
    }
    each("write", [&](TestedStore& store) {
      const TestedStore* owner = owner_of(store);
      store.describe(load_, owner ? owner->molecules : store.molecules);
      store.files = files_below(store.folder, [](const std::string&) { return true; });
      if (owner || !measured) return;
      BenchRow& row = writings.at(&store).row;
      row.molecules = store.molecules;
      row.atoms = store.atoms;
      row.payload = store.payload;
      row.checked = true;  // by every pass that reads
      keep(std::move(row));
    });
  }

  // Whose files it reads, when they are there; else it writes its own.
  const TestedStore* owner_of(const TestedStore& store) {
    const TestedStore* owner = store_named(store.backend->files);
    return owner && owner->molecules != 0 ? owner : nullptr;
  }

  void write(TestedStore& store, Writing& writing) {
    if (!writing.row.values.empty() && writing.spent >= writing.share) return;
    std::error_code ignored;
    // What the last trial left to be freed would be paid for by this one.
    for (const auto& file : files_below(store.folder, [](const std::string&) { return true; })) fs::remove(file, ignored);
    if (wants(options_, "write")) settle_folder(store.folder);
    // Only what is slow beyond reason is cut short: a store that holds less is easier to read. Trials after the first
    // must fit into the time.
    const double most = std::max(writing.share, std::min(kShortestWrite, budget_.total() / 180));
    const double start = now_seconds();
    const std::uint64_t asked = writing.row.values.empty() ? load_.size() : store.molecules;  // the same in all trials
    const Answer a = store.child->ask(fmt::format("write {} {}", asked, most), kPatience + 20 * most);
    store.molecules = writing.row.per_trial = a.count("molecules");
    writing.row.values.push_back(static_cast<double>(store.molecules) / a.real("seconds"));
    writing.spent += now_seconds() - start;
  }

  std::uint64_t bytes_of_all() const {
    std::set<std::string> files;  // some stores share them
    for (const TestedStore& store : stores_) files.insert(store.files.begin(), store.files.end());
    std::uint64_t sum = 0;
    for (const auto& f : files) sum += fs::file_size(f);
    return sum;
  }

  void list_orders() {
    each("open", [&](TestedStore& store) {
      if (!options_.in_place.empty()) {
        store.describe(load_, load_.size());
        store.files = dataset_files_of(options_.in_place);
      }
      auto& order = orders_[store.molecules];
      if (order.places.empty()) {
        order.places = random_order(store.molecules, options_.seed);
        order.path = fmt::format("{}/order-{}", options_.folder, store.molecules);
        std::ofstream file(order.path, std::ios::binary);
        file.write(reinterpret_cast<const char*>(order.places.data()), static_cast<std::streamsize>(8 * order.places.size()));
        file.close();
        if (!file) fail_system(order.path, "write", errno);
      }
      store.order = order.places;
      store.order_path = order.path;
      store.child->ask("order " + order.path, 60);
    });
  }

  // However the files were written, they are dropped and read again: else who wrote last would be found in another
  // state of the page cache.
  void warm_up_files() {
    say("read all files again");
    std::vector<std::string> files;
    for (const TestedStore& store : stores_) {
      if (!store.failed) files.insert(files.end(), store.files.begin(), store.files.end());
    }
    (void)drop_from_cache(files);
    read_into_cache(files);
    each("open", [&](TestedStore& store) { store.child->ask("open", 120); });
  }

  // ---- reading ---------------------------------------------------------------------------------

  void read(const std::string& workload) {
    const std::size_t stores = working();
    if (stores == 0) return;
    const double share = budget_.take(weight_of(workload) * static_cast<double>(stores)) / static_cast<double>(stores);
    const double trial = std::clamp(share / (options_.trials + 4), kShortTrial, kLongTrial);
    const PassMaker pass{way_of(workload), options_.batch};
    std::map<const TestedStore*, BenchRow> rows;
    each(workload, [&](TestedStore& store) {
      say(fmt::format("{}: {}", store.backend->name, workload));
      store.calibrate(pass, trial, 2 * trial);
      rows.emplace(&store, row_for(store, workload)).first->second.checked = store.backend->sums;
    });
    // In turns, so that what else the machine does meets all alike.
    for (int t = 0; t < options_.trials; ++t) {
      each(workload, [&](TestedStore& store) { add_trial(rows.at(&store), store, pass); });
    }
    for (int t = 0; t < options_.trials; ++t) {
      each(workload, [&](TestedStore& store) {
        BenchRow& row = rows.at(&store);
        if (spread(row.values) <= kTooDifferent) return;
        ++row.reruns;
        add_trial(row, store, pass);
      });
    }
    each(workload, [&](TestedStore& store) {
      BenchRow& row = rows.at(&store);
      const PassResult timed = store.pass(pass, std::max<std::uint64_t>(1, store.count / 2), true);
      row.latency = timed.latency;
      row.per_trial = store.count;
      keep(std::move(row));
    });
  }

  void add_trial(BenchRow& row, TestedStore& store, const PassMaker& pass) {
    const PassResult r = store.pass(pass, store.count, false);
    check(store, pass, r);
    row.values.push_back(static_cast<double>(r.count) / r.seconds);
    r.add_to(row);
  }

  void check(const TestedStore& store, const PassMaker& pass, const PassResult& r) {
    if (!store.backend->sums) return;
    std::span<const std::uint64_t> places = store.order;
    if (pass.way == "seq") {
      in_order_.resize(r.count);
      for (std::uint64_t i = 0; i < r.count; ++i) in_order_[i] = r.first + i;
      places = in_order_;
    } else {
      places = places.subspan(r.first, r.count);
    }
    const std::uint64_t right = expected_.of(places, pass.way == "batch" ? pass.batch : 1);
    if (r.sum != right) throw Error(Exit::system, "", fmt::format("it read other values than were written (checksum {:016x}, not {:016x})", r.sum, right));
  }

  std::size_t working() const {
    return static_cast<std::size_t>(std::count_if(stores_.begin(), stores_.end(), [](const TestedStore& s) { return !s.failed; }));
  }

  // ---- several processes -------------------------------------------------------------------------

  void workers() {
    const double share = budget_.take(weight_of("workers") * static_cast<double>(working())) / std::max<double>(1, static_cast<double>(working()));
    each("workers", [&](TestedStore& store) {
      if (store.backend->kind == BackendKind::python || store.backend->kind == BackendKind::yardstick) return;
      for (const int n : options_.workers) {
        say(fmt::format("{}: {} processes", store.backend->name, n));
        const double trial = std::clamp(share / static_cast<double>(options_.workers.size()) / (options_.trials + 3), kShortTrial, kLongTrial);
        keep(with_workers(store, std::min(n, kMostWorkers), trial));
      }
    });
  }

  // Each reads a run of the list, all at the same time; the time is that of the last.
  BenchRow with_workers(TestedStore& store, int n, double trial) {
    BenchRow row = row_for(store, fmt::format("workers-{}", n));
    const PassMaker pass{"one", options_.batch};
    std::vector<Child> children;
    for (int i = 0; i < n; ++i) {
      children.push_back(*spawn(store));
      children.back().send("order " + store.order_path);
      children.back().send("open");
    }
    for (auto& c : children) {
      (void)c.receive(60);
      (void)c.receive(120);
    }
    const std::uint64_t slice = store.order.size() / static_cast<std::uint64_t>(n);
    const std::uint64_t count = std::min(slice, store.count_for(trial));
    if (count == 0) {
      row.problem = "there are fewer molecules than processes";
      return row;
    }
    for (int t = -1; t < options_.trials; ++t) {  // the first is not counted: it fills page tables and caches
      double first = 1e300, last = 0;
      for (std::size_t i = 0; i < children.size(); ++i) children[i].send(pass.command(i * slice, count, false));
      for (std::size_t i = 0; i < children.size(); ++i) {
        const PassResult r(children[i].receive(120), i * slice, count);
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

  // ---- opening, cold files, sizes ----------------------------------------------------------------

  void open() {
    (void)budget_.take(weight_of("open") * static_cast<double>(working()));
    each("open", [&](TestedStore& store) {
      say(fmt::format("{}: open", store.backend->name));
      BenchRow row = row_for(store, "open");
      row.unit = BenchUnit::seconds;
      for (int t = 0; t < options_.trials; ++t) {
        const Answer a = store.child->ask("open", 120);
        row.values.push_back(a.real("seconds"));
        row.resident = std::max(row.resident, a.count("resident"));
        row.anonymous = std::max(row.anonymous, a.count("anonymous"));
      }
      keep(std::move(row));
    });
  }

  void cold(const std::string& workload) {
    const double share = budget_.take(weight_of(workload) * static_cast<double>(working())) / std::max<double>(1, static_cast<double>(working()));
    const PassMaker pass{way_of(workload), options_.batch};
    // A page that any process has mapped stays.
    each(workload, [](TestedStore& store) { store.child->ask("close", kPatience); });
    each(workload, [&](TestedStore& store) {
      if (store.backend->name == "atp-2threads" || store.backend->name == "unzstd" || store.backend->name == "copy") return;
      say(fmt::format("{}: {}", store.backend->name, workload));
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
        store.child->ask("open", 120);
        if (const double brought = resident_share(store.files); brought > kMostOpened) {
          row.problem = fmt::format("opening reads {:.0f} % of the file ahead: it is too small to be read cold", 100 * brought);
          break;
        }
        // Another part of the list each time: what a trial has read may have brought its neighbours along.
        const std::uint64_t count = store.sparse_count(pass.way == "seq");
        const std::uint64_t first = store.order.size() >= count * static_cast<std::uint64_t>(options_.trials) ? count * static_cast<std::uint64_t>(t) : 0;
        const PassResult r(store.child->ask(pass.command(first, count, t == 0), 300), first, count);
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

  void sizes() {
    each("size", [&](TestedStore& store) {
      BenchRow row = row_for(store, "size");
      row.unit = BenchUnit::bytes_per_byte;
      std::uint64_t bytes = 0;
      for (const auto& f : store.files) bytes += fs::file_size(f);
      row.values.push_back(static_cast<double>(bytes) / (store.payload * static_cast<double>(store.molecules)));
      keep(std::move(row));
    });
  }

  struct Order {
    std::vector<std::uint64_t> places;
    std::string path;
  };

  const SessionOptions& options_;
  const Load& load_;
  Budget& budget_;
  BenchResults& results_;
  ExpectedSums expected_;
  std::vector<TestedStore> stores_;
  std::map<std::uint64_t, Order> orders_;  // by the number of molecules
  std::vector<std::uint64_t> in_order_;
  std::string raw_;
};

}  // namespace

Budget::Budget(double seconds, double weight) : end_(now_seconds() + seconds), weight_(weight), total_(seconds) {}

double Budget::take(double weight) {
  const double left = std::max(0.0, end_ - now_seconds());
  const double share = weight_ > 0 ? left * std::min(1.0, weight / weight_) : 0;
  weight_ = std::max(0.0, weight_ - weight);
  return share;
}

const std::vector<std::string>& all_workloads() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const Weight& w : kWeights) names.emplace_back(w.workload);
    return names;
  }();
  return all;
}

double session_weight(const SessionOptions& options) {
  double each = 0;
  for (const auto& w : options.workloads) each += weight_of(w);
  if (!wants(options, "write") && options.in_place.empty()) each += weight_of("write");
  return each * static_cast<double>(options.backends.size());
}

void measure(const SessionOptions& options, const Load& load, Budget& budget, BenchResults& results) { Session(options, load, budget, results).run(); }

}  // namespace atp
