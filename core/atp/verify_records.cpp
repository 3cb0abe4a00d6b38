#include "core/atp/verify_records.h"

#include <fmt/format.h>

#include <mutex>

#include "core/atp/record_checker.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"

namespace atp {
namespace {

constexpr std::uint64_t kBatch = 4 << 20;    // what a thread takes at a time
constexpr std::uint64_t kRead = 256 << 10;   // read at once: it is still in the L2 cache when it is hashed
constexpr std::uint64_t kGap = 64 << 10;     // dead bytes between records that are read along
constexpr std::uint64_t kHuge = 64 << 20;    // of such records one is in memory at a time

// Records that one thread checks, in the order of the file.
struct Batch {
  std::vector<IndexCursor::Item> items;
  bool huge = false;
};

struct BatchResult {
  Bounded<Damage> damage;
  ValueNotes notes;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> decoded;  // record, checksum
  std::uint64_t bytes = 0, records = 0, with_checksum = 0;
  std::uint64_t begin = 0;  // of the batch in the file
};

// Cuts the records into batches, in the order of the file.
class Batches {
 public:
  Batches(const InputFile& file, const Generation& g, const RecordPass& pass) : generation_(g), pass_(pass), cursor_(file, g) { advance(); }

  std::unique_ptr<Batch> next() {
    throw_if_interrupted();
    if (!item_) return nullptr;
    auto batch = std::make_unique<Batch>();
    std::uint64_t begin = item_->entry.offset, end = begin;
    do {
      const IndexEntry& e = item_->entry;
      if (!batch->items.empty() && (e.offset > end + kGap || e.offset + e.stored > begin + kBatch)) break;
      batch->items.push_back(*item_);
      end = std::max(end, e.offset + e.stored);
      batch->huge |= e.stored > kHuge || e.unpacked > kHuge;
      advance();
    } while (item_);
    return batch;
  }

 private:
  void advance() {
    IndexCursor::Item item;
    do {
      if (!cursor_.next(item)) {
        item_.reset();
        return;
      }
    } while (!entry_problem(item.entry, generation_).empty() || (pass_.wanted && !pass_.wanted(item)) || too_much_overlap(item.entry));
    item_ = item;
  }

  // Records that overlap are damage that the index check has named. They are read all the same, but
  // not many times the file's size.
  bool too_much_overlap(const IndexEntry& e) {
    if (e.offset < end_) {
      overlapped_ += e.stored;
      if (overlapped_ > generation_.slot.index_offset) return true;
    }
    end_ = std::max(end_, e.offset + e.stored);
    return false;
  }

  const Generation& generation_;
  const RecordPass& pass_;
  IndexCursor cursor_;
  std::uint64_t end_ = 0, overlapped_ = 0;  // of the records so far
  std::optional<IndexCursor::Item> item_;
};

// The pass over one file.
class Pass {
 public:
  Pass(const InputFile& file, const Generation& g, const RecordPass& pass, Bounded<Damage>& damage)
      : file_(file), generation_(g), pass_(pass), damage_(damage) {}

  RecordPassResult run() {
    Batches batches(file_, generation_, pass_);
    // Without a schema block the records make the lock, one after the other.
    const bool no_schema = !generation_.schema && !generation_.schema_damaged;
    if (no_schema) grown_.emplace().positions = generation_.positions;
    ordered_parallel<Batch, BatchResult>(
        no_schema ? 1 : pass_.jobs, [&] { return batches.next(); }, [&](Batch& batch) { return work(batch); },
        [&](BatchResult&& result) { consume(std::move(result)); });
    return total_;
  }

 private:
  // What one thread needs again and again.
  struct Workplace {
    explicit Workplace(const Generation& g) : checker(g.codec(), g.schema ? &*g.schema : nullptr, g.positions) {}
    RecordChecker checker;
    std::vector<std::byte> buffer;
  };

  BatchResult work(Batch& batch);
  void check_batch(const Batch& batch, Workplace& place, BatchResult& result);
  void check_read(std::span<const IndexCursor::Item> items, std::uint64_t begin, std::size_t length, Workplace& place, BatchResult& result);
  void check_one(const IndexCursor::Item& item, Bytes stored, Workplace& place, BatchResult& result);
  void consume(BatchResult&& result);
  std::unique_ptr<Workplace> take_workplace();
  void give_back(std::unique_ptr<Workplace> place);

  const InputFile& file_;
  const Generation& generation_;
  const RecordPass& pass_;
  Bounded<Damage>& damage_;
  RecordPassResult total_;
  std::optional<Schema> grown_;
  std::mutex huge_mutex_, places_mutex_;
  std::vector<std::unique_ptr<Workplace>> places_;  // idle ones
};

std::unique_ptr<Pass::Workplace> Pass::take_workplace() {
  std::lock_guard lock(places_mutex_);
  if (places_.empty()) return std::make_unique<Workplace>(generation_);
  auto place = std::move(places_.back());
  places_.pop_back();
  return place;
}

void Pass::give_back(std::unique_ptr<Workplace> place) {
  std::lock_guard lock(places_mutex_);
  places_.push_back(std::move(place));
}

BatchResult Pass::work(Batch& batch) {
  BatchResult result;
  result.begin = batch.items.front().entry.offset;
  std::unique_lock huge(huge_mutex_, std::defer_lock);
  if (batch.huge) huge.lock();
  auto place = take_workplace();
  check_batch(batch, *place, result);
  if (batch.huge) {
    place->checker.shrink();
    place->buffer = {};
  }
  give_back(std::move(place));
  return result;
}

void Pass::check_batch(const Batch& batch, Workplace& place, BatchResult& result) {
  std::span<const IndexCursor::Item> left(batch.items);
  while (!left.empty()) {
    const std::uint64_t begin = left[0].entry.offset;
    std::uint64_t end = begin;
    std::size_t count = 0;
    do {
      end = std::max(end, left[count].entry.offset + left[count].entry.stored);
      ++count;
    } while (count < left.size() && left[count].entry.offset + left[count].entry.stored <= begin + kRead);
    check_read(left.first(count), begin, static_cast<std::size_t>(end - begin), place, result);
    left = left.subspan(count);
  }
}

// Records that lie in `length` bytes at `begin`, which are read at once.
void Pass::check_read(std::span<const IndexCursor::Item> items, std::uint64_t begin, std::size_t length, Workplace& place, BatchResult& result) {
  if (place.buffer.size() < length) place.buffer.resize(length);
  const std::span<std::byte> bytes = std::span(place.buffer).first(length);
  bool whole = true;
  try {
    read_exactly(file_, begin, bytes);
  } catch (const Error&) {
    whole = false;  // one bad sector: the records beside it are read one by one
  }
  for (const auto& item : items) {
    const std::span<std::byte> stored = bytes.subspan(item.entry.offset - begin, item.entry.stored);
    if (!whole) {
      try {
        read_exactly(file_, item.entry.offset, stored);
      } catch (const Error& e) {
        result.damage.add({item.record, item.entry.offset, item.entry.stored, damage_kind::io_error, e.problem()});
        continue;
      }
    }
    check_one(item, stored, place, result);
  }
}

void Pass::check_one(const IndexCursor::Item& item, Bytes stored, Workplace& place, BatchResult& result) {
  ++result.records;
  result.bytes += stored.size();
  result.with_checksum += item.checksum != 0;
  auto problem = place.checker.check(item.entry, stored, item.checksum);
  if (!problem && grown_) {
    std::string text = grown_->add(place.checker.record());
    if (!text.empty()) problem = RecordProblem{damage_kind::schema_lock, std::move(text), false};
  }
  if (problem) {
    if (pass_.decoded && problem->decodes) result.decoded.emplace_back(item.record, 0);
    result.damage.add({item.record, item.entry.offset, item.entry.stored, problem->kind, std::move(problem->message)});
    return;
  }
  if (pass_.look) pass_.look(item.record, place.checker.record(), result.notes);
  if (pass_.decoded) result.decoded.emplace_back(item.record, item.checksum != 0 ? item.checksum : record_checksum(stored));
}

void Pass::consume(BatchResult&& result) {
  file_.passed(result.begin);
  total_.bytes_read += result.bytes;
  total_.records += result.records;
  total_.with_checksum += result.with_checksum;
  damage_.merge(std::move(result.damage));
  if (pass_.noted) pass_.noted(result.notes);
  if (pass_.decoded) {
    for (const auto& [record, checksum] : result.decoded) pass_.decoded(record, checksum);
  }
  if (pass_.progress) pass_.progress(total_.bytes_read, total_.records);
}

}  // namespace

RecordPassResult check_records(const InputFile& file, const Generation& generation, const RecordPass& pass, Bounded<Damage>& damage) {
  return Pass(file, generation, pass, damage).run();
}

}  // namespace atp
