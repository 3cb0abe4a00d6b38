// Gaussian cube files, as structures: the grid is left out.
#pragma once

#include <memory>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

int sniff_cube(std::string_view head);
std::unique_ptr<FormatReader> open_cube(std::unique_ptr<ByteSource> source, const ReadOptions& options);

}  // namespace atp
