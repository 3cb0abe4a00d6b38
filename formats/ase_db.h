// ASE's SQLite database (`.db`), schema versions 8 and 9.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

// Any SQLite database: whether it is ASE's is said by opening it.
inline int sniff_ase_db(std::string_view head) { return head.starts_with("SQLite format 3") ? 2 : 0; }

// Read-only: nothing is written or locked against writers. Throws Error (exit 3) for an SQLite file
// that is no ASE database or is damaged. Only in builds with SQLite.
std::unique_ptr<FormatReader> open_ase_db(const std::string& path, const ReadOptions& options);

}  // namespace atp
