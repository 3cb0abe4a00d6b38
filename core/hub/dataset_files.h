// Which files an address stands for: of the Hub, of its cache when there is no network, or of a web server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/hub/cache.h"
#include "core/hub/hub.h"

namespace atp {

struct RemoteDataset {
  HubAddress address;   // as asked for; an empty repo: a plain address
  std::optional<Url> url;
  std::string commit;   // of the Hub: what the revision stands for
  std::vector<RemoteFile> files;  // below the path, in bytewise order, pinned to the commit
  bool complete = false;   // `files` are all files of the commit
  bool from_cache = false; // nobody was asked
  std::string manifest_name, manifest;  // of a plain address: the list that names the files, as it came; or empty
};

// All files below address.path, or the one file that it names. Offline, and for a commit whose list has been kept, no
// request is made. When there is no answer and the cache has all that it knows of the dataset, shared.warn says so and
// shared.environment is offline from then on. Call it before threads share the environment. Throws Error (exit 5): not found, refused, or offline and not in the cache.
RemoteDataset find_on_hub(HttpShared& shared, const HubAddress& address);

// A plain address: of an .atp file, or of a manifest.json, which stands for the files that it names (and itself).
// Sizes are known only where a manifest states them. Throws Error (exit 2, 3, 5).
RemoteDataset find_at_url(HttpShared& shared, const std::string& address);

// hf:// or http(s)://.
RemoteDataset find_remote(HttpShared& shared, const std::string& address);

// The files of a dataset: is_dataset_part().
std::vector<RemoteFile> dataset_part(const RemoteDataset& dataset);

// The folders and lone files of a repository that are datasets each: "omat/train". The shards are borrowed from `files`.
struct NamedDataset {
  std::string path;
  std::uint64_t bytes = 0;
  std::vector<const RemoteFile*> shards;
};
std::vector<NamedDataset> named_datasets(const std::vector<RemoteFile>& files);

// The files that a manifest.json names, with what it says of them. Paths are checked. Throws Error (exit 3).
std::vector<RemoteFile> parse_manifest(const std::string& json, const std::string& where);

}  // namespace atp
