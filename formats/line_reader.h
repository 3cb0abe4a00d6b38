// The lines of a text input, one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

// One thread. Memory is bounded by the longest line it accepts (1 MiB).
class LineReader {
 public:
  explicit LineReader(std::unique_ptr<ByteSource> source);

  // The next line without its end ("\n" or "\r\n"), valid until the next call; nothing at the end. Throws
  // Error (exit 3) for a line beyond the limit, and as ByteSource::read().
  std::optional<std::string_view> next();
  // The line that next() will give, without taking it.
  std::optional<std::string_view> peek();
  // Whether the line that was taken last has no end of its own: the file may have been cut off in it.
  bool unfinished() const { return unfinished_; }
  // Reads on to the end, so that the input's hash is known.
  void drain();

  std::uint64_t line() const { return line_; }  // number of the line last given, from 1
  const std::string& name() const { return source_->name(); }
  std::uint64_t position() const { return source_->position(); }
  InputState state() const { return source_->state(); }

  // "FILE:LINE" of the line last given.
  std::string place() const;
  [[noreturn]] void fail(const std::string& what, std::string fix = {}) const;

 private:
  std::optional<std::string_view> take();

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of buffer_ is not used yet
  bool ended_ = false;
  std::optional<std::string_view> peeked_;
  bool has_peeked_ = false;
  bool unfinished_ = false;
  std::uint64_t line_ = 0;
};

// Up to out.size() real numbers at the begin of `text`, separated by blanks or run together ("-10.37-123.4");
// returns how many there are. `rest`, where given, becomes what follows the last of them.
std::size_t read_reals(std::string_view text, std::span<double> out, std::string_view* rest = nullptr);

// The words of a line, separated by blanks.
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace atp
