// One run of `atp pack`, from checked options to records. Private to cmd/pack*.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cmd/pack.h"
#include "cmd/pack_chunk.h"
#include "cmd/pack_report.h"
#include "cmd/pack_source.h"
#include "cmd/pack_spool.h"

namespace atp {

// What is known of inputs once they are packed: all of them, or those of one process.
struct PackedPart {
  Lock lock;
  PackReport report;
  std::vector<Metadata::Source> sources;
  std::vector<std::uint64_t> records;  // of each source
};

// One thread. A PackRun destroyed before it has finished leaves nothing behind. All methods throw Error.
class PackRun {
 public:
  explicit PackRun(const PackOptions& options);

  // Packs everything into the file that the options name, and reports.
  Exit to_file();

  // The files that the inputs stand for, in order.
  std::vector<std::string> inputs() const;
  // Packs some of them into a temporary file beside `target`; once. No inputs: no file. `look` is called now and
  // then, on one thread at a time, and may throw.
  PackedPart pack_part(std::vector<std::string> inputs, const std::string& target, std::function<void()> look);
  // Completes that file with records of this schema, which is as wide as their own or wider. Returns its name;
  // the caller owns it. Empty when there are no records.
  std::string finish_part(const Lock& whole);

  // Refuses a result that cannot be meant, and warns of what looks mistyped.
  void check_result(const PackedPart& whole) const;
  // With the sources.
  Metadata metadata(const PackedPart& whole) const;

 private:
  bool is_output(const std::string& input) const;
  void check_target();
  void refuse_other_format() const;
  void prepare_append();
  FrameSource make_source(std::vector<std::string> inputs) const;
  void open_spool(const std::string& target);
  void pack_all(FrameSource& source);
  void consume(PackedChunk&& chunk, FrameSource& source);
  void update_lock(const PackedChunk& chunk);
  bool fits(const PackedChunk& chunk) const;
  void check_map_was_used(const PackedPart& whole) const;

  std::shared_ptr<const Lock> lock() const {
    std::lock_guard guard(lock_mutex_);
    return lock_;
  }

  PackOptions o_;
  PackRules rules_;
  ReadOptions read_;
  std::optional<Selection> records_;
  Metadata old_metadata_;             // of the file appended to
  std::uint64_t records_before_ = 0;  // in it
  mutable std::mutex lock_mutex_;
  std::shared_ptr<const Lock> lock_ = std::make_shared<Lock>();
  std::optional<Spool> spool_;        // empty in a dry run
  PackedPart part_;
  std::function<void()> look_;
};

}  // namespace atp
