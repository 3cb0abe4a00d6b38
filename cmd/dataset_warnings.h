// What those who read a dataset should know of it.
#pragma once

#include <string>
#include <vector>

#include "core/atp/dataset.h"

namespace atp {

// A file whose newest header slot cannot be believed is read as it was before: a warning for each such file, the first
// few by name. Throws Error (exit 3) for one of which nothing is left: its records
// lie behind a header slot that was damaged, or the file was cut off.
void warn_of_older_generations(const Dataset& dataset);

// A warning for each folder among `inputs` whose manifest.json names shards that are not there. A manifest that cannot be
// read is the business of atp verify --manifest.
void warn_of_missing_shards(const std::vector<std::string>& inputs);

}  // namespace atp
