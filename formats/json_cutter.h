// Cuts JSON documents of any size into records, without reading them as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"

namespace atp {

// Where the records of a document are: `depth` objects or arrays lie around each. 0: the document is
// one record, or each of several; 1: a list or a dictionary of them; 2: MPtrj's dictionary of dictionaries.
struct JsonOutline {
  unsigned depth = 0;
  bool found = false;     // a key that records of this field have was seen
  bool table = false;     // add_table() may know the document as a whole
  bool split = false;     // one with its names in front
  unsigned tables = 0;    // how many objects or arrays lie around what add_table() may know, when not the whole; 0: no such
  bool numbered = false;  // keys "1", "2" ... around records of ASE's database
};

// Judges the first bytes of a document: the shallowest object with a key of those records, or one around it that has
// other values beside it.
JsonOutline outline_of_json(std::string_view head);

struct JsonRecord {
  std::size_t begin = 0, size = 0;  // in JsonPiece::text
  std::string key;                  // under which it lies, as written; empty in lists
};

struct JsonPiece {
  std::string text;                 // followed by simdjson's padding
  std::vector<JsonRecord> records;
  std::uint64_t input_position = 0;
};

// One thread. Memory is bounded by a piece and the longest record, which may have 1 GiB.
class JsonCutter {
 public:
  // `begun` is what has been read of the source.
  JsonCutter(std::unique_ptr<ByteSource> source, unsigned depth, std::string begun = {});

  // The next records, a few MB of them and at least one; nothing at the end. Records are objects that
  // are balanced, not yet valid JSON. Throws Error (exit 3): brackets that do not match, a document
  // that ends inside, text after it, lists of other values beside the records, one item each, values beside a
  // single record that belong to it (where they lie too deep in the document for outline_of_json), lists of records and
  // other values that have no names. What was complete before that comes first.
  std::optional<JsonPiece> next();
  InputState input_state() const { return source_->state(); }
  const std::string& name() const { return source_->name(); }

 private:
  bool fill();
  void scan(JsonPiece& piece);
  void open(char c);
  void close(char c, JsonPiece& piece);
  void end_of_text();
  void close_records(char c);
  void note_member(char mark);
  void refuse_lists_beside() const;
  void compact();
  [[noreturn]] void fail(const std::string& what) const;

  std::unique_ptr<ByteSource> source_;
  unsigned depth_;
  std::string buffer_;
  std::size_t at_ = 0;              // scanned up to here
  std::uint64_t dropped_ = 0;       // bytes of the document before buffer_
  std::string open_;                // brackets that are open
  std::vector<std::string> keys_;   // last key in each open container up to the record's
  bool quoted_ = false, escaped_ = false, ended_ = false;
  std::size_t quote_ = 0;           // where the last text began, in buffer_
  std::string last_text_;           // the last text outside of records
  std::optional<std::size_t> record_;  // where the record in work begins
  std::uint64_t records_ = 0;
  // Lists where records might have been, with other things in them: their keys and numbers of items, the first few.
  std::vector<std::pair<std::string, std::uint64_t>> beside_;
  std::uint64_t list_items_ = 0, records_before_list_ = 0;  // of the list, or object, at that depth that is open
  std::string members_;                                     // of that object, the names of those that are no records
  bool awaits_value_ = false;                               // the last mark was the ':' of such a name
  std::uint64_t longest_list_ = 0;                          // of records
  std::optional<Error> failure_;
};

}  // namespace atp
