// The index of a dataset, here or on a server, for plans. Private to cmd/plan_*.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/atp/dataset.h"
#include "core/hub/remote_records.h"

namespace atp {

class PlanSource {
 public:
  // Of a dataset on a server only the indexes are fetched. Throws Error as Dataset; exit 2 when that is more than 100 MB
  // and nobody agrees; exit 5.
  explicit PlanSource(const std::string& argument);

  std::uint64_t size() const { return local_ ? local_->size() : remote_->size(); }
  std::size_t shards() const { return local_ ? local_->shards().size() : remote_->shards().size(); }
  const Reader& shard(std::size_t i) const { return local_ ? local_->shards()[i] : remote_->shards()[i]->reader(); }
  std::uint64_t start_of(std::size_t i) const { return local_ ? local_->start_of(i) : remote_->start_of(i); }

 private:
  void fetch(const std::string& address);

  std::unique_ptr<Dataset> local_;
  std::unique_ptr<HttpShared> shared_;
  std::unique_ptr<RemoteRecords> remote_;
};

}  // namespace atp
