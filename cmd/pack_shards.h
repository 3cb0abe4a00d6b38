// `atp pack --shards`: input files to a folder of shards.
#pragma once

#include "cmd/pack.h"

namespace atp {

// Packs the inputs into temporary files in the folder, one a process, and cuts these into shards as atp shard
// does. Throws Error, Interrupted, FailedElsewhere; no temporary file is left then.
Exit pack_shards(const PackOptions& options);

}  // namespace atp
