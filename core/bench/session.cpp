#include "core/bench/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/bench/file_cache.h"
#include "core/bench/serve.h"
#include "core/bench/session_run.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

struct Weight {
  std::string_view workload;
  double weight;
};
constexpr Weight kWeights[] = {{"seq", 1},          {"shuffled", 1.3}, {"batch", 1},      {"workers", 2}, {"write", 3},
                               {"open", 0.2}, {"size", 0},       {"cold-seq", 1},  {"cold-shuffled", 1}, {"cold-batch", 1}};

}  // namespace

double weight_of(std::string_view workload) {
  for (const Weight& w : kWeights) {
    if (w.workload == workload) return w.weight;
  }
  return 0;
}

bool takes_part(const Backend& backend, std::string_view workload) {
  const BackendKind kind = backend.kind;
  if (backend.name == "disk") return workload == "write" || workload == "cold-shuffled";
  if (workload == "workers") return kind == BackendKind::atp || kind == BackendKind::peer;
  if (backend.name.ends_with("-2threads")) return workload == "shuffled";
  if (workload.starts_with("cold-")) return backend.sums;  // a copy says nothing of cold files
  if (workload == "write") return backend.files.empty();
  return true;
}

void Session::run() {
  spend("starting backends", [&] { start(); });
  wait_for_others();
  if (options_.in_place.empty()) spend("writing", [&] { write(); });
  results_.peak_bytes = std::max(results_.peak_bytes, bytes_of_all());
  spend("reading files again", [&] {
    list_orders();
    warm_up_files();
  });
  for (const char* workload : {"seq", "shuffled", "batch"}) {
    wait_for_others();
    if (has_time_for(workload)) spend(workload, [&] { read(workload); });
  }
  wait_for_others();
  if (has_time_for("workers")) spend("workers", [&] { workers(); });
  if (wants("open")) spend("open", [&] { open(); });
  if (wants("size")) sizes();
  // These leave the files closed and dropped.
  for (const char* workload : {"cold-seq", "cold-shuffled", "cold-batch"}) {
    wait_for_others();
    if (has_time_for(workload)) spend(workload, [&] { cold(workload); });
  }
  name_what_was_not_measured();
}

// What a workload costs a store, however short its trials are: processes are started, files dropped and opened.
bool Session::has_time_for(const std::string& workload) {
  constexpr double kLeastWorkers = 0.06, kLeastCold = 0.04;  // seconds: for each number of processes; for the workload
  if (!wants(workload)) return false;
  if (std::find(options_.dispensable.begin(), options_.dispensable.end(), workload) == options_.dispensable.end()) return true;
  if (working() == 0) return false;
  // What was measured on one mount is measured on all, or they could not be compared; and what was not is not.
  const double least = workload == "workers" ? kLeastWorkers * static_cast<double>(options_.workers.size()) : kLeastCold;
  const bool has_time = results_.had_time.try_emplace({workload, options_.load_name}, budget_.share(weight_of(workload)) >= least).first->second;
  if (!has_time) (void)share_of_each(workload);
  return has_time;
}

// ---- rows ---------------------------------------------------------------------------------------

BenchRow Session::row_for(const TestedStore& store, std::string workload) const {
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

void Session::keep(BenchRow&& row) {
  if (row.problem.empty()) summarise(row);
  results_.rows.push_back(std::move(row));
}

std::size_t Session::working() const {
  return static_cast<std::size_t>(std::count_if(stores_.begin(), stores_.end(), [](const TestedStore& s) { return !s.failed(); }));
}

double Session::share_of_each(std::string_view workload) {
  const auto stores = static_cast<double>(working());
  return budget_.take(weight_of(workload) * stores) / std::max(1.0, stores);
}

// What a store failed at has a row; so has all that it was not asked for after that.
void Session::name_what_was_not_measured() {
  for (const TestedStore& store : stores_) {
    if (!store.failed()) continue;
    for (const std::string& workload : options_.workloads) {
      const auto has_it = [&](const BenchRow& row) {
        return row.dir == options_.dir && row.load == options_.load_name && row.backend == store.backend->name && row.workload.starts_with(workload);
      };
      if (!takes_part(*store.backend, workload) || std::any_of(results_.rows.begin(), results_.rows.end(), has_it)) continue;
      BenchRow row = row_for(store, workload);
      row.problem = fmt::format("not measured, as {} failed", store.failed_at);
      results_.rows.push_back(std::move(row));
    }
  }
}

// ---- files --------------------------------------------------------------------------------------

void Session::start() {
  for (const Backend* backend : options_.backends) {
    if (!backend->missing.empty()) {
      leave_out(*backend, std::string(backend->missing));
      continue;
    }
    if (std::ranges::none_of(options_.workloads, [&](const std::string& w) { return takes_part(*backend, w); })) {
      leave_out(*backend, "takes part in none of these workloads");
      continue;
    }
    TestedStore store;
    store.backend = backend;
    const TestedStore* owner = store_named(backend->files);
    store.folder = owner ? owner->folder : options_.folder + "/" + std::string(backend->name);
    say(backend->name, "start");
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

TestedStore* Session::store_named(std::string_view name) {
  for (TestedStore& store : stores_) {
    if (!store.failed() && store.backend->name == name) return &store;
  }
  return nullptr;
}

void Session::leave_out(const Backend& backend, const std::string& why) {
  std::string text = fmt::format("{}: {}", backend.name, why);
  if (std::find(results_.left_out.begin(), results_.left_out.end(), text) == results_.left_out.end()) results_.left_out.push_back(std::move(text));
}

std::optional<Child> Session::spawn(const TestedStore& store) {
  const Backend& backend = *store.backend;
  if (backend.kind == BackendKind::python) return pythons_.start(backend.name, store.folder, raw_file(), load_.custom(), results_.versions);
  return Child::fork([&](int socket) {
    serve_store(socket, [&] { return options_.in_place.empty() ? make_store_in(backend, store.folder, options_.io) : make_store_of(backend, options_.in_place, options_.io); }, load_);
  });
}

// What Python children write from.
const std::string& Session::raw_file() {
  if (raw_.empty()) raw_ = write_raw_file(load_, options_.folder);
  return raw_;
}

std::uint64_t Session::bytes_of_all() const {
  std::set<std::string> files;  // some stores share them
  for (const TestedStore& store : stores_) files.insert(store.files.begin(), store.files.end());
  std::uint64_t sum = 0;
  for (const auto& f : files) sum += fs::file_size(f);
  return sum;
}

void Session::list_orders() {
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
    store.child->ask(store.order_command(), kPatience);
  });
}

// However the files were written, they are dropped and read again: else who wrote last would be found in another
// state of the page cache.
void Session::warm_up_files() {
  say("all", "read again");
  std::vector<std::string> files;
  for (const TestedStore& store : stores_) {
    if (!store.failed()) files.insert(files.end(), store.files.begin(), store.files.end());
  }
  (void)drop_from_cache(files);
  read_into_cache(files);
  each("open", [&](TestedStore& store) { store.child->ask("open", kPassPatience); });
}

// ---- opening, sizes -----------------------------------------------------------------------------

void Session::open() {
  (void)budget_.take(weight_of("open") * static_cast<double>(working()));
  each_taking_part("open", [&](TestedStore& store) {
    say(store.backend->name, "open");
    BenchRow row = row_for(store, "open");
    row.unit = BenchUnit::seconds;
    for (int t = 0; t < options_.trials; ++t) {
      const Answer a = store.child->ask("open", kPassPatience);
      row.values.push_back(a.real("seconds"));
      row.resident = std::max(row.resident, a.count("resident"));
      row.anonymous = std::max(row.anonymous, a.count("anonymous"));
    }
    keep(std::move(row));
  });
}

void Session::sizes() {
  each_taking_part("size", [&](TestedStore& store) {
    BenchRow row = row_for(store, "size");
    row.unit = BenchUnit::bytes_per_byte;
    std::uint64_t bytes = 0;
    for (const auto& f : store.files) bytes += fs::file_size(f);
    row.values.push_back(static_cast<double>(bytes) / (store.payload * static_cast<double>(store.molecules)));
    keep(std::move(row));
  });
}

Budget::Budget(double seconds, double weight) : end_(now_seconds() + seconds), weight_(weight), total_(seconds) {}

double Budget::share(double weight) const {
  const double left = std::max(0.0, end_ - now_seconds());
  return weight_ > 0 ? left * std::min(1.0, weight / weight_) : 0;
}

double Budget::take(double weight) {
  const double share = this->share(weight);
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
  const bool writes = std::find(options.workloads.begin(), options.workloads.end(), "write") != options.workloads.end();
  if (!writes && options.in_place.empty()) each += weight_of("write");
  return each * static_cast<double>(options.backends.size());
}

void measure(const SessionOptions& options, const Load& load, Budget& budget, Pythons& pythons, BenchResults& results) {
  Session(options, load, budget, pythons, results).run();
}

}  // namespace atp
