// Fuzz target: counts as NumPy keeps them, an .npy file or a member of an .npz archive.
#include "core/base/error.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = fuzz::bytes_of(data, size);
  try {
    std::vector<std::byte> member;
    if (looks_like_zip(bytes)) {
      for (const NpzArrayName& array : npz_arrays(bytes, "fuzz.npz")) require(array.name.size() <= size);
      member = npz_member(bytes, "natoms", "fuzz.npz");
    }
    const NpyArray any = parse_any_npy(member.empty() ? bytes : Bytes(member), "fuzz.npy");
    require(any.data.size() <= (member.empty() ? size : member.size()));
    std::vector<std::byte> own;
    require(any.kind == 'O' || plain_data(any, own).size() == any.data.size());
    const NpyArray array = parse_npy(member.empty() ? bytes : Bytes(member), "fuzz.npy");
    require(array.data.size() + array.trailer.size() <= (member.empty() ? size : member.size()));
    for (std::uint64_t i = 0; i < array.size(); ++i) (void)array.at(i);
    require(counts_of(array, "fuzz.npy").size() == array.size());
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
  }
  return 0;
}
