#ifdef ATP_HAVE_HDF5

#include "formats/hdf5_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "core/base/error.h"

namespace atp {

namespace {

// Many texts of a file may be the same bytes of it, so what they need is not bounded by its size.
constexpr std::size_t kMostTextBytes = std::size_t{1} << 30;
constexpr unsigned kTextReference = 16;  // bytes that a dataset needs for a text of variable length
constexpr std::size_t kLongestText = 65536;

void* allocate_text(size_t bytes, void* used) {
  std::size_t& sum = *static_cast<std::size_t*>(used);
  sum += bytes;
  return sum > kMostTextBytes ? nullptr : std::malloc(bytes);
}

void free_text(void* text, void*) { std::free(text); }

}  // namespace

bool find_type(Dataset5& d) {
  const Hdf5Id type(H5Dget_type(d.id.get()));
  const std::size_t size = H5Tget_size(type.get());
  switch (H5Tget_class(type.get())) {
    case H5T_FLOAT:
      d.item_bytes = size <= 4 ? 4 : 8;
      d.type = Hdf5Id(H5Tcopy(size <= 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE));
      return true;
    case H5T_INTEGER: {
      const bool is_signed = H5Tget_sign(type.get()) == H5T_SGN_2;
      d.kind = size == 8 && !is_signed ? 'u' : 'i';  // as signed ones, the library would make 2^63 - 1 of what is larger
      d.item_bytes = size <= 2 || (size == 4 && is_signed) ? 4 : 8;
      d.type = Hdf5Id(H5Tcopy(d.item_bytes == 4 ? H5T_NATIVE_INT32 : d.kind == 'u' ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64));
      return true;
    }
    case H5T_ENUM:  // h5py's booleans
      if (size != 1) return false;
      d.kind = 'b';
      d.item_bytes = 1;
      d.type = Hdf5Id(H5Tcopy(type.get()));
      return true;
    case H5T_STRING:
      d.kind = 'S';
      if (H5Tis_variable_str(type.get()) > 0) {
        d.item_bytes = kTextReference;
        return true;
      }
      if (size == 0 || size > kLongestText) return false;
      d.item_bytes = static_cast<unsigned>(size);
      d.type = Hdf5Id(H5Tcopy(type.get()));
      return true;
    default: return false;
  }
}

bool is_table_of_frames(const Dataset5& d) {
  const Hdf5Id type(H5Dget_type(d.id.get()));
  if (d.shape.size() != 1 || H5Tget_class(type.get()) != H5T_COMPOUND) return false;
  const int members = H5Tget_nmembers(type.get());
  for (int i = 0; i < members; ++i) {
    char* const name = H5Tget_member_name(type.get(), static_cast<unsigned>(i));
    const bool is = name != nullptr && is_name_of_sizes(name);
    H5free_memory(name);
    if (is) return true;
  }
  return false;
}

bool is_one_value(const Dataset5& d) {
  return std::ranges::all_of(d.shape, [](std::uint64_t n) { return n == 1; });
}

Hdf5Id selection(hid_t dataset, std::uint64_t first, const std::vector<std::uint64_t>& shape) {
  Hdf5Id from(H5Dget_space(dataset));
  if (shape.empty()) return from;
  const std::vector<hsize_t> counts(shape.begin(), shape.end());
  std::vector<hsize_t> start(shape.size(), 0);
  start[0] = first;
  if (H5Sselect_hyperslab(from.get(), H5S_SELECT_SET, start.data(), nullptr, counts.data(), nullptr) < 0) return {};
  return from;
}

SizesArray sizes_array(const Dataset5& d) {
  H5Iinc_ref(d.id.get());
  const auto data = std::make_shared<const Hdf5Id>(d.id.get());
  return {d.name, d.kind, d.shape, [data, name = d.name, shape = d.shape](std::uint64_t first, std::span<std::int64_t> out) mutable {
            if (!shape.empty()) shape[0] = out.size();
            const Hdf5Id from = selection(data->get(), first, shape);
            const hsize_t n = out.size();
            const Hdf5Id to(H5Screate_simple(1, &n, nullptr));
            if (!from || H5Dread(data->get(), H5T_NATIVE_INT64, to.get(), from.get(), H5P_DEFAULT, out.data()) < 0) {
              fail_input("", fmt::format("'{}' cannot be read", name), "the file is damaged or compressed with a filter that is not there");
            }
          }};
}

std::vector<std::optional<std::string>> read_texts(const Dataset5& d, std::uint64_t first, const std::vector<std::uint64_t>& shape) {
  const Hdf5Id from = selection(d.id.get(), first, shape);
  const Hdf5Id type(H5Dget_type(d.id.get()));
  const Hdf5Id memory(H5Tcopy(H5T_C_S1));
  H5Tset_size(memory.get(), H5T_VARIABLE);
  H5Tset_cset(memory.get(), H5Tget_cset(type.get()));
  const hssize_t count = H5Sget_select_npoints(from.get());
  if (count == 0) return {};
  const auto n = static_cast<hsize_t>(std::max<hssize_t>(count, 0));
  const Hdf5Id to(H5Screate_simple(1, &n, nullptr));
  // H5Dvlen_get_buf_size() would say what they need, but writes where it must not for a dataset without dimensions.
  const Hdf5Id transfer(H5Pcreate(H5P_DATASET_XFER));
  std::size_t used = 0;
  H5Pset_vlen_mem_manager(transfer.get(), allocate_text, &used, free_text, nullptr);
  std::vector<char*> values(n, nullptr);
  const bool read = count > 0 && H5Dread(d.id.get(), memory.get(), to.get(), from.get(), transfer.get(), values.data()) >= 0;
  std::vector<std::optional<std::string>> texts(n);
  for (std::size_t i = 0; read && i < n; ++i) {
    if (values[i] != nullptr) texts[i] = values[i];
  }
  for (char* const value : values) free_text(value, nullptr);
  if (used > kMostTextBytes) fail_input("", fmt::format("holds more than {} bytes of texts at once", kMostTextBytes));
  if (!read) fail_input("", "cannot be read", "the file is damaged or compressed with a filter that is not there");
  return texts;
}

Bytes texts_of_width(const std::vector<std::optional<std::string>>& texts, unsigned width, std::vector<std::byte>& out) {
  out.assign(texts.size() * width, std::byte{0});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i]) std::memcpy(out.data() + i * width, texts[i]->data(), std::min<std::size_t>(texts[i]->size(), width));
  }
  return out;
}

}  // namespace atp

#endif
