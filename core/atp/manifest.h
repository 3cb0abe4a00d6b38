// manifest.json: what a folder of shards says of itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/atp/verify.h"

namespace atp {

struct ManifestOptions {
  bool hashes = false;  // also read the files and compare their hashes, where the manifest has some
  std::function<void(std::uint64_t bytes)> progress;  // bytes hashed so far
};

// Holds a folder against its manifest.json: names, counts, sizes, codec and, when asked for, hashes;
// .atp files below the folder that it does not name are damage, too. The report's path is that of
// the manifest. Throws Error (exit 3, 4) when the manifest cannot be read or is no JSON object.
FileReport check_manifest(const std::string& folder, const ManifestOptions& options);

}  // namespace atp
