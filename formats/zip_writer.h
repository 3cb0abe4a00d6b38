// Writes zip archives of stored members, of any size (zip64), in one pass over their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/io/output_file.h"

namespace atp {

// One thread. begin(), write() ..., end() for each member, then finish(). Dates are fixed: the same members give the
// same bytes. Throws Error (exit 4) as OutputFile does.
class ZipWriter {
 public:
  // `file` is empty and must outlive the object.
  explicit ZipWriter(OutputFile& file) : file_(file) {}

  // A member of exactly `bytes` bytes. Requires a name of less than 64 KiB.
  void begin(std::string_view name, std::uint64_t bytes);
  void write(Bytes bytes);
  void end();
  // The directory of the archive.
  void finish();

 private:
  void put(Bytes bytes);
  void flush();

  OutputFile& file_;
  std::string buffer_, directory_, name_;
  std::uint64_t at_ = 0;       // the file's size with what is in the buffer
  std::uint64_t members_ = 0, header_ = 0, bytes_ = 0;
  std::uint32_t crc_ = 0;
};

}  // namespace atp
