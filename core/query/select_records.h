// `--where EXPR`: the records that fulfil a condition.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/dataset.h"
#include "core/base/error.h"

namespace atp {

struct RecordRange {
  std::uint64_t begin, end;
};

struct SelectOptions {
  std::string where = "--where";  // begins the messages about the condition
  int jobs = 1;
  bool verify = true;  // hold records against their checksums, and indexes against theirs
  std::optional<std::vector<RecordRange>> within;  // look at these alone: ascending, apart; nothing: all
  std::function<void(std::uint64_t)> progress;     // told how many records were looked at
  // Told of each record that cannot be read, in ascending order; it is not selected. Without this, it ends
  // the run. A condition with a SELECT of its own always ends at damage: its answer depends on it.
  std::function<void(std::uint64_t record, const Error& error)> damaged;
};

// The records of which `expression` is true, in ascending order: the same for any number of threads.
//
// The expression is what may stand behind WHERE in a query over the table `records` (query.h), and nothing
// more. Throws Error: exit 2 when it is not, exit 3 when a record cannot be read or an index is damaged;
// Interrupted.
std::vector<std::uint64_t> select_records(const Dataset& dataset, const std::string& expression, const SelectOptions& options = {});

}  // namespace atp
