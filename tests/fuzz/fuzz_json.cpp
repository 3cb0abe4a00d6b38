// Fuzz target: any bytes as a JSON dataset. It must give frames or Errors.
#include <memory>

#include "core/atp/structure.h"
#include "core/base/error.h"
#include "formats/byte_source.h"
#include "formats/json.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace atp;

class ReadEverything : public FrameSink {
 public:
  void frame(Structure& s, const FrameOrigin&) override {
    s.keep_last_of_equals();
    fuzz::require(s.positions.size() == s.n_atoms() * (s.positions_type == Type::vec3_f32 ? 12 : 24));
    for (const auto& section : s.sections()) decode_value(section.view());
  }
  void bad_frame(const Error& e, const FrameOrigin&) override { fuzz::require(e.exit() == Exit::input && !e.where().empty()); }
  void mapped(std::string_view, std::string_view) override {}
  void note(std::string_view) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto open : {open_json, open_ase_json}) {
    try {
      const auto reader = open(std::make_unique<ByteSource>("fuzz.json", fuzz::bytes_of(data, size)), {});
      Structure structure;
      ReadEverything sink;
      while (const auto batch = reader->next()) batch->decode(structure, sink);
    } catch (const Error& e) {
      fuzz::require(e.exit() == Exit::input);
    }
  }
  return 0;
}
