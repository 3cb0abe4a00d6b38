#include "cmd/plan_source.h"

#include <fmt/format.h>

#include "cmd/dataset_warnings.h"
#include "cmd/remote.h"
#include "cmd/remote_inputs.h"
#include "cmd/terminal.h"

namespace atp {

PlanSource::PlanSource(const std::string& argument) {
  const std::string cached = is_hub_address(argument) ? cached_input(argument) : "";
  if (cached.empty() && is_remote(argument)) {
    fetch(argument);
  } else {
    local_ = std::make_unique<Dataset>(std::vector{cached.empty() ? argument : cached});
    warn_of_older_generations(*local_);
    warn_of_missing_shards({argument});
  }
}

void PlanSource::fetch(const std::string& address) {
  shared_ = remote_access();
  remote_ = std::make_unique<RemoteRecords>(*shared_, find_remote(*shared_, address), remote_connections());
  confirm_transfer(address, remote_->index_bytes());
  Progress progress("fetching indexes", remote_->index_bytes(), true);
  remote_->fetch_indexes([&](std::uint64_t bytes) { progress.advance_to(bytes); });
  note(fmt::format("{}: {} of {} fetched, in {} requests", shown_address(address), human_bytes(shared_->bytes), human_bytes(remote_->bytes()), human_count(shared_->requests)));
}

}  // namespace atp
