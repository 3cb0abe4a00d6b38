// Fuzz target: any bytes as a pickle. It must give values or an Error, and arrays that lie within the bytes.
#include <deque>

#include "core/base/error.h"
#include "formats/pickle.h"
#include "tests/fuzz/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atp;
  try {
    const Pickle pickle(fuzz::bytes_of(data, size));
    fuzz::require(pickle.size() <= size);
    const PickleValue& root = pickle.root();
    for (std::size_t i = 0; i < root.items.size() && i < 64; ++i) {
      try {
        std::deque<std::vector<std::byte>> scratch;
        const FrameValue v = pickle.value(pickle[root.items[i]], scratch);
        double sum = 0;
        for (std::uint64_t k = 0; v.of != FrameValue::Of::text && k < v.count(); ++k) sum += v.real(k);
        fuzz::require(sum == sum || sum != sum);
      } catch (const Error& e) {
        fuzz::require(e.exit() == Exit::input);
      }
    }
  } catch (const Error& e) {
    fuzz::require(e.exit() == Exit::input);
  }
  return 0;
}
