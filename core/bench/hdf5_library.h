// The HDF5 library, loaded when a benchmark asks for it: it brings thirty libraries along, which no other command
// should wait for at its start. Private to core/bench.
#pragma once

#include <hdf5.h>

#include <string>

namespace atp {

// Pointers are those of the C interface of the same name, without H5.
class Hdf5Library {
 public:
  // Throws Error (exit 4) when the library is not there or is another version than this build's headers.
  static const Hdf5Library& get();

  decltype(&::H5Eset_auto2) Eset_auto2;
  decltype(&::H5Fcreate) Fcreate;
  decltype(&::H5Fopen) Fopen;
  decltype(&::H5Fclose) Fclose;
  decltype(&::H5Screate_simple) Screate_simple;
  decltype(&::H5Sselect_hyperslab) Sselect_hyperslab;
  decltype(&::H5Sclose) Sclose;
  decltype(&::H5Sget_simple_extent_npoints) Sget_simple_extent_npoints;
  decltype(&::H5Dcreate2) Dcreate2;
  decltype(&::H5Dopen2) Dopen2;
  decltype(&::H5Dget_space) Dget_space;
  decltype(&::H5Dread) Dread;
  decltype(&::H5Dwrite) Dwrite;
  decltype(&::H5Dclose) Dclose;
  decltype(&::H5Pcreate) Pcreate;
  decltype(&::H5Pset_chunk) Pset_chunk;
  decltype(&::H5Pset_chunk_cache) Pset_chunk_cache;
  decltype(&::H5Pclose) Pclose;
  hid_t f32, f64, u8, u64;                    // native types
  hid_t dataset_creation, dataset_access;     // classes of property lists

 private:
  Hdf5Library();
  void* find(const char* name) const;
  template <class F>
  void load(F& pointer, const char* name) const {
    pointer = reinterpret_cast<F>(find(name));
  }
  hid_t number(const char* name) const { return *static_cast<const hid_t*>(find(name)); }

  void* library_ = nullptr;
};

}  // namespace atp
