// What moving the bytes of records costs when nobody takes them apart: the bound of any reader.
#include <zstd.h>

#include <array>
#include <numeric>

#include "core/atp/codec.h"
#include "core/atp/dataset.h"
#include "core/atp/prefetcher.h"
#include "core/atp/zstd_decoder.h"
#include "core/base/error.h"
#include "core/bench/crew.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

constexpr std::size_t kEntriesAhead = 16, kRecordsAhead = 8, kRing = 32;

// Copies records back to back into one buffer, or has libzstd decompress them one by one, and adds up all words, as is
// done with what readers give.
// With several threads one by one, each its run of the list.
class CopyStore final : public Store {
 public:
  CopyStore(std::vector<std::string> inputs, Codec codec, int threads)
      : inputs_(inputs), codec_(codec), writer_(make_atp_store(std::move(inputs), {codec})), desks_(static_cast<std::size_t>(threads)) {}

  void begin(const StoreShape& shape) override { writer_->begin(shape); }
  void add(std::span<const Molecule> chunk) override { writer_->add(chunk); }
  void finish() override { writer_->finish(); }
  void open() override {
    dataset_.emplace(inputs_);
    if (desks_.size() > 1) crew_.emplace(desks_.size());
  }
  void close() override {
    crew_.reset();
    dataset_.reset();
  }
  std::vector<std::string> files() const override { return dataset_files_of(inputs_); }

  void get_ready() override {
    if (crew_) crew_->assemble();
  }

  std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) override {
    if (!crew_) return in_batches(indices, 1, ticks);
    std::vector<std::uint64_t> sums(desks_.size());
    crew_->share(indices.size(), [&](std::size_t part, std::size_t begin, std::size_t end) {
      sums[part] = copy(indices.subspan(begin, end - begin), 1, nullptr, desks_[part]);
    });
    return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
  }
  std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t batch, Ticks* ticks) override {
    return copy(indices, batch, ticks, desks_[0]);
  }

  std::uint64_t sequential(std::uint64_t first, std::uint64_t count, Ticks* ticks) override {
    in_order_.resize(count);
    std::iota(in_order_.begin(), in_order_.end(), first);
    return in_batches(in_order_, 1, ticks);
  }

 private:
  // What a thread copies with.
  struct Desk {
    ZstdContext zstd;  // where something is compressed
    std::vector<std::byte> buffer;
  };

  std::uint64_t copy(std::span<const std::uint64_t> indices, std::size_t batch, Ticks* ticks, Desk& desk) const {
    const Reader& file = dataset_->shards()[0];
    auto& buffer = desk.buffer;
    if (codec_.id == CodecId::zstd && !desk.zstd) desk.zstd = make_zstd_context();
    std::array<IndexEntry, kRing> ring;
    Prefetcher prefetcher;
    if (ticks) ticks->start();
    const auto locate = [&](std::size_t p) { __builtin_prefetch(file.entry_address(indices[p])); };
    const auto fetch = [&](std::size_t p) {
      ring[p % kRing] = file.entry(indices[p]);
      prefetcher.begin(file.stored(ring[p % kRing]));
      prefetcher.fetch_rest();
    };
    for (std::size_t p = 0; p < std::min(kEntriesAhead, indices.size()); ++p) locate(p);
    for (std::size_t p = 0; p < std::min(kRecordsAhead, indices.size()); ++p) fetch(p);
    std::uint64_t sum = 0;
    std::size_t filled = 0;
    for (std::size_t p = 0; p < indices.size(); ++p) {
      if (p + kEntriesAhead < indices.size()) locate(p + kEntriesAhead);
      if (p + kRecordsAhead < indices.size()) fetch(p + kRecordsAhead);
      const IndexEntry& e = ring[p % kRing];
      const Bytes stored = file.stored(e);
      if (codec_.id == CodecId::none) {
        if (buffer.size() < filled + stored.size()) buffer.resize(2 * (filled + stored.size()));
        std::memcpy(buffer.data() + filled, stored.data(), stored.size());
        filled += stored.size();
      } else {
        if (buffer.size() < e.unpacked) buffer.resize(e.unpacked);
        const std::size_t n = ZSTD_decompressDCtx(desk.zstd.get(), buffer.data(), e.unpacked, stored.data(), stored.size());
        if (n != e.unpacked) fail_input(file.path(), "has a record that does not decompress");
        sum += sum_words(buffer.data(), n / 4);
      }
      if ((p + 1) % batch == 0 || p + 1 == indices.size()) {
        sum += sum_words(buffer.data(), filled / 4);
        filled = 0;
        if (ticks) ticks->tick();
      }
    }
    return sum;
  }

  std::vector<std::string> inputs_;
  Codec codec_;
  std::unique_ptr<Store> writer_;
  std::optional<Dataset> dataset_;
  std::vector<Desk> desks_;   // one a thread
  std::optional<Crew> crew_;  // of several
  std::vector<std::uint64_t> in_order_;
};

}  // namespace

std::unique_ptr<Store> make_copy_store(std::vector<std::string> inputs, Codec codec, int threads) {
  return std::make_unique<CopyStore>(std::move(inputs), codec, threads);
}

}  // namespace atp
