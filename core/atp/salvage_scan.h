// Finds what an .atp file is made of in raw bytes, when nothing leads to it. Private to salvage.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/layout.h"
#include "core/atp/record_checker.h"
#include "core/atp/schema.h"
#include "core/io/input_file.h"

namespace atp {

// A file seen through one buffer that moves forward. What the disk refuses to give reads as zeros.
class ScanWindow {
 public:
  explicit ScanWindow(const InputFile& file) : file_(file) {}

  // The bytes from `offset` on: at least kMost, or all up to the end of the file. Valid until the next call.
  Bytes from(std::uint64_t offset);
  // 4 KiB pages that could not be read so far.
  std::uint64_t unreadable() const { return unreadable_; }

  static constexpr std::uint64_t kMost = 32 << 20;

 private:
  void fill(std::uint64_t offset);

  const InputFile& file_;
  std::vector<std::byte> buffer_;
  std::uint64_t begin_ = 0, unreadable_ = 0;
};

struct FoundIndex {
  std::uint64_t offset;
  std::vector<IndexEntry> entries;

  std::uint64_t end() const { return offset + index_bytes(entries.size()); }
};

struct FoundSchema {
  std::uint64_t offset, length;
  Schema schema;
};

struct FoundBlocks {
  std::vector<FoundIndex> indexes;   // by offset
  std::vector<FoundSchema> schemas;  // by offset
};

// Everything that looks like an index or schema block. One pass, linear in the size of the file.
FoundBlocks find_blocks(const InputFile& file);

// Whether an index block at `index_offset` can have this entry.
bool plausible_entry(const IndexEntry& entry, std::uint64_t index_offset);

struct FoundRecord {
  IndexEntry entry;
  Bytes stored;  // in the window: valid until it moves
};

// Looks for records where no index leads. With codec lz4 there are none: its blocks have no beginning
// that could be recognised.
class RecordScan {
 public:
  // Borrows both. `lock` may be nullptr, `positions` nothing: then both types are tried.
  RecordScan(ScanWindow& window, Codec codec, const Schema* lock, std::optional<Type> positions);

  // The first record that begins in [begin, end) and ends at or before it; nothing when there is none.
  std::optional<FoundRecord> next(std::uint64_t begin, std::uint64_t end);

 private:
  std::optional<FoundRecord> plain_at(Bytes bytes, std::uint64_t offset);
  std::optional<FoundRecord> frame_at(Bytes bytes, std::uint64_t offset);
  std::size_t plausible_length(Bytes bytes, Type positions);

  ScanWindow& window_;
  Codec codec_;
  std::vector<Type> types_;
  bool locked_;
  RecordChecker checker_;
  CodecContext context_;
  std::vector<std::byte> scratch_;
  std::uint64_t work_ = 0, allowed_ = 0;  // atoms looked at, so that hostile bytes cost linear time
};

}  // namespace atp
