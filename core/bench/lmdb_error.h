// What LMDB's codes mean to who reads them. Private to core/bench.
#pragma once

#include <lmdb.h>

#include <fmt/format.h>

#include <cerrno>
#include <string>

#include "core/base/error.h"

namespace atp {

// Nothing for 0. Throws Error (exit 4).
inline void check_lmdb(int code, const std::string& path, const char* what) {
  if (code == 0) [[likely]] return;
  // LMDB says EIO when less was written than it wanted, and keeps the reason to itself.
  const std::string why = code == EIO ? "a write fell short: the disk is full, or files may not grow further (ulimit -f)" : mdb_strerror(code);
  throw Error(Exit::system, path, fmt::format("LMDB cannot {}: {}", what, why));
}

}  // namespace atp
