// CIF: crystals with their symmetry expanded, through gemmi.
#pragma once

#include <memory>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

int sniff_cif(std::string_view head);

#ifdef ATP_HAVE_GEMMI
std::unique_ptr<FormatReader> open_cif(std::unique_ptr<ByteSource> source, const ReadOptions& options);
inline constexpr std::string_view kCifMissing = "";
#else
inline constexpr std::nullptr_t open_cif = nullptr;
inline constexpr std::string_view kCifMissing = "it was built without gemmi (Debian: gemmi-dev tao-pegtl-dev)";
#endif

}  // namespace atp
