#include "cmd/pack_spool.h"

#include <algorithm>

#include "core/atp/convert.h"
#include "core/atp/reader.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"

namespace atp {

// A temporary file that goes with the object.
class Spool::Segment {
 public:
  explicit Segment(std::string path) : path_(std::move(path)) {}
  ~Segment() { real_disk().remove(path_); }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Spool::Spool(SpoolOptions options) : options_(std::move(options)) {
  // Locked from the start: a second run learns at once that it would have to wait.
  if (options_.append) appended_.emplace(Writer::append(options_.target, options_.writer));
  begin_segment();
}
Spool::~Spool() = default;

void Spool::add(const EncodedRecords& records) { writer_->add(records); }

void Spool::close_segment() {
  if (!writer_) return;
  closed_.push_back(std::make_unique<Segment>(writer_->finish_as_temporary()));
  writer_.reset();
}

void Spool::begin_segment() {
  close_segment();
  writer_.emplace(Writer::create(options_.target, options_.writer));
}

namespace {

struct Range {
  std::uint64_t begin, end;
};

constexpr std::uint64_t kBytesPerRange = std::uint64_t{4} << 20;

// Records [begin, end) under the final schema. Stored bytes are copied where nothing changes.
EncodedRecords convert_range(const Reader& from, const Range& range, const Schema& schema, const ColumnNames& columns, Codec codec, bool raw) {
  EncodedRecords out;
  out.schema = schema;
  RecordEncoder encoder(codec);
  Scratch scratch;
  Structure s;
  for (std::uint64_t i = range.begin; i < range.end; ++i) {
    if (raw) {
      const Bytes stored = from.stored(i);
      const IndexEntry e = from.entry(i);
      out.bytes.insert(out.bytes.end(), stored.begin(), stored.end());
      out.entries.push_back({e.stored, e.unpacked, e.atoms, from.checksum(i).value_or(0)});
      continue;
    }
    from.record(i, scratch).copy_to(s);
    follow_scopes(s, schema, columns);
    coerce(s, schema, false);
    if (const std::string problem = encoder.add(s, out); !problem.empty()) fail_input("", problem);
  }
  return out;
}

}  // namespace

void Spool::copy_segment(const std::string& path, const Schema& schema, const ColumnNames& columns, Writer& out) const {
  const Reader from(path);
  Schema merged = schema;
  const bool raw = merged.merge(from.schema()).empty() && from.codec() == out.codec();
  std::uint64_t at = 0;
  ordered_parallel<Range, EncodedRecords>(
      options_.jobs,
      [&]() -> std::unique_ptr<Range> {
        throw_if_interrupted();
        if (at == from.size()) return nullptr;
        auto range = std::make_unique<Range>(Range{at, at});
        for (std::uint64_t bytes = 0; range->end < from.size() && bytes < kBytesPerRange; ++range->end) {
          bytes += from.entry(range->end).unpacked;
        }
        at = range->end;
        return range;
      },
      [&](Range& range) { return convert_range(from, range, schema, columns, out.codec(), raw); },
      [&](EncodedRecords&& records) { out.add(records); });
}

void Spool::copy_segments(const Schema& schema, const ColumnNames& columns, Writer& out) {
  close_segment();
  for (const auto& segment : closed_) copy_segment(segment->path(), schema, columns, out);
}

void Spool::finish(const Schema& schema, const ColumnNames& columns, std::string metadata) {
  if (closed_.empty() && !options_.append) {
    writer_->set_metadata(std::move(metadata));
    writer_->finish();
    return;
  }
  Writer out = appended_ ? std::move(*appended_) : Writer::create(options_.target, options_.writer);
  copy_segments(schema, columns, out);
  out.set_metadata(std::move(metadata));
  out.finish();
}

std::string Spool::finish_as_temporary(const Schema& schema, const ColumnNames& columns) {
  Schema merged = schema;
  if (closed_.empty() && merged.merge(writer_->schema()).empty()) return writer_->finish_as_temporary();
  Writer out = Writer::create(options_.target, options_.writer);
  copy_segments(schema, columns, out);
  return out.finish_as_temporary();
}

}  // namespace atp
