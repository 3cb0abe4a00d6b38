// ASE's databases of JSON rows: one JSON file, and LMDB files (`.aselmdb`).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

int sniff_aselmdb(std::string_view head);
// Looks at the first row: LMDB files hold anything.
int sniff_aselmdb_path(const std::string& path, std::string_view head);
bool is_aselmdb_folder(const std::string& folder);
// One file, or a folder with data.mdb.
std::unique_ptr<FormatReader> open_aselmdb(const std::string& path, const ReadOptions& options);

}  // namespace atp
