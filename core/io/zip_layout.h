// The fields of a zip archive, little-endian and without gaps. Private to those who read and write archives.
#pragma once

#include <cstdint>

#include "core/base/little.h"

namespace atp::zip {

// APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12, 4.3.14 to 16, 4.5.3.
struct LocalHeader {
  le_u32 signature;
  le_u16 version, flags, method, time, date;
  le_u32 crc, stored, unpacked;
  le_u16 name_length, extra_length;
};
static_assert(sizeof(LocalHeader) == 30);

struct LocalExtra {
  le_u16 tag, bytes;
  le_u64 unpacked, stored;
};
static_assert(sizeof(LocalExtra) == 20);

struct CentralHeader {
  le_u32 signature;
  le_u16 made_by, version, flags, method, time, date;
  le_u32 crc, stored, unpacked;
  le_u16 name_length, extra_length, comment_length, disk, internal;
  le_u32 external, offset;
};
static_assert(sizeof(CentralHeader) == 46);

struct CentralExtra {
  le_u16 tag, bytes;
  le_u64 unpacked, stored, offset;
};
static_assert(sizeof(CentralExtra) == 28);

struct Zip64End {
  le_u32 signature;
  le_u64 bytes;
  le_u16 made_by, version;
  le_u32 disk, central_disk;
  le_u64 here, entries, central_bytes, central_offset;
};
static_assert(sizeof(Zip64End) == 56);

struct Zip64Locator {
  le_u32 signature, disk;
  le_u64 offset;
  le_u32 disks;
};
static_assert(sizeof(Zip64Locator) == 20);

struct EndRecord {
  le_u32 signature;
  le_u16 disk, central_disk, here, entries;
  le_u32 central_bytes, central_offset;
  le_u16 comment_length;
};
static_assert(sizeof(EndRecord) == 22);

inline constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
inline constexpr std::uint32_t kIn64 = 0xffffffff;  // the number stands in a zip64 field
inline constexpr std::uint16_t kIn64Short = 0xffff, kVersion64 = 45, kTag64 = 1;
inline constexpr std::uint16_t kDate = 0x21;  // 1 January 1980, the earliest

}  // namespace atp::zip
