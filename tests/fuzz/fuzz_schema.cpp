// Fuzz target: a schema block.
#include "core/atp/schema.h"
#include "core/base/error.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes block = fuzz::bytes_of(data, size);
  try {
    const Schema schema = Schema::decode(block);
    const auto encoded = schema.encode();
    require(encoded.size() <= block.size());  // bytes behind the last entry are ignored
    require(Schema::decode(encoded) == schema);
    Schema merged = schema;
    require(merged.merge(schema).empty() && merged == schema);
    (void)schema.needed_record_format();
    for (const auto& [key, entry] : schema.entries) (void)describe_shape(key.first, entry);
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
  }
  return 0;
}
