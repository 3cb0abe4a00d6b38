// The processes that mpirun or srun has started for one job.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace atp {

// Thrown where another process has failed and says why. Not an Error: nothing is printed here.
struct FailedElsewhere {
  Exit exit;
};

// This process among the others; alone when it was started alone. Every process makes the same calls in the
// same order. Main thread only; once in a process.
class Ranks {
 public:
  // Joins the others. Throws Error (exit 2) when there are others which this build cannot reach (no MPI) or
  // which do not see each other.
  Ranks();
  // Leaves, after the others have come here, too; while an exception is under way just goes, at which the
  // launcher ends the job.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }

  // Everyone's text, by rank, to everyone. Waits without a busy processor, and answers an interrupt.
  // Throws Error (exit 4) when the texts exceed 2 GiB together.
  std::vector<std::string> exchange(std::string_view mine);

  // Does `work` everywhere. If it fails with an Error somewhere, the first rank to fail throws it and all
  // others throw FailedElsewhere.
  void together(const std::function<void()>& work);

  // Within long work of together(): throws FailedElsewhere when the work of another process has failed, so that
  // nobody waits for what is of no use. One thread at a time, any of them.
  void look() const;

 private:
  void announce_failure() const;
  int rank_ = 0, size_ = 1;
  bool any_thread_ = false;  // MPI may be called from
  int exceptions_ = 0;
};

// Whether this build can work with other processes.
bool has_mpi();

// How many processes a launcher (Open MPI, MPICH, Slurm) says it has started with this one; 1 without one.
int launched_processes();

}  // namespace atp
