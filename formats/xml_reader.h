// A small XML pull parser for files that programs write: elements, attributes, text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

// One thread. Nothing is expanded: an entity stays as it is written, and a document type is refused, so a
// file cannot grow. Memory is bounded: tags of 64 KiB, texts of 1 MiB, 64 levels.
class XmlReader {
 public:
  explicit XmlReader(std::unique_ptr<ByteSource> source);

  enum class Event { begin, end, finished };
  // The next tag. An element without content ends at once. Throws Error (exit 3, FILE:LINE): what is no XML,
  // what is beyond the limits, and a file that ends within an element.
  Event next();

  std::string_view name() const { return name_; }       // of the tag
  std::string_view text() const { return text_; }       // between the last tag and this one
  std::string_view attribute(std::string_view key) const;  // empty when absent
  std::size_t depth() const { return open_.size(); }    // elements that are open, this one counted at its begin

  std::uint64_t line() const { return line_; }
  std::string place() const;
  const std::string& file() const { return source_->name(); }
  // Whether the last Error was the end of the file within an element.
  bool cut_off() const { return cut_off_; }
  std::uint64_t position() const { return source_->position(); }
  InputState state() const { return source_->state(); }

 private:
  [[noreturn]] void fail(const std::string& what) const;
  int get();
  void read_text();
  void read_tag();
  void skip_comment();
  void parse_attributes(std::string_view rest);

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, have_ = 0;
  std::uint64_t line_ = 1;
  std::string text_, tag_, name_;
  std::vector<std::pair<std::string_view, std::string_view>> attributes_;  // into tag_
  std::vector<std::string> open_;
  bool ends_at_once_ = false, cut_off_ = false, seen_root_ = false;
};

}  // namespace atp
