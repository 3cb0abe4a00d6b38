// One .atp file, mapped and read in place.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/layout.h"
#include "core/atp/record.h"
#include "core/atp/schema.h"
#include "core/base/error.h"
#include "core/io/mapped_file.h"

namespace atp {

// Memory for reading records: a caller has one per thread and uses it again and again. A view read
// through it is valid until the next read through it.
class Scratch {
 public:
  CodecContext& context(const Codec& codec);
  std::vector<std::byte>& buffer() { return buffer_; }

 private:
  std::optional<CodecContext> context_;
  std::vector<std::byte> buffer_;
};

// How much of a file is read when it is opened.
enum class Opening {
  whole,   // header and schema, and what the index states of its length
  header,  // the header alone: the rest, and its errors, when a record or the schema is first asked for
};

// Immutable once opened: threads share it. Lookup of a record is O(1).
class Reader {
 public:
  // The index is looked at as records are. Throws Error (exit 3, 4).
  explicit Reader(const std::string& path, Opening opening = Opening::whole);
  // The same for bytes that somebody else keeps for as long as the Reader lives; messages call them `name`.
  Reader(std::string name, Bytes bytes);
  // The same, with a schema for a file that has no schema block: no record is read to find it.
  Reader(std::string name, Bytes bytes, Schema otherwise);

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return slot_.num_molecules; }
  const Slot& slot() const { return slot_; }
  char slot_name() const { return slot_name_; }
  // Why the other slot is not valid; empty when it is.
  const std::string& other_slot_problem() const { return other_slot_; }
  std::uint64_t file_bytes() const { return bytes_.size(); }
  // The whole file as it is mapped, for hints about how it will be read.
  Bytes mapped() const { return bytes_; }
  FileId file_id() const { return file_.id(); }
  // Whether is_resident() of these bytes is the truth.
  bool tells_residence() const { return file_.tells_residence(); }

  Codec codec() const { return {static_cast<CodecId>(slot_.codec), slot_.level}; }
  // Throws Error (exit 3) when it is read only now, and is not valid.
  const Schema& schema() const {
    const Schema* const known = late_->schema.load(std::memory_order_acquire);
    return known != nullptr ? *known : read_schema();
  }
  // Record format 2 has no other.
  Type positions_type() const { return slot_.record_format == 2 ? Type::vec3_f32 : schema().positions.value_or(Type::vec3_f32); }

  // The metadata block, a JSON object; empty when there is none. Throws when its hash does not fit.
  std::string_view metadata() const;

  // Where record i lies, checked against the data region. Throws Error (exit 3) naming the record.
  IndexEntry entry(std::uint64_t i) const {
    IndexEntry e;
    if (!find_entry(i, e)) [[unlikely]] fail_entry(i);
    return e;
  }
  // The same without an error: whether there is such a record, and it lies where records lie.
  bool find_entry(std::uint64_t i, IndexEntry& out) const {
    if (i >= size() || !looked_at()) return false;
    out = raw_entry(i);
    // Between the header and the newest index.
    return out.offset >= slot_.data_start && out.offset <= slot_.index_offset && out.stored <= slot_.index_offset - out.offset;
  }
  // The entry as it stands in the file, unchecked.
  IndexEntry raw_entry(std::uint64_t i) const { return decode_entry(index_ + sizeof(RawIndexEntry) * i); }

  // The atoms of each record as the index states them, unchecked: `out` is [size()]. Reads the whole index. Throws Error
  // (exit 3) when it is not as long as the header says.
  void atom_counts(std::span<std::uint32_t> out) const;
  // XXH3-64 of the index block: two files with the same records in the same places have the same. Reads it whole;
  // throws Error (exit 3) when the file states another.
  std::uint64_t index_hash() const;

  // The stored bytes of record i. With codec none these are the record.
  Bytes stored(std::uint64_t i) const;
  // The same for an entry that entry() gave.
  Bytes stored(const IndexEntry& e) const { return bytes_.subspan(e.offset, e.stored); }
  // Where entry i lies in the map, for those who announce what they will read; i < size().
  const std::byte* entry_address(std::uint64_t i) const { return index_ + sizeof(RawIndexEntry) * i; }
  // Record i from its entry and stored bytes, wherever these were read from; with `verify` held against
  // its checksum first. Throws as record().
  RecordView decode(std::uint64_t i, const IndexEntry& e, Bytes stored, Scratch& scratch, bool verify) const {
    if (verify) check_sum(i, stored);
    const RecordView view = view_of(i, slot_.codec == 0 && e.unpacked == e.stored ? stored : unpack(i, e, stored, scratch));
    if (view.n_atoms() != e.atoms) [[unlikely]] fail_atoms(i, view.n_atoms(), e.atoms);
    return view;
  }
  // Record i. With codec none it points into the map and `scratch` is not touched. Throws Error
  // (exit 3) naming file and record: a bad entry, bytes that do not decompress, an atom count that
  // is not the index's.
  RecordView record(std::uint64_t i, Scratch& scratch) const;

  // The same, held against its checksum first where the file has one.
  RecordView verified_record(std::uint64_t i, Scratch& scratch) const;

  // Throws Error (exit 3) when the index's hash does not fit. Reads the whole index.
  void check_index() const;

  // XXH3-64 of record i's stored bytes as the file states it; nothing when not known.
  std::optional<std::uint64_t> checksum(std::uint64_t i) const;
  bool has_checksums() const { return checksums_ != nullptr; }
  // Where it lies in the map, as entry_address(), where the file has checksums.
  const std::byte* checksum_address(std::uint64_t i) const { return checksums_ + sizeof(std::uint64_t) * i; }

 private:
  // What may be read after opening, by whichever thread comes first. No lock: a process that forks meanwhile must not
  // leave one behind in the child.
  struct Late {
    std::atomic<const Schema*> schema = nullptr;
    std::optional<Schema> otherwise;  // when the file has none
    ~Late() { delete schema.load(); }
  };
  // Set once. It lies beside what every lookup needs.
  struct Flag {
    std::atomic<bool> set = false;
    Flag() = default;
    Flag(Flag&& other) noexcept : set(other.set.load(std::memory_order_relaxed)) {}
    Flag& operator=(Flag&& other) noexcept {
      set.store(other.set.load(std::memory_order_relaxed), std::memory_order_relaxed);
      return *this;
    }
  };

  void open(Opening opening);
  const Schema& read_schema() const;
  Schema schema_block() const;
  Schema rebuilt_schema() const;
  void find_checksums();
  // What the header says little of is looked at before the first record is: whether index and schema are sound.
  bool looked_at() const { return looked_at_.set.load(std::memory_order_relaxed) || look_at(); }
  bool look_at() const;  // false when check_blocks() fails
  // Throws Error (exit 3).
  void check_blocks() const;
  void check_sum(std::uint64_t i, Bytes stored) const;
  Bytes unpack(std::uint64_t i, const IndexEntry& e, Bytes stored, Scratch& scratch) const;
  // Made where it is returned to: a copy would wait for the cache misses of the records before (a load of what several
  // stores wrote waits until these are in the cache).
  RecordView view_of(std::uint64_t i, Bytes record) const {
    try {
      return RecordView(record, positions_type());
    } catch (const Error& error) {
      rethrow(i, error);
    }
  }
  [[noreturn]] void fail(std::uint64_t record, const std::string& what, std::string fix = {}) const;
  [[noreturn]] void fail_entry(std::uint64_t record) const;
  [[noreturn]] void fail_atoms(std::uint64_t record, std::uint32_t holds, std::uint32_t index_says) const;
  [[noreturn]] void rethrow(std::uint64_t record, const Error& error) const;

  std::string path_;
  MappedFile file_;  // empty when the bytes are borrowed
  Bytes bytes_;
  Slot slot_;
  char slot_name_ = 'A';
  std::string other_slot_;
  const std::byte* index_ = nullptr;      // the first entry
  const std::byte* checksums_ = nullptr;  // u64 each
  mutable Flag looked_at_;                // and found sound
  std::unique_ptr<Late> late_ = std::make_unique<Late>();
};

}  // namespace atp
