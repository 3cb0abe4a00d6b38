#include "core/atp/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::uint64_t kLargestBlock = 1 << 30;  // schema and metadata: keys and provenance, not data
constexpr std::uint64_t kPieceEntries = 200000;  // 4 MB of index at a time

// Finds bytes that two things claim, given their claims by ascending begin.
class OverlapSweep {
 public:
  OverlapSweep(const Slot& slot, Bounded<Damage>& damage) : damage_(damage) {
    add_block(slot.index_offset, slot.index_len, "the index");
    add_block(slot.schema_offset, slot.schema_len, "the schema block");
    if (slot.extension) {
      add_block(slot.extension->checksums_offset, slot.extension->checksums_len, "the checksum block");
      add_block(slot.extension->metadata_offset, slot.extension->metadata_len, "the metadata block");
    }
    std::sort(blocks_.begin(), blocks_.end(), [](const Claim& a, const Claim& b) { return a.begin > b.begin; });
  }

  void record(std::uint64_t number, const IndexEntry& e) {
    while (!blocks_.empty() && blocks_.back().begin <= e.offset) claim_block();
    claim({e.offset, e.offset + e.stored, nullptr, number});
  }

  void finish() {
    while (!blocks_.empty()) claim_block();
  }

 private:
  struct Claim {
    std::uint64_t begin, end;
    const char* block;  // nullptr: a record
    std::uint64_t record;

    std::string name() const { return block ? block : fmt::format("record {}", record); }
  };

  void add_block(std::uint64_t offset, std::uint64_t length, const char* name) {
    if (length != 0) blocks_.push_back({offset, offset + length, name, 0});
  }

  void claim_block() {
    claim(blocks_.back());
    blocks_.pop_back();
  }

  void claim(const Claim& c) {
    if (c.begin < last_.end) [[unlikely]] {
      const Claim& at_fault = c.block && !last_.block ? last_ : c;
      const Claim& other = c.block && !last_.block ? c : last_;
      Damage d{std::nullopt, at_fault.begin, at_fault.end - at_fault.begin, damage_kind::overlap, {}};
      if (!at_fault.block) d.record = at_fault.record;
      d.message = fmt::format("{}overlaps {} (bytes {}..{})", at_fault.block ? at_fault.name() + " " : "", other.name(), other.begin, other.end);
      damage_.add(std::move(d));
    }
    if (c.end > last_.end) last_ = c;
  }

  Bounded<Damage>& damage_;
  std::vector<Claim> blocks_;  // the next one last
  Claim last_{0, 0, "the header", 0};
};

// Checks a generation piece by piece; see check_generation().
class GenerationCheck {
 public:
  GenerationCheck(const InputFile& file, const Slot& slot, Bounded<Damage>& damage) : file_(file), damage_(damage) { g_.slot = slot; }

  Generation run() {
    check_schema();
    check_metadata();
    check_checksums();
    if (g_.slot.index_len != 0) check_index();
    return std::move(g_);
  }

 private:
  void report(std::string_view kind, std::uint64_t offset, std::uint64_t length, std::string message) {
    damage_.add({std::nullopt, offset, length, kind, std::move(message)});
  }

  // The block when it can be read and its hash fits, else nothing and damage of that kind.
  std::optional<std::vector<std::byte>> sound_block(std::string_view kind, const char* name, std::uint64_t offset,
                                                    std::uint64_t length, std::optional<std::uint64_t> hash) {
    if (length > kLargestBlock) {
      report(kind, offset, length, fmt::format("{}: {} bytes are more than it can have", name, length));
      return std::nullopt;
    }
    try {
      auto block = read_block(file_, offset, length);
      if (!hash || xxh3(block) == *hash) return block;
      report(kind, offset, length, fmt::format("{}: its checksum does not fit", name));
    } catch (const Error& e) {
      report(damage_kind::io_error, offset, length, fmt::format("{}: {}", name, e.problem()));
    }
    return std::nullopt;
  }

  void check_schema();
  void check_metadata();
  void check_checksums();
  void check_index();
  void check_entries(Xxh3Stream& hash);
  void sweep_sorted();

  const InputFile& file_;
  Bounded<Damage>& damage_;
  Generation g_;
};

void GenerationCheck::check_schema() {
  const Slot& slot = g_.slot;
  if (slot.schema_len == 0) {
    if (slot.record_format == 2) {
      g_.positions = Type::vec3_f32;
    } else if (slot.num_molecules != 0) {
      g_.schema_damaged = true;
      report(damage_kind::schema, 0, 0, "record format 3 without a schema block: the type of positions is not known");
    }
    return;
  }
  std::optional<std::uint64_t> hash;
  if (slot.extension) hash = slot.extension->schema_hash;
  const auto block = sound_block(damage_kind::schema, "the schema block", slot.schema_offset, slot.schema_len, hash);
  if (block) {
    try {
      Schema schema = Schema::decode(*block);
      if (slot.record_format == 2 && schema.needed_record_format() > 2) fail_input("", "has a type that record format 2 cannot hold");
      g_.positions = schema.positions.value_or(Type::vec3_f32);
      g_.schema = std::move(schema);
    } catch (const Error& e) {
      report(damage_kind::schema, slot.schema_offset, slot.schema_len, fmt::format("the schema block does not decode: {}", e.what()));
    }
  }
  g_.schema_damaged = !g_.schema;
  if (!g_.positions && slot.record_format == 2) g_.positions = Type::vec3_f32;
}

void GenerationCheck::check_metadata() {
  if (!g_.slot.extension || g_.slot.extension->metadata_len == 0) return;
  const Extension& e = *g_.slot.extension;
  const auto block = sound_block(damage_kind::metadata, "the metadata block", e.metadata_offset, e.metadata_len, e.metadata_hash);
  g_.metadata_damaged = !block;
  if (block) g_.metadata = as_text(*block);
}

// The block may be gigabytes: it is hashed in pieces.
void GenerationCheck::check_checksums() {
  if (!g_.slot.extension || g_.slot.extension->checksums_len == 0) return;
  const Extension& e = *g_.slot.extension;
  constexpr std::uint64_t kPiece = 4 << 20;
  try {
    Xxh3Stream hash;
    for (std::uint64_t at = 0; at < e.checksums_len; at += kPiece) {
      hash.update(read_block(file_, e.checksums_offset + at, std::min(kPiece, e.checksums_len - at)));
    }
    g_.has_checksums = hash.digest() == e.checksums_hash;
    if (!g_.has_checksums) {
      report(damage_kind::checksum_block, e.checksums_offset, e.checksums_len,
             "the checksum block: its checksum does not fit, so records are not held against it");
    }
  } catch (const Error& error) {
    report(damage_kind::io_error, e.checksums_offset, e.checksums_len, fmt::format("the checksum block: {}", error.problem()));
  }
  g_.checksums_damaged = !g_.has_checksums;
}

void GenerationCheck::check_index() {
  const Slot& slot = g_.slot;
  const std::uint64_t damage_before = damage_.count;
  Xxh3Stream hash;
  std::uint64_t at = slot.index_offset;
  try {
    const auto head = read_block(file_, at, 8);
    hash.update(head);
    if (const auto count = load<std::uint64_t>(head.data()); count != slot.num_molecules) {
      report(damage_kind::index, at, 8, fmt::format("the index counts {} record{}, the header {}", count, count == 1 ? "" : "s", slot.num_molecules));
    }
    check_entries(hash);
    if (slot.extension && hash.digest() != slot.extension->index_hash) {
      report(damage_kind::index, slot.index_offset, slot.index_len, "the index: its checksum does not fit");
    }
  } catch (const Error& e) {
    at = slot.index_offset + 8 + sizeof(RawIndexEntry) * g_.readable;
    report(damage_kind::io_error, at, slot.index_offset + slot.index_len - at, fmt::format("the index: {}", e.problem()));
  }
  g_.index_sound = damage_.count == damage_before;
}

void GenerationCheck::check_entries(Xxh3Stream& hash) {
  Bounded<Damage> overlaps;
  OverlapSweep sweep(g_.slot, overlaps);
  std::uint64_t last_offset = 0;
  for (std::uint64_t i = 0; i < g_.slot.num_molecules;) {
    throw_if_interrupted();
    const std::uint64_t count = std::min(kPieceEntries, g_.slot.num_molecules - i);
    const std::uint64_t at = g_.slot.index_offset + 8 + sizeof(RawIndexEntry) * i;
    const auto piece = read_block(file_, at, sizeof(RawIndexEntry) * count);
    hash.update(piece);
    for (const std::byte* p = piece.data(); p != piece.data() + piece.size(); p += sizeof(RawIndexEntry), ++i) {
      const IndexEntry e = decode_entry(p);
      g_.atoms += e.atoms;
      if (std::string problem = entry_problem(e, g_); !problem.empty()) [[unlikely]] {
        damage_.add({i, at + static_cast<std::uint64_t>(p - piece.data()), sizeof(RawIndexEntry), damage_kind::index_entry, "its index entry " + problem});
        continue;
      }
      if (e.offset < last_offset) g_.in_file_order = false;
      last_offset = e.offset;
      if (g_.in_file_order) sweep.record(i, e);
    }
    g_.readable = i;
  }
  if (!g_.in_file_order) return sweep_sorted();
  sweep.finish();
  damage_.merge(std::move(overlaps));
}

void GenerationCheck::sweep_sorted() {
  OverlapSweep sweep(g_.slot, damage_);
  IndexCursor cursor(file_, g_);
  for (IndexCursor::Item item; cursor.next(item);) {
    if (entry_problem(item.entry, g_).empty()) sweep.record(item.record, item.entry);
  }
  sweep.finish();
}

}  // namespace

std::vector<std::byte> read_block(const InputFile& file, std::uint64_t offset, std::uint64_t length) {
  std::vector<std::byte> block(static_cast<std::size_t>(length));
  read_exactly(file, offset, block);
  return block;
}

Generation check_generation(const InputFile& file, const Slot& slot, Bounded<Damage>& damage) {
  return GenerationCheck(file, slot, damage).run();
}

std::string entry_problem(const IndexEntry& e, const Generation& g) {
  const Slot& slot = g.slot;
  if (e.offset < slot.data_start || e.offset > slot.index_offset || e.stored > slot.index_offset - e.offset) {
    return fmt::format("points outside the data region (offset {}, {} bytes)", e.offset, e.stored);
  }
  const std::uint64_t per_atom = type_info(g.positions.value_or(Type::vec3_f32)).element + 1;
  if (e.unpacked < 4 + per_atom * e.atoms + 2) {
    return fmt::format("gives {} bytes to a record of {} atoms, which takes more", e.unpacked, e.atoms);
  }
  const auto codec = static_cast<CodecId>(slot.codec);
  if (e.stored == 0 || e.unpacked > most_unpacked(codec, e.stored) || (codec == CodecId::none && e.stored != e.unpacked)) {
    return fmt::format("gives {} stored bytes to a record of {}, which cannot be", e.stored, e.unpacked);
  }
  return {};
}

// ---- IndexCursor --------------------------------------------------------------------------------

IndexCursor::IndexCursor(const InputFile& file, const Generation& generation) : file_(file), generation_(generation) {
  if (!generation_.in_file_order) read_all_sorted();
}

void IndexCursor::read_range(std::uint64_t first, std::uint64_t count) {
  first_ = first;
  const Slot& slot = generation_.slot;
  entries_.resize(count);
  read_exactly(file_, slot.index_offset + 8 + sizeof(RawIndexEntry) * first, std::as_writable_bytes(std::span(entries_)));
  if (!generation_.has_checksums) return;
  checksums_.resize(count);
  read_exactly(file_, slot.extension->checksums_offset + 8 * first, std::as_writable_bytes(std::span(checksums_)));
}

void IndexCursor::read_all_sorted() {
  read_range(0, generation_.readable);
  order_.resize(generation_.readable);
  std::iota(order_.begin(), order_.end(), std::uint64_t{0});
  std::sort(order_.begin(), order_.end(), [&](std::uint64_t a, std::uint64_t b) {
    const std::uint64_t x = entries_[a].offset, y = entries_[b].offset;
    return x != y ? x < y : a < b;
  });
}

bool IndexCursor::next(Item& item) {
  if (next_ == generation_.readable) return false;
  if (order_.empty() && next_ == first_ + entries_.size()) {
    read_range(next_, std::min(kPieceEntries, generation_.readable - next_));
  }
  const std::uint64_t record = order_.empty() ? next_ : order_[next_];
  const std::size_t at = static_cast<std::size_t>(record - first_);
  const RawIndexEntry& raw = entries_[at];
  item = {record, {raw.offset, raw.stored, raw.unpacked, raw.atoms}, checksums_.empty() ? 0 : checksums_[at]};
  ++next_;
  return true;
}

}  // namespace atp
