#include "formats/xml_reader.h"

#include <fmt/format.h>

#include <cstring>

#include "core/base/error.h"
#include "formats/excerpt.h"

namespace atp {
namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;
constexpr std::size_t kLongestTag = std::size_t{64} << 10;
constexpr std::size_t kLongestText = std::size_t{1} << 20;
constexpr std::size_t kDeepest = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

XmlReader::XmlReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)), buffer_(kBuffer) {}

std::string XmlReader::place() const { return fmt::format("{}:{}", source_->name(), line_); }

void XmlReader::fail(const std::string& what) const { fail_input(place(), what, "this is no XML as VASP writes it"); }

int XmlReader::get() {
  if (at_ == have_) {
    have_ = source_->read(buffer_);
    at_ = 0;
    if (have_ == 0) return -1;
  }
  const char c = buffer_[at_++];
  if (c == '\n') ++line_;
  return static_cast<unsigned char>(c);
}

// Up to the next '<', which is taken.
void XmlReader::read_text() {
  text_.clear();
  for (int c = get(); c != '<'; c = get()) {
    if (c < 0) {
      cut_off_ = true;
      fail_input(source_->name(), fmt::format("ends within <{}>", open_.empty() ? std::string("nothing") : open_.back()), "the file is cut off");
    }
    if (text_.size() == kLongestText) fail("a text is longer than 1 MiB");
    text_ += static_cast<char>(c);
  }
}

// Up to '>', which is taken; a '>' in quotes does not count.
void XmlReader::read_tag() {
  tag_.clear();
  char quote = '\0';
  for (;;) {
    const int c = get();
    if (c < 0) {
      cut_off_ = true;
      fail_input(source_->name(), "ends within a tag", "the file is cut off");
    }
    if (c == '>' && quote == '\0') return;
    if (tag_.size() == kLongestTag) fail("a tag is longer than 64 KiB");
    tag_ += static_cast<char>(c);
    if (tag_ == "!--") return skip_comment();
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = static_cast<char>(c);
    } else if (c == quote) {
      quote = '\0';
    }
  }
}

void XmlReader::skip_comment() {
  int dashes = 0;
  for (;;) {
    const int c = get();
    if (c < 0) {
      cut_off_ = true;
      fail_input(source_->name(), "ends within a comment", "the file is cut off");
    }
    if (c == '>' && dashes >= 2) return;
    dashes = c == '-' ? dashes + 1 : 0;
  }
}

void XmlReader::parse_attributes(std::string_view rest) {
  attributes_.clear();
  for (;;) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.empty()) return;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) fail(fmt::format("'{}' is no attribute", excerpt(rest)));
    std::string_view key = rest.substr(0, equals);
    while (!key.empty() && is_space(key.back())) key.remove_suffix(1);
    rest.remove_prefix(equals + 1);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) fail(fmt::format("the attribute '{}' has no quotes", excerpt(key)));
    const std::size_t close = rest.find(rest.front(), 1);
    if (close == std::string_view::npos) fail(fmt::format("the quote of the attribute '{}' is not closed", excerpt(key)));
    attributes_.emplace_back(key, rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
  }
}

std::string_view XmlReader::attribute(std::string_view key) const {
  for (const auto& [k, v] : attributes_) {
    if (k == key) return v;
  }
  return {};
}

XmlReader::Event XmlReader::next() {
  if (ends_at_once_) {
    ends_at_once_ = false;
    text_.clear();
    open_.pop_back();
    return Event::end;
  }
  for (;;) {
    if (seen_root_ && open_.empty()) {
      while (get() >= 0) {
      }
      return Event::finished;
    }
    read_text();
    read_tag();
    if (tag_.starts_with("!DOCTYPE")) fail("has a document type, which atp does not read");
    if (tag_.empty()) fail("'<>' is no tag");
    if (tag_.front() == '?' || tag_.front() == '!') continue;
    if (tag_.front() == '/') {
      std::string_view closing = std::string_view(tag_).substr(1);
      while (!closing.empty() && is_space(closing.back())) closing.remove_suffix(1);
      if (open_.empty() || open_.back() != closing) {
        fail(fmt::format("</{}> closes what is not open", excerpt(closing)));
      }
      name_ = std::move(open_.back());
      open_.pop_back();
      return Event::end;
    }
    std::string_view body = tag_;
    if (body.back() == '/') {
      ends_at_once_ = true;
      body.remove_suffix(1);
    }
    std::size_t end = 0;
    while (end < body.size() && !is_space(body[end])) ++end;
    name_ = body.substr(0, end);
    parse_attributes(body.substr(end));
    if (open_.size() == kDeepest) fail(fmt::format("has more than {} levels", kDeepest));
    open_.push_back(name_);
    seen_root_ = true;
    return Event::begin;
  }
}

}  // namespace atp
