#include <charconv>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "core/mpi/ranks.h"

namespace atp {

int launched_processes() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    const std::string_view text(value);
    int n = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc() && n > 1) return n;
  }
  return 1;
}

void Ranks::together(const std::function<void()>& work) {
  std::exception_ptr error;
  std::string mine;
  try {
    work();
  } catch (const Error& e) {
    error = std::current_exception();
    mine = static_cast<char>(e.exit());
    announce_failure();
  } catch (const FailedElsewhere&) {  // look() knows that, but not how
  }
  const std::vector<std::string> all = exchange(mine);
  for (int r = 0; r < size_; ++r) {
    const std::string& exit = all[static_cast<std::size_t>(r)];
    if (exit.empty()) continue;
    if (r == rank_) std::rethrow_exception(error);
    throw FailedElsewhere{static_cast<Exit>(exit[0])};
  }
}

}  // namespace atp
