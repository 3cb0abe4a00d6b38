// Threads that are there before the work is: to start one, or to wake one on a virtual CPU that has gone to sleep, takes
// milliseconds, which a data loader pays once and a pass of a benchmark must not pay each time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace atp {

// Used by one thread, which is the first of the crew.
class Crew {
 public:
  // Throws std::system_error when the system grants no thread more.
  explicit Crew(std::size_t size);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Returns when all threads run, and wait for share() on their CPUs.
  void assemble();

  // work(part, begin, end) for equal ranges of [0, n), each on a thread of its own; assembles them when nobody has. The
  // error of the first range that has one is rethrown, when all have ended.
  using Work = std::function<void(std::size_t part, std::size_t begin, std::size_t end)>;
  void share(std::size_t n, const Work& work);

 private:
  void dismiss();
  void live(std::size_t part);
  void run(std::size_t part);

  std::vector<std::exception_ptr> errors_;  // by part
  const Work* work_ = nullptr;              // of this round, as n_
  std::size_t n_ = 0;
  std::atomic<std::uint64_t> round_{0};       // of work
  std::atomic<std::size_t> here_{0}, busy_{0};  // threads
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::condition_variable called_;
  std::uint64_t calls_ = 0;  // guarded by mutex_
  std::vector<std::thread> threads_;  // last: they use what stands above
};

}  // namespace atp
