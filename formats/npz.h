// NumPy's .npz as datasets: MD17, rMD17, sGDML, SO3LR, and whatever --npz-map names.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

int sniff_npz(std::string_view head);
std::unique_ptr<FormatReader> open_npz(const std::string& path, const ReadOptions& options);

}  // namespace atp
