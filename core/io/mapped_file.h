// A file mapped read-only.
#pragma once

#include <string>

#include "core/base/byte_reader.h"
#include "core/io/fd.h"

namespace atp {

// Immutable, so threads share it; move-only. Spans of bytes() live as long as the object.
// A file that another process truncates meanwhile raises SIGBUS on access: see guard_mapped_reads().
class MappedFile {
 public:
  MappedFile() = default;  // no bytes
  // Throws Error as open_for_reading(), and exit 4 when the map is refused.
  explicit MappedFile(const std::string& path);
  // An open file, as long as it is now; the map outlives the descriptor. `path` is for messages.
  MappedFile(const Fd& fd, const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  Bytes bytes() const { return bytes_; }
  FileId id() const { return id_; }
  // Whether the system tells this user which of its pages are in memory: Linux does (since 5.2) only of files that are
  // the user's own or writable to it, and says of others that all are.
  bool tells_residence() const { return tells_residence_; }

 private:
  Bytes bytes_;
  FileId id_;
  bool tells_residence_ = true;
};

// Turns SIGBUS (a mapped file that shrank, a bad disk) into a message on stderr and exit 4.
// `command` names the command in the message and must live for ever. Called once, by main.
void guard_mapped_reads(const char* command);

}  // namespace atp
