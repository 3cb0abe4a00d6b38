// Turns structures into stored records.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/schema.h"
#include "core/atp/section_pattern.h"

namespace atp {

// Records ready to be written, made on any thread by RecordEncoder.
struct EncodedRecords {
  struct Entry {
    std::uint32_t stored, unpacked, atoms;
    std::uint64_t checksum;
  };
  std::vector<std::byte> bytes;  // stored records, back to back
  std::vector<Entry> entries;
  Schema schema;  // of these records
};

// One thread; one per thread.
class RecordEncoder {
 public:
  explicit RecordEncoder(Codec codec) : context_(codec) {}

  // Appends to `out` and adds to its schema. Returns how the structure disagrees with out.schema,
  // which is empty when all is well; `out` is then as it was before. Throws Error (exit 3), likewise,
  // when the structure cannot be a record at all. The sections are put in the order of FORMAT.md. What a view borrows
  // must not lie in `out`.
  [[nodiscard]] std::string add(Structure& structure, EncodedRecords& out);
  [[nodiscard]] std::string add(const StructureView& structure, EncodedRecords& out);

 private:
  void encode(const StructureView& structure, std::vector<std::byte>& out);

  CodecContext context_;
  std::vector<std::byte> record_;
  std::vector<SectionView> sections_;
  SectionPatterns patterns_{SectionPattern::Of::everything};  // of records that passed
};

}  // namespace atp
