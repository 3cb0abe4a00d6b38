// A file whose newest header slot cannot be believed is read as it was before: who reads it should know.
#pragma once

#include "core/atp/dataset.h"

namespace atp {

// A warning for each such file, the first few by name. Throws Error (exit 3) for one of which nothing is left: its records
// lie behind a header slot that was damaged, or the file was cut off.
void warn_of_older_generations(const Dataset& dataset);

}  // namespace atp
