#include "core/shard/write.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
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

// Runs a copier over the pieces of `records` on all threads and hands the results on in order.
void copy_pieces(const ShardWriting& how, std::span<const std::uint64_t> records, bool owned,
                 const std::function<void(std::span<const std::uint64_t>, CopiedRecords&&)>& consume) {
  using Piece = std::span<const std::uint64_t>;
  Pieces pieces(*how.dataset, records);
  const auto copy = [&](RecordCopier& copier, Piece piece) {
    prefetch(*how.dataset, piece);
    return copier.copy(piece, owned);
  };
  if (how.jobs <= 1) {
    RecordCopier copier(*how.dataset, *how.rules);
    for (Piece piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
      check_stop(how);
      consume(piece, copy(copier, piece));
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
      [&](std::pair<Piece, CopiedRecords>&& done) { consume(done.first, std::move(done.second)); });
}

// The entries of a shard of records that stay as they are; nothing where they are not known before.
std::optional<std::vector<EncodedRecords::Entry>> entries_of(const ShardWriting& how, std::span<const std::uint64_t> records) {
  if (how.rules->recoding.any()) return std::nullopt;
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
  constexpr std::uint64_t kBookkeeping = 48;  // its entry, its places in both orders
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

// The records of one window, read in file order and handed out in output order.
class Window {
 public:
  Window(const ShardWriting& how, std::span<const std::uint64_t> wanted) : place_of_(wanted.size()) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> sorted(wanted.size());
    for (std::uint32_t i = 0; i < sorted.size(); ++i) sorted[i] = {wanted[i], i};
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::uint64_t> ascending(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) ascending[i] = sorted[i].first;
    std::size_t next = 0;
    copy_pieces(how, ascending, true, [&](std::span<const std::uint64_t> piece, CopiedRecords&& copied) {
      keep(std::span(sorted).subspan(next, piece.size()), std::move(copied));
      next += piece.size();
      if (how.progress) how.progress(piece.size());
    });
  }

  // Record i of the window; nullptr when it was damaged and left out.
  const EncodedRecords::Entry* entry(std::size_t i) const {
    const PlaceInPiece at = place_of_[i];
    return at.record == kLeftOut ? nullptr : &pieces_[at.piece].entries[at.record];
  }
  Bytes bytes(std::size_t i) const {
    const PlaceInPiece at = place_of_[i];
    return Bytes(pieces_[at.piece].own).subspan(offsets_[at.piece][at.record], pieces_[at.piece].entries[at.record].stored);
  }
  const std::vector<CopiedRecords>& pieces() const { return pieces_; }
  // What was wrong with record i, which was left out.
  const DamagedRecord& damage(std::size_t i) const {
    const CopiedRecords& piece = pieces_[place_of_[i].piece];
    return piece.damaged[damage_of_.at(i)];
  }

 private:
  static constexpr std::uint32_t kLeftOut = UINT32_MAX;
  struct PlaceInPiece {
    std::uint32_t piece, record;
  };

  void keep(std::span<const std::pair<std::uint64_t, std::uint32_t>> sorted, CopiedRecords&& copied) {
    const auto piece = static_cast<std::uint32_t>(pieces_.size());
    std::size_t damaged = 0;
    std::uint32_t record = 0;
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      const std::uint32_t i = sorted[k].second;
      if (damaged < copied.left_out.size() && copied.left_out[damaged] == k) {
        place_of_[i] = {piece, kLeftOut};
        damage_of_[i] = damaged++;
      } else {
        place_of_[i] = {piece, record++};
      }
    }
    auto& offsets = offsets_.emplace_back();
    std::uint64_t offset = 0;
    for (const auto& e : copied.entries) {
      offsets.push_back(offset);
      offset += e.stored;
    }
    pieces_.push_back(std::move(copied));
  }

  std::vector<CopiedRecords> pieces_;
  std::vector<std::vector<std::uint64_t>> offsets_;
  std::vector<PlaceInPiece> place_of_;
  std::map<std::size_t, std::size_t> damage_of_;
};

}  // namespace

bool reads_in_order(std::span<const std::uint64_t> records) { return std::is_sorted(records.begin(), records.end()); }

ShardFile write_in_order(const ShardWriting& how, const ShardTarget& target) {
  OpenShard shard(how, target);
  copy_pieces(how, target.records, false, [&](std::span<const std::uint64_t> piece, CopiedRecords&& copied) {
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
  std::vector<std::byte> bytes;
  std::vector<EncodedRecords::Entry> entries;
  const auto flush = [&] {
    shard->add(bytes, entries);
    bytes.clear();
    entries.clear();
  };
  Windows windows(how, targets, memory);
  for (std::vector<Place> places = windows.next(); !places.empty(); places = windows.next()) {
    ++passes;
    std::vector<std::uint64_t> wanted;
    wanted.reserve(places.size());
    for (const Place& p : places) wanted.push_back(targets[p.target].records[p.record]);
    const Window window(how, wanted);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const ShardTarget& target = targets[places[i].target];
      if (places[i].record == 0) shard.emplace(how, target);
      if (const auto* e = window.entry(i)) {
        const Bytes stored = window.bytes(i);
        bytes.insert(bytes.end(), stored.begin(), stored.end());
        entries.push_back(*e);
      } else {
        shard->add_damaged({window.damage(i)});
      }
      const bool last = places[i].record + 1 == target.records.size();
      if (bytes.size() >= kPieceBytes || last || i + 1 == places.size()) {
        check_stop(how);
        flush();
      }
      if (!last) continue;
      done(places[i].target, shard->finish());
      shard.reset();
    }
  }
  return passes;
}

}  // namespace atp
