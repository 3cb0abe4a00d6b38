#include "core/base/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>

using atp::ordered_parallel;

namespace {

// Squares 0..n-1 on `jobs` threads, with work of uneven length so that items overtake each other.
std::vector<int> squares(int jobs, int n, int fails_at = -1) {
  int next = 0;
  std::vector<int> out;
  ordered_parallel<int, int>(
      jobs, [&] { return next < n ? std::make_unique<int>(next++) : nullptr; },
      [&](int& i) {
        if (i == fails_at) throw std::runtime_error(std::to_string(i));
        if (i % 7 == 0) std::this_thread::yield();
        return i * i;
      },
      [&](int&& v) { out.push_back(v); });
  return out;
}

}  // namespace

TEST_CASE("results come in order, whatever the number of threads") {
  const std::vector<int> want = squares(1, 500);
  REQUIRE(want.size() == 500);
  for (const int jobs : {0, 2, 3, 8}) CHECK(squares(jobs, 500) == want);
  for (const int jobs : {1, 4}) CHECK(squares(jobs, 0).empty());
}

TEST_CASE("the first error in item order is thrown, after all before it was consumed") {
  for (const int jobs : {1, 2, 8}) {
    int next = 0;
    std::vector<int> seen;
    const auto run = [&] {
      ordered_parallel<int, int>(
          jobs, [&] { return std::make_unique<int>(next++); },
          [](int& i) {
            if (i == 40 || i == 41) throw std::runtime_error(std::to_string(i));
            return i;
          },
          [&](int&& v) { seen.push_back(v); });
    };
    CHECK_THROWS_WITH(run(), "40");
    CHECK(seen.size() == 40);
  }
}

TEST_CASE("errors of the producer and the consumer arrive too") {
  for (const int jobs : {1, 4}) {
    int next = 0;
    const auto produce = [&]() -> std::unique_ptr<int> {
      if (next == 10) throw std::runtime_error("producer");
      return std::make_unique<int>(next++);
    };
    int consumed = 0;
    CHECK_THROWS_WITH((ordered_parallel<int, int>(
                          jobs, produce, [](int& i) { return i; }, [&](int&&) { ++consumed; })),
                      "producer");
    CHECK(consumed == 10);
    next = 0;
    CHECK_THROWS_WITH((ordered_parallel<int, int>(
                          jobs, produce, [](int& i) { return i; },
                          [](int&& i) {
                            if (i == 5) throw std::runtime_error("consumer");
                          })),
                      "consumer");
  }
}

TEST_CASE("no more items exist at once than there are threads") {
  struct Counted {
    explicit Counted(std::atomic<int>& n) : alive(n) { ++alive; }
    ~Counted() { --alive; }
    std::atomic<int>& alive;
  };
  std::atomic<int> alive{0}, most{0};
  int left = 200;
  ordered_parallel<Counted, int>(
      3, [&] { return left-- > 0 ? std::make_unique<Counted>(alive) : nullptr; },
      [&](Counted&) {
        int seen = most;
        while (seen < alive && !most.compare_exchange_weak(seen, alive)) {
        }
        return 0;
      },
      [](int&&) {});
  CHECK(most <= 3);
  CHECK(alive == 0);
}

TEST_CASE("there is a CPU to run on") { CHECK(atp::available_cpus() >= 1); }
