#include "core/base/byte_reader.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace atp {

void ByteReader::fail_short(std::uint64_t wanted, const char* what) const {
  fail_input("", fmt::format("{} needs {} bytes, {} are left", what, wanted, rest_.size()));
}

}  // namespace atp
