#include "core/atp/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/io/page_cache.h"

namespace atp {

CodecContext& Scratch::context(const Codec& codec) {
  if (!context_ || context_->codec() != codec) context_.emplace(codec);
  return *context_;
}

Reader::Reader(const std::string& path, Opening opening) : path_(path), file_(path), bytes_(file_.bytes()) { open(opening); }

Reader::Reader(std::string name, Bytes bytes) : path_(std::move(name)), bytes_(bytes) { open(Opening::whole); }

Reader::Reader(std::string name, Bytes bytes, Schema otherwise) : path_(std::move(name)), bytes_(bytes) {
  late_->otherwise = std::move(otherwise);
  open(Opening::whole);
}

void Reader::open(Opening opening) {
  // These are single pages: reading ahead from them would read most of a small file (by 8 MB on some systems).
  expect_random_reads(file_.bytes(), true);
  try {
    const ChosenSlot chosen = choose_slot(bytes_.first(std::min<std::size_t>(bytes_.size(), kFirstData)), bytes_.size());
    slot_ = chosen.slot;
    slot_name_ = chosen.name;
    other_slot_ = chosen.other;
  } catch (const Error& e) {
    throw e.within(path_);
  }
  if (slot_.index_len != 0) index_ = bytes_.data() + slot_.index_offset + 8;
  find_checksums();
  if (opening == Opening::whole) {
    check_blocks();
    (void)schema();
  }
  expect_random_reads(file_.bytes(), false);
}

void Reader::find_checksums() {
  if (!slot_.extension || slot_.extension->checksums_len == 0) return;
  checksums_ = bytes_.data() + slot_.extension->checksums_offset;
}

bool Reader::look_at() const {
  try {
    check_blocks();
  } catch (const Error&) {
    return false;  // said when the record's turn comes
  }
  looked_at_.set.store(true, std::memory_order_relaxed);
  return true;
}

void Reader::check_blocks() const {
  if (index_ != nullptr && load<std::uint64_t>(index_ - 8) != size()) {
    fail_input(path_, fmt::format("the index counts {} records, the header {}", load<std::uint64_t>(index_ - 8), size()), "atp verify says what is left");
  }
  // Without a schema block all records would have to be read to know the schema.
  if (slot_.schema_len != 0 || slot_.record_format == 3) (void)schema();
}

const Schema& Reader::read_schema() const {
  auto schema = std::make_unique<Schema>();
  try {
    *schema = schema_block();
  } catch (const Error& e) {
    throw e.where().starts_with(path_) ? e : e.within(path_);
  }
  const Schema* other = nullptr;
  return *(late_->schema.compare_exchange_strong(other, schema.get(), std::memory_order_acq_rel) ? schema.release() : other);
}

Schema Reader::schema_block() const {
  if (slot_.schema_len == 0) {
    if (slot_.num_molecules == 0) return {};
    if (slot_.record_format == 3) fail_input("", "has record format 3 but no schema block, so the type of its positions is not known");
    return late_->otherwise ? *late_->otherwise : rebuilt_schema();
  }
  const Bytes block = bytes_.subspan(slot_.schema_offset, slot_.schema_len);
  if (slot_.extension && slot_.extension->schema_hash != xxh3(block)) {
    fail_input("", "the schema block is damaged: its checksum does not fit", "atp verify says what is left");
  }
  Schema schema = Schema::decode(block);
  if (slot_.record_format == 2 && schema.positions == Type::vec3_f64) {
    fail_input("", "its schema has positions in f64, which record format 2 cannot hold");
  }
  return schema;
}

// Files of older writers have no schema block: what their records hold is what they lock.
Schema Reader::rebuilt_schema() const {
  Schema schema;
  schema.positions = Type::vec3_f32;
  expect_random_reads(file_.bytes(), false);  // all of it
  Scratch scratch;
  for (std::uint64_t i = 0; i < size(); ++i) {
    throw_if_interrupted();
    const std::string problem = schema.add(record(i, scratch));
    if (!problem.empty()) fail(i, problem);
  }
  return schema;
}

std::string_view Reader::metadata() const {
  if (!slot_.extension || slot_.extension->metadata_len == 0) return {};
  const Bytes block = bytes_.subspan(slot_.extension->metadata_offset, slot_.extension->metadata_len);
  if (xxh3(block) != slot_.extension->metadata_hash) {
    fail_input(path_, "the metadata block is damaged: its checksum does not fit", "atp verify says what is left");
  }
  return as_text(block);
}

void Reader::check_index() const {
  if (slot_.extension) (void)index_hash();
}

std::uint64_t Reader::index_hash() const {
  const std::uint64_t hash = xxh3(bytes_.subspan(slot_.index_offset, slot_.index_len));
  if (slot_.extension && hash != slot_.extension->index_hash) {
    fail_input(path_, "the index is damaged: its checksum does not fit", "atp verify says what is left");
  }
  return hash;
}

void Reader::atom_counts(std::span<std::uint32_t> out) const {
  check_blocks();
  const std::byte* entry = index_;
  for (std::uint32_t& atoms : out) {
    atoms = load<std::uint32_t>(entry + offsetof(RawIndexEntry, atoms));
    entry += sizeof(RawIndexEntry);
  }
}

void Reader::fail(std::uint64_t record, const std::string& what, std::string fix) const {
  fail_input(fmt::format("{}: record {}", path_, record), what, std::move(fix));
}

void Reader::fail_entry(std::uint64_t i) const {
  if (i >= size()) fail_input(path_, fmt::format("has {} records, record {} was asked for", size(), i));
  check_blocks();
  const IndexEntry e = raw_entry(i);
  fail(i, fmt::format("its index entry points outside the data region (offset {}, {} bytes)", e.offset, e.stored));
}

void Reader::fail_atoms(std::uint64_t i, std::uint32_t holds, std::uint32_t index_says) const {
  fail(i, fmt::format("holds {} atoms, the index says {}", holds, index_says));
}

void Reader::rethrow(std::uint64_t record, const Error& error) const { throw error.within(fmt::format("{}: record {}", path_, record)); }

Bytes Reader::stored(std::uint64_t i) const { return stored(entry(i)); }

RecordView Reader::record(std::uint64_t i, Scratch& scratch) const {
  const IndexEntry e = entry(i);
  return decode(i, e, stored(e), scratch, false);
}

RecordView Reader::verified_record(std::uint64_t i, Scratch& scratch) const {
  const IndexEntry e = entry(i);
  return decode(i, e, stored(e), scratch, true);
}

void Reader::check_sum(std::uint64_t i, Bytes stored) const {
  const auto expected = checksum(i);
  if (expected && *expected != record_checksum(stored)) fail(i, "is damaged: its checksum does not fit", "atp verify lists all damage");
}

Bytes Reader::unpack(std::uint64_t i, const IndexEntry& e, Bytes stored, Scratch& scratch) const {
  try {
    return scratch.context(codec()).decompress(stored, e.unpacked, scratch.buffer());
  } catch (const Error& error) {
    rethrow(i, error);
  }
}

std::optional<std::uint64_t> Reader::checksum(std::uint64_t i) const {
  if (!checksums_) return std::nullopt;
  const auto h = load<std::uint64_t>(checksums_ + 8 * i);
  return h == 0 ? std::nullopt : std::optional(h);
}

}  // namespace atp
