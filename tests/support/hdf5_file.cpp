#include "tests/support/hdf5_file.h"

#include <doctest/doctest.h>

#include <algorithm>

#ifdef ATP_HAVE_HDF5
#include <hdf5.h>
#endif

#include "core/io/npy.h"
#include "core/io/npz.h"
#include "tests/support/files.h"

namespace atp::test {

void write_npz(const std::string& path, const std::vector<TestArray>& arrays) {
  std::vector<std::pair<std::string, std::string>> members;
  for (const TestArray& a : arrays) members.emplace_back(a.name + ".npy", npy_header(a.type, a.shape) + a.bytes);
  write_text(path, zip_archive(members, path));
}

#ifdef ATP_HAVE_HDF5

namespace {

hid_t type_of(const std::string& type) {
  if (type == "<f8") return H5Tcopy(H5T_IEEE_F64LE);
  if (type == "<f4") return H5Tcopy(H5T_IEEE_F32LE);
  if (type == "<i8") return H5Tcopy(H5T_STD_I64LE);
  if (type == "<i4") return H5Tcopy(H5T_STD_I32LE);
  if (type == "<u8") return H5Tcopy(H5T_STD_U64LE);
  if (type == "|u1") return H5Tcopy(H5T_STD_U8LE);
  REQUIRE(type.starts_with("|S"));
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, std::stoul(type.substr(2)));
  H5Tset_strpad(text, H5T_STR_NULLPAD);
  return text;
}

hid_t space_of(const std::vector<std::uint64_t>& shape) {
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
}

}  // namespace

bool can_write_hdf5() { return true; }

void write_hdf5(const std::string& path, const std::vector<TestArray>& arrays, bool chunked) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(file >= 0);
  for (const TestArray& a : arrays) {
    const hid_t type = type_of(a.type), space = space_of(a.shape), plist = H5Pcreate(H5P_DATASET_CREATE);
    if (chunked && !a.bytes.empty() && !a.shape.empty()) {
      std::vector<hsize_t> chunk(a.shape.begin(), a.shape.end());
      chunk[0] = std::min<hsize_t>(chunk[0], 3);
      H5Pset_chunk(plist, static_cast<int>(chunk.size()), chunk.data());
      H5Pset_deflate(plist, 6);
    }
    const hid_t data = H5Dcreate2(file, a.name.c_str(), type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    REQUIRE(data >= 0);
    if (!a.bytes.empty()) REQUIRE(H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, a.bytes.data()) >= 0);
    for (const hid_t id : {data, plist, space, type}) H5Idec_ref(id);
  }
  H5Fclose(file);
}

void write_hdf5_table(const std::string& path, std::string_view table, const std::vector<std::string>& members, std::uint64_t rows) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t type = H5Tcreate(H5T_COMPOUND, 8 * members.size()), space = space_of({rows});
  for (std::size_t i = 0; i < members.size(); ++i) H5Tinsert(type, members[i].c_str(), 8 * i, H5T_STD_I64LE);
  const hid_t data = H5Dcreate2(file, std::string(table).c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(data >= 0);
  for (const hid_t id : {data, space, type}) H5Idec_ref(id);
  H5Fclose(file);
}

#else

bool can_write_hdf5() { return false; }
void write_hdf5(const std::string&, const std::vector<TestArray>&, bool) {}
void write_hdf5_table(const std::string&, std::string_view, const std::vector<std::string>&, std::uint64_t) {}

#endif

}  // namespace atp::test
