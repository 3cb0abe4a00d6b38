// Where packed records go until the whole input has been read: the new file itself, or temporary
// segments that are merged at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/convert.h"
#include "core/atp/writer.h"

namespace atp {

struct SpoolOptions {
  std::string target;
  bool append = false;         // to an existing target, which is locked at once and grows only at the very end
  WriterOptions writer;
  int jobs = 1;
};

// One thread. A Spool destroyed before finish() leaves nothing behind.
//
// A field that widens (1, 2, then 2.5) makes all records before it out of date. The spool then begins a
// new segment, and finish() writes the old ones again with the wider type: once, whatever came when.
class Spool {
 public:
  explicit Spool(SpoolOptions options);
  ~Spool();

  void add(const EncodedRecords& records);
  // What follows has a schema that the records so far do not fit.
  void begin_segment();
  // Puts everything in its place. `schema` is the final lock; `columns` as in follow_scopes().
  void finish(const Schema& schema, const ColumnNames& columns, std::string metadata);
  // The same without append and metadata, under a temporary name, which is returned: the caller owns the
  // file. `schema` may be wider than what the records so far have.
  std::string finish_as_temporary(const Schema& schema, const ColumnNames& columns);

 private:
  class Segment;
  void close_segment();
  void copy_segments(const Schema& schema, const ColumnNames& columns, Writer& out);
  void copy_segment(const std::string& path, const Schema& schema, const ColumnNames& columns, Writer& out) const;

  SpoolOptions options_;
  std::optional<Writer> appended_;  // of the target, under append
  std::optional<Writer> writer_;
  std::vector<std::unique_ptr<Segment>> closed_;
};

}  // namespace atp
