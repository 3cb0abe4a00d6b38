#include "core/atp/one_pass.h"

#include <algorithm>

namespace atp {

ReadOnce read_once(const Reader& reader) {
  const Bytes all = reader.mapped();
  return {reader.path(), reader.file_id(), all.first(std::min<std::uint64_t>(all.size(), reader.slot().committed_end()))};
}

OnePass::OnePass(const Dataset& dataset) : dataset_(dataset) {
  files_.reserve(dataset.shards().size());
  for (const Reader& shard : dataset.shards()) files_.push_back(read_once(shard));
}

void OnePass::passed(std::uint64_t i) {
  while (shard_ < files_.size() && dataset_.start_of(shard_ + 1) <= i) files_[shard_++].finish();
  if (shard_ == files_.size() || i <= dataset_.start_of(shard_)) return;
  const IndexEntry last = dataset_.shards()[shard_].raw_entry(i - dataset_.start_of(shard_) - 1);
  files_[shard_].passed(last.offset);
}

}  // namespace atp
