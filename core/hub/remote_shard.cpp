#include "core/hub/remote_shard.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/hub/range_get.h"

namespace atp {
namespace {

constexpr std::uint64_t kWhole = 32 << 10;        // files up to this size come in one request
constexpr std::uint64_t kLargestBlock = 64 << 20;  // schema and metadata: keys and provenance, not data
constexpr std::uint64_t kLongestRequest = 64 << 20;
constexpr std::uint64_t kSampledRuns = 4, kSampledRecords = 16;  // of a file without a schema block

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void unmap(std::byte* image, std::uint64_t size) { ::munmap(image, static_cast<std::size_t>(size)); }

// Runs `work` for 0 ... count - 1 on threads with a connection each; the first error ends it.
void with_clients(HttpShared& shared, std::size_t count, int connections, const std::function<void(std::size_t, HttpClient&)>& work) {
  if (count == 0) return;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  const auto run = [&] {
    try {
      HttpClient client(shared);
      for (std::size_t i; (i = next++) < count && !shared.stop;) work(i, client);
    } catch (const HttpFailure&) {  // stopped: another thread has said why
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      shared.stop = true;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(count, static_cast<std::size_t>(connections)); ++i) threads.emplace_back(run);
  run();
  for (std::thread& t : threads) t.join();
  shared.stop = false;
  if (error) std::rethrow_exception(error);
}

}  // namespace

std::vector<ByteRange> joined(std::vector<ByteRange> ranges, std::uint64_t gap) {
  std::erase_if(ranges, [](const ByteRange& r) { return r.begin >= r.end; });
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::vector<ByteRange> out;
  for (const ByteRange& r : ranges) {
    if (!out.empty() && (r.begin <= out.back().end || r.begin - out.back().end <= gap)) {
      out.back().end = std::max(out.back().end, r.end);
    } else {
      out.push_back(r);
    }
  }
  return out;
}

RemoteShard::RemoteShard(HttpClient& client, RemoteFile file) : file_(std::move(file)) {
  location_ = locate(client, file_);
  size_ = location_.size;
  if (size_ < 8) fail_input(file_.name(), fmt::format("not an .atp file (it has {} bytes)", size_));
  // No memory is used before something is written into it.
  void* image = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (image == MAP_FAILED) fail_system(file_.name(), "cannot reserve address space for it", errno);
  image_ = static_cast<std::byte*>(image);
  try {
    read_header(client);
  } catch (...) {
    unmap(image_, size_);
    throw;
  }
}

RemoteShard::~RemoteShard() {
  if (image_) unmap(image_, size_);
}

void RemoteShard::read_header(HttpClient& client) {
  get(client, {{0, size_ <= kWhole ? size_ : kFirstData}});
  const Bytes all(image_, static_cast<std::size_t>(size_));
  Slot slot;
  try {
    slot = choose_slot(all.first(static_cast<std::size_t>(std::min(size_, kFirstData))), size_).slot;
  } catch (const Error& e) {
    throw e.within(file_.name());
  }
  std::vector<ByteRange> blocks = {{slot.schema_offset, slot.schema_offset + slot.schema_len}};
  if (slot.extension) blocks.push_back({slot.extension->metadata_offset, slot.extension->metadata_offset + slot.extension->metadata_len});
  if (slot.index_len != 0) blocks.push_back({slot.index_offset, slot.index_offset + 8});
  for (const ByteRange& b : blocks) {
    if (b.end > size_ || b.end < b.begin || b.end - b.begin > kLargestBlock) fail_input(file_.name(), "its schema or metadata block cannot be that large");
  }
  get(client, blocks);
  if (slot.schema_len != 0 || size_ <= kWhole) {
    reader_.emplace(file_.name(), all);
    return;
  }
  reader_.emplace(file_.name(), all, Schema{Type::vec3_f32, {}});  // as files without a schema block have it
  sample_schema(client);
}

void RemoteShard::get(HttpClient& client, std::vector<ByteRange> ranges) {
  for (const ByteRange& r : missing(std::move(ranges), kWhole)) fetch(client, r);
}

// Runs of records, spread over the file; fewer when they are very large.
void RemoteShard::sample_schema(HttpClient& client) {
  const std::uint64_t records = reader_->size(), step = std::max<std::uint64_t>(records / kSampledRuns, kSampledRecords);
  Schema schema{Type::vec3_f32, {}};
  Scratch scratch;
  std::uint64_t bytes = 0;
  for (std::uint64_t begin = 0; begin < records && bytes < kLargestBlock; begin += step) {
    const std::uint64_t end = std::min(begin + kSampledRecords, records);
    get(client, {{entry(begin).begin, entry(end - 1).end}});
    std::vector<ByteRange> stored_bytes;
    for (std::uint64_t i = begin; i < end && (i == begin || bytes < kLargestBlock); ++i) {
      stored_bytes.push_back(stored(i));
      bytes += stored_bytes.back().end - stored_bytes.back().begin;
    }
    const std::uint64_t last = begin + stored_bytes.size();
    get(client, std::move(stored_bytes));
    for (std::uint64_t i = begin; i < last; ++i) {
      const std::string problem = schema.add(reader_->record(i, scratch));
      if (!problem.empty()) fail_input(fmt::format("{}: record {}", file_.name(), i), problem);
    }
  }
  schema_is_sampled_ = records > 0;
  reader_.emplace(file_.name(), Bytes(image_, static_cast<std::size_t>(size_)), std::move(schema));
}

ByteRange RemoteShard::index() const { return {reader_->slot().index_offset, reader_->slot().index_offset + reader_->slot().index_len}; }

ByteRange RemoteShard::entry(std::uint64_t record) const {
  const std::uint64_t begin = reader_->slot().index_offset + 8 + sizeof(RawIndexEntry) * record;
  return {begin, begin + sizeof(RawIndexEntry)};
}

std::optional<ByteRange> RemoteShard::checksum(std::uint64_t record) const {
  if (!reader_->has_checksums()) return std::nullopt;
  const std::uint64_t begin = reader_->slot().extension->checksums_offset + 8 * record;
  return ByteRange{begin, begin + 8};
}

ByteRange RemoteShard::stored(std::uint64_t record) const {
  const IndexEntry e = reader_->entry(record);
  return {e.offset, e.offset + e.stored};
}

std::vector<ByteRange> RemoteShard::missing(std::vector<ByteRange> ranges, std::uint64_t gap) const {
  std::vector<ByteRange> out;
  const std::lock_guard lock(mutex_);
  for (ByteRange r : joined(std::move(ranges), 0)) {
    auto at = there_.upper_bound(r.begin);
    if (at != there_.begin()) --at;
    for (; at != there_.end() && at->first < r.end && r.begin < r.end; ++at) {
      if (at->second <= r.begin) continue;
      if (at->first > r.begin) out.push_back({r.begin, at->first});
      r.begin = at->second;
    }
    if (r.begin < r.end) out.push_back(r);
  }
  std::vector<ByteRange> requests;
  for (const ByteRange& r : joined(std::move(out), gap)) {
    for (std::uint64_t begin = r.begin; begin < r.end; begin += kLongestRequest) requests.push_back({begin, std::min(begin + kLongestRequest, r.end)});
  }
  return requests;
}

void RemoteShard::add(ByteRange range) {
  const std::lock_guard lock(mutex_);
  auto at = there_.upper_bound(range.begin);
  if (at != there_.begin() && std::prev(at)->second >= range.begin) {
    --at;
    range.begin = at->first;
  }
  while (at != there_.end() && at->first <= range.end) {
    range.end = std::max(range.end, at->second);
    at = there_.erase(at);
  }
  there_[range.begin] = range.end;
}

void RemoteShard::fetch(HttpClient& client, ByteRange range) {
  Url url;
  {
    const std::lock_guard lock(mutex_);
    url = location_.url;
  }
  RangeGet get;
  get.at = range.begin;
  get.end = range.end;
  get.size = size_;
  get.name = file_.name();
  if (file_.hub.repo.empty()) get.etag = location_.etag;
  get.whole_allowed = range.begin == 0 && range.end == size_;
  get.take = [&](Bytes bytes) {
    std::memcpy(image_ + get.at, bytes.data(), bytes.size());
    return true;
  };
  if (!file_.hub.repo.empty()) {
    get.renew = [&] {
      Location fresh = locate(client, file_);
      const std::lock_guard lock(mutex_);
      if (fresh.etag != location_.etag) throw Error(Exit::network, file_.name(), "it has changed on the server while it was read", "run it again");
      location_.url = fresh.url;
      return fresh.url;
    };
  }
  const double start = now();
  if (get_range(client, url, get, about(file_)) != RangeEnd::complete) {
    throw Error(Exit::network, file_.name(), "the server ignores ranges and sends only the whole file", "pull it first");
  }
  add(range);
  const std::lock_guard lock(mutex_);
  latency_ = std::min(latency_, now() - start);
}

void RemoteShard::forget_records() {
  const Slot& slot = reader_->slot();
  const std::uint64_t page = 4096, begin = (slot.data_start + page - 1) / page * page;
  // Blocks lie behind the records of their commit, and older records before them: what is forgotten lies before all blocks.
  std::uint64_t end = slot.index_offset;
  if (slot.schema_len != 0) end = std::min(end, slot.schema_offset);
  if (slot.extension && slot.extension->checksums_len != 0) end = std::min(end, slot.extension->checksums_offset);
  if (slot.extension && slot.extension->metadata_len != 0) end = std::min(end, slot.extension->metadata_offset);
  end = end / page * page;
  if (begin >= end) return;
  (void)::madvise(image_ + begin, static_cast<std::size_t>(end - begin), MADV_DONTNEED);
  const std::lock_guard lock(mutex_);
  std::map<std::uint64_t, std::uint64_t> kept;
  for (const auto& [from, to] : there_) {
    if (from < begin) kept[from] = std::min(to, begin);
    if (to > end) kept[std::max(from, end)] = to;
  }
  there_ = std::move(kept);
}

void fetch_ranges(HttpShared& shared, const std::vector<ShardRange>& ranges, int connections, const std::function<void(std::uint64_t)>& progress) {
  std::mutex mutex;
  std::uint64_t done = 0;
  with_clients(shared, ranges.size(), connections, [&](std::size_t i, HttpClient& client) {
    ranges[i].shard->fetch(client, ranges[i].range);
    const std::lock_guard lock(mutex);
    done += ranges[i].range.end - ranges[i].range.begin;
    if (progress) progress(done);
  });
}

std::vector<std::unique_ptr<RemoteShard>> open_shards(HttpShared& shared, const std::vector<RemoteFile>& files, int connections) {
  std::vector<std::unique_ptr<RemoteShard>> shards(files.size());
  with_clients(shared, files.size(), connections, [&](std::size_t i, HttpClient& client) { shards[i] = std::make_unique<RemoteShard>(client, files[i]); });
  return shards;
}

}  // namespace atp
