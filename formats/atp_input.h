// .atp files as inputs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

int sniff_atp(std::string_view head);
std::unique_ptr<FormatReader> open_atp(const std::string& path, const ReadOptions& options);

}  // namespace atp
