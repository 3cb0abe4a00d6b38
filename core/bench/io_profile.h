// What a run does to a block device, from the kernel's counters, sampled over time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace atp {

// The counters of one device (kernel: Documentation/block/stat.rst), since it was attached.
struct DeviceCounters {
  std::uint64_t reads = 0, reads_merged = 0, sectors_read = 0, writes = 0, writes_merged = 0, sectors_written = 0;
  std::uint64_t busy_ms = 0, queue_ms = 0;
};
// From the text of /sys/dev/block/MAJOR:MINOR/stat; nothing when it is something else.
std::optional<DeviceCounters> parse_device_counters(const std::string& text);

enum class IoWay { read, write };

// What a run did to a device, in moments of a tenth of a second.
struct IoProfile {
  static constexpr double kSectorBytes = 512;
  struct Moment {
    double seconds = 0;  // since the start
    DeviceCounters done;  // since the moment before
  };
  std::vector<Moment> moments;

  DeviceCounters total() const;
  // Requests by mean size of their moment: below 4, 8, 16, ... 1024 KiB and above.
  static constexpr std::size_t kSizes = 10;
  std::array<double, kSizes> by_size(IoWay way) const;
  // Share of the reads that the kernel could join to a neighbour: nearly 1 for sequential readers, nearly 0 for random ones.
  double merged_share() const;
  // Requests under way at a time, mean over the time the device was busy.
  double concurrency() const;
  // Bytes read or written per second in `columns` equal stretches of time.
  std::vector<double> rates(IoWay way, std::size_t columns) const;
  double seconds() const { return moments.empty() ? 0 : moments.back().seconds; }
};

// Samples a device by a thread of its own, ten times a second.
class IoSampler {
 public:
  // `device`: "8:1". works() is false for what is no block device (network file systems, tmpfs).
  explicit IoSampler(const std::string& device);
  ~IoSampler();
  IoSampler(const IoSampler&) = delete;
  IoSampler& operator=(const IoSampler&) = delete;

  bool works() const { return thread_.joinable(); }
  // Ends the sampling; called once.
  IoProfile stop();

 private:
  void sample(DeviceCounters& before, double start);
  void loop(DeviceCounters before);

  std::string path_;
  std::atomic<bool> stop_{false};
  IoProfile profile_;
  std::thread thread_;
};

}  // namespace atp
