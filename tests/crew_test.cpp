#include "core/bench/crew.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>

using atp::Crew;

TEST_CASE("a crew covers every list once, round after round") {
  for (const std::size_t size : {0, 1, 2, 5}) {
    Crew crew(size);
    for (const std::size_t n : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> seen(n);
      std::atomic<std::size_t> parts{0};
      crew.share(n, [&](std::size_t part, std::size_t begin, std::size_t end) {
        CHECK(part < std::max<std::size_t>(1, size));
        ++parts;
        for (std::size_t i = begin; i < end; ++i) ++seen[i];
      });
      CHECK(parts == std::max<std::size_t>(1, size));
      for (const auto& times : seen) CHECK(times == 1);
    }
  }
}

TEST_CASE("the first part's error arrives when all have ended, and the crew works on") {
  Crew crew(4);
  std::atomic<int> ended{0};
  const auto fail = [&](std::size_t part, std::size_t, std::size_t) {
    ++ended;
    if (part % 2 == 1) throw std::runtime_error(std::to_string(part));
  };
  for (int round = 1; round <= 3; ++round) {
    CHECK_THROWS_WITH(crew.share(4, fail), "1");
    CHECK(ended == 4 * round);
  }
  CHECK_NOTHROW(crew.share(4, [](std::size_t, std::size_t, std::size_t) {}));
}

TEST_CASE("a crew that is called together and not needed goes home") {
  for (int i = 0; i < 20; ++i) {
    Crew crew(3);
    if (i % 2 == 1) crew.assemble();
    crew.assemble();
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which need more memory than is left here
TEST_CASE("a crew that the system does not let grow is an error, not the end of the program") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit few{rlim_t{64} << 20, rlim_t{64} << 20};
    ::setrlimit(RLIMIT_AS, &few);
    try {
      const Crew crew(100);
    } catch (const std::exception&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
#endif
