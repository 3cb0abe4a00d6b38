// What a disk gives when nothing is done with the bytes: the bound of writes, and of reads of cold molecules.
#include <numeric>

#include "core/base/error.h"
#include "core/bench/stores.h"
#include "core/io/fd.h"
#include "core/io/output_file.h"
#include "core/io/read_ring.h"

namespace atp {
namespace {

constexpr std::size_t kDepth = 128;                   // reads under way at a time
constexpr std::size_t kBlock = std::size_t{5} << 19;  // bytes of one write

// Writes the bytes of chunks as they lie in memory, which are all values but cell, energy and pbc, in blocks whose writing
// out begins at once. Reads those of molecules through io_uring, in the order of the list: it remembers their places.
class DiskStore final : public Store {
 public:
  explicit DiskStore(const std::string& folder) : path_(folder + "/bytes"), buffers_(kDepth) {}

  void begin(const StoreShape&) override {
    places_.assign(1, 0);
    written_ = 0;
    out_ = real_disk().create_beside(path_);
  }
  void add(std::span<const Molecule> chunk) override {
    if (chunk.empty()) return;
    const std::byte* const begin = chunk.front().numbers.data();
    for (const Molecule& m : chunk) places_.push_back(written_ + static_cast<std::uint64_t>(m.custom.data() + m.custom.size() - begin));
    write({begin, chunk.back().custom.data() + chunk.back().custom.size()});
  }
  void finish() override {
    out_->sync_all();
    real_disk().rename(out_->path(), path_, true);
    out_.reset();
  }

  void open() override {
    close();
    file_ = open_for_reading(path_);
    ring_.emplace(static_cast<unsigned>(kDepth));
  }
  void close() override {
    ring_.reset();
    file_ = Fd();
  }
  std::vector<std::string> files() const override { return {path_}; }

  std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) override {
    if (ticks) ticks->start();
    idle_.resize(kDepth);
    std::iota(idle_.begin(), idle_.end(), std::size_t{0});
    std::size_t started = 0;
    for (std::size_t ended = 0; ended < indices.size(); ++ended) {
      while (started < indices.size() && !idle_.empty()) start(indices[started++]);
      const ReadRing::Done done = ring_->wait();
      idle_.push_back(done.tag);
      if (done.result < 0) fail_system(path_, "cannot read", -done.result);
      if (static_cast<std::size_t>(done.result) != buffers_[done.tag].size()) throw Error(Exit::system, path_, "is cut short");
      if (ticks) ticks->tick();
    }
    return 0;
  }
  std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t, Ticks* ticks) override { return one_by_one(indices, ticks); }
  std::uint64_t sequential(std::uint64_t first, std::uint64_t count, Ticks* ticks) override {
    std::vector<std::uint64_t> in_order(count);
    std::iota(in_order.begin(), in_order.end(), first);
    return one_by_one(in_order, ticks);
  }

 private:
  void write(Bytes bytes) {
    while (!bytes.empty()) {
      const Bytes block = bytes.first(std::min(bytes.size(), kBlock));
      out_->write_at(written_, block);
      out_->start_writeback(written_, block.size());
      written_ += block.size();
      bytes = bytes.subspan(block.size());
    }
  }
  void start(std::uint64_t index) {
    const std::size_t slot = idle_.back();
    idle_.pop_back();
    const std::uint64_t begin = places_.at(index);
    buffers_[slot].resize(places_.at(index + 1) - begin);
    ring_->start(slot, file_, begin, buffers_[slot]);
  }

  std::string path_;
  std::unique_ptr<OutputFile> out_;
  std::uint64_t written_ = 0;
  std::vector<std::uint64_t> places_;  // where each molecule begins, and the end
  Fd file_;
  std::vector<std::vector<std::byte>> buffers_;  // one for each read under way
  std::vector<std::size_t> idle_;                // of these
  std::optional<ReadRing> ring_;                 // after the buffers it reads into
};

}  // namespace

std::unique_ptr<Store> make_disk_store(const std::string& folder) { return std::make_unique<DiskStore>(folder); }

}  // namespace atp
