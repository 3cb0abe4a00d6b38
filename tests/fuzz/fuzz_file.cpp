// Fuzz target: a whole file. Two header slots (fuzz_support.h), then everything behind byte 8192.
#include "core/atp/metadata.h"
#include "core/atp/reader.h"
#include "core/base/error.h"
#include "core/stats/dataset_stats.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

namespace {

template <class Fn>
void attempt(Fn&& fn) {
  try {
    fn();
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
  }
}

void read_all(const Reader& reader) {
  Scratch scratch;
  Structure copy;
  Sample sample;
  StatsScratch stats_scratch;
  DatasetStats stats;
  // More records than bytes are there can point at the same ones: some are enough.
  const std::uint64_t most = std::min<std::uint64_t>(reader.size(), 100);
  for (std::uint64_t i = 0; i < most; ++i) {
    attempt([&] {
      const RecordView record = reader.verified_record(i, scratch);
      record.check();
      record.copy_to(copy);
      sample.fill(record);
      stats.add(sample, stats_scratch);
    });
    attempt([&] { reader.record(i, scratch).check(); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = fuzz::bytes_of(data, size);
  std::vector<std::byte> file;
  for (int i = 0; i < 2; ++i) {
    const auto slot = fuzz::take_slot(rest);
    file.insert(file.end(), slot.begin(), slot.end());
  }
  file.insert(file.end(), rest.begin(), rest.end());
  file.shrink_to_fit();  // so that a read behind the end is seen
  attempt([&] {
    const Reader reader("fuzz.atp", file);
    attempt([&] { reader.check_index(); });
    attempt([&] { (void)Metadata::parse(reader.metadata()).to_json(); });
    read_all(reader);
  });
  return 0;
}
