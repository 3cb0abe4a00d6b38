// How commands reach datasets that are not on this machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/hub/http.h"

namespace atp {

struct RemoteOptions {
  std::string token_file;  // "-" is stdin; empty: as the environment says
  std::string ca_file;
  std::uint64_t limit_rate = 0;  // bytes a second; 0: none
};

// The environment with these options, ready for connections. Throws Error (exit 2, 4).
std::unique_ptr<HttpShared> remote_access(const RemoteOptions& options = {});

// How many connections to use: --jobs, else 8.
int remote_connections();

}  // namespace atp
