// A file read with plain reads, for those who must survive a bad disk: a failed read is an Error
// with an offset, where a map raises a signal.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace atp {

// One file open for reading. Any thread. An interface, so that tests can fail any read.
class InputFile {
 public:
  virtual ~InputFile() = default;

  virtual const std::string& path() const = 0;
  // In bytes, when it was opened.
  virtual std::uint64_t size() const = 0;
  // Reads until `out` is full or the file ends; returns the bytes read. Throws Error (exit 4) on an
  // I/O error, Interrupted on a signal.
  virtual std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
  // A hint that the file will be read from beginning to end. What that brings into memory leaves it with this object, or
  // with passed().
  virtual void expect_sequential() const = 0;
  // A hint that all bytes before `end` have been read.
  virtual void passed(std::uint64_t /*end*/) const {}
};

// Throws Error as open_for_reading().
std::unique_ptr<InputFile> open_input_file(const std::string& path);

// Exactly `out.size()` bytes at `offset`. Throws Error (exit 4) when the file ends before.
void read_exactly(const InputFile& file, std::uint64_t offset, std::span<std::byte> out);

}  // namespace atp
