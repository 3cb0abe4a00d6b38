// Fuzz target: two header slots (fuzz_support.h) and the size of the file they stand in.
#include <string>

#include "core/base/error.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

namespace {

void check_block(std::uint64_t offset, std::uint64_t length, const Slot& slot, std::uint64_t end) {
  if (length == 0) return;
  require(offset >= slot.data_start && offset <= end && length <= end - offset);
}

// What every user of a slot relies on without looking again.
void check_slot(const Slot& slot, std::uint64_t file_size) {
  require(slot.data_start >= kFirstData && slot.data_start <= file_size);
  require(slot.codec <= 2 && (slot.record_format == 2 || slot.record_format == 3));
  require(slot.index_len == 0 ? slot.num_molecules == 0 : slot.index_len == index_bytes(slot.num_molecules));
  require(slot.committed_end() <= file_size);
  check_block(slot.index_offset, slot.index_len, slot, file_size);
  check_block(slot.schema_offset, slot.schema_len, slot, file_size);
  if (!slot.extension) return;
  require(slot.extension->checksums_len == 8 * slot.num_molecules);
  check_block(slot.extension->checksums_offset, slot.extension->checksums_len, slot, slot.committed_end());
  check_block(slot.extension->metadata_offset, slot.extension->metadata_len, slot, slot.committed_end());
}

void check_round_trip(const Slot& slot, std::uint64_t file_size) {
  std::string why;
  const auto again = decode_slot(encode_slot(slot), file_size, why);
  require(again && again->generation == slot.generation && again->index_offset == slot.index_offset &&
          again->num_molecules == slot.num_molecules && again->extension.has_value() == slot.extension.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = fuzz::bytes_of(data, size);
  std::uint64_t file_size = 0;
  const Bytes raw_size = fuzz::take(rest, sizeof file_size);
  if (!raw_size.empty()) std::memcpy(&file_size, raw_size.data(), raw_size.size());
  const bool raw = (file_size & 1) != 0;
  file_size >>= 1;

  std::vector<std::byte> head;
  if (raw) {  // any bytes at all, any number of them
    head.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(rest.size(), kFirstData)));
  } else {
    for (int i = 0; i < 2; ++i) {
      const auto slot = fuzz::take_slot(rest);
      head.insert(head.end(), slot.begin(), slot.end());
    }
  }
  try {
    const ChosenSlot chosen = choose_slot(head, file_size);
    require(chosen.name == 'A' || chosen.name == 'B');
    check_slot(chosen.slot, file_size);
    check_round_trip(chosen.slot, file_size);
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
  }
  return 0;
}
