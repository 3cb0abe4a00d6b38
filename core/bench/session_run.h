// One run of a session: its stores, and what is done with each. Private to core/bench/session*.cpp.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/bench/python.h"
#include "core/bench/session.h"
#include "core/bench/tested.h"

namespace atp {

// One thread.
class Session {
 public:
  Session(const SessionOptions& options, const Load& load, Budget& budget, Pythons& pythons, BenchResults& results)
      : options_(options), load_(load), budget_(budget), pythons_(pythons), results_(results), expected_(load) {}

  void run();

 private:
  // A store's trials of writing so far, and the seconds that they may take.
  struct Writing {
    BenchRow row;
    double share, spent;
  };
  // A list that stores of the same size share.
  struct Order {
    std::vector<std::uint64_t> places;
    std::string path;
  };

  // session.cpp: stores and rows
  void start();
  void leave_out(const Backend& backend, const std::string& why);
  std::optional<Child> spawn(const TestedStore& store);
  const std::string& raw_file();
  void list_orders();
  void warm_up_files();
  void open();
  void sizes();
  std::uint64_t bytes_of_all() const;
  BenchRow row_for(const TestedStore& store, std::string workload) const;
  void keep(BenchRow&& row);
  void name_what_was_not_measured();

  // session_write.cpp
  void write();
  void write(TestedStore& store, Writing& writing);
  const TestedStore* owner_of(const TestedStore& store);

  // session_read.cpp
  void read(const std::string& workload);
  void add_trial(BenchRow& row, TestedStore& store, const PassMaker& pass);
  void check(const TestedStore& store, const PassMaker& pass, const PassResult& r);
  void workers();
  BenchRow with_workers(TestedStore& store, int n, double trial);
  void cold(const std::string& workload);

  bool wants(std::string_view workload) const { return std::find(options_.workloads.begin(), options_.workloads.end(), workload) != options_.workloads.end(); }
  // Whether the workload is one for this kind of store at all.
  bool takes_part(const TestedStore& store, std::string_view workload) const;
  TestedStore* store_named(std::string_view name);
  std::size_t working() const;
  // Seconds for each store that works.
  double share_of_each(std::string_view workload);
  void wait_for_others() const {
    if (options_.together) options_.together();
  }
  void say(std::string_view backend, std::string_view what) const {
    if (options_.progress) options_.progress(backend, what);
  }

  // Does something with each store that still works; one that fails has a row saying so, and is not asked again.
  template <class Work>
  void each(const std::string& workload, Work&& work) {
    for (TestedStore& store : stores_) {
      if (store.failed()) continue;
      try {
        work(store);
      } catch (const Error& e) {
        store.failed_at = workload;
        store.child.reset();
        BenchRow row = row_for(store, workload);
        row.problem = e.what();
        if (e.exit() == Exit::input) results_.bad_input = row.problem;
        results_.rows.push_back(std::move(row));
      }
    }
  }

  // The same for stores that the workload is one for.
  template <class Work>
  void each_taking_part(const std::string& workload, Work&& work) {
    each(workload, [&](TestedStore& store) {
      if (takes_part(store, workload)) work(store);
    });
  }

  const SessionOptions& options_;
  const Load& load_;
  Budget& budget_;
  Pythons& pythons_;
  BenchResults& results_;
  ExpectedSums expected_;
  std::vector<TestedStore> stores_;
  std::map<std::uint64_t, Order> orders_;  // by the number of molecules
  std::vector<std::uint64_t> in_order_;
  std::string raw_;
};

// What a workload weighs in a Budget; 0 for none.
double weight_of(std::string_view workload);

inline constexpr double kPatience = 60, kPassPatience = 120;  // seconds that a command may take; that a pass or opening may

}  // namespace atp
