// Datasets of the C interface.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/atp/batch_reader.h"
#include "core/atp/dataset.h"
#include "core/capi/atp.h"
#include "core/capi/batch_filler.h"
#include "core/capi/guard.h"

// What a caller holds: the dataset, which threads share, and readers, of which each call takes one.
struct atp_dataset {
  explicit atp_dataset(const std::string& path) : data({path}, atp::Opening::header) {}

  atp::Dataset data;

  class Lease;

 private:
  std::mutex mutex_;  // of all below
  std::vector<std::unique_ptr<atp::BatchReader>> idle_[2];  // without and with checksums
  pid_t process_ = ::getpid();
};

// A reader, given back at the end unless the call failed.
class atp_dataset::Lease {
 public:
  Lease(atp_dataset& of, bool verify) : of_(of), verify_(verify) {
    {
      const std::lock_guard lock(of_.mutex_);
      if (of_.process_ != ::getpid()) {  // forked: a reader's files and rings are shared with the parent
        for (auto& readers : of_.idle_) readers.clear();
        of_.process_ = ::getpid();
      }
      if (auto& idle = of_.idle_[verify]; !idle.empty()) {
        reader_ = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (!reader_) reader_ = std::make_unique<atp::BatchReader>(of_.data, atp::BatchOptions{atp::Io::automatic, verify});
  }

  atp::BatchReader& reader() { return *reader_; }

  void give_back() {
    const std::lock_guard lock(of_.mutex_);
    of_.idle_[verify_].push_back(std::move(reader_));
  }

 private:
  atp_dataset& of_;
  bool verify_;
  std::unique_ptr<atp::BatchReader> reader_;
};

namespace atp {
namespace {

void check_record(const Dataset& data, std::uint64_t record) {
  if (data.from_start(record) >= data.size()) fail_argument(fmt::format("record {} was asked for, there are {}", static_cast<std::int64_t>(record), data.size()));
}

std::uint32_t atoms_of(const Dataset& data, std::uint64_t record) {
  const Dataset::Place place = data.locate(record);
  return data.shards()[place.shard].entry(place.record).atoms;
}

void check_room(atp_batch& batch, std::uint64_t graphs, std::uint64_t atoms) {
  batch.graphs = graphs;
  batch.atoms = atoms;
  if (graphs > batch.graph_room) throw TooSmall{fmt::format("the arrays have room for {} graphs, {} are needed", batch.graph_room, graphs)};
  if (has_per_atom_arrays(batch) && atoms > batch.atom_room) throw TooSmall{fmt::format("the arrays have room for {} atoms, {} are needed", batch.atom_room, atoms)};
}

void gather(atp_dataset& dataset, std::span<const std::uint64_t> indices, std::uint32_t flags, atp_batch& batch) {
  if (batch.real != ATP_F32 && batch.real != ATP_F64) fail_argument(fmt::format("batch->real is {}, it must be ATP_F32 or ATP_F64", batch.real));
  if (batch.reserved != 0) fail_argument(fmt::format("batch->reserved is {}, it must be 0", batch.reserved));
  if ((flags & ~std::uint32_t{ATP_VERIFY}) != 0) fail_argument(fmt::format("there is no flag {}", flags));
  std::uint64_t atoms = 0;
  for (const std::uint64_t i : indices) {
    check_record(dataset.data, i);
    atoms += atoms_of(dataset.data, i);
  }
  check_room(batch, indices.size(), atoms);
  BatchFiller filler(batch);
  atp_dataset::Lease lease(dataset, (flags & ATP_VERIFY) != 0);
  Prefetcher& prefetcher = lease.reader().prefetcher();
  lease.reader().for_each(indices, [&](std::size_t graph, const RecordView& record) { filler.add(graph, record, prefetcher); });
  lease.give_back();
}

}  // namespace
}  // namespace atp

extern "C" {

int atp_open(const char* path, atp_dataset** dataset) {
  return atp::guarded([&] {
    atp::not_null(dataset, "dataset") = nullptr;
    *dataset = new atp_dataset(&atp::not_null(path, "path"));
  });
}

void atp_close(atp_dataset* dataset) { delete dataset; }

int atp_count(const atp_dataset* dataset, uint64_t* records) {
  return atp::guarded([&] { atp::not_null(records, "records") = atp::not_null(dataset, "dataset").data.size(); });
}

int atp_atom_counts(const atp_dataset* dataset, uint64_t first, uint64_t n, uint32_t* atoms) {
  return atp::guarded([&] {
    const atp::Dataset& data = atp::not_null(dataset, "dataset").data;
    if (first > data.size() || n > data.size() - first) atp::fail_argument(fmt::format("{} records from {} on were asked for, there are {}", n, first, data.size()));
    if (n == 0) return;
    atp::not_null(atoms, "atoms");
    for (std::uint64_t i = 0; i < n; ++i) atoms[i] = atp::atoms_of(data, first + i);
  });
}

int atp_read(const atp_dataset* dataset, uint64_t record, uint32_t flags, atp_batch* batch) { return atp_gather(dataset, &record, 1, flags, batch); }

int atp_gather(const atp_dataset* dataset, const uint64_t* indices, size_t n, uint32_t flags, atp_batch* batch) {
  return atp::guarded([&] {
    // Reading changes only the idle readers, which have their lock.
    auto& handle = const_cast<atp_dataset&>(atp::not_null(dataset, "dataset"));
    if (n != 0) atp::not_null(indices, "indices");
    atp::gather(handle, {indices, n}, flags, atp::checked(batch, "batch"));
  });
}

}
