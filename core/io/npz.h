// NumPy's .npz: a zip archive of .npy files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

bool looks_like_zip(Bytes bytes);

// The unpacked bytes of the archive's member NAME.npy. Stored and deflated members, zip64 too. Throws Error
// (exit 3, at `file`): no zip archive, no such member (the error names those there are), damage.
std::vector<std::byte> npz_member(Bytes archive, std::string_view name, const std::string& file);

// The same without a copy of stored members: `data` points into the archive then, else into `own`.
struct NpzData {
  Bytes data;
  std::vector<std::byte> own;
};
NpzData npz_data(Bytes archive, std::string_view name, const std::string& file);

// The same for a member by its whole name, in any zip archive.
NpzData zip_data(Bytes archive, std::string_view member, const std::string& file);

// The members NAME.npy of an archive as they lie in it, by name.
struct NpzArrayName {
  std::string name;             // without ".npy"
  std::uint64_t unpacked = 0;   // bytes, as the directory states them
};
std::vector<NpzArrayName> npz_arrays(Bytes archive, const std::string& file);

// The names of its arrays, without ".npy", as they come. Throws Error as npz_member() does.
std::vector<std::string> npz_names(Bytes archive, const std::string& file);

// An archive of stored members, as numpy.savez writes one, with a fixed date: the same members give the same bytes.
// Each below 4 GiB, else Error (exit 4).
std::string zip_archive(const std::vector<std::pair<std::string, std::string>>& members, const std::string& file);

}  // namespace atp
