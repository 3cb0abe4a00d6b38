// Fuzz target: any bytes as a file of VASP (POSCAR, XDATCAR, OUTCAR, vasprun.xml) or a cube file.
#include <memory>

#include "core/base/error.h"
#include "formats/byte_source.h"
#include "formats/cube.h"
#include "formats/vasp.h"
#include "formats/vasp_poscar.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace atp;

class ReadEverything : public FrameSink {
 public:
  void frame(Structure& structure, const FrameOrigin&) override {
    fuzz::require(structure.positions.size() == structure.n_atoms() * 24);
    for (const auto& section : structure.sections()) decode_value(section.view());
  }
  void bad_frame(const Error& error, const FrameOrigin&) override { fuzz::require(error.exit() == Exit::input && !error.where().empty()); }
  void mapped(std::string_view, std::string_view) override {}
  void note(std::string_view) override {}
};

template <class Open>
void attempt(Bytes bytes, Open&& open) {
  try {
    const auto reader = open(std::make_unique<ByteSource>("fuzz", bytes));
    Structure structure;
    ReadEverything sink;
    while (const auto batch = reader->next()) batch->decode(structure, sink);
  } catch (const Error& e) {
    fuzz::require(e.exit() == Exit::input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = fuzz::bytes_of(data, size);
  sniff_vasp(as_text(bytes));
  sniff_chgcar(as_text(bytes));
  for (const auto open : {open_poscar, open_xdatcar, open_outcar, open_vasprun}) attempt(bytes, open);
  attempt(bytes, [](std::unique_ptr<ByteSource> source) { return open_cube(std::move(source), {}); });
  return 0;
}
