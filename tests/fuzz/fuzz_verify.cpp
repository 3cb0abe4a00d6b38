// Fuzz target: atp verify on a whole file (laid out as in fuzz_file.cpp). A file that it calls sound
// must be readable to its last record. Looking for blocks and records to salvage only has to survive.
#include <algorithm>

#include "core/atp/reader.h"
#include "core/atp/salvage_scan.h"
#include "core/atp/verify.h"
#include "core/base/error.h"
#include "core/stats/value_checks.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

namespace {

class MemoryFile final : public InputFile {
 public:
  explicit MemoryFile(Bytes bytes) : bytes_(bytes) {}

  const std::string& path() const override { return path_; }
  std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= bytes_.size()) return 0;
    const Bytes from = bytes_.subspan(static_cast<std::size_t>(offset)).first(std::min<std::size_t>(out.size(), bytes_.size() - static_cast<std::size_t>(offset)));
    if (!from.empty()) std::memcpy(out.data(), from.data(), from.size());
    return from.size();
  }
  void expect_sequential() const override {}

 private:
  std::string path_ = "fuzz.atp";
  Bytes bytes_;
};

// Returns whether the file is sound, or nothing when it is no .atp file.
std::optional<bool> verdict(const InputFile& file, const VerifyOptions& options) {
  try {
    return verify_file(file, options).sound();
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
    return std::nullopt;
  }
}

void read_to_the_end(Bytes bytes) {
  try {
    const Reader reader("fuzz.atp", bytes);
    reader.check_index();
    (void)reader.metadata();
    Scratch scratch;
    for (std::uint64_t i = 0; i < reader.size(); ++i) reader.verified_record(i, scratch).check();
  } catch (const Error&) {
    require(false);
  }
}

void look_for_anything(const InputFile& file, Codec codec) {
  const FoundBlocks blocks = find_blocks(file);
  const Schema* lock = blocks.schemas.empty() ? nullptr : &blocks.schemas[0].schema;
  ScanWindow window(file);
  RecordScan scan(window, codec, lock, std::nullopt);
  std::uint64_t at = kFirstData;
  while (const auto found = scan.next(at, file.size())) {
    const std::uint64_t end = found->entry.offset + found->entry.stored;
    require(found->entry.offset >= at && end > at && end <= file.size());
    at = end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = fuzz::bytes_of(data, size);
  std::vector<std::byte> bytes;
  for (int i = 0; i < 2; ++i) {
    const auto slot = fuzz::take_slot(rest);
    bytes.insert(bytes.end(), slot.begin(), slot.end());
  }
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  bytes.shrink_to_fit();  // so that a read behind the end is seen

  const MemoryFile file(bytes);
  VerifyOptions full;
  full.look = [](std::uint64_t record, const RecordView& view, ValueNotes& notes) { check_values(record, view, 100, notes); };
  VerifyOptions quick;
  quick.quick = true;
  const auto sound = verdict(file, full);
  const auto sound_at_a_glance = verdict(file, quick);
  require(sound.has_value() == sound_at_a_glance.has_value());
  if (sound == true) {
    require(*sound_at_a_glance);
    read_to_the_end(bytes);
  }
  for (const CodecId codec : {CodecId::none, CodecId::zstd}) look_for_anything(file, {codec, 0});
  return 0;
}
