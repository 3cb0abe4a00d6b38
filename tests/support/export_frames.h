// Writes structures with an exporter, for tests.
#pragma once

#include <string>
#include <vector>

#include "core/atp/structure.h"
#include "formats/export_format.h"

namespace atp::test {

// To `path`, as `atp export` would.
void export_frames(const ExportFormat& format, std::vector<Structure>& structures, const std::string& path, const ExportOptions& options = {});

}  // namespace atp::test
