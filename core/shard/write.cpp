#include "core/shard/write.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/io/input_file.h"

namespace atp {
namespace {

// A piece of work: enough bytes for large writes, few enough to stay in a processor's cache from the check of
// the checksums over SHA-256 to the write.
constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kPieceRecords = std::uint64_t{1} << 16;

void check_stop(const ShardWriting& how) {
  throw_if_interrupted();
  if (how.stop && how.stop->load(std::memory_order_relaxed)) throw Stopped();
}

// Cuts a list of records into pieces.
class Pieces {
 public:
  Pieces(const Dataset& dataset, std::span<const std::uint64_t> records) : finder_(dataset), records_(records) {}

  // Empty at the end.
  std::span<const std::uint64_t> next() {
    const std::size_t begin = at_;
    std::uint64_t bytes = 0;
    while (at_ < records_.size() && bytes < kPieceBytes && at_ - begin < kPieceRecords) bytes += finder_.entry(records_[at_++]).unpacked;
    return records_.subspan(begin, at_ - begin);
  }

 private:
  RecordFinder finder_;
  std::span<const std::uint64_t> records_;
  std::size_t at_ = 0;
};

using Piece = std::span<const std::uint64_t>;  // of a list of records

// Runs a copier, and `then`, over the pieces of `records` on all threads, and hands the results on in order.
void copy_pieces(const ShardWriting& how, std::span<const std::uint64_t> records, const std::function<void(Piece, CopiedRecords&)>& then,
                 const std::function<void(Piece, CopiedRecords&&)>& consume) {
  Pieces pieces(*how.dataset, records);
  const auto hand_on = [&](Piece piece, CopiedRecords&& copied) {
    consume(piece, std::move(copied));
    if (how.passed) how.passed(piece.back());
  };
  const auto copy = [&](RecordCopier& copier, Piece piece) {
    prefetch(*how.dataset, piece);
    CopiedRecords copied = copier.copy(piece);
    then(piece, copied);
    return copied;
  };
  if (how.jobs <= 1) {
    RecordCopier copier(*how.dataset, *how.rules);
    for (Piece piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
      check_stop(how);
      hand_on(piece, copy(copier, piece));
    }
    return;
  }
  ordered_parallel<Piece, std::pair<Piece, CopiedRecords>>(
      how.jobs,
      [&]() -> std::unique_ptr<Piece> {
        check_stop(how);
        const Piece piece = pieces.next();
        return piece.empty() ? nullptr : std::make_unique<Piece>(piece);
      },
      [&](Piece& piece) {
        RecordCopier copier(*how.dataset, *how.rules);
        return std::pair(piece, copy(copier, piece));
      },
      [&](std::pair<Piece, CopiedRecords>&& done) { hand_on(done.first, std::move(done.second)); });
}

// The entries of a shard of records that stay as they are; nothing where they are not known before.
std::optional<std::vector<EncodedRecords::Entry>> entries_of(const ShardWriting& how, std::span<const std::uint64_t> records) {
  constexpr std::size_t kMost = std::size_t{1} << 24;  // beyond, memory is worth more than a second look at the file
  if (how.rules->recoding.any() || records.size() > kMost) return std::nullopt;
  std::vector<EncodedRecords::Entry> entries;
  entries.reserve(records.size());
  RecordFinder finder(*how.dataset);
  for (const std::uint64_t record : records) {
    const Dataset::Place at = finder.place(record);
    const Reader& file = how.dataset->shards()[at.shard];
    const auto checksum = file.checksum(at.record);
    if (file.codec() != how.rules->codec || !checksum) return std::nullopt;
    const IndexEntry e = file.entry(at.record);
    entries.push_back({e.stored, e.unpacked, e.atoms, *checksum});
  }
  return entries;
}

// The sums of a shard, made while it is written. They need the header first, which is written last: where
// all entries are known it is known, too. What it became is looked at in the end.
class SumsOnTheWay {
 public:
  SumsOnTheWay(const ShardWriting& how, const ShardTarget& target, const WriterOptions& options) {
    if (const auto entries = entries_of(how, target.records)) {
      head_ = Writer::head_of(options, *entries, how.rules->schema);
      stream_.emplace().update(head_);
    }
  }

  void add(Bytes stored) {
    if (stream_) stream_->update(stored);
    end_ += stored.size();
  }

  // Of the file at `path`, which is complete.
  std::optional<FileSums> finish(const std::string& path) {
    if (!stream_) return std::nullopt;
    const auto file = open_input_file(path);
    std::vector<std::byte> head(head_.size());
    read_exactly(*file, 0, head);
    if (head != head_) return std::nullopt;
    std::vector<std::byte> blocks(std::size_t{1} << 20);  // schema, checksums, metadata, index
    for (std::size_t n = blocks.size(); n == blocks.size(); end_ += n) {
      n = file->read_at(end_, blocks);
      stream_->update(Bytes(blocks).first(n));
    }
    return stream_->finish();
  }

 private:
  std::vector<std::byte> head_;
  std::optional<SumsStream> stream_;
  std::uint64_t end_ = kFirstData;
};

// A shard being written.
class OpenShard {
 public:
  OpenShard(const ShardWriting& how, const ShardTarget& target)
      : target_(target), options_(options(how, target)), writer_(Writer::create(target.path, options_)), sums_(how, target, options_), schema_(how.rules->schema) {}

  void add(Bytes bytes, std::span<const EncodedRecords::Entry> entries) {
    writer_.add_stored(bytes, entries, schema_);
    sums_.add(bytes);
    file_.records += entries.size();
    for (const auto& e : entries) file_.atoms += e.atoms;
  }

  void add_damaged(std::vector<DamagedRecord>&& damaged) {
    file_.damaged.insert(file_.damaged.end(), std::make_move_iterator(damaged.begin()), std::make_move_iterator(damaged.end()));
  }

  ShardFile finish() {
    writer_.finish();
    file_.bytes = std::filesystem::file_size(target_.path);
    file_.sums = sums_.finish(target_.path);
    return std::move(file_);
  }

 private:
  static WriterOptions options(const ShardWriting& how, const ShardTarget& target) {
    std::vector<bool> inputs(how.dataset->shards().size());
    RecordFinder finder(*how.dataset);
    for (const std::uint64_t record : target.records) inputs[finder.place(record).shard] = true;
    WriterOptions o;
    o.codec = how.rules->codec;
    o.overwrite = how.overwrite;
    o.metadata = how.metadata(inputs);
    o.buffer_bytes = kPieceBytes / 2;  // pieces are written as they come
    return o;
  }

  ShardTarget target_;
  WriterOptions options_;
  Writer writer_;
  SumsOnTheWay sums_;
  const Schema& schema_;
  ShardFile file_;
};

// What a record takes in memory while it is gathered.
std::uint64_t gathered_bytes(const ShardWriting& how, const IndexEntry& e) {
  constexpr std::uint64_t kBookkeeping = 88;  // its entry, its places in both orders
  const bool grows = how.rules->codec.id == CodecId::none || how.rules->recoding.any();
  return (grows ? std::max(e.stored, e.unpacked) : e.stored) + kBookkeeping;
}

struct Place {
  std::size_t target, record;
};

// Walks over the records of all targets, one window of bounded memory at a time.
class Windows {
 public:
  Windows(const ShardWriting& how, std::span<const ShardTarget> targets, std::uint64_t memory)
      : how_(how), targets_(targets), memory_(memory), finder_(*how.dataset) {}

  // The places of the next window, in output order; empty at the end.
  std::vector<Place> next() {
    std::vector<Place> window;
    for (std::uint64_t bytes = 0; at_.target < targets_.size();) {
      const auto& records = targets_[at_.target].records;
      if (at_.record == records.size()) {
        at_ = {at_.target + 1, 0};
        continue;
      }
      bytes += gathered_bytes(how_, finder_.entry(records[at_.record]));
      if (bytes > memory_ && !window.empty()) break;
      window.push_back(at_);
      ++at_.record;
    }
    return window;
  }

 private:
  const ShardWriting& how_;
  std::span<const ShardTarget> targets_;
  std::uint64_t memory_;
  RecordFinder finder_;
  Place at_{0, 0};
};

// Memory for one window after the other, zero-filled and mapped once; in large pages where there are some.
class Arena {
 public:
  ~Arena() { release(); }
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::byte* of_size(std::uint64_t bytes) {
    if (bytes <= size_) return data_;
    release();
    void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    (void)::madvise(p, bytes, MADV_HUGEPAGE);
    size_ = bytes;
    return data_ = static_cast<std::byte*>(p);
  }

 private:
  void release() {
    if (data_ != nullptr) ::munmap(data_, size_);
    data_ = nullptr;
    size_ = 0;
  }

  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
};

// Whether every record is copied as it is stored, so that its place in the output is known before.
bool all_as_stored(const ShardWriting& how) {
  const auto& files = how.dataset->shards();
  return !how.rules->recoding.any() && std::all_of(files.begin(), files.end(), [&](const Reader& f) { return f.codec() == how.rules->codec; });
}

// The records of one window, read in file order and handed out in output order.
class Window {
 public:
  Window(const ShardWriting& how, std::span<const std::uint64_t> wanted, Arena& arena) : entries_(wanted.size()), at_(wanted.size(), nullptr) {
    sorted_.resize(wanted.size());
    for (std::uint32_t i = 0; i < sorted_.size(); ++i) sorted_[i] = {wanted[i], i};
    std::sort(sorted_.begin(), sorted_.end());
    ascending_.reserve(sorted_.size());
    for (const auto& [record, place] : sorted_) ascending_.push_back(record);
    const bool as_stored = all_as_stored(how);
    if (as_stored) lay_out(*how.dataset, wanted, arena);
    const auto then = [&](Piece piece, CopiedRecords& copied) {
      if (as_stored) {
        scatter(piece, copied);
      } else {
        copied.take_ownership();
        copied.own.shrink_to_fit();  // many are kept
      }
    };
    copy_pieces(how, ascending_, then, [&](Piece piece, CopiedRecords&& copied) {
      if (!as_stored) keep(piece, copied);
      for (std::size_t d = 0; d < copied.damaged.size(); ++d) damaged_.emplace(place_of(piece, copied.left_out[d]), std::move(copied.damaged[d]));
      if (!as_stored) pieces_.push_back(std::move(copied.own));
      if (how.progress) how.progress(piece.size());
    });
  }

  // Record i of the window; nullptr when it was damaged and left out.
  const EncodedRecords::Entry* entry(std::size_t i) const { return at_[i] == nullptr ? nullptr : &entries_[i]; }
  Bytes bytes(std::size_t i) const { return {at_[i], entries_[i].stored}; }
  // What was wrong with record i, which was left out.
  const DamagedRecord& damage(std::size_t i) const { return damaged_.at(i); }

 private:
  void lay_out(const Dataset& dataset, std::span<const std::uint64_t> wanted, Arena& arena) {
    RecordFinder finder(dataset);
    offsets_.reserve(wanted.size());
    std::uint64_t end = 0;
    for (const std::uint64_t record : wanted) {
      offsets_.push_back(end);
      end += finder.entry(record).stored;
    }
    arena_ = arena.of_size(std::max<std::uint64_t>(end, 1));
  }

  std::uint32_t place_of(Piece piece, std::size_t k) const { return sorted_[static_cast<std::size_t>(piece.data() - ascending_.data()) + k].second; }

  // Calls fn(place in the window, entry, bytes) for each record of a piece that was not left out.
  template <class Fn>
  void for_each(Piece piece, const CopiedRecords& copied, Fn&& fn) const {
    Bytes rest = copied.bytes();
    std::size_t damaged = 0, record = 0;
    for (std::size_t k = 0; k < piece.size(); ++k) {
      if (damaged < copied.left_out.size() && copied.left_out[damaged] == k) {
        ++damaged;
        continue;
      }
      const EncodedRecords::Entry& e = copied.entries[record++];
      fn(place_of(piece, k), e, rest.first(e.stored));
      rest = rest.subspan(e.stored);
    }
  }

  // To where they will be written from. Each thread writes places of its own.
  void scatter(Piece piece, CopiedRecords& copied) {
    for_each(piece, copied, [&](std::uint32_t place, const EncodedRecords::Entry& e, Bytes stored) {
      entries_[place] = e;
      at_[place] = arena_ + offsets_[place];
      std::memcpy(arena_ + offsets_[place], stored.data(), stored.size());
    });
    copied.own = {};
    copied.borrowed = {};
  }

  void keep(Piece piece, const CopiedRecords& copied) {
    for_each(piece, copied, [&](std::uint32_t place, const EncodedRecords::Entry& e, Bytes stored) {
      entries_[place] = e;
      at_[place] = stored.data();
    });
  }

  std::vector<std::pair<std::uint64_t, std::uint32_t>> sorted_;  // record, place
  std::vector<std::uint64_t> ascending_;
  std::vector<std::uint64_t> offsets_;  // in the arena, by place
  std::byte* arena_ = nullptr;
  std::vector<EncodedRecords::Entry> entries_;  // by place
  std::vector<const std::byte*> at_;            // by place
  std::map<std::size_t, DamagedRecord> damaged_;
  std::vector<std::vector<std::byte>> pieces_;  // what at_ points into, without arena
};

}  // namespace

bool reads_in_order(std::span<const std::uint64_t> records) { return std::is_sorted(records.begin(), records.end()); }

double passes_in_order(std::span<const ShardTarget> targets) {
  double spans = 0;
  std::uint64_t first = UINT64_MAX, last = 0;
  for (const ShardTarget& t : targets) {
    spans += static_cast<double>(t.records.back() - t.records.front() + 1);
    first = std::min(first, t.records.front());
    last = std::max(last, t.records.back());
  }
  return targets.empty() ? 0 : spans / static_cast<double>(last - first + 1);
}

ShardFile write_in_order(const ShardWriting& how, const ShardTarget& target) {
  OpenShard shard(how, target);
  copy_pieces(how, target.records, [](Piece, CopiedRecords&) {}, [&](Piece piece, CopiedRecords&& copied) {
    shard.add(copied.bytes(), copied.entries);
    shard.add_damaged(std::move(copied.damaged));
    if (how.progress) how.progress(piece.size());
  });
  return shard.finish();
}

std::uint64_t write_gathered(const ShardWriting& how, std::span<const ShardTarget> targets, std::uint64_t memory,
                             const std::function<void(std::size_t, ShardFile&&)>& done) {
  std::uint64_t passes = 0;
  std::optional<OpenShard> shard;
  CopiedRecords chunk;
  Arena arena;
  Windows windows(how, targets, memory);
  for (std::vector<Place> places = windows.next(); !places.empty(); places = windows.next()) {
    ++passes;
    std::vector<std::uint64_t> wanted;
    wanted.reserve(places.size());
    for (const Place& p : places) wanted.push_back(targets[p.target].records[p.record]);
    const Window window(how, wanted, arena);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const ShardTarget& target = targets[places[i].target];
      if (places[i].record == 0) shard.emplace(how, target);
      if (const auto* e = window.entry(i)) {
        chunk.append(window.bytes(i));
        chunk.entries.push_back(*e);
      } else {
        shard->add_damaged({window.damage(i)});
      }
      const bool last = places[i].record + 1 == target.records.size();
      if (chunk.bytes().size() >= kPieceBytes || last || i + 1 == places.size()) {
        check_stop(how);
        shard->add(chunk.bytes(), chunk.entries);
        chunk = {};
      }
      if (!last) continue;
      done(places[i].target, shard->finish());
      shard.reset();
    }
  }
  return passes;
}

}  // namespace atp
