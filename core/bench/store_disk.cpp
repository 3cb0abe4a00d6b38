// What a disk gives when the places of records are known and nothing is done with them: the bound of cold reads.
#include <numeric>

#include "core/atp/dataset.h"
#include "core/atp/record_window.h"
#include "core/base/error.h"
#include "core/bench/stores.h"
#include "core/io/fd.h"
#include "core/io/page_cache.h"
#include "core/io/read_ring.h"

namespace atp {
namespace {

constexpr std::size_t kDepth = 128;  // reads under way at a time

// Reads the bytes of records through io_uring, in the order of the list, and ends with the last.
class DiskStore final : public Store {
 public:
  explicit DiskStore(std::string input) : input_(std::move(input)), writer_(make_atp_store({input_}, {})), buffers_(kDepth) {}

  void begin(const StoreShape& shape) override { writer_->begin(shape); }
  void add(std::span<const Molecule> chunk) override { writer_->add(chunk); }
  void finish() override { writer_->finish(); }

  void open() override {
    close();
    file_.emplace(input_);
    fd_ = open_for_reading(input_);
    expect_random_reads(file_->mapped(), true);
    read_index();
    ring_.emplace(static_cast<unsigned>(kDepth));
  }
  void close() override {
    ring_.reset();
    file_.reset();
    fd_ = Fd();
  }
  std::vector<std::string> files() const override { return {input_}; }

  std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) override {
    if (ticks) ticks->start();
    idle_.resize(kDepth);
    std::iota(idle_.begin(), idle_.end(), std::size_t{0});
    std::size_t started = 0;
    for (std::size_t ended = 0; ended < indices.size(); ++ended) {
      while (started < indices.size() && !idle_.empty()) start(indices[started++]);
      const ReadRing::Done done = ring_->wait();
      idle_.push_back(done.tag);
      if (done.result < 0) fail_system(input_, "cannot read", -done.result);
      if (static_cast<std::size_t>(done.result) != buffers_[done.tag].size()) fail_cut_short(input_);
      if (ticks) ticks->tick();
    }
    return 0;
  }
  std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t, Ticks* ticks) override { return one_by_one(indices, ticks); }
  std::uint64_t sequential(std::uint64_t first, std::uint64_t count, Ticks* ticks) override {
    std::vector<std::uint64_t> in_order(count);
    for (std::uint64_t i = 0; i < count; ++i) in_order[i] = first + i;
    return one_by_one(in_order, ticks);
  }

 private:
  // Before the clock runs: the index is no part of what is measured.
  void read_index() {
    std::vector<std::uint32_t> atoms(file_->size());
    file_->atom_counts(atoms);
  }
  void start(std::uint64_t index) {
    const std::size_t slot = idle_.back();
    idle_.pop_back();
    const IndexEntry e = file_->entry(index);
    buffers_[slot].resize(e.stored);
    ring_->start(slot, fd_, e.offset, buffers_[slot]);
  }

  std::string input_;
  std::unique_ptr<Store> writer_;
  std::optional<Reader> file_;
  Fd fd_;
  std::vector<std::vector<std::byte>> buffers_;  // one for each read under way
  std::vector<std::size_t> idle_;                // of these
  std::optional<ReadRing> ring_;                 // after the buffers it reads into
};

}  // namespace

std::unique_ptr<Store> make_disk_store(std::string input) { return std::make_unique<DiskStore>(std::move(input)); }

}  // namespace atp
