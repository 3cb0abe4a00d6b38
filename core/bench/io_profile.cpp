#include "core/bench/io_profile.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/bench/store.h"

namespace atp {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

std::optional<DeviceCounters> counters_of(const std::string& path) {
  std::ifstream file(path);
  return parse_device_counters({std::istreambuf_iterator<char>(file), {}});
}

DeviceCounters difference(const DeviceCounters& a, const DeviceCounters& b) {
  return {a.reads - b.reads, a.reads_merged - b.reads_merged, a.sectors_read - b.sectors_read, a.writes - b.writes, a.writes_merged - b.writes_merged, a.sectors_written - b.sectors_written,
          a.busy_ms - b.busy_ms, a.queue_ms - b.queue_ms};
}

double bytes_of(const DeviceCounters& c, IoWay way) { return static_cast<double>(way == IoWay::read ? c.sectors_read : c.sectors_written) * IoProfile::kSectorBytes; }

}  // namespace

std::optional<DeviceCounters> parse_device_counters(const std::string& text) {
  std::istringstream in(text);
  std::uint64_t v[11];
  for (auto& x : v) {
    if (!(in >> x)) return std::nullopt;
  }
  return DeviceCounters{v[0], v[1], v[2], v[4], v[5], v[6], v[9], v[10]};
}

DeviceCounters IoProfile::total() const {
  DeviceCounters t;
  for (const Moment& m : moments) {
    t.reads += m.done.reads;
    t.reads_merged += m.done.reads_merged;
    t.sectors_read += m.done.sectors_read;
    t.writes += m.done.writes;
    t.writes_merged += m.done.writes_merged;
    t.sectors_written += m.done.sectors_written;
    t.busy_ms += m.done.busy_ms;
    t.queue_ms += m.done.queue_ms;
  }
  return t;
}

std::array<double, IoProfile::kSizes> IoProfile::by_size(IoWay way) const {
  std::array<double, kSizes> out{};
  for (const Moment& m : moments) {
    const std::uint64_t requests = way == IoWay::read ? m.done.reads : m.done.writes;
    if (requests == 0) continue;
    const auto kib = static_cast<std::uint64_t>(bytes_of(m.done, way) / 1024 / static_cast<double>(requests));
    const int bin = std::max(0, static_cast<int>(std::bit_width(kib)) - 2);  // 0..3, 4..7, 8..15
    out[std::min<std::size_t>(static_cast<std::size_t>(bin), kSizes - 1)] += static_cast<double>(requests);
  }
  return out;
}

double IoProfile::merged_share() const {
  const DeviceCounters t = total();
  const double all = static_cast<double>(t.reads + t.reads_merged);
  return all > 0 ? static_cast<double>(t.reads_merged) / all : 0;
}

double IoProfile::concurrency() const {
  const DeviceCounters t = total();
  return t.busy_ms > 0 ? static_cast<double>(t.queue_ms) / static_cast<double>(t.busy_ms) : 0;
}

std::vector<double> IoProfile::rates(IoWay way, std::size_t columns) const {
  std::vector<double> out(columns, 0);
  if (moments.empty() || columns == 0) return out;
  const double width = std::max(seconds(), 1e-9) / static_cast<double>(columns);
  for (const Moment& m : moments) out[std::min(columns - 1, static_cast<std::size_t>(m.seconds / width))] += bytes_of(m.done, way) / width;
  return out;
}

IoSampler::IoSampler(const std::string& device) : path_("/sys/dev/block/" + device + "/stat") {
  const auto first = counters_of(path_);
  if (first) thread_ = std::thread([this, before = *first] { loop(before); });
}

IoSampler::~IoSampler() {
  if (thread_.joinable()) (void)stop();
}

IoProfile IoSampler::stop() {
  stop_ = true;
  thread_.join();
  return std::move(profile_);
}

void IoSampler::sample(DeviceCounters& before, double start) {
  const auto now = counters_of(path_);
  if (!now) return;
  profile_.moments.push_back({now_seconds() - start, difference(*now, before)});
  before = *now;
}

void IoSampler::loop(DeviceCounters before) {
  const double start = now_seconds();
  while (!stop_) {
    std::this_thread::sleep_for(kPause);
    sample(before, start);
  }
}

}  // namespace atp
