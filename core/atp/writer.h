// Writes .atp files: a new one, or more records at the end of an existing one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/layout.h"
#include "core/atp/record_encoder.h"
#include "core/atp/schema.h"
#include "core/io/output_file.h"

namespace atp {

struct WriterOptions {
  Codec codec;
  bool overwrite = false;    // create: replace an existing target
  bool extension = true;     // per-record checksums, metadata, block hashes
  std::string metadata;      // a JSON object, or empty for none (append: for the file's own)
  // append: go on although bytes behind the last readable commit, beside a damaged header slot,
  // may be records; they are cut off.
  bool cut_tail_of_damaged = false;
  // Collected before a write: enough to keep the disk busy, little enough to be bounded memory.
  std::size_t buffer_bytes = std::size_t{8} << 20;
};

// What a file goes on from when its newest generation had to be put together first (repair).
struct Resumption {
  Slot slot;                            // what the next commit follows: its generation is this one's + 1
  std::vector<RawIndexEntry> index;
  std::vector<std::uint64_t> checksums;  // of the same records; 0: not known
  Schema schema;
  std::uint64_t end;                    // new blocks go here; bytes behind it are cut off
};

// One thread. After a failed write it refuses everything but destruction. Destroying a writer
// without finish() leaves the target as it was: no file, or the old generation.
class Writer {
 public:
  // Writes to a temporary file beside `path`, which finish() renames over it.
  static Writer create(const std::string& path, WriterOptions options, Disk& disk = real_disk());
  // Adds to an existing file, whose codec is kept (options.codec is not looked at); cuts an
  // uncommitted tail off. Refuses, exit 3: a file with a damaged slot and bytes behind its committed
  // end, which may be records that only that slot knew (FORMAT.md, "Easy to miss"), unless
  // options.cut_tail_of_damaged; a file that is no .atp file. A second writer is refused, exit 4.
  static Writer append(const std::string& path, WriterOptions options, Disk& disk = real_disk());

  // Goes on from a state that the caller has checked; nothing of it is read again. `file` is open
  // and locked. options.metadata is the file's from then on.
  static Writer resume(std::unique_ptr<OutputFile> file, Resumption from, WriterOptions options, Disk& disk = real_disk());

  // The first 8192 bytes that a file has after create(), add_stored() of records with these entries and
  // finish(): whoever sums the bytes of a file while it is written needs them first.
  static std::vector<std::byte> head_of(const WriterOptions& options, std::span<const EncodedRecords::Entry> entries, const Schema& schema);

  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  const Codec& codec() const;
  // The schema so far. append(): begins with the file's.
  const Schema& schema() const;
  std::uint64_t size() const;   // records, those of the file appended to included
  std::string_view metadata() const;  // append(): the file's own, until set_metadata()
  void set_metadata(std::string json);

  // Adds records. Throws Error (exit 3) when their schema disagrees with the file's (nothing is
  // written then), exit 4 when the disk refuses.
  void add(const EncodedRecords& records) { add_stored(records.bytes, records.entries, records.schema); }
  // The same for stored records that lie, back to back, wherever the caller has them (a mapped file).
  void add_stored(Bytes bytes, std::span<const EncodedRecords::Entry> entries, const Schema& schema);

  // Commits everything added since: records, schema, checksums, metadata, index; sync; header
  // slot; sync (FORMAT.md, "Header slot"). May be called often.
  void commit();

  // commit(), then puts a created file in its place.
  void finish();

  // commit() a created file, but leave it under its temporary name, which is returned: the caller
  // owns it from then on.
  std::string finish_as_temporary();

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace atp
