// Fuzz target: the index of an otherwise sound file.
#include <span>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

namespace {

// Three small records in each codec: the data regions that indices point into.
const std::vector<std::byte>& data_region(Codec codec) {
  static const auto regions = [] {
    std::array<std::vector<std::byte>, 3> made;
    for (std::uint8_t id = 0; id < 3; ++id) {
      RecordEncoder encoder({static_cast<CodecId>(id), id == 2 ? 3 : 0});
      EncodedRecords records;
      for (std::uint8_t n = 0; n < 3; ++n) {
        Structure s;
        s.atomic_numbers.assign(n, 6);
        s.set_positions(std::vector<float>(n * std::size_t{3}, 1.5F));
        s.set_energy(-1);
        require(encoder.add(s, records).empty());
      }
      made[id] = records.bytes;
    }
    return made;
  }();
  return regions[static_cast<std::size_t>(codec.id)];
}

// Header, data region, index.
std::vector<std::byte> file_with(Bytes entries, Codec codec) {
  const auto& region = data_region(codec);
  Slot slot;
  slot.codec = static_cast<std::uint8_t>(codec.id);
  slot.level = codec.level;
  slot.num_molecules = entries.size() / sizeof(RawIndexEntry);
  slot.index_offset = kFirstData + region.size();
  slot.index_len = index_bytes(slot.num_molecules);
  std::vector<std::byte> file;
  const auto append = [&](Bytes b) { file.insert(file.end(), b.begin(), b.end()); };
  append(encode_slot(slot));
  append(encode_slot(slot));
  append(region);
  append(std::as_bytes(std::span(&slot.num_molecules, 1)));
  append(entries.first(slot.num_molecules * sizeof(RawIndexEntry)));
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = fuzz::bytes_of(data, size);
  const Codec codec{static_cast<CodecId>(fuzz::take_byte(rest) % 3), 0};
  const auto file = file_with(rest, codec);
  try {
    const Reader reader("fuzz.atp", file);  // no schema block: reads all records
    Scratch scratch;
    for (std::uint64_t i = 0; i < reader.size(); ++i) {
      const IndexEntry e = reader.entry(i);
      require(reader.stored(i).size() == e.stored);
      require(reader.record(i, scratch).n_atoms() == e.atoms);
      require(scratch.buffer().size() <= file.size() * 40000);
    }
  } catch (const Error& e) {
    require(e.exit() == Exit::input && e.where().starts_with("fuzz.atp"));
  }
  return 0;
}
