// Threads that wait between passes: to start one takes the system milliseconds, which no trainer pays for each batch.
#pragma once

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
  explicit Crew(std::size_t size);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // work(part, begin, end) for equal ranges of [0, n), each on a thread of its own. The error of the first range that has
  // one is rethrown, when all have ended.
  using Work = std::function<void(std::size_t part, std::size_t begin, std::size_t end)>;
  void share(std::size_t n, const Work& work);

 private:
  void wait_for_work(std::size_t part);
  void run(std::size_t part);

  std::vector<std::exception_ptr> errors_;  // by part
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_ until share() has announced them.
  const Work* work_ = nullptr;
  std::size_t n_ = 0, busy_ = 0;
  std::uint64_t round_ = 0;
  bool over_ = false;
  std::vector<std::thread> threads_;  // last: they use what stands above
};

}  // namespace atp
