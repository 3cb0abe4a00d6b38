// The bytes of an .atp file: FORMAT.md (and `man 5 atp`) as structs. No other file knows an offset.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/byte_reader.h"
#include "core/base/little.h"

namespace atp {

inline constexpr std::uint32_t kFileVersion = 2;
inline constexpr std::uint64_t kSlotBytes = 4096;
inline constexpr std::uint64_t kFirstData = 2 * kSlotBytes;

// ---- header -------------------------------------------------------------------------------------

// "Our extension": lies at byte 2048 of a slot.
struct RawExtension {
  std::array<char, 4> magic;  // "ATPX"
  le_u32 version;
  le_u64 generation;
  le_u64 checksums_offset, checksums_len, checksums_hash;
  le_u64 index_hash, schema_hash;
  le_u64 metadata_offset, metadata_len, metadata_hash;
  le_u64 slot_hash;  // XXH3-64 of the slot's bytes before this field
};
static_assert(sizeof(RawExtension) == 88 && alignof(RawExtension) == 1);

struct RawSlot {
  std::array<char, 4> magic;  // "ATPK"
  le_u32 version;
  le_u64 generation;
  le_u64 data_start, index_offset, index_len, num_molecules;
  std::uint8_t codec;
  std::array<std::uint8_t, 3> unused;
  le_i32 level;
  le_u32 record_format;
  le_u64 schema_offset, schema_len;
  std::array<std::byte, 2048 - 76> reserved;
  RawExtension extension;
  std::array<std::byte, 4092 - 2048 - sizeof(RawExtension)> reserved_too;
  le_u32 adler32;  // of the bytes before it
};
static_assert(sizeof(RawSlot) == kSlotBytes && alignof(RawSlot) == 1);

// The extension as numbers. Offsets count from the start of the file; hashes are XXH3-64.
struct Extension {
  std::uint64_t checksums_offset = 0, checksums_len = 0, checksums_hash = 0;
  std::uint64_t index_hash = 0, schema_hash = 0;
  std::uint64_t metadata_offset = 0, metadata_len = 0, metadata_hash = 0;
};

// A header slot as numbers.
struct Slot {
  std::uint64_t generation = 0;
  std::uint64_t data_start = kFirstData;
  std::uint64_t index_offset = 0, index_len = 0, num_molecules = 0;
  std::uint8_t codec = 0;  // a CodecId
  std::int32_t level = 0;
  std::uint32_t record_format = 2;
  std::uint64_t schema_offset = 0, schema_len = 0;
  std::optional<Extension> extension;
  // An ATPX block of this generation is there but is left out, because this is wrong with it.
  std::string extension_problem;
  // An ATPX block is there but of a version this program does not know.
  std::optional<std::uint32_t> unknown_extension;

  // Where the committed part of the file ends; what lies behind is an uncommitted tail.
  std::uint64_t committed_end() const { return index_len == 0 ? data_start : index_offset + index_len; }
};

// The 4096 bytes of a slot, checksums included. An absent extension is zeros.
std::array<std::byte, kSlotBytes> encode_slot(const Slot& slot);

// The slot, or nothing when it is not valid for a file of `file_size` bytes; then `why` says why.
// An extension that is damaged, foreign or of another generation is left out, which is no error.
std::optional<Slot> decode_slot(Bytes slot, std::uint64_t file_size, std::string& why);

// Why `bytes`, at most the first 8 of a file, cannot begin an .atp file of this program's version;
// empty when they can.
std::string first_bytes_problem(Bytes bytes);

// The slot that `bytes` seem to mean although decode_slot() refuses them: magic, version and checksum
// are taken as right. Only for repair and salvage, which check what it leads to.
std::optional<Slot> guess_slot(Bytes bytes, std::uint64_t file_size);

// Which slot counts, of a file's first 8192 bytes.
struct ChosenSlot {
  Slot slot;
  char name;          // 'A' or 'B'
  std::string other;  // why the other slot is not valid; empty when it is
};

// The newest valid slot, A on a tie. `head` is the file's first 8192 bytes, or as many as there are.
// Throws Error (exit 3): not an .atp file, another version, no valid slot.
ChosenSlot choose_slot(Bytes head, std::uint64_t file_size);

// ---- index --------------------------------------------------------------------------------------

struct RawIndexEntry {
  le_u64 offset;
  le_u32 stored, unpacked, atoms;
};
static_assert(sizeof(RawIndexEntry) == 20 && alignof(RawIndexEntry) == 1);

// Where a record lies: `stored` bytes at `offset`, `unpacked` bytes after decompression.
struct IndexEntry {
  std::uint64_t offset;
  std::uint32_t stored, unpacked, atoms;
};

inline IndexEntry decode_entry(const std::byte* p) {
  const auto number = [p](std::size_t at) { return load<std::uint32_t>(p + at); };
  return {load<std::uint64_t>(p + offsetof(RawIndexEntry, offset)), number(offsetof(RawIndexEntry, stored)), number(offsetof(RawIndexEntry, unpacked)),
          number(offsetof(RawIndexEntry, atoms))};
}

inline constexpr std::uint64_t index_bytes(std::uint64_t records) { return 8 + sizeof(RawIndexEntry) * records; }

// ---- sections -----------------------------------------------------------------------------------

// What a section belongs to. The values lie in files: frozen.
enum class Kind : std::uint8_t { builtin = 0, atom = 1, molecule = 2 };

// Payload types. The values lie in files: frozen.
enum class Type : std::uint8_t {
  f64 = 0, i64 = 1, string = 2,
  f64_array = 3, vec3_f32 = 4, i64_array = 5, f32_array = 6, vec3_f64 = 7, i32_array = 8,
  bool3 = 9, mat3_f64 = 10, f32 = 11, mat3_f32 = 12, null = 13,
  tensor_f32 = 14, tensor_f64 = 15, tensor_i32 = 16, tensor_i64 = 17,
};

enum class Scalar : std::uint8_t { none, f32, f64, i32, i64, boolean, text };

// How the values of a type are laid out in the payload.
enum class Form : std::uint8_t { scalar, text, array, vec3, bool3, mat3, null, tensor };

struct TypeInfo {
  Type type;
  std::string_view name;   // as in the fixtures and in `atp inspect`: "f64", "vec3_f32", "tensor_i64" ...
  std::uint32_t element;   // element bytes of FORMAT.md, "Schema block"
  Scalar scalar;
  Form form;
};

// The row of a type; nullptr for a code that does not exist.
const TypeInfo* type_info(std::uint8_t code);
// The row of a type's name; nullptr for a name that does not exist.
const TypeInfo* type_info(std::string_view name);
const TypeInfo& type_info(Type type);

std::uint32_t scalar_bytes(Scalar s);
std::string_view scalar_name(Scalar s);  // "f32", "i64", "bool", "string" ...

// A builtin field: its key and the one or two types it may have (the second needs record format 3).
struct BuiltinInfo {
  std::string_view key;
  Type type;
  std::optional<Type> type_in_3;
  bool per_atom;
};

// The eight builtins in the order of FORMAT.md, "Record".
extern const std::array<BuiltinInfo, 8> kBuiltins;
const BuiltinInfo* builtin_info(std::string_view key);

// Longest key: its length is one byte.
inline constexpr std::size_t kLongestKey = 255;

// ---- schema -------------------------------------------------------------------------------------

struct RawSchemaHead {
  le_u32 version;  // 1
  std::uint8_t positions;  // 4, 7 or kUnknownPositions
  le_u32 count;
};
static_assert(sizeof(RawSchemaHead) == 9);

struct RawSchemaEntry {  // the key follows
  std::uint8_t kind, type, per_atom;
  le_u16 key_len;
  le_u32 element, slot;
};
static_assert(sizeof(RawSchemaEntry) == 13);

inline constexpr std::uint8_t kUnknownPositions = 255;

}  // namespace atp
