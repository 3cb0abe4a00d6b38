// Files fetched side by side, each in several ranges at once, and put in place when their hash is right.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/hub/cache.h"
#include "core/hub/hub.h"

namespace atp {

struct PullItem {
  RemoteFile file;
  PullTarget target;
};

// What happens to a file, for those who show it. Called on several threads, one call at a time.
struct PullEvents {
  // Its bytes begin to come; `kept` of them had been fetched by an earlier run.
  std::function<void(std::size_t item, std::uint64_t size, std::uint64_t kept)> opened;
  // More of it is there.
  std::function<void(std::size_t item, std::uint64_t bytes)> advanced;
  // All that was there is worth nothing: it begins anew.
  std::function<void(std::size_t item)> restarted;
  // It is in place. `fetched`: by this run.
  std::function<void(std::size_t item, bool fetched)> done;
};

struct DownloadOptions {
  int connections = 8;
  PullEvents events;
  // Called with every file that is in place, on any thread, several at a time.
  std::function<void(const PullItem&, bool fetched)> check;
};

// Throws Error: exit 5 when the network or the server refuses, exit 4 when the disk does; Interrupted. What has been
// fetched by then is kept for the next run.
//
// A file whose hash is wrong, or whose server changes its mind about hash or size, is fetched anew once. A range is
// tried again as long as bytes come; when 5 attempts in a row bring none, the download fails. A server that ignores
// ranges is asked for the whole file over one connection.
void download(const std::vector<PullItem>& items, HttpShared& shared, const DownloadOptions& options);

// Bytes of a file that an earlier run left, as the disk has them.
std::uint64_t kept_bytes(const PullTarget& target);

}  // namespace atp
