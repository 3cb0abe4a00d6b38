// DeePMD's LMDB datasets: a frame an entry, in MessagePack.
#pragma once

#include <memory>
#include <string>

#include "formats/format.h"

namespace atp {

// Whether the file, or the folder with data.mdb, is one.
bool is_deepmd_lmdb(const std::string& path);
std::unique_ptr<FormatReader> open_deepmd_lmdb(const std::string& path, const ReadOptions& options);

}  // namespace atp
