#include "formats/zip_writer.h"

#include <algorithm>
#include <array>

#include "core/io/deflate.h"
#include "core/io/zip_layout.h"

namespace atp {
namespace {

using namespace zip;  // sizes and offsets always stand in the zip64 fields

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

// Bit 11: the name is UTF-8 (APPNOTE.TXT 4.4.4). Without, readers take it for code page 437.
std::uint16_t flags_of(std::string_view name) {
  const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return ascii ? 0 : 0x800;
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
  put(bytes_of(LocalHeader{kLocal, kVersion64, flags_of(name), 0, 0, kDate, 0, kIn64, kIn64, static_cast<std::uint16_t>(name.size()), sizeof(LocalExtra)}));
  put(as_bytes(name));
  put(bytes_of(LocalExtra{kTag64, sizeof(LocalExtra) - 4, bytes, bytes}));
}

void ZipWriter::write(Bytes bytes) {
  crc_ = crc32_of(bytes, crc_);
  put(bytes);
}

void ZipWriter::end() {
  flush();
  const le_u32 crc = crc_;
  file_.write_at(header_ + kCrcAt, bytes_of(crc));
  append(directory_, CentralHeader{kCentral, kVersion64, kVersion64, flags_of(name_), 0, 0, kDate, crc_, kIn64, kIn64, static_cast<std::uint16_t>(name_.size()),
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
