#include "formats/extxyz_comment.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/number.h"

namespace atp {

namespace {

using Content = CommentValue::Content;

// What is looked up key by key stays cheap, and a hostile line cannot make it quadratic.
constexpr std::size_t kMostKeys = 4096;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// An integer of more than 64 bits is as good as a real when the real has all its digits.
bool exact_large_integer(std::string_view text, double value) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  while (text.size() > 1 && text.front() == '0') text.remove_prefix(1);
  return fmt::format("{:.0f}", std::fabs(value)) == text;
}

bool is_digits(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// An integer beyond 64 bits is read only when nothing is lost.
bool read_number(std::string_view text, double& value) {
  if (!parse_real(text, value)) return false;
  return text.size() < 19 || !is_digits(text) || exact_large_integer(text, value);
}

}  // namespace

void Comment::clear() {
  entries_.clear();
  integers_.clear();
  reals_.clear();
  texts_.clear();
  unescaped_.clear();
}

const CommentEntry* Comment::find(std::string_view key) const {
  for (const CommentEntry& e : entries_) {
    if (e.key == key) return &e;
  }
  return nullptr;
}

void Comment::parse(std::string_view line) {
  clear();
  unescaped_.reserve(2 * line.size());  // of quotes, and of JSON texts within them
  p_ = line.data();
  end_ = p_ + line.size();
  for (skip_blanks(); p_ != end_; skip_blanks()) parse_entry();
}

void Comment::skip_blanks() {
  while (p_ != end_ && is_blank(*p_)) ++p_;
}

// ---- pairs --------------------------------------------------------------------------------------

void Comment::parse_entry() {
  CommentEntry entry;
  entry.key = parse_key();
  skip_blanks();
  if (p_ != end_ && *p_ == '=') {
    ++p_;
    parse_value(entry);
  } else {
    entry.flag = true;
    entry.value.content = Content::logical;
    entry.value.first = integers_.size();
    entry.value.count = 1;
    integers_.push_back(1);
  }
  add(entry);
}

void Comment::add(CommentEntry entry) {
  if (const CommentEntry* before = find(entry.key)) {
    if (before->raw == entry.raw && before->flag == entry.flag) return;
    fail_input("", fmt::format("the key '{}' stands twice in the comment, with different values", excerpt(entry.key)));
  }
  if (entries_.size() == kMostKeys) fail_input("", fmt::format("the comment has more than {} keys", kMostKeys));
  entries_.push_back(entry);
}

std::string_view Comment::parse_key() {
  if (*p_ == '"') return double_quoted("a key");
  const char* const begin = p_;
  while (p_ != end_ && !is_blank(*p_) && *p_ != '=') ++p_;
  if (p_ == begin) fail_input("", "the comment has a '=' without a key before it");
  return {begin, static_cast<std::size_t>(p_ - begin)};
}

namespace {

// Whether all that is opened in it is closed. ASE writes NaN, so JSON parsers would not take all there is.
bool is_closed_json(std::string_view json) {
  std::string open;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') quoted = !quoted;
    if (quoted) {
      i += c == '\\' ? 1 : 0;
    } else if (c == '[' || c == '{') {
      open += c == '[' ? ']' : '}';
    } else if (c == ']' || c == '}') {
      if (open.empty() || open.back() != c) return false;
      open.pop_back();
    }
  }
  return !quoted && open.empty() && !json.empty();
}

}  // namespace

void Comment::parse_value(CommentEntry& entry) {
  const bool touching = p_ != end_ && !is_blank(*p_);
  skip_blanks();
  CommentValue& value = entry.value;
  const char opening = p_ == end_ ? '\0' : *p_;
  switch (opening) {
    case '"': entry.raw = double_quoted(entry.key); break;
    case '\'': entry.raw = single_quoted(entry.key); break;
    case '{': entry.raw = braced(entry.key); break;
    case '[':
      entry.raw = bracketed(entry.key);
      check_value_ends(entry.key);
      if (!read_nested(entry.raw, value)) read_words({}, value), texts_[value.first] = entry.raw;
      return;
    default:
      // `a= b=1`: spaces may stand round '=', but then what follows belongs to the next key.
      if (!touching) {
        const char* const begin = p_;
        bare();
        const char* after = p_;
        while (after != end_ && is_blank(*after)) ++after;
        const bool next_pair = std::find(begin, p_, '=') != p_ || (after != end_ && *after == '=');
        p_ = begin;
        if (next_pair) return read_words({}, value);
      }
      entry.raw = bare();
      break;
  }
  check_value_ends(entry.key);
  if (opening == '"' && entry.raw.starts_with("_JSON")) {
    entry.raw.remove_prefix(5);
    while (!entry.raw.empty() && is_blank(entry.raw.front())) entry.raw.remove_prefix(1);
    if (!is_closed_json(entry.raw)) fail_input("", fmt::format("the JSON of '{}' is not closed", excerpt(entry.key)));
    // ASE writes arrays of more than one dimension so; what is numbers is an array like any other.
    if (entry.raw.starts_with('[') && read_nested(entry.raw, value) && value.numeric()) return;
    value = {};
    if (entry.raw.starts_with('"')) return read_json_text(entry);
    value.content = Content::json;
    value.first = texts_.size();
    value.count = 1;
    texts_.push_back(entry.raw);
    return;
  }
  read_words(entry.raw, value);
  if (opening == '{' && !value.numeric()) {
    // Braces hold numbers; round anything else they are part of the text.
    entry.raw = {entry.raw.data() - 1, entry.raw.size() + 2};
    texts_[value.first] = entry.raw;
  }
}

// A text that would be something else without quotes: "5", "T", "a\nb".
void Comment::read_json_text(CommentEntry& entry) {
  simdjson::dom::parser parser;
  std::string_view text;
  CommentValue& value = entry.value;
  value.content = Content::json;
  if (parser.parse(simdjson::padded_string(entry.raw)).get(text) == simdjson::SUCCESS) {
    const std::size_t first = unescaped_.size();
    unescaped_ += text;  // no longer than its JSON, which was part of the line
    entry.raw = std::string_view(unescaped_).substr(first);
    value.content = Content::text;
  }
  value.first = texts_.size();
  value.count = 1;
  texts_.push_back(entry.raw);
}

void Comment::check_value_ends(std::string_view key) {
  if (p_ != end_ && !is_blank(*p_)) {
    fail_input("",
               fmt::format("the value of '{}' is followed by '{}' without a space", excerpt(key), excerpt({p_, 1})));
  }
}

std::string_view Comment::bare() {
  const char* const begin = p_;
  while (p_ != end_ && !is_blank(*p_)) ++p_;
  return {begin, static_cast<std::size_t>(p_ - begin)};
}

// p_ is at the opening quote.
std::string_view Comment::double_quoted(std::string_view what) {
  const char* const begin = ++p_;
  while (p_ != end_ && *p_ != '"' && *p_ != '\\') ++p_;
  if (p_ != end_ && *p_ == '"') return {begin, static_cast<std::size_t>(p_++ - begin)};

  const std::size_t first = unescaped_.size();
  unescaped_.append(begin, p_);
  for (; p_ != end_ && *p_ != '"'; ++p_) {
    const bool escape = *p_ == '\\';
    if (escape && ++p_ == end_) break;
    unescaped_ += escape && *p_ == 'n' ? '\n' : *p_;
  }
  if (p_ == end_) fail_input("", fmt::format("the quote of '{}' is not closed", excerpt(what)));
  ++p_;
  return std::string_view(unescaped_).substr(first);
}

std::string_view Comment::single_quoted(std::string_view key) {
  const char* const begin = ++p_;
  while (p_ != end_ && *p_ != '\'') ++p_;
  if (p_ == end_) fail_input("", fmt::format("the quote of '{}' is not closed", excerpt(key)));
  return {begin, static_cast<std::size_t>(p_++ - begin)};
}

std::string_view Comment::braced(std::string_view key) {
  const char* const begin = p_ + 1;
  std::size_t depth = 0;
  for (; p_ != end_; ++p_) {
    if (*p_ == '{') ++depth;
    if (*p_ == '}' && --depth == 0) return {begin, static_cast<std::size_t>(p_++ - begin)};
  }
  fail_input("", fmt::format("the brace of '{}' is not closed", excerpt(key)));
}

// With its brackets. Brackets inside quotes do not count.
std::string_view Comment::bracketed(std::string_view key) {
  const char* const begin = p_;
  std::size_t depth = 0;
  char quote = '\0';
  for (; p_ != end_; ++p_) {
    if (quote != '\0') {
      if (*p_ == '\\' && quote == '"' && p_ + 1 != end_)
        ++p_;
      else if (*p_ == quote)
        quote = '\0';
    } else if (*p_ == '"' || (*p_ == '\'' && (p_[-1] == '[' || p_[-1] == ',' || is_blank(p_[-1])))) {
      quote = *p_;
    } else if (*p_ == '[') {
      ++depth;
    } else if (*p_ == ']' && --depth == 0) {
      ++p_;
      return {begin, static_cast<std::size_t>(p_ - begin)};
    }
  }
  fail_input("", fmt::format("the bracket of '{}' is not closed", excerpt(key)));
}

// ---- values -------------------------------------------------------------------------------------

// Words of numbers or logicals are a list (one word: a single value), anything else one string. Commas may stand between
// them, as ASE has it.
void Comment::read_words(std::string_view text, CommentValue& value) {
  const auto separates = [](char c) { return is_blank(c) || c == ','; };
  tokens_.clear();
  const char* p = text.data();
  const char* const end = p + text.size();
  for (;;) {
    while (p != end && separates(*p)) ++p;
    if (p == end) break;
    const char* const begin = p;
    while (p != end && !separates(*p)) ++p;
    tokens_.push_back({{begin, static_cast<std::size_t>(p - begin)}, false});
  }
  if (!tokens_.empty() && classify_as_numbers(value)) {
    value.rank = tokens_.size() == 1 ? 0 : 1;
    value.shape[0] = static_cast<std::uint32_t>(tokens_.size());
    return;
  }
  value.content = Content::text;
  value.rank = 0;
  value.first = texts_.size();
  value.count = 1;
  texts_.push_back(text);
}

// Integers, else reals, else logicals; false when the tokens are none of these.
bool Comment::classify_as_numbers(CommentValue& value) {
  const std::size_t integers = integers_.size(), reals = reals_.size();
  value.count = tokens_.size();
  for (const Token& t : tokens_) {
    if (t.quoted) return false;
  }

  std::size_t i = 0;
  std::int64_t n;
  for (; i < tokens_.size() && parse_integer(tokens_[i].text, n); ++i) integers_.push_back(n);
  if (i == tokens_.size()) {
    value.content = Content::integer;
    value.first = integers;
    return true;
  }
  integers_.resize(integers);

  double v;
  for (i = 0; i < tokens_.size() && read_number(tokens_[i].text, v); ++i) reals_.push_back(v);
  if (i == tokens_.size()) {
    value.content = Content::real;
    value.first = reals;
    return true;
  }
  reals_.resize(reals);

  bool b;
  for (i = 0; i < tokens_.size() && parse_logical(tokens_[i].text, b); ++i) integers_.push_back(b);
  if (i == tokens_.size()) {
    value.content = Content::logical;
    value.first = integers;
    return true;
  }
  integers_.resize(integers);
  return false;
}

void Comment::classify(CommentValue& value) {
  if (tokens_.empty()) {
    value.content = Content::real;
    value.first = reals_.size();
    value.count = 0;
    return;
  }
  if (classify_as_numbers(value)) return;
  value.content = Content::text;
  value.first = texts_.size();
  value.count = tokens_.size();
  for (const Token& t : tokens_) texts_.push_back(t.text);
}

// [1, 2], [[1, 2], [3, 4]] ... False when it is no regular array.
bool Comment::read_nested(std::string_view text, CommentValue& value) {
  constexpr std::size_t kMost = CommentValue::kMostDimensions;
  constexpr std::uint32_t kUnknown = UINT32_MAX;
  std::array<std::uint32_t, kMost> shape;
  std::array<std::uint32_t, kMost> counted = {};
  shape.fill(kUnknown);
  std::size_t depth = 0, deepest = 0, leaves = 0;
  bool item_before = false, comma_before = false;
  tokens_.clear();

  const char* const outer_p = p_;
  const char* const outer_end = end_;
  p_ = text.data();
  end_ = p_ + text.size();
  bool regular = true;
  while (regular && p_ != end_) {
    const char c = *p_;
    if (is_blank(c)) {
      ++p_;
    } else if (depth == 0 && p_ != text.data()) {
      regular = false;  // something after the last bracket
    } else if (c == ',') {
      regular = item_before && !comma_before;
      comma_before = true;
      item_before = false;
      ++p_;
    } else if (c == ']') {
      regular = !comma_before;
      std::uint32_t& expected = shape[--depth];
      if (expected == kUnknown) expected = counted[depth];
      regular = regular && expected == counted[depth];
      item_before = true;
      ++p_;
    } else {
      comma_before = false;
      if (depth > 0) ++counted[depth - 1];
      if (c == '[') {
        if (depth == kMost) return p_ = outer_p, end_ = outer_end, false;
        counted[depth++] = 0;
        deepest = std::max(deepest, depth);
        item_before = false;
        ++p_;
        continue;
      }
      regular = leaves == 0 || leaves == depth;
      leaves = depth;
      item_before = true;
      read_list_item();
    }
  }
  p_ = outer_p;
  end_ = outer_end;
  if (!regular || (leaves != 0 && leaves != deepest)) return false;

  classify(value);
  value.rank = static_cast<std::uint8_t>(deepest);
  for (std::size_t i = 0; i < deepest; ++i) value.shape[i] = shape[i] == kUnknown ? 0 : shape[i];
  return true;
}

void Comment::read_list_item() {
  if (*p_ == '"') {
    tokens_.push_back({double_quoted("a list"), true});
  } else if (*p_ == '\'' && std::find(p_ + 1, end_, '\'') != end_) {
    tokens_.push_back({single_quoted("a list"), true});
  } else {
    const char* const begin = p_;
    while (p_ != end_ && !is_blank(*p_) && *p_ != ',' && *p_ != ']' && *p_ != '[') ++p_;
    tokens_.push_back({{begin, static_cast<std::size_t>(p_ - begin)}, false});
  }
}

}  // namespace atp
