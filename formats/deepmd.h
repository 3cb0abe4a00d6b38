// Folders of DeePMD systems, and DeePMD's LMDB files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

// No file by itself is such a system.
int sniff_nothing(std::string_view head);
int sniff_deepmd_path(const std::string& path, std::string_view head);
// Whether the folder has type.raw and coordinates in sets or as text, or holds an LMDB file of DeePMD.
bool is_deepmd_folder(const std::string& folder);
std::unique_ptr<FormatReader> open_deepmd(const std::string& path, const ReadOptions& options);

}  // namespace atp
