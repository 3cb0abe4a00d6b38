// Cuts a stream of XYZ text into frames, without reading numbers: the serial part of the reader.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "formats/byte_source.h"

namespace atp {

// Bytes that grow in place where the allocator can; new bytes are not set. Move-only.
class TextBuffer {
 public:
  TextBuffer() = default;
  TextBuffer(TextBuffer&& o) noexcept
      : data_(std::exchange(o.data_, nullptr)),
        size_(std::exchange(o.size_, 0)),
        capacity_(std::exchange(o.capacity_, 0)) {}
  TextBuffer& operator=(TextBuffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(capacity_, o.capacity_);
    return *this;
  }
  ~TextBuffer();

  char* data() { return data_; }
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  void reserve(std::size_t capacity);
  void resize(std::size_t size) { size_ = size; }  // within the capacity

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

// One frame in a piece of text. Offsets count from the start of the text.
struct FrameText {
  std::size_t comment = 0, atoms = 0, end = 0;  // comment line, first atom line, end of the last
  std::uint64_t n_atoms = 0;
  std::uint64_t line = 0;  // of the count line, from 1
  int error = -1;          // index into TextPiece::errors when the frame cannot be used
};

// Whole frames. A frame without an error has exactly n_atoms lines in [atoms, end), none blank.
struct TextPiece {
  TextBuffer text;
  std::vector<FrameText> frames;
  std::vector<Error> errors;
  std::uint64_t first_frame = 0;
  std::uint64_t input_position = 0;

  std::string_view part(std::size_t begin, std::size_t end) const { return {text.data() + begin, end - begin}; }
};

// One thread. A frame whose count and lines do not agree is handed out as an error, and the next
// line that is one integer (an atom line has four columns) begins the next frame.
class XyzCutter {
 public:
  explicit XyzCutter(std::unique_ptr<ByteSource> source);

  // The next few MB, or nothing at the end. Throws Error (exit 3) where no frame can be found any
  // more: no count at the start, a line over 64 MiB, a frame over 1 GiB.
  std::optional<TextPiece> next();

  const std::string& name() const { return source_->name(); }
  InputState input_state() const { return source_->state(); }

 private:
  enum class At {
    count,    // before a count line
    comment,  // before a comment line
    atoms,    // before an atom line
    gap,      // after a blank line among atom lines
    lost,     // in a bad frame, before the next count line
  };
  enum class Trouble { too_many, blank, too_big };

  std::optional<TextPiece> next_piece();
  bool take_line(std::string_view& line);
  [[noreturn]] void fail_long_line() const;
  void skip_byte_order_mark();
  void scan();
  bool scan_count();
  bool scan_comment();
  bool scan_atoms();
  bool scan_gap();
  bool scan_lost();
  void finish();
  void begin_frame(std::string_view line);
  void confirm();
  void lose(Trouble trouble, std::uint64_t line);
  void give_up_frame(std::uint64_t line, std::string problem);
  void report_trouble();
  void step_back(std::string_view line);

  std::size_t needed_from() const;
  void fill();
  void shift(std::size_t bytes);
  TextPiece emit();

  std::string at_line(std::uint64_t line) const;

  std::unique_ptr<ByteSource> source_;
  TextBuffer text_;
  bool ended_ = false, started_ = false, finished_ = false;

  std::size_t pos_ = 0;       // start of the line to come
  std::size_t searched_ = 0;  // no newline in [pos_, searched_)
  std::uint64_t line_ = 1;    // number of that line

  At at_ = At::count;
  FrameText frame_;  // in work
  std::size_t frame_start_ = 0;
  std::uint64_t atoms_seen_ = 0;
  bool unconfirmed_ = false;  // frame_ is complete, but a line too many may follow
  Trouble trouble_ = Trouble::too_many;
  std::uint64_t trouble_line_ = 0;
  bool too_big_ = false;
  std::exception_ptr failure_;  // for the next call: frames that were cut before it come first

  std::vector<FrameText> frames_;
  std::vector<Error> errors_;
  std::uint64_t first_frame_ = 0;
};

}  // namespace atp
