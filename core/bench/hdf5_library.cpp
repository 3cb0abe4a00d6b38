#include "core/bench/hdf5_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/base/error.h"

namespace atp {

const Hdf5Library& Hdf5Library::get() {
  static const Hdf5Library library;
  return library;
}

Hdf5Library::Hdf5Library() {
  // 103 is the binary interface of HDF5 1.10, 310 that of 1.14; the version is compared below.
  for (const char* name : {"libhdf5_serial.so.103", "libhdf5_serial.so.310", "libhdf5.so.103", "libhdf5.so.310", "libhdf5_serial.so", "libhdf5.so"}) {
    library_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library_) break;
  }
  if (!library_) throw Error(Exit::system, "", "the HDF5 library is not there", "install libhdf5 (Debian: libhdf5-103-1)");
  decltype(&::H5open) open;
  decltype(&::H5get_libversion) version;
  load(open, "H5open");
  load(version, "H5get_libversion");
  unsigned major = 0, minor = 0, release = 0;
  if (open() < 0 || version(&major, &minor, &release) < 0) throw Error(Exit::system, "", "the HDF5 library does not start");
  if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR) {
    throw Error(Exit::system, "", fmt::format("the HDF5 library is {}.{}, and this build was made for {}.{}", major, minor, H5_VERS_MAJOR, H5_VERS_MINOR));
  }
  load(Eset_auto2, "H5Eset_auto2");
  load(Fcreate, "H5Fcreate");
  load(Fopen, "H5Fopen");
  load(Fclose, "H5Fclose");
  load(Screate_simple, "H5Screate_simple");
  load(Sselect_hyperslab, "H5Sselect_hyperslab");
  load(Sclose, "H5Sclose");
  load(Sget_simple_extent_npoints, "H5Sget_simple_extent_npoints");
  load(Dcreate2, "H5Dcreate2");
  load(Dopen2, "H5Dopen2");
  load(Dget_space, "H5Dget_space");
  load(Dread, "H5Dread");
  load(Dwrite, "H5Dwrite");
  load(Dclose, "H5Dclose");
  load(Pcreate, "H5Pcreate");
  load(Pset_chunk, "H5Pset_chunk");
  load(Pset_chunk_cache, "H5Pset_chunk_cache");
  load(Pclose, "H5Pclose");
  f32 = number("H5T_NATIVE_FLOAT_g");
  f64 = number("H5T_NATIVE_DOUBLE_g");
  u8 = number("H5T_NATIVE_UINT8_g");
  u64 = number("H5T_NATIVE_UINT64_g");
  dataset_creation = number("H5P_CLS_DATASET_CREATE_ID_g");
  dataset_access = number("H5P_CLS_DATASET_ACCESS_ID_g");
  Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // it would print to stderr
}

void* Hdf5Library::find(const char* name) const {
  // Where the program itself is linked with HDF5, the library's variables live in the program.
  void* symbol = ::dlsym(RTLD_DEFAULT, name);
  if (!symbol) symbol = ::dlsym(library_, name);
  if (!symbol) throw Error(Exit::system, "", fmt::format("the HDF5 library has no {}", name));
  return symbol;
}

}  // namespace atp
