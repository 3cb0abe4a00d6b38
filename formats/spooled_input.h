// Inputs that need a file of their own (HDF5, .npz, databases) but are compressed or lie in an archive.
#pragma once

#include <memory>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

// Writes the rest of `source` to a file of TMPDIR (else /tmp), which goes with the reader, and opens that; `from` as in
// open_input(). Errors name `source`. Throws Error: exit 3 beyond 16 GiB, exit 4 when there is no room.
std::unique_ptr<FormatReader> open_spooled(ByteSource& source, std::string_view from, const ReadOptions& options);

}  // namespace atp
