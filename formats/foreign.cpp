#include "formats/foreign.h"

#include <array>

namespace atp {

namespace {

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  Foreign foreign;
};

constexpr Signature kSignatures[] = {
    {16, "\xDE\xC0\xEF\xBE", {"an LMDB database of another layout", ""}},
    {0, "PK\x05\x06", {"an empty zip archive", ""}},
    {0, "\x93NUMPY", {"a NumPy .npy array", ""}},
    {0, "CDF\x01", {"a NetCDF file", ""}},
    {0, "CDF\x02", {"a NetCDF file", ""}},
    {0, "CDF\x05", {"a NetCDF file", ""}},
    {0, "version https://git-lfs.github.com/spec/", {"a Git LFS pointer, which stands for the file", "fetch it with git lfs pull"}},
    {0, "- of Ulm", {"an ASE trajectory (.traj)", "export it with ase convert FILE.traj FILE.extxyz"}},
    {0, "PAR1", {"a Parquet file", ""}},
    {0, "ARROW1", {"an Arrow file", ""}},
    {0, "7z\xBC\xAF\x27\x1C", {"a 7z archive", "unpack it first"}},
    {0, "\x04\x22\x4D\x18", {"an lz4-compressed file", "decompress it first with lz4 -d"}},
};

bool has_at(std::string_view head, std::size_t offset, std::string_view bytes) {
  return head.size() >= offset + bytes.size() && head.substr(offset, bytes.size()) == bytes;
}

bool has_cif_block(std::string_view head) {
  return head.starts_with("data_") || head.find("\ndata_") != std::string_view::npos;
}

}  // namespace

Foreign recognise_foreign(std::string_view head) {
  for (const Signature& s : kSignatures) {
    if (has_at(head, s.offset, s.bytes)) return s.foreign;
  }
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  const std::string_view text = first == std::string_view::npos ? std::string_view() : head.substr(first);
  if (text.starts_with("<?xml")) return {"an XML file", ""};
  if (has_cif_block(head)) return {"a CIF file without data", ""};
  return {};
}

}  // namespace atp
