// Fuzz target: the type of the positions, then a decompressed record.
#include "core/atp/record.h"
#include "core/atp/schema.h"
#include "core/base/error.h"
#include "core/stats/dataset_stats.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

namespace {

template <class Fn>
bool accepted(Fn&& fn) {
  try {
    fn();
    return true;
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
    return false;
  }
}

void look_at_builtins(const RecordView& record) {
  accepted([&] { (void)record.energy(); });
  accepted([&] { (void)record.forces(); });
  accepted([&] { (void)record.velocities(); });
  accepted([&] { (void)record.charges(); });
  accepted([&] { (void)record.cell(); });
  accepted([&] { (void)record.stress(); });
  accepted([&] { (void)record.pbc(); });
  accepted([&] { (void)record.name(); });
}

void gather_stats(const RecordView& record) {
  Sample sample;
  StatsScratch scratch;
  DatasetStats stats;
  accepted([&] {
    sample.fill(record);
    stats.add(sample, scratch);
  });
  DatasetStats both;
  both.merge(stats);
}

// What can be written again reads as the same.
void check_round_trip(const RecordView& record) {
  Structure copy, again;
  std::vector<std::byte> encoded;
  if (!accepted([&] { record.copy_to(copy); })) return;
  if (!accepted([&] { encode_record(copy, encoded); })) return;
  const RecordView view(encoded, copy.positions_type);
  view.check();
  view.copy_to(again);
  require(again.atomic_numbers == copy.atomic_numbers && again.positions == copy.positions);
  require(again.sections().size() == copy.sections().size());
  for (std::size_t i = 0; i < copy.sections().size(); ++i) {
    require(again.sections()[i].key == copy.sections()[i].key && again.sections()[i].payload == copy.sections()[i].payload);
  }
  Schema schema;
  require(schema.add(copy).empty() && schema.add(view).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = fuzz::bytes_of(data, size);
  const Type positions = (fuzz::take_byte(rest) & 1) != 0 ? Type::vec3_f64 : Type::vec3_f32;
  accepted([&] {
    const RecordView record(rest, positions);
    accepted([&] { record.check(); });
    look_at_builtins(record);
    gather_stats(record);
    check_round_trip(record);
    accepted([&] {
      Schema schema;
      (void)schema.add(record);
    });
  });
  return 0;
}
