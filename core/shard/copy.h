// Records on their way from one file to another: as stored bytes where nothing about them changes.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/atp/dataset.h"
#include "core/atp/record_checker.h"
#include "core/atp/writer.h"
#include "core/shard/inputs.h"
#include "core/shard/plan.h"

namespace atp {

struct CopyRules {
  Codec codec;                // of the files written
  Schema schema;              // their lock
  Recoding recoding;
  bool verify = true;         // hold every record against its checksum, or decode those that have none
  bool skip_damaged = false;  // leave damaged records out
};

struct DamagedRecord {
  std::uint64_t record;  // in the dataset
  std::string file;
  std::uint64_t record_of_file;
  std::string why;
};

// Stored records, back to back. Those that lie so in one input are borrowed from its map.
struct CopiedRecords {
  std::vector<EncodedRecords::Entry> entries;
  std::vector<DamagedRecord> damaged;  // left out
  std::vector<std::size_t> left_out;   // their places in what was asked for, ascending

  Bytes bytes() const { return owning ? Bytes(own) : borrowed; }
  void append(Bytes stored);  // copies, unless `stored` begins where `borrowed` ends
  void take_ownership();      // from here on append() copies

  bool owning = false;
  Bytes borrowed;              // of the dataset
  std::vector<std::byte> own;
};

// One thread; one per thread. Borrows dataset and rules.
class RecordCopier {
 public:
  RecordCopier(const Dataset& dataset, const CopyRules& rules);

  // Throws Error (exit 3) naming file and record where one is damaged, unless rules.skip_damaged.
  CopiedRecords copy(std::span<const std::uint64_t> records);

 private:
  void add(std::uint64_t record, CopiedRecords& out);
  void add_as_stored(const Reader& file, std::uint64_t i, CopiedRecords& out);
  void add_compressed_anew(const Reader& file, std::uint64_t i, CopiedRecords& out);
  void add_recoded(const Reader& file, std::uint64_t i, CopiedRecords& out);
  void check_stored(const Reader& file, std::uint64_t i, const IndexEntry& e, Bytes stored);
  RecordView record(const Reader& file, std::uint64_t i);
  Bytes unpacked(const Reader& file, std::uint64_t i);

  const Dataset& dataset_;
  const CopyRules& rules_;
  RecordFinder finder_;
  Scratch scratch_;
  CodecContext compressor_;
  RecordEncoder encoder_;
  Structure structure_;
  EncodedRecords encoded_;
  std::map<const Reader*, RecordChecker> checkers_;  // of files whose records have no checksums
};

// Asks the kernel for the bytes of these records, in few large reads. They ascend.
void prefetch(const Dataset& dataset, std::span<const std::uint64_t> records);

}  // namespace atp
