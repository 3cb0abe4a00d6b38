// Ranks without MPI: this process alone.
#include <fmt/format.h>

#include "core/mpi/ranks.h"

namespace atp {

bool has_mpi() { return false; }

Ranks::Ranks() {
  if (const int n = launched_processes(); n > 1) {
    throw Error(Exit::usage, "", fmt::format("was started as one of {} processes, but this build has no MPI", n),
                "build with -DATP_WITH_MPI=ON, or start it once");
  }
}

Ranks::~Ranks() = default;

std::vector<std::string> Ranks::exchange(std::string_view mine) { return {std::string(mine)}; }

void Ranks::look() const {}

void Ranks::announce_failure() const {}

}  // namespace atp
