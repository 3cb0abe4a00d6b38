#include "core/atp/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"

namespace atp {

CodecContext& Scratch::context(const Codec& codec) {
  if (!context_ || context_->codec() != codec) context_.emplace(codec);
  return *context_;
}

Reader::Reader(const std::string& path) : path_(path), file_(path), bytes_(file_.bytes()) { open(); }

Reader::Reader(std::string name, Bytes bytes) : path_(std::move(name)), bytes_(bytes) { open(); }

Reader::Reader(std::string name, Bytes bytes, Schema otherwise) : path_(std::move(name)), bytes_(bytes) { open(&otherwise); }

void Reader::open(const Schema* otherwise) {
  try {
    const ChosenSlot chosen = choose_slot(bytes_.first(std::min<std::size_t>(bytes_.size(), kFirstData)), bytes_.size());
    slot_ = chosen.slot;
    slot_name_ = chosen.name;
    other_slot_ = chosen.other;
    if (slot_.index_len != 0) {
      const std::byte* index = bytes_.data() + slot_.index_offset;
      const auto count = load<std::uint64_t>(index);
      if (count != slot_.num_molecules) {
        fail_input("", fmt::format("the index counts {} records, the header {}", count, slot_.num_molecules),
                   "atp verify says what is left");
      }
      index_ = index + 8;
    }
    find_checksums();
    read_schema(otherwise);
  } catch (const Error& e) {
    throw e.within(path_);
  }
}

void Reader::find_checksums() {
  if (!slot_.extension || slot_.extension->checksums_len == 0) return;
  checksums_ = bytes_.data() + slot_.extension->checksums_offset;
}

void Reader::read_schema(const Schema* otherwise) {
  if (slot_.schema_len != 0) {
    const Bytes block = bytes_.subspan(slot_.schema_offset, slot_.schema_len);
    if (slot_.extension && slot_.extension->schema_hash != xxh3(block)) {
      fail_input("", "the schema block is damaged: its checksum does not fit", "atp verify says what is left");
    }
    schema_ = Schema::decode(block);
  } else if (slot_.num_molecules != 0) {
    if (slot_.record_format == 3) {
      fail_input("", "has record format 3 but no schema block, so the type of its positions is not known");
    }
    otherwise ? void(schema_ = *otherwise) : rebuild_schema();
  }
  if (slot_.record_format == 2 && schema_.positions == Type::vec3_f64) {
    fail_input("", "its schema has positions in f64, which record format 2 cannot hold");
  }
}

// Files of older writers have no schema block: what their records hold is what they lock.
void Reader::rebuild_schema() {
  schema_.positions = Type::vec3_f32;
  Scratch scratch;
  for (std::uint64_t i = 0; i < size(); ++i) {
    throw_if_interrupted();
    const std::string problem = schema_.add(record(i, scratch));
    if (!problem.empty()) fail(i, problem);
  }
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
  const IndexEntry e = raw_entry(i);
  fail(i, fmt::format("its index entry points outside the data region (offset {}, {} bytes)", e.offset, e.stored));
}

void Reader::fail_atoms(std::uint32_t holds, std::uint32_t index_says) {
  fail_input("", fmt::format("holds {} atoms, the index says {}", holds, index_says));
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

Bytes Reader::unpack(const IndexEntry& e, Bytes stored, Scratch& scratch) const {
  return scratch.context(codec()).decompress(stored, e.unpacked, scratch.buffer());
}

std::optional<std::uint64_t> Reader::checksum(std::uint64_t i) const {
  if (!checksums_) return std::nullopt;
  const auto h = load<std::uint64_t>(checksums_ + 8 * i);
  return h == 0 ? std::nullopt : std::optional(h);
}

}  // namespace atp
