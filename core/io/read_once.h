// A file that is read once, from its beginning to its end, takes no memory from files that are in use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/io/fd.h"

namespace atp {

// Notes which parts of a file are in memory before a pass over it, to 64 kB; the others leave memory behind the pass, as
// far as no other process has them mapped. Where the system does not say what is in memory, everything stays. These are hints:
// nothing here fails, and what is read again is right. One thread at a time.
class ReadOnce {
 public:
  // To be made before the pass begins. `mapped` is the file from its beginning, as much of it as will be read, for as
  // long as this lives; `path` leads to it, or nothing is done.
  ReadOnce(std::string path, FileId id, Bytes mapped);
  ReadOnce(ReadOnce&&) noexcept = default;
  ~ReadOnce() { finish(); }

  // All bytes before `end` have been read. An `end` below an earlier one does nothing.
  void passed(std::uint64_t end);
  // The pass is over.
  void finish();

 private:
  void forget(std::size_t begin, std::size_t end);

  std::string path_;
  FileId id_;
  Bytes mapped_;
  std::vector<bool> stays_;  // of each block
  std::size_t passed_ = 0;   // blocks
  Fd fd_;
};

}  // namespace atp
