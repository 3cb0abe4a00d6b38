// --codec, the same for every command.
#pragma once

#include <string>

#include "core/atp/codec.h"

namespace atp {

// Throws Error (exit 2) with the nearest name.
Codec codec_option(const std::string& text);

}  // namespace atp
