// Fuzz target: any bytes as an input of unknown format. It must give frames or Errors.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/atp/structure.h"
#include "core/base/error.h"
#include "formats/byte_source.h"
#include "formats/extxyz.h"

namespace {

using namespace atp;

// Looks at all that it is given, so that a sanitizer sees every byte read.
class ReadEverything : public FrameSink {
 public:
  void frame(Structure& structure, const FrameOrigin&) override {
    structure.sort_sections();
    if (structure.positions.size() != structure.n_atoms() * 24) __builtin_trap();
    for (const auto& section : structure.sections()) decode_value(section.view());
  }
  void bad_frame(const Error& error, const FrameOrigin&) override {
    if (error.exit() != Exit::input || error.where().empty()) __builtin_trap();
  }
  void mapped(std::string_view, std::string_view) override {}
  void note(std::string_view) override {}
};

void read_all(FormatReader& reader) {
  Structure structure;
  ReadEverything sink;
  while (const auto batch = reader.next()) batch->decode(structure, sink);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  for (const auto open : {open_extxyz, open_xyz}) {
    try {
      read_all(*open(std::make_unique<ByteSource>("fuzz.xyz", bytes), {}));
    } catch (const Error& e) {
      if (e.exit() != Exit::input) __builtin_trap();
    }
  }
  return 0;
}
