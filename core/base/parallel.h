// Work on all cores with results in order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace atp {

// CPUs this process may use: the affinity mask, cut by the cgroup's quota (v1 and v2); at least 1.
int available_cpus();

// Runs `produce` (one call at a time, in sequence), `work` (in parallel, each item once) and
// `consume` (one call at a time, in the order of production) on `jobs` threads.
//
// produce returns nullptr at the end. At most `jobs` items exist at any moment, so memory is
// bounded by the items' size. The results do not depend on `jobs`. The first exception in item
// order ends the run and is rethrown here, after everything before it has been consumed.
template <class Item, class Result>
void ordered_parallel(int jobs, const std::function<std::unique_ptr<Item>()>& produce,
                      const std::function<Result(Item&)>& work,
                      const std::function<void(Result&&)>& consume) {
  if (jobs <= 1) {
    while (auto item = produce()) consume(work(*item));
    return;
  }

  std::mutex produce_mutex, turn_mutex;
  std::condition_variable turn_changed;
  std::uint64_t next_produced = 0, next_consumed = 0;
  bool ended = false;    // guarded by produce_mutex: produce has nothing more, or failed
  bool stopped = false;  // guarded by turn_mutex: an item failed, nothing after it may be consumed
  std::exception_ptr first_error;

  auto worker = [&] {
    for (;;) {
      std::unique_ptr<Item> item;
      std::exception_ptr error;
      std::uint64_t turn;
      {
        std::lock_guard lock(produce_mutex);
        {
          std::lock_guard turn_lock(turn_mutex);
          if (stopped || ended) return;
        }
        try {
          item = produce();
        } catch (...) {
          error = std::current_exception();
        }
        ended = !item;
        if (!item && !error) return;
        turn = next_produced++;
      }

      std::unique_ptr<Result> result;
      if (!error) {
        try {
          result = std::make_unique<Result>(work(*item));
        } catch (...) {
          error = std::current_exception();
        }
      }

      std::unique_lock lock(turn_mutex);
      turn_changed.wait(lock, [&] { return next_consumed == turn || stopped; });
      if (stopped) return;
      lock.unlock();  // consume is exclusive by turn, not by the mutex
      if (!error) {
        try {
          consume(std::move(*result));
        } catch (...) {
          error = std::current_exception();
        }
      }
      lock.lock();
      if (error) {
        first_error = error;
        stopped = true;
      }
      ++next_consumed;
      turn_changed.notify_all();
      if (stopped) return;
    }
  };

  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(jobs));
  try {
    for (int i = 0; i < jobs; ++i) threads.emplace_back(worker);
  } catch (const std::system_error&) {
    // The system grants no more threads: those that run do the work.
    if (threads.empty()) worker();
  }
  for (auto& t : threads) t.join();
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace atp
