#include "core/atp/batch_reader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <vector>

#include "core/atp/one_pass.h"
#include "core/atp/record_window.h"
#include "core/atp/ring_reader.h"
#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/io/file_handles.h"
#include "core/io/page_cache.h"

namespace atp {
namespace {

constexpr std::size_t kSamples = 4;         // records that are looked at to see whether a list is in memory
constexpr std::size_t kLookAgain = 4096;    // records after which this is done again when they were
constexpr std::size_t kTrial = 64;          // records that each way of reading is measured with
constexpr double kWorthChanging = 0.75;     // of the map's time
constexpr int kReaders = 32;                // threads of Io::pread
constexpr std::size_t kChunk = 4;           // records that one of them reads at a time
constexpr std::size_t kLooksForSignals = 4096;
constexpr std::uint64_t kIndexForLookup = 16 << 10;           // bytes in a row that a disk gives in the time of one read elsewhere
constexpr std::uint64_t kMostIndex = std::uint64_t{256} << 20;  // bytes of indexes that are read in one go

// What was found out about the mounts, by device. Shared by all readers of the process.
class Choices {
 public:
  std::optional<Io> of(std::uint64_t device) {
    std::lock_guard lock(mutex_);
    const auto found = by_device_.find(device);
    return found == by_device_.end() ? std::nullopt : std::optional(found->second);
  }
  void set(std::uint64_t device, Io io) {
    std::lock_guard lock(mutex_);
    by_device_[device] = io;
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, Io> by_device_;
};

Choices& choices() {
  static Choices all;
  return all;
}

bool mostly_sequential(std::span<const std::uint64_t> indices) {
  std::size_t next = 0, looked = 0;
  for (std::size_t i = 1; i < indices.size(); i += std::max<std::size_t>(1, indices.size() / 16)) {
    ++looked;
    next += indices[i] - indices[i - 1] <= 1;
  }
  return looked != 0 && next * 4 > looked * 3;
}

// What was measured to be the fastest, and the records that it took to find out.
struct Trial {
  Io io;
  std::size_t records;
};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::string_view io_name(Io io) {
  static constexpr std::array<std::string_view, 4> kNames = {"auto", "map", "pread", "uring"};
  return kNames[static_cast<std::size_t>(io)];
}

// Written for every record: readers of several threads, made one after another, would take a cache line that they shared
// (or the two that are fetched together) from each other.
struct alignas(128) BatchReader::State {
  State(const Dataset& d, BatchOptions o) : dataset(d), options(o) {
    if (o.once) once.emplace(d);
  }

  using Indices = std::span<const std::uint64_t>;

  bool in_memory(Indices indices);
  bool looks_resident(Indices indices);
  bool is_in_memory(const Reader& shard, const std::byte* address);
  void passed(std::uint64_t index);
  void announce_index(std::size_t lookups);
  void set_random(bool random);
  void read(Io io, Indices indices, std::size_t first, const RecordFn& fn, bool cold);
  void through_map(Indices indices, std::size_t first, const RecordFn& fn, bool cold);
  void through_preads(Indices indices, std::size_t first, const RecordFn& fn);
  void through_ring(Indices indices, std::size_t first, const RecordFn& fn);
  Trial measure(Indices indices, const RecordFn& fn);

  const Dataset& dataset;
  BatchOptions options;
  Io used = Io::map;
  bool random = false;
  std::size_t trusted = 0;  // records that are taken to be in memory without a look
  std::uint64_t lookups = 0;  // in an index that may not be in memory
  bool index_announced = false;
  Scratch scratch;
  Prefetcher prefetcher;
  FileHandles files;
  std::optional<RingReader> ring;
  std::optional<OnePass> once;
};

BatchReader::BatchReader(const Dataset& dataset, BatchOptions options) : state_(std::make_unique<State>(dataset, options)) {}
BatchReader::BatchReader(BatchReader&&) noexcept = default;
BatchReader::~BatchReader() = default;

Io BatchReader::used() const { return state_->used; }

Prefetcher& BatchReader::prefetcher() { return state_->prefetcher; }

void BatchReader::for_each(std::span<const std::uint64_t> indices, const RecordFn& fn) {
  State& s = *state_;
  s.used = s.options.io == Io::automatic ? Io::map : s.options.io;
  if (indices.empty()) return;
  const bool cold = s.used == Io::map && !s.in_memory(indices) && !mostly_sequential(indices);
  if (cold || s.used != Io::map) s.announce_index(indices.size());
  std::size_t done = 0;
  if (cold && s.options.io == Io::automatic) {
    const std::uint64_t device = s.dataset.shards()[0].file_id().device;
    auto choice = choices().of(device);
    if (!choice && indices.size() >= 4 * kTrial) {
      const Trial trial = s.measure(indices, fn);
      choices().set(device, trial.io);
      choice = trial.io;
      done = trial.records;
    }
    s.used = choice.value_or(Io::map);
  }
  s.read(s.used, indices.subspan(done), done, fn, cold);
  s.passed(indices.back() + 1);
}

// Looking costs system calls, which small batches from memory should not all pay.
bool BatchReader::State::in_memory(Indices indices) {
  if (trusted < indices.size()) trusted = looks_resident(indices) ? std::max(indices.size(), kLookAgain) : 0;
  const bool resident = trusted != 0;
  trusted -= std::min<std::size_t>(trusted, indices.size());
  return resident;
}

bool BatchReader::State::is_in_memory(const Reader& shard, const std::byte* address) {
  if (shard.tells_residence()) return is_resident(address);
  try {
    return reads_at_once(*files.open(shard.path(), shard.file_id()), static_cast<std::uint64_t>(address - shard.mapped().data()));
  } catch (const Error&) {
    return true;  // the map reads what has no file or no descriptor any more
  }
}

bool BatchReader::State::looks_resident(Indices indices) {
  for (std::size_t k = 0; k < kSamples; ++k) {
    const std::uint64_t index = dataset.from_start(indices[k * (indices.size() - 1) / (kSamples - 1)]);
    if (index >= dataset.size()) return true;  // the error is for the record's turn
    const Dataset::Place place = dataset.locate(index);
    const Reader& shard = dataset.shards()[place.shard];
    const std::byte* entry = shard.entry_address(place.record);
    if (!is_in_memory(shard, entry)) return false;
    const std::uint64_t offset = decode_entry(entry).offset;
    if (offset < shard.mapped().size() && !is_in_memory(shard, shard.mapped().data() + offset)) return false;
  }
  return true;
}

void BatchReader::State::passed(std::uint64_t index) {
  if (once) once->passed(index);
}

// The whole index, as soon as the lookups in it would take as long one by one.
void BatchReader::State::announce_index(std::size_t more) {
  lookups += more;
  const std::uint64_t bytes = dataset.size() * sizeof(RawIndexEntry);
  if (index_announced || bytes > kMostIndex || bytes / kIndexForLookup > lookups) return;
  index_announced = true;
  for (const Reader& shard : dataset.shards()) {
    if (shard.size() != 0) announce_read({shard.entry_address(0), shard.size() * sizeof(RawIndexEntry)});
  }
}

// Page faults of a shuffled pass must not read the pages around, and those of a sequential one must.
void BatchReader::State::set_random(bool wanted) {
  if (random == wanted) return;
  random = wanted;
  for (const Reader& shard : dataset.shards()) expect_random_reads(shard.mapped(), wanted);
}

void BatchReader::State::read(Io io, Indices indices, std::size_t first, const RecordFn& fn, bool cold) {
  switch (io) {
    case Io::pread: return through_preads(indices, first, fn);
    case Io::uring: return through_ring(indices, first, fn);
    default: return through_map(indices, first, fn, cold);
  }
}

void BatchReader::State::through_map(Indices indices, std::size_t first, const RecordFn& fn, bool cold) {
  set_random(cold);
  RecordWindow window(dataset, indices, prefetcher, cold, options.verify);
  for (std::size_t place = 0; place < indices.size(); ++place) {
    if (place % kLooksForSignals == 0) {
      throw_if_interrupted();
      passed(indices[place]);
    }
    const LocatedRecord& r = window.at(place);
    fn(first + place, r.shard->decode(r.record, r.entry, r.shard->stored(r.entry), scratch, options.verify));
    window.done();
  }
}

// ---- plain reads on many threads ----------------------------------------------------------------

namespace {

// Some records of the list, read by one thread.
struct Chunk {
  std::size_t begin, end;  // places
};

struct ChunkRead {
  std::size_t begin = 0;
  std::vector<LocatedRecord> records;
  std::vector<std::byte> bytes;  // of all records, back to back
  std::exception_ptr error;      // what is wrong with the record after the last
};

}  // namespace

void BatchReader::State::through_preads(Indices indices, std::size_t first, const RecordFn& fn) {
  std::size_t next = 0;
  const auto produce = [&]() -> std::unique_ptr<Chunk> {
    throw_if_interrupted();
    if (next == indices.size()) return nullptr;
    const std::size_t begin = std::exchange(next, std::min(indices.size(), next + kChunk));
    return std::make_unique<Chunk>(Chunk{begin, next});
  };
  const auto work = [&](Chunk& chunk) {
    ChunkRead read;
    read.begin = chunk.begin;
    try {
      for (std::size_t place = chunk.begin; place < chunk.end; ++place) {
        const Dataset::Place found = dataset.locate(indices[place]);
        const Reader& shard = dataset.shards()[found.shard];
        const IndexEntry entry = shard.entry(found.record);
        const std::size_t at = read.bytes.size();
        read.bytes.resize(at + entry.stored);
        const auto fd = files.open(shard.path(), shard.file_id());
        if (read_at(*fd, entry.offset, std::span(read.bytes).subspan(at), shard.path()) != entry.stored) {
          fail_cut_short(shard.path());
        }
        read.records.push_back({&shard, found.record, entry});
      }
    } catch (...) {
      read.error = std::current_exception();
    }
    return read;
  };
  ordered_parallel<Chunk, ChunkRead>(kReaders, produce, work, [&](ChunkRead&& read) {
    Bytes rest = read.bytes;
    for (std::size_t i = 0; i < read.records.size(); ++i) {
      const LocatedRecord& r = read.records[i];
      fn(first + read.begin + i, r.shard->decode(r.record, r.entry, rest.first(r.entry.stored), scratch, options.verify));
      rest = rest.subspan(r.entry.stored);
    }
    if (read.error) std::rethrow_exception(read.error);
  });
}

void BatchReader::State::through_ring(Indices indices, std::size_t first, const RecordFn& fn) {
  if (!ring) ring.emplace(dataset, files);
  ring->for_each(indices, [&](std::size_t place, const LocatedRecord& r, Bytes stored) {
    fn(first + place, r.shard->decode(r.record, r.entry, stored, scratch, options.verify));
  });
}

// Reads some records of a list in each way, and takes what was clearly faster than the map.
Trial BatchReader::State::measure(Indices indices, const RecordFn& fn) {
  Trial trial{Io::map, 0};
  double best = 0;
  for (const Io io : {Io::map, Io::pread, Io::uring}) {
    if (io == Io::uring && !ReadRing::available()) continue;
    const double seconds = seconds_of([&] { read(io, indices.subspan(trial.records, kTrial), trial.records, fn, true); });
    trial.records += kTrial;
    if (io == Io::map || seconds < best) {
      trial.io = io;
      best = io == Io::map ? kWorthChanging * seconds : seconds;
    }
  }
  return trial;
}

}  // namespace atp
