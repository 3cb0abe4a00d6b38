#include "core/atp/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace atp {
namespace {

constexpr std::array<char, 4> kMagic = {'A', 'T', 'P', 'K'};
constexpr std::array<char, 4> kExtensionMagic = {'A', 'T', 'P', 'X'};
constexpr std::uint32_t kExtensionVersion = 1;
constexpr std::size_t kExtensionAt = offsetof(RawSlot, extension);
constexpr std::size_t kAdlerAt = offsetof(RawSlot, adler32);
constexpr std::size_t kSlotHashAt = kExtensionAt + offsetof(RawExtension, slot_hash);
static_assert(offsetof(RawSlot, codec) == 48 && offsetof(RawSlot, level) == 52 && offsetof(RawSlot, schema_offset) == 60);
static_assert(kExtensionAt == 2048 && kSlotHashAt == 2128 && kAdlerAt == 4092);

// A block of the committed part: at or after data_start, and inside the file.
bool inside(std::uint64_t offset, std::uint64_t len, std::uint64_t data_start, std::uint64_t file_size) {
  return offset >= data_start && offset <= file_size && len <= file_size - offset;
}

std::string problem_of(const Slot& s, std::uint64_t file_size) {
  if (s.data_start < kFirstData) return fmt::format("data_start is {}, at least {} is needed", s.data_start, kFirstData);
  if (s.codec > 2) return fmt::format("codec {} is unknown", s.codec);
  if (s.record_format != 2 && s.record_format != 3) return fmt::format("record format {} is unknown", s.record_format);
  if ((s.index_offset == 0) != (s.index_len == 0) || (s.schema_offset == 0) != (s.schema_len == 0)) {
    return "a block has an offset without a length, or the reverse";
  }
  if (s.data_start > file_size) return "the data region starts behind the end of the file";
  if (s.index_len == 0 && s.num_molecules != 0) return fmt::format("{} molecules without an index", s.num_molecules);
  if (s.index_len != 0) {
    if (s.num_molecules > (s.index_len - 8) / sizeof(RawIndexEntry) || s.index_len != index_bytes(s.num_molecules)) {
      return fmt::format("an index of {} bytes cannot hold {} molecules", s.index_len, s.num_molecules);
    }
    if (!inside(s.index_offset, s.index_len, s.data_start, file_size)) return "the index runs past the end of the file";
  }
  if (s.schema_len != 0 && !inside(s.schema_offset, s.schema_len, s.data_start, file_size)) {
    return "the schema runs past the end of the file";
  }
  return {};
}

bool plausible(const Extension& e, const Slot& s) {
  const std::uint64_t end = s.committed_end();
  if (e.checksums_len != 8 * s.num_molecules) return false;
  if (e.checksums_len != 0 && !inside(e.checksums_offset, e.checksums_len, s.data_start, end)) return false;
  if ((e.metadata_offset == 0) != (e.metadata_len == 0)) return false;
  return e.metadata_len == 0 || inside(e.metadata_offset, e.metadata_len, s.data_start, end);
}

void decode_extension(const RawSlot& raw, Bytes bytes, Slot& s) {
  const RawExtension& x = raw.extension;
  if (x.magic != kExtensionMagic) return;
  if (x.version != kExtensionVersion) {
    s.unknown_extension = x.version;
    return;
  }
  if (x.generation != s.generation) return;  // left by a writer that does not know it
  if (x.slot_hash != xxh3(bytes.first(kSlotHashAt))) {
    s.extension_problem = "its checksum does not fit";
    return;
  }
  const Extension e{x.checksums_offset, x.checksums_len, x.checksums_hash, x.index_hash,
                    x.schema_hash,      x.metadata_offset, x.metadata_len, x.metadata_hash};
  if (plausible(e, s)) {
    s.extension = e;
  } else {
    s.extension_problem = "it points outside the committed part of the file";
  }
}

}  // namespace

std::array<std::byte, kSlotBytes> encode_slot(const Slot& s) {
  std::array<std::byte, kSlotBytes> bytes{};
  RawSlot raw;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  raw.magic = kMagic;
  raw.version = kFileVersion;
  raw.generation = s.generation;
  raw.data_start = s.data_start;
  raw.index_offset = s.index_offset;
  raw.index_len = s.index_len;
  raw.num_molecules = s.num_molecules;
  raw.codec = s.codec;
  raw.level = s.level;
  raw.record_format = s.record_format;
  raw.schema_offset = s.schema_offset;
  raw.schema_len = s.schema_len;
  if (s.extension) {
    const Extension& e = *s.extension;
    raw.extension = {kExtensionMagic, kExtensionVersion, s.generation,
                     e.checksums_offset, e.checksums_len, e.checksums_hash,
                     e.index_hash, e.schema_hash,
                     e.metadata_offset, e.metadata_len, e.metadata_hash, 0};
  }
  std::memcpy(bytes.data(), &raw, sizeof raw);
  if (s.extension) store(bytes.data() + kSlotHashAt, xxh3(Bytes(bytes).first(kSlotHashAt)));
  store(bytes.data() + kAdlerAt, adler32(Bytes(bytes).first(kAdlerAt)));
  return bytes;
}

std::optional<Slot> decode_slot(Bytes bytes, std::uint64_t file_size, std::string& why) {
  why.clear();
  if (bytes.size() < kSlotBytes) {
    why = "the file ends inside it";
    return std::nullopt;
  }
  const auto raw = load<RawSlot>(bytes.data());
  if (raw.magic != kMagic) {
    why = "its magic is not ATPK";
  } else if (raw.version != kFileVersion) {
    why = fmt::format("its version is {}, this program reads {}", std::uint32_t{raw.version}, kFileVersion);
  } else if (raw.adler32 != adler32(bytes.first(kAdlerAt))) {
    why = "its checksum does not fit";
  }
  if (!why.empty()) return std::nullopt;

  Slot s;
  s.generation = raw.generation;
  s.data_start = raw.data_start;
  s.index_offset = raw.index_offset;
  s.index_len = raw.index_len;
  s.num_molecules = raw.num_molecules;
  s.codec = raw.codec;
  s.level = raw.level;
  s.record_format = raw.record_format;
  s.schema_offset = raw.schema_offset;
  s.schema_len = raw.schema_len;
  why = problem_of(s, file_size);
  if (!why.empty()) return std::nullopt;
  decode_extension(raw, bytes.first(kSlotBytes), s);
  return s;
}

std::optional<Slot> guess_slot(Bytes bytes, std::uint64_t file_size) {
  if (bytes.size() < kSlotBytes) return std::nullopt;
  auto raw = load<RawSlot>(bytes.data());
  raw.magic = kMagic;
  raw.version = kFileVersion;
  const Bytes extension = bytes.subspan(offsetof(RawSlot, extension), sizeof(RawExtension));
  const bool extended = std::any_of(extension.begin(), extension.end(), [](std::byte b) { return b != std::byte{0}; });
  if (extended) {
    raw.extension.magic = kExtensionMagic;
    raw.extension.version = kExtensionVersion;
    raw.generation = raw.extension.generation;
  }
  std::array<std::byte, kSlotBytes> mended;
  std::memcpy(mended.data(), &raw, sizeof raw);
  if (extended) store(mended.data() + kSlotHashAt, xxh3(Bytes(mended).first(kSlotHashAt)));
  store(mended.data() + kAdlerAt, adler32(Bytes(mended).first(kAdlerAt)));
  std::string why;
  auto slot = decode_slot(mended, file_size, why);
  if (slot && extended && !slot->extension) return std::nullopt;  // its hashes are what would prove the guess
  return slot;
}

namespace {

std::string printable(Bytes bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    const auto c = static_cast<unsigned char>(b);
    out += c >= 0x20 && c < 0x7f ? std::string(1, static_cast<char>(c)) : fmt::format("\\x{:02x}", c);
  }
  return out;
}

}  // namespace

std::string first_bytes_problem(Bytes bytes) {
  if (bytes.empty()) return "is empty, not an .atp file";
  if (as_text(bytes).starts_with("version ")) return "not an .atp file; it begins as a Git LFS pointer does, and git lfs pull would fetch the file";
  if (bytes.size() < 8 || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return fmt::format("not an .atp file (magic is '{}')", printable(bytes.first(std::min<std::size_t>(4, bytes.size()))));
  }
  const auto version = load<std::uint32_t>(bytes.data() + 4);
  if (version != kFileVersion) return fmt::format("has file format version {}, this program reads {}", version, kFileVersion);
  return {};
}

ChosenSlot choose_slot(Bytes head, std::uint64_t file_size) {
  const auto slot_at = [&](std::uint64_t at) { return head.size() > at ? head.subspan(at) : Bytes{}; };
  std::string why_a, why_b;
  const auto a = decode_slot(slot_at(0), file_size, why_a);
  const auto b = decode_slot(slot_at(kSlotBytes), file_size, why_b);

  // The reference looks at the first eight bytes before anything else, and refuses; so do we.
  if (const std::string problem = first_bytes_problem(head.first(std::min<std::size_t>(8, head.size()))); !problem.empty()) {
    if (b) fail_input("", "header slot A is damaged: " + problem, "slot B is sound: atp verify --repair can restore A");
    fail_input("", problem);
  }
  if (!a && !b) {
    fail_input("", fmt::format("no header slot is valid (A: {}; B: {})", why_a, why_b),
               "atp verify --salvage can look for its records");
  }
  if (a && (!b || a->generation >= b->generation)) return {*a, 'A', why_b};
  return {*b, 'B', why_a};
}

// ---- sections -----------------------------------------------------------------------------------

namespace {

constexpr std::array<TypeInfo, 18> kTypes = {{
    {Type::f64, "f64", 8, Scalar::f64, Form::scalar},
    {Type::i64, "i64", 8, Scalar::i64, Form::scalar},
    {Type::string, "string", 0, Scalar::text, Form::text},
    {Type::f64_array, "f64_array", 8, Scalar::f64, Form::array},
    {Type::vec3_f32, "vec3_f32", 12, Scalar::f32, Form::vec3},
    {Type::i64_array, "i64_array", 8, Scalar::i64, Form::array},
    {Type::f32_array, "f32_array", 4, Scalar::f32, Form::array},
    {Type::vec3_f64, "vec3_f64", 24, Scalar::f64, Form::vec3},
    {Type::i32_array, "i32_array", 4, Scalar::i32, Form::array},
    {Type::bool3, "bool3", 3, Scalar::boolean, Form::bool3},
    {Type::mat3_f64, "mat3_f64", 72, Scalar::f64, Form::mat3},
    {Type::f32, "f32", 4, Scalar::f32, Form::scalar},
    {Type::mat3_f32, "mat3_f32", 36, Scalar::f32, Form::mat3},
    {Type::null, "none", 0, Scalar::none, Form::null},
    {Type::tensor_f32, "tensor_f32", 4, Scalar::f32, Form::tensor},
    {Type::tensor_f64, "tensor_f64", 8, Scalar::f64, Form::tensor},
    {Type::tensor_i32, "tensor_i32", 4, Scalar::i32, Form::tensor},
    {Type::tensor_i64, "tensor_i64", 8, Scalar::i64, Form::tensor},
}};

constexpr bool rows_are_in_place() {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (static_cast<std::size_t>(kTypes[i].type) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_place());

}  // namespace

const TypeInfo* type_info(std::uint8_t code) { return code < kTypes.size() ? &kTypes[code] : nullptr; }
const TypeInfo& type_info(Type type) { return kTypes[static_cast<std::size_t>(type)]; }

std::uint32_t scalar_bytes(Scalar s) {
  switch (s) {
    case Scalar::f32:
    case Scalar::i32: return 4;
    case Scalar::f64:
    case Scalar::i64: return 8;
    case Scalar::boolean: return 1;
    case Scalar::none:
    case Scalar::text: break;
  }
  return 0;
}

std::string_view scalar_name(Scalar s) {
  switch (s) {
    case Scalar::f32: return "f32";
    case Scalar::f64: return "f64";
    case Scalar::i32: return "i32";
    case Scalar::i64: return "i64";
    case Scalar::boolean: return "bool";
    case Scalar::text: return "string";
    case Scalar::none: break;
  }
  return "none";
}

const std::array<BuiltinInfo, 8> kBuiltins = {{
    {"charges", Type::f64_array, Type::f32_array, true},
    {"cell", Type::mat3_f64, Type::mat3_f32, false},
    {"energy", Type::f64, Type::f32, false},
    {"forces", Type::vec3_f32, Type::vec3_f64, true},
    {"name", Type::string, std::nullopt, false},
    {"pbc", Type::bool3, std::nullopt, false},
    {"stress", Type::mat3_f64, Type::mat3_f32, false},
    {"velocities", Type::vec3_f32, Type::vec3_f64, true},
}};

const BuiltinInfo* builtin_info(std::string_view key) {
  // Asked several times for every field of every record: length and first letter tell nearly all apart.
  for (const BuiltinInfo& b : kBuiltins) {
    if (b.key.size() == key.size() && b.key[0] == key[0] && b.key == key) return &b;
  }
  return nullptr;
}

}  // namespace atp
