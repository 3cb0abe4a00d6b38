// Pickled structures: OC20, OC22 and matsciml LMDBs of PyG Data or dicts, and pickle files of lists of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

int sniff_lmdb_pickle(std::string_view head);
int sniff_lmdb_pickle_path(const std::string& path, std::string_view head);
bool is_lmdb_pickle_folder(const std::string& folder);
// An LMDB file, a folder with data.mdb, or a pickle file.
std::unique_ptr<FormatReader> open_lmdb_pickle(const std::string& path, const ReadOptions& options);

}  // namespace atp
