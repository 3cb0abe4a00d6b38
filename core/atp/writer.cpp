#include "core/atp/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "core/atp/reader.h"
#include "core/base/error.h"
#include "core/base/hash.h"

namespace atp {

namespace {

// Bytes on their way to the end of a file, written in large blocks.
class Tail {
 public:
  Tail(OutputFile& file, std::uint64_t end, std::size_t block) : file_(file), written_(end), block_(block) {}

  std::uint64_t end() const { return written_ + buffer_.size(); }

  void append(Bytes bytes) {
    if (bytes.size() < block_ / kWorthWriting && buffer_.size() + bytes.size() < block_) {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
      return;
    }
    flush();
    if (bytes.size() >= block_ / kWorthWriting) {
      write(bytes);
    } else {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }
  }

  void flush() {
    if (buffer_.empty()) return;
    write(buffer_);
    buffer_.clear();
  }

 private:
  void write(Bytes bytes) {
    file_.write_at(written_, bytes);
    file_.start_writeback(written_, bytes.size());
    written_ += bytes.size();
  }

  static constexpr std::size_t kWorthWriting = 8;  // what is an eighth of a block is written from where it lies

  OutputFile& file_;
  std::uint64_t written_;
  std::size_t block_;
  std::vector<std::byte> buffer_;
};

}  // namespace

namespace {

// Where a generation's slot lies: generation 0 is in both, then they take turns, B first.
std::uint64_t place_of(std::uint64_t generation) { return generation % 2 == 0 ? 0 : kSlotBytes; }

// What a commit writes behind the records.
struct Blocks {
  const WriterOptions& options;
  const Schema& schema;
  std::span<const RawIndexEntry> index;
  std::span<const std::uint64_t> checksums;

  // Schema, checksums, metadata and index, in the order of FORMAT.md: the committed end stays the end of the
  // index. `end` is where they begin; `put` gets them piece by piece, `next` their places and hashes.
  void lay_out(std::uint64_t end, const std::function<void(Bytes)>& put, Slot& next) const;
};

void Blocks::lay_out(std::uint64_t end, const std::function<void(Bytes)>& put, Slot& next) const {
  const auto append = [&](Bytes bytes) {
    put(bytes);
    end += bytes.size();
  };
  Extension ext;
  next.schema_offset = next.schema_len = 0;
  if (schema.positions || !schema.entries.empty()) {
    const auto block = schema.encode();
    next.schema_offset = end;
    next.schema_len = block.size();
    ext.schema_hash = xxh3(block);
    append(block);
  }
  if (options.extension) {
    const Bytes sums = std::as_bytes(checksums);
    ext.checksums_offset = sums.empty() ? 0 : end;
    ext.checksums_len = sums.size();
    ext.checksums_hash = xxh3(sums);
    append(sums);
    if (!options.metadata.empty()) {
      ext.metadata_offset = end;
      ext.metadata_len = options.metadata.size();
      ext.metadata_hash = xxh3(as_bytes(options.metadata));
      append(as_bytes(options.metadata));
    }
  }
  const le_u64 count = index.size();
  const Bytes count_bytes = std::as_bytes(std::span(&count, 1));
  const Bytes entries = std::as_bytes(index);
  Xxh3Stream hash;
  hash.update(count_bytes);
  hash.update(entries);
  ext.index_hash = hash.digest();
  next.num_molecules = index.size();
  next.index_offset = end;
  next.index_len = index_bytes(index.size());
  append(count_bytes);
  append(entries);
  if (options.extension) next.extension = ext;
}

// The slot that follows `slot`, but for what lay_out() fills in.
Slot next_slot(const Slot& slot, const Schema& schema) {
  Slot next = slot;
  next.generation = slot.generation + 1;
  next.extension.reset();
  next.unknown_extension.reset();
  next.record_format = std::max(slot.record_format, schema.needed_record_format());
  return next;
}

Slot first_slot(const WriterOptions& options) {
  Slot slot;
  slot.codec = static_cast<std::uint8_t>(options.codec.id);
  slot.level = options.codec.level;
  return slot;
}

}  // namespace

struct Writer::State {
  State(Disk& d, WriterOptions o, std::string target_path) : disk(d), options(std::move(o)), target(std::move(target_path)) {}
  ~State();

  void start_new_file();
  void take_over(const Reader& existing);
  void secure_newest_slot(const Reader& existing, Bytes bytes);
  void roll_back();
  void add(Bytes bytes, std::span<const EncodedRecords::Entry> entries, const Schema& added);
  void commit();
  void write_slot(const Slot& next);

  // Runs a step that reaches the disk; when it throws, nothing more is ever written.
  template <class Fn>
  void guarded(Fn&& step) {
    if (broken) throw Error(Exit::system, target, "an earlier write failed, nothing more is written");
    broken = true;
    step();
    broken = false;
  }

  Disk& disk;
  WriterOptions options;
  std::string target;      // what the user named
  bool creating = false;   // the file is a temporary one until finish()
  bool broken = false;
  bool unfinished = false;  // something was written that no commit covers
  std::unique_ptr<OutputFile> file;
  std::optional<Tail> tail;
  Slot slot;               // the newest committed one
  std::uint64_t kept_end = kFirstData;   // what is not to be cut off when the writer is abandoned
  std::vector<std::byte> replaced_slot;  // what a slot being written held before; empty otherwise
  Schema schema;
  std::vector<RawIndexEntry> index;
  std::vector<std::uint64_t> checksums;
};

Writer::State::~State() {
  if (!file) return;
  if (creating) {
    disk.remove(file->path());
  } else if (unfinished) {
    try {
      roll_back();
    } catch (...) {
      // An uncommitted tail is harmless: readers ignore it, the next writer cuts it off.
    }
  }
}

// A slot that may have reached the disk is put back before the blocks it names are cut off: left as it
// is, it would be valid again as soon as the file has grown over its offsets.
void Writer::State::roll_back() {
  if (!replaced_slot.empty()) {
    file->write_at(place_of(slot.generation + 1), replaced_slot);
    file->sync_data();
  }
  file->truncate(kept_end);
}

void Writer::State::start_new_file() {
  creating = true;
  guarded([&] {
    file = disk.create_beside(target);
    slot = first_slot(options);
    const auto bytes = encode_slot(slot);
    file->write_at(0, bytes);
    file->write_at(kSlotBytes, bytes);
    tail.emplace(*file, kFirstData, options.buffer_bytes);
  });
}

void Writer::State::take_over(const Reader& existing) {
  slot = existing.slot();
  kept_end = slot.committed_end();
  options.codec = existing.codec();
  schema = existing.schema();
  if (options.metadata.empty()) options.metadata = existing.metadata();
  existing.check_index();
  index.resize(existing.size());
  checksums.resize(existing.size());
  for (std::uint64_t i = 0; i < existing.size(); ++i) {
    const IndexEntry e = existing.entry(i);
    index[i] = {e.offset, e.stored, e.unpacked, e.atoms};
    checksums[i] = existing.checksum(i).value_or(0);
  }
}

// While the file grows and while the next commit's slot is torn, the newest generation must stand in a
// slot that nothing touches, and the other one must not become valid by accident: one that is refused
// because its blocks lie behind the end of the file would be, with any bytes that are written there.
void Writer::State::secure_newest_slot(const Reader& existing, Bytes bytes) {
  const std::uint64_t place = existing.slot_name() == 'A' ? 0 : kSlotBytes;
  const bool overwritten_next = place == place_of(slot.generation + 1);
  if (existing.other_slot_problem().empty() && !overwritten_next) return;
  guarded([&] {
    file->write_at(kSlotBytes - place, bytes.subspan(place, kSlotBytes));
    file->sync_data();
  });
}

void Writer::State::add(Bytes bytes, std::span<const EncodedRecords::Entry> entries, const Schema& added) {
  Schema merged = schema;
  if (std::string problem = merged.merge(added); !problem.empty()) fail_input(target, problem);
  if (merged.needed_record_format() > slot.record_format && slot.num_molecules != 0) {
    fail_input(target, "has record format 2, and these records need format 3 (f64 positions, forces or velocities, or f32 energy, "
               "charges, cell or stress)", "convert them with --dtype, or pack into a new file");
  }
  guarded([&] {
    std::uint64_t offset = tail->end();
    tail->append(bytes);
    unfinished = true;
    for (const auto& e : entries) {
      index.push_back({offset, e.stored, e.unpacked, e.atoms});
      checksums.push_back(e.checksum);
      offset += e.stored;
    }
    schema = std::move(merged);
  });
}

void Writer::State::write_slot(const Slot& next) {
  const auto bytes = encode_slot(next);
  std::string why;
  if (!decode_slot(bytes, next.committed_end(), why)) {
    throw Error(Exit::system, target, "the header to be written is not valid (" + why + "); this is a bug in atp");
  }
  std::vector<std::byte> before(kSlotBytes);
  before.resize(file->read_at(place_of(next.generation), before));
  replaced_slot = std::move(before);
  file->write_at(place_of(next.generation), bytes);
}

void Writer::State::commit() {
  guarded([&] {
    Slot next = next_slot(slot, schema);
    unfinished = true;
    Blocks{options, schema, index, checksums}.lay_out(tail->end(), [&](Bytes bytes) { tail->append(bytes); }, next);
    tail->flush();
    file->sync_data();
    write_slot(next);
    file->sync_all();
    slot = next;
    kept_end = next.committed_end();
    unfinished = false;
    replaced_slot.clear();
  });
}

std::vector<std::byte> Writer::head_of(const WriterOptions& options, std::span<const EncodedRecords::Entry> entries, const Schema& schema) {
  std::vector<RawIndexEntry> index;
  std::vector<std::uint64_t> checksums;
  std::uint64_t end = kFirstData;
  for (const auto& e : entries) {
    index.push_back({end, e.stored, e.unpacked, e.atoms});
    checksums.push_back(e.checksum);
    end += e.stored;
  }
  const Slot empty = first_slot(options);
  Slot committed = next_slot(empty, schema);
  Blocks{options, schema, index, checksums}.lay_out(end, [](Bytes) {}, committed);
  std::vector<std::byte> head(kFirstData);
  for (const Slot& slot : {empty, committed}) {
    const auto bytes = encode_slot(slot);
    std::copy(bytes.begin(), bytes.end(), head.begin() + static_cast<std::ptrdiff_t>(place_of(slot.generation)));
  }
  return head;
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

Writer Writer::create(const std::string& path, WriterOptions options, Disk& disk) {
  auto state = std::make_unique<State>(disk, std::move(options), path);
  state->start_new_file();
  return Writer(std::move(state));
}

Writer Writer::append(const std::string& path, WriterOptions options, Disk& disk) {
  auto state = std::make_unique<State>(disk, std::move(options), path);
  state->file = disk.open_existing(path);  // locked: what is read now stays so
  const MappedFile map = state->file->map();
  const Reader existing(path, map.bytes());
  const std::uint64_t committed = existing.slot().committed_end();
  const std::uint64_t tail = existing.file_bytes() - committed;
  if (!existing.other_slot_problem().empty() && tail != 0 && !state->options.cut_tail_of_damaged) {
    fail_input(path,
               fmt::format("header slot {} is damaged ({}) and {} bytes lie behind the last commit that can be read: they may be records",
                           existing.slot_name() == 'A' ? 'B' : 'A', existing.other_slot_problem(), tail),
               "look with atp verify first; --force appends all the same and cuts them off");
  }
  state->take_over(existing);
  state->secure_newest_slot(existing, map.bytes());
  state->guarded([&] {
    if (tail != 0) state->file->truncate(committed);
    state->tail.emplace(*state->file, committed, state->options.buffer_bytes);
  });
  return Writer(std::move(state));
}

Writer Writer::resume(std::unique_ptr<OutputFile> file, Resumption from, WriterOptions options, Disk& disk) {
  auto state = std::make_unique<State>(disk, std::move(options), file->path());
  state->file = std::move(file);
  state->options.codec = {static_cast<CodecId>(from.slot.codec), from.slot.level};
  state->slot = from.slot;
  state->kept_end = from.end;
  state->schema = std::move(from.schema);
  state->index = std::move(from.index);
  state->checksums = std::move(from.checksums);
  state->guarded([&] {
    if (state->file->size() > from.end) state->file->truncate(from.end);
    state->tail.emplace(*state->file, from.end, state->options.buffer_bytes);
  });
  return Writer(std::move(state));
}

const Codec& Writer::codec() const { return state_->options.codec; }
const Schema& Writer::schema() const { return state_->schema; }
std::uint64_t Writer::size() const { return state_->index.size(); }
std::string_view Writer::metadata() const { return state_->options.metadata; }
void Writer::set_metadata(std::string json) { state_->options.metadata = std::move(json); }

void Writer::add_stored(Bytes bytes, std::span<const EncodedRecords::Entry> entries, const Schema& schema) {
  state_->add(bytes, entries, schema);
}
void Writer::commit() { state_->commit(); }

void Writer::finish() {
  commit();
  if (!state_->creating) return;
  state_->guarded([&] {
    state_->disk.rename(state_->file->path(), state_->target, state_->options.overwrite);
    state_->creating = false;
  });
}

std::string Writer::finish_as_temporary() {
  commit();
  state_->creating = false;
  return state_->file->path();
}

}  // namespace atp
