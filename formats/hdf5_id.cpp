#ifdef ATP_HAVE_HDF5

#include "formats/hdf5_id.h"

#include <algorithm>

namespace atp {

std::string text_attribute(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return {};
  const Hdf5Id attribute(H5Aopen(object, name, H5P_DEFAULT));
  const Hdf5Id type(H5Aget_type(attribute.get()));
  const Hdf5Id space(H5Aget_space(attribute.get()));
  if (!attribute || H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1) return {};
  std::string text;
  if (H5Tis_variable_str(type.get()) > 0) {
    const Hdf5Id memory(H5Tcopy(H5T_C_S1));
    H5Tset_size(memory.get(), H5T_VARIABLE);
    H5Tset_cset(memory.get(), H5Tget_cset(type.get()));
    char* value = nullptr;
    if (H5Aread(attribute.get(), memory.get(), &value) < 0 || value == nullptr) return {};
    text.assign(value, std::min<std::size_t>(std::char_traits<char>::length(value), 200));
    H5free_memory(value);
  } else {
    const std::size_t size = H5Tget_size(type.get());
    if (size > 1000) return {};
    text.resize(size);
    if (H5Aread(attribute.get(), type.get(), text.data()) < 0) return {};
    text.resize(std::min(text.find('\0'), text.size()));
  }
  return text;
}

}  // namespace atp

#endif
