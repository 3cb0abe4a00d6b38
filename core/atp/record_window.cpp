#include "core/atp/record_window.h"

#include "core/base/error.h"

namespace atp {

void fail_cut_short(const std::string& path) { throw Error(Exit::system, path, "was cut short while it was being read"); }

RecordWindow::RecordWindow(const Dataset& dataset, std::span<const std::uint64_t> indices, Prefetcher& prefetcher, bool cold, bool checksums)
    : dataset_(dataset), indices_(indices), prefetcher_(prefetcher), cold_(cold), checksums_(checksums), mask_((cold ? kColdSize : kWarmSize) - 1),
      // The index entry is fetched, then read and its record announced, then prefetched: not at once, or the prefetches
      // would wait for the entry.
      locate_ahead_(cold ? 384 : 16), entry_ahead_(cold ? 128 : 10) {
  for (std::size_t place = 0; place < std::min(indices.size(), locate_ahead_); ++place) locate(place);
  for (std::size_t place = 0; place < std::min(indices.size(), entry_ahead_); ++place) read_entry(place);
  for (std::size_t place = 0; place < std::min(indices.size(), kPrefetchAhead); ++place) {
    prefetcher.begin(stored(place));
    prefetcher.fetch_rest();
  }
}

void RecordWindow::fail(std::size_t place) const {
  const Dataset::Place at = dataset_.locate(indices_[place]);
  (void)dataset_.shards()[at.shard].entry(at.record);
  throw Error(Exit::system, "", "an index entry changed while it was being read");
}

}  // namespace atp
