// How atp reaches the disk when it writes: one small interface, so that tests can count, cut and
// fail every step (tests/crash).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/io/mapped_file.h"

namespace atp {

// One file open for writing. One thread. All methods throw Error (exit 4) naming file and operation.
class OutputFile {
 public:
  virtual ~OutputFile() = default;

  virtual const std::string& path() const = 0;
  // Writes all of `bytes` at `offset`; short writes are continued.
  virtual void write_at(std::uint64_t offset, Bytes bytes) = 0;
  virtual void truncate(std::uint64_t size) = 0;
  // fdatasync: the data and the size are on the disk when it returns.
  virtual void sync_data() = 0;
  // fsync.
  virtual void sync_all() = 0;
  // A hint that the range will not change again: the kernel may begin to write it out.
  virtual void start_writeback(std::uint64_t offset, std::uint64_t length) = 0;
  // The file's size now.
  virtual std::uint64_t size() = 0;
  // Reads back what was written; returns the bytes read (fewer at the end of the file). While nothing is
  // written, any thread.
  virtual std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) = 0;
  // The file as long as it is now, mapped: what a writer that takes over a file reads is the file it
  // has locked, whatever has happened to the name since.
  virtual MappedFile map() = 0;
};

// The file system, as far as writers need it.
class Disk {
 public:
  virtual ~Disk() = default;

  // A new file beside `target`, open for reading and writing, with a name of its own and the mode
  // that umask gives. Nobody but its owner knows it: remove() or rename() it.
  virtual std::unique_ptr<OutputFile> create_beside(const std::string& target) = 0;
  // An existing file, open for reading and writing and locked (flock) against other writers.
  // Throws Error (exit 4) when another writer holds it.
  virtual std::unique_ptr<OutputFile> open_existing(const std::string& path) = 0;
  // rename(2), then fsync of the directory. Without `replace` an existing target is refused; with it,
  // a target that a writer has locked is. Throws Error (exit 4).
  virtual void rename(const std::string& from, const std::string& to, bool replace) = 0;
  // Removes a file; a file that is not there is no error. Never throws.
  virtual void remove(const std::string& path) noexcept = 0;
};

// The real one.
Disk& real_disk();

// A small text file: complete and on the disk under its name, or not there. Throws Error (exit 4).
void write_text_file(const std::string& path, std::string_view text, bool replace, Disk& disk = real_disk());

// Whether the name is one of a temporary file (create_beside()) whose process is gone: a killed run left it
// behind. It disturbs nobody but the disk's owner. (On a file system that machines share, the process may live
// elsewhere.)
bool is_leftover(std::string_view path);

// Whether no such process runs any more on this machine.
bool is_gone(pid_t process);

// The leftovers beside `target` that were to become it.
std::vector<std::string> leftovers_of(const std::string& target);

}  // namespace atp
