#include "formats/xyz_cutter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/error.h"
#include "formats/excerpt.h"

namespace atp {

TextBuffer::~TextBuffer() { std::free(data_); }

void TextBuffer::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  void* grown = std::realloc(data_, capacity);
  if (grown == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(grown);
  capacity_ = capacity;
}

namespace {

constexpr std::size_t kPiece = std::size_t{2} << 20;
constexpr std::size_t kLongestLine = std::size_t{64} << 20;
constexpr std::size_t kLongestFrame = std::size_t{1} << 30;
constexpr std::size_t kLongestGap = std::size_t{1} << 20;  // of blank lines behind a frame, in which an atom line too many is looked for
constexpr std::size_t kMostErrors = 1000;  // of a piece: an error takes more memory than a bad frame
// A record is at most 4 GiB, and an atom takes at least 13 bytes of it (positions as f32, number).
constexpr std::uint64_t kMostAtoms = (std::uint64_t{1} << 32) / 13;
constexpr const char* kSkip = "fix the file or pass --on-error skip";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

const char* skip_blanks(const char* p, const char* end) {
  while (p != end && is_blank(*p)) ++p;
  return p;
}

enum class LineKind { blank, integer, other };

// Fast for the usual line, which begins with a letter.
LineKind kind_of(const char* p, const char* end) {
  p = skip_blanks(p, end);
  if (p == end) return LineKind::blank;
  if (!is_digit(*p)) return LineKind::other;
  while (p != end && is_digit(*p)) ++p;
  return skip_blanks(p, end) == end ? LineKind::integer : LineKind::other;
}

LineKind kind_of(std::string_view line) { return kind_of(line.data(), line.data() + line.size()); }

}  // namespace

XyzCutter::XyzCutter(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

std::string XyzCutter::at_line(std::uint64_t line) const { return fmt::format("{}:{}", source_->name(), line); }

std::optional<TextPiece> XyzCutter::next() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  try {
    return next_piece();
  } catch (const Error&) {
    // What was cut before the input broke is handed out first.
    if (frames_.empty()) throw;
    failure_ = std::current_exception();
    return emit();
  }
}

std::optional<TextPiece> XyzCutter::next_piece() {
  for (;;) {
    scan();
    if (errors_.size() >= kMostErrors) return emit();
    if (failure_) std::rethrow_exception(failure_);
    if (ended_ && !finished_) finish();
    if (!frames_.empty() && (ended_ || text_.size() >= kPiece)) return emit();
    if (ended_) return std::nullopt;
    fill();
  }
}

// ---- bytes --------------------------------------------------------------------------------------

// Text before this offset is of no more use to the frame in work.
std::size_t XyzCutter::needed_from() const {
  const bool kept = unconfirmed_ || at_ == At::comment || at_ == At::atoms;
  return kept ? frame_start_ : pos_;
}

void XyzCutter::fill() {
  const std::size_t from = needed_from();
  if (frames_.empty() && from > 0) {  // lost: nothing here will be asked for
    std::memmove(text_.data(), text_.data() + from, text_.size() - from);
    text_.resize(text_.size() - from);
    shift(from);
  }
  if (text_.size() - pos_ > kLongestLine) fail_long_line();
  if (text_.size() >= kLongestFrame) {
    fail_input(at_line(frame_.line), fmt::format("frame {} is longer than 1 GiB", first_frame_ + frames_.size()));
  }

  // A frame larger than a piece doubles the text each time, so that nothing is copied often.
  const std::size_t goal = text_.size() < kPiece ? kPiece : 2 * text_.size();
  text_.reserve(goal);
  while (text_.size() < goal) {
    std::size_t n = 0;
    try {
      n = source_->read({text_.data() + text_.size(), goal - text_.size()});
    } catch (const Error&) {
      failure_ = std::current_exception();  // after the frames in what was read until now
      break;
    }
    if (n == 0) {
      ended_ = true;
      break;
    }
    text_.resize(text_.size() + n);
  }
  if (!started_) skip_byte_order_mark();
  started_ = true;
}

void XyzCutter::skip_byte_order_mark() {
  if (std::string_view(text_.data(), text_.size()).starts_with("\xEF\xBB\xBF")) pos_ = searched_ = 3;
}

TextPiece XyzCutter::emit() {
  TextPiece piece;
  const std::size_t from = needed_from();
  TextBuffer rest;
  rest.reserve(std::max(kPiece, text_.size() - from));
  std::memcpy(rest.data(), text_.data() + from, text_.size() - from);
  rest.resize(text_.size() - from);
  text_.resize(from);

  piece.text = std::exchange(text_, std::move(rest));
  piece.frames = std::exchange(frames_, {});
  piece.errors = std::exchange(errors_, {});
  piece.first_frame = first_frame_;
  piece.input_position = source_->position();
  first_frame_ += piece.frames.size();
  frames_.reserve(piece.frames.size());

  shift(from);
  return piece;
}

// The text has lost its first `bytes`.
void XyzCutter::shift(std::size_t bytes) {
  for (std::size_t* offset : {&pos_, &searched_, &frame_start_, &frame_.comment, &frame_.atoms, &frame_.end}) {
    *offset -= std::min(*offset, bytes);
  }
}

// ---- lines --------------------------------------------------------------------------------------

// The line at pos_ without its newline, and on to the next; false when its end is not there yet.
bool XyzCutter::take_line(std::string_view& line) {
  const std::size_t from = std::max(pos_, searched_);
  const char* const text = text_.data();
  const void* found = from < text_.size() ? std::memchr(text + from, '\n', text_.size() - from) : nullptr;
  std::size_t end = text_.size();
  if (found != nullptr) {
    end = static_cast<std::size_t>(static_cast<const char*>(found) - text);
  } else if (!ended_ || pos_ == text_.size()) {
    searched_ = text_.size();
    return false;
  }
  line = {text + pos_, end - pos_};
  if (line.size() > kLongestLine) fail_long_line();
  pos_ = found != nullptr ? end + 1 : end;
  ++line_;
  return true;
}

void XyzCutter::fail_long_line() const { fail_input(at_line(line_), "this line is longer than 64 MiB"); }

// The line last taken is to be taken again.
void XyzCutter::step_back(std::string_view line) {
  pos_ = static_cast<std::size_t>(line.data() - text_.data());
  --line_;
}

void XyzCutter::scan() {
  bool more = true;
  while (more && errors_.size() < kMostErrors) {
    switch (at_) {
      case At::count: more = scan_count(); break;
      case At::comment: more = scan_comment(); break;
      case At::atoms: more = scan_atoms(); break;
      case At::gap: more = scan_gap(); break;
      case At::lost: more = scan_lost(); break;
    }
  }
}

bool XyzCutter::scan_count() {
  std::string_view line;
  if (!take_line(line)) return false;
  switch (kind_of(line)) {
    case LineKind::blank:
      if (unconfirmed_ && pos_ - frame_.end > kLongestGap) confirm();  // blank lines without end must not be kept
      return true;
    case LineKind::integer: begin_frame(line); return true;
    case LineKind::other: break;
  }
  if (!unconfirmed_) {
    fail_input(at_line(line_ - 1),
               fmt::format("a frame begins with its number of atoms, this line is '{}'", excerpt(line)));
  }
  unconfirmed_ = false;
  lose(Trouble::too_many, line_ - 1);
  step_back(line);
  return true;
}

void XyzCutter::begin_frame(std::string_view line) {
  confirm();
  frame_ = {};
  frame_.line = line_ - 1;
  frame_start_ = static_cast<std::size_t>(line.data() - text_.data());
  atoms_seen_ = 0;
  const char* const end = line.data() + line.size();
  const auto r = std::from_chars(skip_blanks(line.data(), end), end, frame_.n_atoms);
  too_big_ = r.ec != std::errc() || frame_.n_atoms > kMostAtoms;
  at_ = At::comment;
}

bool XyzCutter::scan_comment() {
  std::string_view line;
  if (!take_line(line)) return false;
  if (too_big_) {
    lose(Trouble::too_big, frame_.line);
    return true;
  }
  frame_.comment = static_cast<std::size_t>(line.data() - text_.data());
  frame_.atoms = pos_;
  at_ = At::atoms;
  return true;
}

bool XyzCutter::scan_atoms() {
  std::string_view line;
  while (atoms_seen_ < frame_.n_atoms) {
    if (!take_line(line)) return false;
    switch (kind_of(line)) {
      case LineKind::other: ++atoms_seen_; continue;
      case LineKind::blank:
        trouble_line_ = line_ - 1;
        at_ = At::gap;
        return true;
      case LineKind::integer:
        step_back(line);
        give_up_frame(line_, fmt::format("has {} atom lines, its count says {}", atoms_seen_, frame_.n_atoms));
        return true;
    }
  }
  frame_.end = pos_;
  unconfirmed_ = true;
  at_ = At::count;
  return true;
}

bool XyzCutter::scan_gap() {
  std::string_view line;
  if (!take_line(line)) return false;
  switch (kind_of(line)) {
    case LineKind::blank: break;
    case LineKind::other:
      lose(Trouble::blank, trouble_line_);
      step_back(line);
      break;
    case LineKind::integer:
      step_back(line);
      give_up_frame(trouble_line_, fmt::format("has {} atom lines, its count says {}", atoms_seen_, frame_.n_atoms));
      break;
  }
  return true;
}

bool XyzCutter::scan_lost() {
  std::string_view line;
  while (take_line(line)) {
    const LineKind kind = kind_of(line);
    if (kind == LineKind::integer) {
      step_back(line);
      report_trouble();
      return true;
    }
    if (kind == LineKind::other) ++atoms_seen_;
    if (std::memchr(line.data(), '\0', line.size()) != nullptr) {
      fail_input(at_line(line_ - 1), "holds bytes that are not text; no further frame can be found");
    }
  }
  return false;
}

// ---- frames -------------------------------------------------------------------------------------

// The complete frame is followed by a count line or the end.
void XyzCutter::confirm() {
  if (unconfirmed_) frames_.push_back(frame_);
  unconfirmed_ = false;
}

void XyzCutter::lose(Trouble trouble, std::uint64_t line) {
  trouble_ = trouble;
  trouble_line_ = line;
  at_ = At::lost;
}

void XyzCutter::give_up_frame(std::uint64_t line, std::string problem) {
  const std::uint64_t number = first_frame_ + frames_.size();
  frame_.error = static_cast<int>(errors_.size());
  errors_.emplace_back(Exit::input, at_line(line), fmt::format("frame {} {}", number, problem), kSkip);
  frames_.push_back(frame_);
  unconfirmed_ = false;
  at_ = At::count;
}

void XyzCutter::report_trouble() {
  switch (trouble_) {
    case Trouble::too_many:
      give_up_frame(trouble_line_, fmt::format("has {} atom lines, its count says {}", atoms_seen_, frame_.n_atoms));
      break;
    case Trouble::blank:
      give_up_frame(trouble_line_, fmt::format("has a blank line among its {} atom lines", frame_.n_atoms));
      break;
    case Trouble::too_big:
      give_up_frame(trouble_line_, fmt::format("has a count over {}, the most atoms a record can hold", kMostAtoms));
      break;
  }
}

// The input has ended.
void XyzCutter::finish() {
  finished_ = true;
  const std::uint64_t last = line_ > 1 ? line_ - 1 : 1;
  switch (at_) {
    case At::count: confirm(); return;
    case At::lost: report_trouble(); return;
    case At::comment:
    case At::gap:
    case At::atoms: break;
  }
  const std::uint64_t number = first_frame_ + frames_.size();
  frame_.error = static_cast<int>(errors_.size());
  const std::string seen =
      at_ == At::comment ? "no comment line" : fmt::format("{} of {} atom lines", atoms_seen_, frame_.n_atoms);
  errors_.emplace_back(Exit::input, at_line(at_ == At::gap ? trouble_line_ - 1 : last),
                       fmt::format("ends inside frame {}: {}", number, seen), kSkip);
  frames_.push_back(frame_);
  at_ = At::count;
}

}  // namespace atp
