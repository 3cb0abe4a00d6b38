// The comment line of extended XYZ: key=value pairs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// A value of a comment line. Which pool holds it is told by `content`.
struct CommentValue {
  enum class Content : std::uint8_t { logical, integer, real, text, json };
  static constexpr std::size_t kMostDimensions = 8;

  Content content = Content::text;
  std::uint8_t rank = 0;  // 0: one value
  std::array<std::uint32_t, kMostDimensions> shape = {};
  std::size_t first = 0, count = 0;  // in Comment::integers (also logicals), reals or texts

  bool numeric() const { return content <= Content::real; }
};

struct CommentEntry {
  std::string_view key;
  std::string_view raw;  // the value's text without its quotes, escapes resolved
  bool flag = false;     // a key without a value
  CommentValue value;    // true for a flag
};

// A parsed comment line. Used again and again, it allocates nothing in the long run.
//
// Types, first match wins: integer, real, logical, string. Integers too large for 64 bits are reals
// where those are exact, else strings. A list of mixed types becomes reals or strings; a nested list
// that is no regular array is a string of its own text.
class Comment {
 public:
  // Parses `line` (no newline). Keys and texts borrow from the line and from this object.
  // Throws Error (exit 3, no place): a quote or bracket that is not closed, a key twice with
  // different values.
  void parse(std::string_view line);
  void clear();

  std::span<const CommentEntry> entries() const { return entries_; }
  const CommentEntry* find(std::string_view key) const;

  std::span<const std::int64_t> integers(const CommentValue& v) const { return {integers_.data() + v.first, v.count}; }
  std::span<const double> reals(const CommentValue& v) const { return {reals_.data() + v.first, v.count}; }
  std::span<const std::string_view> texts(const CommentValue& v) const { return {texts_.data() + v.first, v.count}; }
  // Number i of a numeric value.
  double real(const CommentValue& v, std::size_t i) const {
    return v.content == CommentValue::Content::real ? reals_[v.first + i] : static_cast<double>(integers_[v.first + i]);
  }

 private:
  struct Token {
    std::string_view text;
    bool quoted;
  };

  void parse_entry();
  std::string_view parse_key();
  void parse_value(CommentEntry& entry);
  void read_json_text(CommentEntry& entry);
  std::string_view double_quoted(std::string_view what);
  std::string_view single_quoted(std::string_view key);
  std::string_view braced(std::string_view key);
  std::string_view bracketed(std::string_view key);
  std::string_view bare();
  void check_value_ends(std::string_view key);
  void skip_blanks();

  void read_words(std::string_view text, CommentValue& value);
  bool read_nested(std::string_view text, CommentValue& value);
  void read_list_item();
  void classify(CommentValue& value);
  bool classify_as_numbers(CommentValue& value);
  void add(CommentEntry entry);

  const char* p_ = nullptr;
  const char* end_ = nullptr;
  std::vector<CommentEntry> entries_;
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
  std::vector<std::string_view> texts_;
  std::string unescaped_;      // reserved for the whole line, so views into it stay
  std::vector<Token> tokens_;  // of the value in work
};

}  // namespace atp
