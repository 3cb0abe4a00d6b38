// HDF5 datasets: one group a molecule, an atom count or a frame.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

int sniff_hdf5(std::string_view head);

#ifdef ATP_HAVE_HDF5
std::unique_ptr<FormatReader> open_hdf5(const std::string& path, const ReadOptions& options);
inline constexpr std::string_view kHdf5Missing = "";
#else
inline constexpr std::nullptr_t open_hdf5 = nullptr;
inline constexpr std::string_view kHdf5Missing = "it was built without HDF5 (Debian: libhdf5-dev)";
#endif

}  // namespace atp
