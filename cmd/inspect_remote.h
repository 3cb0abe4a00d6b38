// `atp inspect hf://...` and https://...: what a dataset says of itself, without fetching its data.
#pragma once

#include "cmd/inspect.h"
#include "core/hub/remote_records.h"

namespace atp {

// Prints the summary or, with options.records, records. Throws Error (exit 2) for what needs all records.
void inspect_remote(const InspectOptions& options);

// From headers and schemas; from the indexes, too, where they are small. Else atoms and stored sizes are not known.
Findings findings_of(RemoteRecords& records);

}  // namespace atp
