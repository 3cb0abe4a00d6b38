#include "formats/json_cutter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/excerpt.h"
#include "formats/json_values.h"

namespace atp {

namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kPieceBytes = std::size_t{2} << 20;
constexpr std::size_t kPieceRecords = 4096;
constexpr std::size_t kLongestRecord = std::size_t{1} << 30;
constexpr std::size_t kMostDepth = 256;
constexpr std::size_t kMostBeside = 16;
constexpr std::size_t kLongestNames = 256;

constexpr std::string_view kRecordKeys[] = {"@class", "structure", "sites",    "atoms",     "lattice_mat",   "outputs",
                                            "numbers", "positions", "unique_id", "ionic_steps", "calcs_reversed", "uncorrected_total_energy", "molecule"};

constexpr std::string_view kTableKeys[] = {"structure", "structures", "columns"};

// Bytes that a scan must look at, outside of texts and inside.
constexpr std::array<bool, 256> table_of(std::string_view bytes) {
  std::array<bool, 256> t = {};
  for (const char c : bytes) t[static_cast<unsigned char>(c)] = true;
  return t;
}
constexpr auto kBrackets = table_of("\"{}[]");
constexpr auto kMarks = table_of("\"{}[]:,");

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digits(std::string_view s) { return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos; }

// An object or a list that is open, or was open around the first record.
struct Container {
  char bracket = '{';
  bool digits = false;   // its last key is a number
  bool values = false;   // it has named members that are neither objects nor lists of them
  unsigned objects = 0;  // and that are
  bool closed = false;
};

// A text, a number, a list of numbers: nothing that may hold records.
bool is_plain_value(std::string_view value) {
  const std::size_t first = value.find_first_not_of(value.starts_with('[') ? "[ \t\r\n" : "");
  return first != std::string_view::npos && value[first] != '{' && !value.starts_with("null");
}

// {"id": 7, "entry": {"structure": ...}}: the values around belong to the record, so it begins further out.
unsigned depth_with_values(std::span<const Container> around, unsigned documents) {
  auto depth = static_cast<unsigned>(around.size());
  if (documents > 1 && !around.empty() && around[0].bracket == '{') return 0;  // JSON lines
  for (std::size_t k = around.size(); k > 0 && around[k - 1].bracket == '{'; --k) {
    const Container& c = around[k - 1];
    if (!c.values && c.objects > 1) break;  // a dictionary of records
    // A document may have values of its own beside its records.
    const bool is_record = k > 1 || (around.size() == 1 && c.closed && c.objects == 1);
    if (c.values && is_record) depth = static_cast<unsigned>(k - 1);
  }
  return depth;
}

}  // namespace

JsonOutline outline_of_json(std::string_view head) {
  JsonOutline out;
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && head[first] == '[') out.depth = 1;
  std::vector<Container> open, around;  // the first record
  unsigned documents = 0;
  std::string_view last;
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '"') {
      const std::size_t begin = ++i;
      while (i < head.size() && head[i] != '"') i += head[i] == '\\' ? 2 : 1;
      if (i >= head.size()) break;
      last = head.substr(begin, i - begin);
    } else if (c == '{' || c == '[') {
      if (open.size() == kMostDepth) break;
      if (open.empty()) ++documents;
      open.push_back({c});
    } else if (c == '}' || c == ']') {
      if (open.empty()) break;
      const std::size_t level = open.size() - 1;
      if (level < around.size() && !around[level].closed) around[level] = open.back(), around[level].closed = true;
      open.pop_back();
    } else if (c == ':' && !open.empty() && open.back().bracket == '{') {
      Container& inner = open.back();
      const auto depth = static_cast<unsigned>(open.size() - 1);
      const std::size_t at = head.find_first_not_of(" \t\r\n", i + 1);
      const std::string_view value = at == std::string_view::npos ? "" : head.substr(at);
      inner.digits = is_digits(last);
      inner.objects += value.starts_with('{') ? 1 : 0;
      inner.values |= is_plain_value(value) && !last.starts_with('@') && !inner.digits;
      const bool table_key = std::ranges::find(kTableKeys, last) != std::end(kTableKeys);
      out.table |= depth == 0 && table_key;
      out.split |= depth == 0 && last == "columns";
      if (out.tables == 0 && depth > 0 && value.starts_with('[') && table_key) out.tables = depth;
      if ((out.found && depth >= out.depth) || std::ranges::find(kRecordKeys, last) == std::end(kRecordKeys)) continue;
      out.found = true;
      out.depth = depth;
      out.numbered = depth == 1 && open[0].digits && (last == "numbers" || last == "positions" || last == "unique_id");
      around.assign(depth, {});
    } else if (open.empty() && !is_blank(c)) {
      break;
    }
  }
  for (std::size_t i = 0; i < std::min(around.size(), open.size()); ++i) {
    if (!around[i].closed) around[i] = open[i];
  }
  if (out.found) out.depth = depth_with_values(around, documents);
  return out;
}

JsonCutter::JsonCutter(std::unique_ptr<ByteSource> source, unsigned depth, std::string begun) : source_(std::move(source)), depth_(depth), buffer_(std::move(begun)) {}

void JsonCutter::fail(const std::string& what) const {
  fail_input(source_->name(), fmt::format("byte {}: {}", dropped_ + at_, what), "the file is damaged or cut short");
}

bool JsonCutter::fill() {
  const std::size_t have = buffer_.size();
  buffer_.resize(have + kChunk);
  const std::size_t n = source_->read(std::span(buffer_).subspan(have));
  buffer_.resize(have + n);
  return n > 0;
}

// Forgets what has been scanned, but for a record that is not complete.
void JsonCutter::compact() {
  const std::size_t keep = record_ ? *record_ : quoted_ ? quote_ : at_;
  buffer_.erase(0, keep);
  dropped_ += keep;
  at_ -= keep;
  quote_ -= std::min(quote_, keep);
  if (record_) record_ = 0;
}

void JsonCutter::open(char c) {
  if (open_.size() == kMostDepth) fail(fmt::format("is nested deeper than {}", kMostDepth));
  if (open_.empty() && c == '[' && depth_ == 0) fail("is a list, not a record");
  if (!record_ && open_.size() == depth_ && c == '{') record_ = at_;
  // {"all": [records], "best": a record}: the ones that lie deeper, or not so deep.
  if (!record_ && !open_.empty() && open_.back() == '{' && ((c == '{' && keys_.back() == "structure") || (c == '[' && keys_.back() == "sites"))) {
    fail_input(source_->name(), fmt::format("has a structure that does not lie as deep as its {}, and would be lost", depth_ == 0 ? "record" : "other records"),
               "write one list of records, or a file for each list");
  }
  open_ += c;
  if (!record_) keys_.emplace_back();
  if (!record_ && open_.size() == depth_ && c == '{') members_.clear();
  if (!record_ && open_.size() == depth_) {
    list_items_ = 0;
    records_before_list_ = records_;
  }
}

void JsonCutter::close(char c, JsonPiece& piece) {
  if (open_.empty() || open_.back() != (c == '}' ? '{' : '[')) fail(fmt::format("'{}' closes nothing", c));
  open_.pop_back();
  if (!record_) {
    if (open_.size() + 1 == depth_) close_records(c);
    keys_.pop_back();
    return;
  }
  if (open_.size() != depth_) return;
  JsonRecord record;
  record.begin = *record_;
  record.size = at_ + 1 - *record_;
  if (!keys_.empty()) record.key = keys_.back();
  piece.records.push_back(std::move(record));
  record_.reset();
  ++records_;
}

// `mark` follows a key of the object that records are in: the bracket of a record, or there is another value.
void JsonCutter::note_member(char mark) {
  awaits_value_ = false;
  if (mark == '{' || keys_.back().starts_with('@') || is_digits(keys_.back()) || members_.size() > kLongestNames) return;
  members_ += fmt::format("{}'{}'", members_.empty() ? "" : ", ", excerpt(keys_.back()));
}

// What else was in a list, or an object, of records.
void JsonCutter::close_records(char c) {
  const std::uint64_t records = records_ - records_before_list_;
  if (c == '}' && depth_ > 1 && records == 1 && !members_.empty()) {
    fail_input(source_->name(), fmt::format("has values beside a structure, which would be lost: {}", members_), "write the structure behind the other values, or as 'structure'");
  }
  // The columns of a table may have numbers for names, as the rows have.
  const bool nameless = c == ']' || is_digits(keys_.back());
  if (records == 0) {
    if (nameless && list_items_ != 0 && depth_ >= 2 && beside_.size() < kMostBeside) beside_.emplace_back(keys_[keys_.size() - 2], list_items_ + 1);
    return;
  }
  if (c == ']') longest_list_ = std::max(longest_list_, records);
  if (!nameless || (c != ']' && depth_ < 2) || records == list_items_ + 1) return;
  fail_input(source_->name(), fmt::format("has {} values beside each other of which {} {} and the others have no names, so what they are is not known", list_items_ + 1, records,
                                          records == 1 ? "is a structure" : "are structures"),
             "write a list of objects with a name for each value (pandas: orient='records', with named columns)");
}

void JsonCutter::scan(JsonPiece& piece) {
  const char* const data = buffer_.data();
  const std::size_t size = buffer_.size();
  while (at_ < size) {
    if (quoted_) {
      while (at_ < size && (escaped_ || (data[at_] != '"' && data[at_] != '\\'))) {
        escaped_ = false;
        ++at_;
      }
      if (at_ == size) return;
      if (data[at_] == '\\') {
        escaped_ = true;
        ++at_;
        continue;
      }
      quoted_ = false;
      if (!record_) last_text_.assign(data + quote_ + 1, at_ - quote_ - 1);
      ++at_;
      continue;
    }
    const auto& marks = record_ ? kBrackets : kMarks;
    if (open_.empty()) {  // between documents
      while (at_ < size && is_blank(data[at_])) ++at_;
      if (at_ == size) return;
      if (data[at_] != '{' && data[at_] != '[') fail("has text outside of its document");
      if (records_ > 0 && depth_ > 0) fail("has text after its end");
    } else {
      while (at_ < size && !marks[static_cast<unsigned char>(data[at_])]) ++at_;
      if (at_ == size) return;
    }
    const char c = data[at_];
    if (awaits_value_) note_member(c);
    if (c == '"') {
      quoted_ = true;
      quote_ = at_;
    } else if (c == '{' || c == '[') {
      open(c);
    } else if (c == '}' || c == ']') {
      close(c, piece);
    } else if (c == ':' && !keys_.empty()) {
      keys_.back() = last_text_;
      awaits_value_ = !record_ && open_.size() == depth_;
    } else if (c == ',' && !record_ && open_.size() == depth_) {
      ++list_items_;
    }
    ++at_;
    if (piece.records.size() >= kPieceRecords || (!piece.records.empty() && at_ >= kPieceBytes)) return;
  }
}

void JsonCutter::end_of_text() {
  ended_ = true;
  if (!open_.empty()) fail(record_ ? fmt::format("ends inside record {}", records_) : "ends before its last bracket is closed");
  if (records_ == 0) fail("holds no record");
  refuse_lists_beside();
}

// {"structures": [...], "energies": [...]}: what belongs to the structures would be lost.
void JsonCutter::refuse_lists_beside() const {
  std::string keys;
  std::uint64_t as_many = 0;
  for (const auto& [key, items] : beside_) {
    if (items != records_ && items != longest_list_) continue;
    keys += fmt::format("{}'{}'", keys.empty() ? "" : ", ", excerpt(key));
    as_many = items;
  }
  if (keys.empty()) return;
  fail_input(source_->name(), fmt::format("has lists of {} items beside its records, which would be lost: {}", as_many, keys), "put each record's values into it");
}

std::optional<JsonPiece> JsonCutter::next() {
  if (failure_) throw *failure_;
  JsonPiece piece;
  try {
    while (piece.records.empty() && !ended_) {
      throw_if_interrupted();
      if (at_ == buffer_.size()) {
        compact();
        if (buffer_.size() > kLongestRecord) fail(fmt::format("has a record of more than {} bytes", kLongestRecord));
        if (!fill()) end_of_text();
      }
      scan(piece);
      // A piece as full as the buffer allows.
      while (!ended_ && !piece.records.empty() && at_ == buffer_.size() && at_ < kPieceBytes && piece.records.size() < kPieceRecords) {
        if (!fill()) {
          end_of_text();
          break;
        }
        scan(piece);
      }
    }
  } catch (const Error& e) {
    if (piece.records.empty()) throw;
    failure_ = e;
  }
  if (piece.records.empty()) return std::nullopt;
  const std::size_t end = piece.records.back().begin + piece.records.back().size;
  piece.text.reserve(end + kJsonPadding);
  piece.text.assign(buffer_, 0, end);
  piece.input_position = source_->position();
  buffer_.erase(0, end);
  dropped_ += end;
  at_ -= end;
  quote_ -= std::min(quote_, end);
  if (record_) *record_ -= end;
  return piece;
}

}  // namespace atp
