#include "core/atp/salvage_scan.h"

#include <algorithm>
#include <cmath>

#include "core/atp/generation.h"
#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kHead = 8 + 2 * sizeof(RawIndexEntry);  // what tells an index at first sight
constexpr std::uint64_t kLargestSchema = 1 << 20;

}  // namespace

// ---- ScanWindow ---------------------------------------------------------------------------------

Bytes ScanWindow::from(std::uint64_t offset) {
  const std::uint64_t end = begin_ + buffer_.size();
  if (offset < begin_ || offset > end || (end - offset < kMost && end != file_.size())) fill(offset);
  return Bytes(buffer_).subspan(static_cast<std::size_t>(offset - begin_));
}

void ScanWindow::fill(std::uint64_t offset) {
  throw_if_interrupted();
  begin_ = std::min(offset, file_.size());
  buffer_.resize(static_cast<std::size_t>(std::min(2 * kMost, file_.size() - begin_)));
  try {
    read_exactly(file_, begin_, buffer_);
    return;
  } catch (const Error&) {
  }
  for (std::size_t at = 0; at < buffer_.size(); at += kPage) {
    const auto page = std::span(buffer_).subspan(at, std::min<std::size_t>(kPage, buffer_.size() - at));
    try {
      read_exactly(file_, begin_ + at, page);
    } catch (const Error&) {
      std::fill(page.begin(), page.end(), std::byte{0});
      ++unreadable_;
    }
  }
}

// ---- blocks -------------------------------------------------------------------------------------

bool plausible_entry(const IndexEntry& e, std::uint64_t index_offset) {
  return e.offset >= kFirstData && e.offset < index_offset && e.stored != 0 && e.stored <= index_offset - e.offset &&
         e.unpacked >= 6 + 13 * std::uint64_t{e.atoms} && e.unpacked <= std::max(most_unpacked(CodecId::zstd, e.stored), most_unpacked(CodecId::lz4, e.stored));
}

namespace {

// Reads the whole of what looks like an index. Entries that make no sense are kept as they are: the
// index may be damaged, and each record is checked anyway.
std::optional<FoundIndex> read_index(const InputFile& file, std::uint64_t offset) {
  try {
    const auto count = load<std::uint64_t>(read_block(file, offset, 8).data());
    const auto bytes = read_block(file, offset + 8, count * sizeof(RawIndexEntry));
    FoundIndex index{offset, {}};
    index.entries.reserve(count);
    std::uint64_t plausible = 0;
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(RawIndexEntry)) {
      index.entries.push_back(decode_entry(&bytes[at]));
      plausible += plausible_entry(index.entries.back(), offset);
    }
    if (2 * plausible > count) return index;
  } catch (const Error&) {  // a bad disk
  }
  return std::nullopt;
}

bool may_be_index(Bytes bytes, std::uint64_t offset, std::uint64_t file_size) {
  const auto count = load<std::uint64_t>(bytes.data());
  if (count == 0 || count > (file_size - offset - 8) / sizeof(RawIndexEntry)) [[likely]] return false;
  return plausible_entry(decode_entry(&bytes[8]), offset) &&
         (count == 1 || (bytes.size() >= kHead && plausible_entry(decode_entry(&bytes[8 + sizeof(RawIndexEntry)]), offset)));
}

bool may_be_schema(Bytes bytes) {
  if (load<std::uint32_t>(bytes.data()) != 1) [[likely]] return false;
  const auto positions = std::to_integer<unsigned>(bytes[4]);
  const auto count = load<std::uint32_t>(&bytes[5]);
  return (positions == 4 || positions == 7 || positions == kUnknownPositions) && count != 0 && count < 65536;
}

std::optional<FoundSchema> schema_at(Bytes bytes, std::uint64_t offset) {
  try {
    Schema schema = Schema::decode(bytes.first(std::min<std::size_t>(bytes.size(), kLargestSchema)));
    const std::uint64_t length = schema.encode().size();
    return FoundSchema{offset, length, std::move(schema)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

FoundBlocks find_blocks(const InputFile& file) {
  FoundBlocks found;
  ScanWindow window(file);
  const std::uint64_t size = file.size();
  // Whoever wants to can make every byte look like a block's beginning: what is read for them is bounded.
  std::uint64_t allowance = 4 * size + (1 << 20);
  for (std::uint64_t at = kFirstData; at + 28 <= size;) {
    const Bytes bytes = window.from(at);
    const std::size_t last = bytes.size() - (at + bytes.size() == size ? 27 : kHead - 1);
    for (std::size_t i = 0; i < last; ++i) {
      const Bytes here = bytes.subspan(i);
      if (may_be_index(here, at + i, size)) {
        const std::uint64_t cost = index_bytes(load<std::uint64_t>(here.data()));
        if (cost > allowance) continue;
        allowance -= cost;
        if (auto index = read_index(file, at + i)) found.indexes.push_back(std::move(*index));
      } else if (may_be_schema(here) && allowance >= 4096) {
        allowance -= 4096;
        if (auto schema = schema_at(here, at + i)) found.schemas.push_back(std::move(*schema));
      }
    }
    at += last;
  }
  return found;
}

// ---- records ------------------------------------------------------------------------------------

namespace {

std::vector<Type> types_to_try(std::optional<Type> positions) {
  if (positions) return {*positions};
  return {Type::vec3_f64, Type::vec3_f32};
}

// A coordinate that somebody wrote: bytes that are none mostly read as tiny, huge or not finite.
bool plausible_coordinate(double x) { return x == 0 || (std::abs(x) > 1e-25 && std::abs(x) < 1e6); }

bool plausible_atoms(const RecordView& record) {
  for (const std::byte z : record.atomic_numbers()) {
    const auto number = std::to_integer<unsigned>(z);
    if (number == 0 || number > 118) return false;
  }
  const NumbersView positions = record.positions();
  for (std::uint64_t i = 0; i < positions.count; ++i) {
    if (!plausible_coordinate(positions.real(i))) return false;
  }
  return true;
}

bool plausible_key(std::string_view key) {
  return std::none_of(key.begin(), key.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

RecordScan::RecordScan(ScanWindow& window, Codec codec, const Schema* lock, std::optional<Type> positions)
    : window_(window), codec_(codec), types_(types_to_try(positions)), locked_(lock != nullptr), checker_(codec, lock, positions), context_(codec) {}

// The length of the record that seems to begin here, 0 when none does.
std::size_t RecordScan::plausible_length(Bytes bytes, Type positions) {
  if (bytes.size() < 6) return 0;
  const std::uint64_t n = load<std::uint32_t>(bytes.data());
  const std::uint64_t per_atom = type_info(positions).element + 1;
  if ((n == 0 && !locked_) || n > (bytes.size() - 6) / per_atom) [[likely]] return 0;
  const std::size_t fixed = static_cast<std::size_t>(4 + n * per_atom + 2);
  const unsigned sections = load<std::uint16_t>(&bytes[fixed - 2]);
  if (sections > 1024 || (sections == 0 && n < 2)) return 0;  // zeros are no molecules without atoms
  std::size_t at = fixed;
  for (unsigned s = 0; s < sections; ++s) {
    if (bytes.size() - at < 7) return 0;
    const auto kind = std::to_integer<std::uint8_t>(bytes[at]);
    const auto key_len = std::to_integer<std::size_t>(bytes[at + 1]);
    if (kind > 2 || bytes.size() - at < 7 + key_len) return 0;
    const std::string_view key = as_text(bytes.subspan(at + 2, key_len));
    const TypeInfo* type = type_info(std::to_integer<std::uint8_t>(bytes[at + 2 + key_len]));
    if (!type || (!locked_ && !plausible_key(key)) || (kind == 0 && !builtin_info(key))) return 0;
    const auto payload = load<std::uint32_t>(&bytes[at + 3 + key_len]);
    at += 7 + key_len;
    if (payload > bytes.size() - at) return 0;
    at += payload;
  }
  work_ += n;
  // Fields that fit the file's schema are proof enough, whatever the numbers.
  if (locked_ && sections != 0) return at;
  return plausible_atoms(RecordView(bytes.first(at), positions)) ? at : 0;
}

std::optional<FoundRecord> RecordScan::plain_at(Bytes bytes, std::uint64_t offset) {
  for (const Type type : types_) {
    const std::size_t length = plausible_length(bytes, type);
    if (length == 0 || length > UINT32_MAX) continue;
    const auto size = static_cast<std::uint32_t>(length);
    FoundRecord found{{offset, size, size, load<std::uint32_t>(bytes.data())}, bytes.first(length)};
    if (!checker_.check(found.entry, found.stored, 0)) return found;
  }
  return std::nullopt;
}

std::optional<FoundRecord> RecordScan::frame_at(Bytes bytes, std::uint64_t offset) {
  const auto frame = zstd_frame_at(bytes);
  if (!frame || frame->unpacked < 6) return std::nullopt;
  work_ += frame->stored / 16;
  FoundRecord found{{offset, static_cast<std::uint32_t>(frame->stored), static_cast<std::uint32_t>(frame->unpacked), 0}, bytes.first(frame->stored)};
  try {
    found.entry.atoms = load<std::uint32_t>(context_.decompress(found.stored, found.entry.unpacked, scratch_).data());
  } catch (const Error&) {
    return std::nullopt;
  }
  return checker_.check(found.entry, found.stored, 0) ? std::nullopt : std::optional(found);
}

std::optional<FoundRecord> RecordScan::next(std::uint64_t begin, std::uint64_t end) {
  if (codec_.id == CodecId::lz4 || end < 6) return std::nullopt;
  allowed_ += end - begin;
  for (std::uint64_t at = begin; at + 6 <= end;) {
    Bytes bytes = window_.from(at);
    const std::size_t here = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - at));
    const std::size_t last = end - at > bytes.size() ? bytes.size() - static_cast<std::size_t>(ScanWindow::kMost) + 1 : here - 5;
    bytes = bytes.first(here);
    for (std::size_t i = 0; i < last; ++i) {
      if (work_ > allowed_ + (1 << 20)) return std::nullopt;
      const Bytes rest = bytes.subspan(i);
      const auto found = codec_.id == CodecId::none ? plain_at(rest, at + i) : frame_at(rest, at + i);
      if (found) {
        allowed_ -= end - found->entry.offset;  // the caller comes back for the rest
        return found;
      }
    }
    at += last;
  }
  return std::nullopt;
}

}  // namespace atp
