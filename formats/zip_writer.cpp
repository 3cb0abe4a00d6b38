#include "formats/zip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/base/little.h"

namespace atp {
namespace {

// APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12, 4.3.14 to 16, 4.5.3. Sizes and offsets always stand in the zip64 fields.
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

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint32_t kIn64 = 0xffffffff;
constexpr std::uint16_t kIn64Short = 0xffff, kVersion64 = 45, kTag64 = 1;
constexpr std::uint16_t kDate = 0x21;  // 1 January 1980, the earliest
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::size_t kCrcAt = 14;  // in a local header

template <class T>
Bytes bytes_of(const T& v) {
  return std::as_bytes(std::span(&v, 1));
}

template <class T>
void append(std::string& out, const T& v) {
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

}  // namespace

void ZipWriter::flush() {
  if (buffer_.empty()) return;
  file_.write_at(at_ - buffer_.size(), as_bytes(buffer_));
  buffer_.clear();
}

void ZipWriter::put(Bytes bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  at_ += bytes.size();
  if (bytes.size() >= kBufferBytes) {
    file_.write_at(at_ - bytes.size(), bytes);
  } else {
    buffer_ += as_text(bytes);
  }
}

void ZipWriter::begin(std::string_view name, std::uint64_t bytes) {
  header_ = at_;
  name_ = name;
  bytes_ = bytes;
  crc_ = 0;
  put(bytes_of(LocalHeader{kLocal, kVersion64, 0, 0, 0, kDate, 0, kIn64, kIn64, static_cast<std::uint16_t>(name.size()), sizeof(LocalExtra)}));
  put(as_bytes(name));
  put(bytes_of(LocalExtra{kTag64, sizeof(LocalExtra) - 4, bytes, bytes}));
}

void ZipWriter::write(Bytes bytes) {
  crc_ = static_cast<std::uint32_t>(::crc32_z(crc_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  put(bytes);
}

void ZipWriter::end() {
  flush();
  const le_u32 crc = crc_;
  file_.write_at(header_ + kCrcAt, bytes_of(crc));
  append(directory_, CentralHeader{kCentral, kVersion64, kVersion64, 0, 0, 0, kDate, crc_, kIn64, kIn64, static_cast<std::uint16_t>(name_.size()),
                                   sizeof(CentralExtra), 0, 0, 0, 0x01800000, kIn64});
  directory_ += name_;
  append(directory_, CentralExtra{kTag64, sizeof(CentralExtra) - 4, bytes_, bytes_, header_});
  ++members_;
}

void ZipWriter::finish() {
  const std::uint64_t begin = at_;
  put(as_bytes(directory_));
  const std::uint64_t end = at_;
  put(bytes_of(Zip64End{kEnd64, sizeof(Zip64End) - 12, kVersion64, kVersion64, 0, 0, members_, members_, end - begin, begin}));
  put(bytes_of(Zip64Locator{kLocator64, 0, end, 1}));
  const auto members = static_cast<std::uint16_t>(std::min<std::uint64_t>(members_, kIn64Short));
  put(bytes_of(EndRecord{kEnd, 0, 0, members, members, static_cast<std::uint32_t>(std::min<std::uint64_t>(end - begin, kIn64)), kIn64, 0}));
  flush();
}

}  // namespace atp
