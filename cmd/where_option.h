// `--where EXPR` of the commands that choose records.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/atp/dataset.h"
#include "core/base/error.h"

namespace atp {

struct WhereOptions {
  bool verify = true;  // hold records against their checksums
  // Told of each record that cannot be read; without this, it ends the run.
  std::function<void(std::uint64_t record, const Error& error)> damaged;
};

// Keeps those of `records` of which `where` is true, in their order, with progress, and says how many these are. Throws
// Error: exit 3 when there are none of them, else as select_records().
void keep_matching(const Dataset& dataset, const std::string& where, const WhereOptions& options, std::vector<std::uint64_t>& records);

}  // namespace atp
