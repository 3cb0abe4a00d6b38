#include "cmd/codec_option.h"

#include <fmt/format.h>

#include "cmd/options.h"
#include "core/base/error.h"

namespace atp {

Codec codec_option(const std::string& text) {
  if (const auto codec = parse_codec(text)) return *codec;
  const std::string near = nearest_name(text.substr(0, text.find(':')), {"none", "lz4", "zstd"});
  throw Error(Exit::usage, "", fmt::format("unknown codec '{}'", text),
              near.empty() || text.starts_with(near) ? "codecs are none, lz4, zstd, zstd:1 to zstd:22"
                                                     : fmt::format("did you mean '{}'?", near));
}

}  // namespace atp
