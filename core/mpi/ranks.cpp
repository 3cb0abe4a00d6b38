// Ranks over MPI.
#include "core/mpi/ranks.h"

#include <fmt/format.h>
#include <mpi.h>

#include <chrono>
#include <limits>
#include <numeric>
#include <thread>

#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr int kFailure = 1;  // a message of no bytes

constexpr auto kBetweenLooks = std::chrono::milliseconds(2);

// MPI's own waiting spins, and hears of no interrupt.
void wait_for_all() {
  MPI_Request all_are_here;
  MPI_Ibarrier(MPI_COMM_WORLD, &all_are_here);
  for (int done = 0; done == 0;) {
    throw_if_interrupted();
    MPI_Test(&all_are_here, &done, MPI_STATUS_IGNORE);
    if (done == 0) std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace

bool has_mpi() { return true; }

// A process that was started alone does not initialise MPI, which would take a tenth of a second.
Ranks::Ranks() : exceptions_(std::uncaught_exceptions()) {
  const int launched = launched_processes();
  if (launched == 1) return;
  int threads = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &threads);
  any_thread_ = threads >= MPI_THREAD_SERIALIZED;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  if (size_ == 1) {
    throw Error(Exit::usage, "", fmt::format("was started as one of {} processes, but they do not see each other", launched),
                "start it with the mpirun of the MPI it was built with, or srun --mpi=pmix");
  }
}

Ranks::~Ranks() {
  if (size_ == 1 || std::uncaught_exceptions() > exceptions_) return;
  try {
    wait_for_all();
  } catch (...) {  // interrupted: all is done here
    return;
  }
  MPI_Finalize();
}

// Whoever hears of it stops, so nobody needs to receive it.
void Ranks::announce_failure() const {
  for (int r = 0; r < size_; ++r) {
    if (r == rank_) continue;
    MPI_Request sent;
    MPI_Isend(nullptr, 0, MPI_BYTE, r, kFailure, MPI_COMM_WORLD, &sent);
    MPI_Request_free(&sent);
  }
}

void Ranks::look() const {
  if (!any_thread_) return;
  int failed = 0;
  MPI_Iprobe(MPI_ANY_SOURCE, kFailure, MPI_COMM_WORLD, &failed, MPI_STATUS_IGNORE);
  if (failed != 0) throw FailedElsewhere{Exit::input};
}

std::vector<std::string> Ranks::exchange(std::string_view mine) {
  if (size_ == 1) return {std::string(mine)};
  wait_for_all();
  const std::uint64_t length = mine.size();
  std::vector<std::uint64_t> lengths(static_cast<std::size_t>(size_));
  MPI_Allgather(&length, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, MPI_COMM_WORLD);
  const std::uint64_t total = std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0});
  if (total > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    throw Error(Exit::system, "", fmt::format("the processes have {} bytes to tell each other, MPI takes 2 GiB", total));
  }
  std::vector<int> counts(lengths.begin(), lengths.end()), starts(lengths.size(), 0);
  std::partial_sum(counts.begin(), counts.end() - 1, starts.begin() + 1);
  std::string all(total, '\0');
  MPI_Allgatherv(mine.data(), static_cast<int>(length), MPI_BYTE, all.data(), counts.data(), starts.data(), MPI_BYTE, MPI_COMM_WORLD);
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < counts.size(); ++r)
    texts.push_back(all.substr(static_cast<std::size_t>(starts[r]), static_cast<std::size_t>(counts[r])));
  return texts;
}

}  // namespace atp
