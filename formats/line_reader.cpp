#include "formats/line_reader.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "formats/number.h"

namespace atp {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)), buffer_(2 * kLongestLine) {}

std::optional<std::string_view> LineReader::take() {
  for (std::size_t searched = 0;;) {
    const char* const from = buffer_.data() + begin_ + searched;
    const void* const newline = std::memchr(from, '\n', end_ - begin_ - searched);
    if (newline != nullptr || (ended_ && begin_ != end_)) {
      const std::size_t stop = newline == nullptr ? end_ : static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.data());
      std::string_view line(buffer_.data() + begin_, stop - begin_);
      begin_ = newline == nullptr ? end_ : stop + 1;
      unfinished_ = newline == nullptr;
      if (line.ends_with('\r')) line.remove_suffix(1);
      return line;
    }
    if (ended_) return std::nullopt;
    searched = end_ - begin_;
    if (searched > kLongestLine) {
      ++line_;
      fail("is longer than a line of such a file can be", "this may be no text file");
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, searched);
    begin_ = 0;
    end_ = searched;
    const std::size_t n = source_->read(std::span(buffer_).subspan(end_, std::min(kLongestLine, buffer_.size() - end_)));
    end_ += n;
    ended_ = n == 0;
  }
}

std::optional<std::string_view> LineReader::next() {
  const auto line = has_peeked_ ? std::exchange(peeked_, std::nullopt) : take();
  has_peeked_ = false;
  if (line) ++line_;
  return line;
}

std::optional<std::string_view> LineReader::peek() {
  if (!has_peeked_) peeked_ = take();
  has_peeked_ = true;
  return peeked_;
}

void LineReader::drain() {
  begin_ = end_ = 0;
  has_peeked_ = false;
  peeked_.reset();
  while (!ended_) ended_ = source_->read(buffer_) == 0;
}

std::string LineReader::place() const { return fmt::format("{}:{}", name(), line_); }

void LineReader::fail(const std::string& what, std::string fix) const { fail_input(place(), what, std::move(fix)); }

std::size_t read_reals(std::string_view text, std::span<double> out, std::string_view* rest) {
  const char* p = text.data();
  const char* const end = p + text.size();
  std::size_t n = 0;
  while (n < out.size()) {
    const char* q = p;
    while (q != end && is_blank(*q)) ++q;
    const char* const after = q == end ? nullptr : read_real(q, end, out[n]);
    if (after == nullptr) break;
    // "4Fe" is a word, and "1.0-2.0" two numbers.
    if (after != end && !is_blank(*after) && *after != '-' && *after != ',') break;
    p = after;
    ++n;
  }
  if (rest != nullptr) *rest = std::string_view(p, static_cast<std::size_t>(end - p));
  return n;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && is_blank(text[at])) ++at;
    const std::size_t begin = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    if (at > begin) words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

}  // namespace atp
