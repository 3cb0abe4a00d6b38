// One record held against everything that the file says about it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/atp/codec.h"
#include "core/atp/reader.h"
#include "core/atp/record.h"
#include "core/atp/schema.h"
#include "core/atp/section_pattern.h"

namespace atp {

struct RecordProblem {
  std::string_view kind;  // a damage_kind
  std::string message;
  bool decodes;  // and fits index and schema: only its checksum does not
};

// One thread; one per thread. Borrows the schema.
class RecordChecker {
 public:
  // `lock`: the file's schema, or nullptr when it is not known; then records are held against no
  // schema, and positions that are not known either are tried as f64, then as f32.
  RecordChecker(Codec codec, const Schema* lock, std::optional<Type> positions);

  // What is wrong with the record behind `stored`, or nothing. `checksum` is what the file states,
  // 0 when it states none. Costs no allocation for a sound record.
  std::optional<RecordProblem> check(const IndexEntry& entry, Bytes stored, std::uint64_t checksum);

  // The record that check() found sound, until the next check(). Borrows `stored` with codec none.
  const RecordView& record() const { return *record_; }

  // Gives back the memory that a huge record needed.
  void shrink();

 private:
  std::string_view decode(const IndexEntry& entry, Bytes bytes, Type positions);
  void check_lock();

  Codec codec_;
  const Schema* lock_;
  std::optional<Type> positions_;
  Scratch scratch_;
  std::optional<RecordView> record_;
  SectionPatterns patterns_{SectionPattern::Of::everything};
  bool known_pattern_ = false;  // record_ fits it
};

}  // namespace atp
