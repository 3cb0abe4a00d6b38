// The full pass: every record read and checked. Private to verify and repair.
#pragma once

#include <functional>

#include "core/atp/generation.h"

namespace atp {

struct RecordPass {
  int jobs = 1;
  // Only these records are read; every record when it is not set.
  std::function<bool(const IndexCursor::Item&)> wanted;
  std::function<void(std::uint64_t record, const RecordView&, ValueNotes&)> look;  // any thread
  std::function<void(ValueNotes&)> noted;                                          // in file order
  std::function<void(std::uint64_t bytes, std::uint64_t records)> progress;
  // Every record that decodes, in file order: with the XXH3 of its stored bytes, or with 0 when that
  // is not what the file states.
  std::function<void(std::uint64_t record, std::uint64_t checksum)> decoded;
};

struct RecordPassResult {
  std::uint64_t bytes_read = 0, records = 0, with_checksum = 0;
};

// Records whose index entry makes no sense are passed over: check_generation() has named them.
RecordPassResult check_records(const InputFile& file, const Generation& generation, const RecordPass& pass, Bounded<Damage>& damage);

}  // namespace atp
