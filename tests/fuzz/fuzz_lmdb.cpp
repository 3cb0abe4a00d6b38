// Fuzz target: any bytes as an LMDB file. It must give entries that lie within the bytes, or an Error.
#include "core/base/error.h"
#include "formats/lmdb_file.h"
#include "tests/fuzz/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atp;
  try {
    const LmdbFile file(fuzz::bytes_of(data, size), "fuzz.lmdb");
    std::uint64_t sum = 0;
    file.for_each([&](const LmdbEntry& e) {
      for (const char c : e.key) sum += static_cast<unsigned char>(c);
      if (!e.value.empty()) sum += static_cast<std::uint64_t>(e.value.front()) + static_cast<std::uint64_t>(e.value.back());
      return true;
    });
    fuzz::require(sum < UINT64_MAX);
  } catch (const Error& e) {
    fuzz::require(e.exit() == Exit::input && !e.where().empty());
  }
  return 0;
}
