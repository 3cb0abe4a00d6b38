// HDF5 files for tests, of the same arrays as .npz files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atp::test {

struct TestArray {
  std::string name, type;  // of NumPy: "<f8", "<i8", "|S4" ...
  std::vector<std::uint64_t> shape;
  std::string bytes;
};

template <class T>
TestArray test_array(std::string name, std::string type, std::vector<std::uint64_t> shape, const std::vector<T>& values) {
  return {std::move(name), std::move(type), std::move(shape), std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T))};
}

void write_npz(const std::string& path, const std::vector<TestArray>& arrays);

// Whether this build has the library; without, the other does nothing. `chunked`: compressed, in small pieces.
bool can_write_hdf5();
void write_hdf5(const std::string& path, const std::vector<TestArray>& arrays, bool chunked = false);
// A list of structs, each of them the whole numbers of that name.
void write_hdf5_table(const std::string& path, std::string_view table, const std::vector<std::string>& members, std::uint64_t rows);

}  // namespace atp::test
