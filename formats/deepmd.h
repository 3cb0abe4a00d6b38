// Folders of DeePMD systems.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

// No file by itself is such a system.
int sniff_nothing(std::string_view head);
// Whether the folder has type.raw and coordinates in sets or as text.
bool is_deepmd_system(const std::string& folder);
std::unique_ptr<FormatReader> open_deepmd(const std::string& path, const ReadOptions& options);

}  // namespace atp
