// tar and zip archives, read through without unpacking.
#pragma once

#include <memory>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

int sniff_archive(std::string_view head);

#ifdef ATP_HAVE_ARCHIVE
std::unique_ptr<FormatReader> open_archive(std::unique_ptr<ByteSource> source, const ReadOptions& options);
inline constexpr std::string_view kArchiveMissing = "";
#else
inline constexpr std::nullptr_t open_archive = nullptr;
inline constexpr std::string_view kArchiveMissing = "it was built without libarchive (Debian: libarchive-dev)";
#endif

}  // namespace atp
