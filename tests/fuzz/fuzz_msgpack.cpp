// Fuzz target: any bytes as MessagePack. The first byte says how values are taken; it must give what lies within the bytes, or an Error.
#include "core/base/error.h"
#include "formats/msgpack.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace atp;

// As the reader of DeePMD's frames takes them apart: a map of maps with type, shape and data.
void read_frame(MsgpackReader in, std::size_t size) {
  for (std::uint64_t n = in.map(); n > 0; --n) {
    fuzz::require(in.text().size() <= size);
    MsgpackReader inner = in;
    in.skip();
    try {
      for (std::uint64_t m = inner.map(); m > 0; --m) {
        const std::string_view key = inner.text();
        if (key == "shape") {
          for (std::uint64_t d = inner.list(); d > 0; --d) inner.integer();
        } else if (key == "data") {
          fuzz::require(inner.binary().size() <= size);
        } else {
          inner.skip();
        }
      }
    } catch (const Error& e) {
      fuzz::require(e.exit() == Exit::input);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    MsgpackReader in(fuzz::bytes_of(data + 1, size - 1));
    if (data[0] % 2 == 0) {
      read_frame(in, size);
    } else {
      for (;;) in.skip();
    }
  } catch (const Error& e) {
    fuzz::require(e.exit() == Exit::input);
  }
  return 0;
}
