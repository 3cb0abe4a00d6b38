// .atp files: the batch reader, and the yardsticks beside it.
#include <limits>
#include <numeric>
#include <thread>

#include "core/atp/builtin_finder.h"
#include "core/atp/packed_batch.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/bench/load.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

void put_custom(Structure& s, const Molecule& m) {
  const std::size_t n = m.atoms;
  s.put_bytes(Kind::molecule, "band_gap", Type::f64, m.custom.first(8));
  s.put_bytes(Kind::molecule, "total_charge", Type::f64, m.custom.subspan(8, 8));
  s.put_bytes(Kind::molecule, "dipole", Type::f64_array, m.custom.subspan(16, 24));
  s.put_bytes(Kind::atom, "magmom", Type::f32_array, m.custom.subspan(40, 4 * n));
  s.put_bytes(Kind::atom, "bader_charge", Type::f32_array, m.custom.subspan(40 + 4 * n, 4 * n));
}

// Written as `atp pack` writes: encoded, checksummed, synced, renamed.
class AtpWriter {
 public:
  AtpWriter(const std::string& path, Codec codec) : encoder_(codec), writer_(Writer::create(path, options(codec))) {}

  void add(std::span<const Molecule> chunk) {
    out_.bytes.clear();
    out_.entries.clear();
    for (const Molecule& m : chunk) {
      structure_.clear();
      const auto z = reinterpret_cast<const std::uint8_t*>(m.numbers.data());
      structure_.atomic_numbers.assign(z, z + m.numbers.size());
      structure_.positions_type = Type::vec3_f32;
      structure_.positions.assign(m.positions.begin(), m.positions.end());
      structure_.set_cell(m.cell);  // in the order of the file, or they would be put in it
      structure_.set_energy(m.energy);
      structure_.put_bytes(Kind::builtin, "forces", Type::vec3_f32, m.forces);
      structure_.set_pbc({m.pbc[0] != 0, m.pbc[1] != 0, m.pbc[2] != 0});
      if (!m.custom.empty()) put_custom(structure_, m);
      if (const std::string problem = encoder_.add(structure_, out_); !problem.empty()) fail_input("", problem);
    }
    writer_.add(out_);
  }
  void finish() { writer_.finish(); }

 private:
  static WriterOptions options(Codec codec) {
    WriterOptions o;
    o.codec = codec;
    o.overwrite = true;
    return o;
  }
  RecordEncoder encoder_;
  Writer writer_;
  Structure structure_;
  EncodedRecords out_;
};

// The fields of a record; f32 in place, other floats converted.
class Taker {
 public:
  template <class Fn>
  void take(const RecordView& record, Fn&& fn) {
    const auto& found = finder_.find(record);
    const auto& forces = found[static_cast<std::size_t>(Builtin::forces)];
    const auto& energy = found[static_cast<std::size_t>(Builtin::energy)];
    const std::size_t n = record.n_atoms();
    const bool plain = record.positions_type() == Type::vec3_f32 && forces.data && forces.type == Type::vec3_f32 && energy.data && energy.type == Type::f64;
    if (plain) [[likely]] {
      fn(n, record.atomic_numbers().data(), record.positions_bytes().data(), forces.data, load<double>(energy.data));
    } else {
      converted_.resize(24 * n);
      to_f32(record.positions(), converted_.data());
      forces_or_nan(record, converted_.data() + 12 * n);
      fn(n, record.atomic_numbers().data(), converted_.data(), converted_.data() + 12 * n, energy_or_nan(record));
    }
  }

 private:
  BuiltinFinder finder_;
  std::vector<std::byte> converted_;
};

struct Part {
  std::uint64_t sum = 0;
  std::exception_ptr error;
};

class AtpStore final : public Store {
 public:
  AtpStore(std::vector<std::string> inputs, AtpVariant variant) : inputs_(std::move(inputs)), variant_(variant) {}

  void begin(const StoreShape&) override { writer_.emplace(inputs_[0], variant_.codec); }
  void add(std::span<const Molecule> chunk) override { writer_->add(chunk); }
  void finish() override {
    writer_->finish();
    writer_.reset();
  }

  void open() override {
    close();
    dataset_.emplace(inputs_);
    BatchOptions options;
    options.io = variant_.io;
    options.verify = variant_.verify;
    reader_.emplace(*dataset_, options);
  }
  void close() override {
    reader_.reset();
    dataset_.reset();
  }

  std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) override {
    if (variant_.threads <= 1) return pass(*reader_, indices, ticks);
    // Each thread has a run of the list; the sums are joined as if one had read all.
    const auto jobs = static_cast<std::size_t>(variant_.threads);
    std::vector<Part> parts(jobs);
    std::vector<std::thread> threads;
    const auto begin_of = [&](std::size_t t) { return indices.size() * t / jobs; };
    for (std::size_t t = 0; t < jobs; ++t) {
      threads.emplace_back([&, t] {
        try {
          BatchOptions options;
          options.io = variant_.io;
          BatchReader reader(*dataset_, options);
          parts[t].sum = pass(reader, indices.subspan(begin_of(t), begin_of(t + 1) - begin_of(t)), nullptr, begin_of(t));
        } catch (...) {
          parts[t].error = std::current_exception();
        }
      });
    }
    for (auto& t : threads) t.join();
    std::uint64_t sum = 0;
    for (const Part& p : parts) {
      if (p.error) std::rethrow_exception(p.error);
      sum += p.sum;
    }
    return sum;
  }

  std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t batch, Ticks* ticks) override {
    PassSum sum;
    if (ticks) ticks->start();
    for (std::size_t begin = 0; begin < indices.size(); begin += batch) {
      packed_.gather(*reader_, indices.subspan(begin, std::min(batch, indices.size() - begin)));
      sum.add(FlatBatch::touch_batch(packed_.atoms(), packed_.graphs(), std::as_bytes(packed_.atomic_numbers()).data(),
                                     std::as_bytes(packed_.positions<float>()).data(), std::as_bytes(packed_.forces<float>()).data(),
                                     packed_.energy().data()));
      if (ticks) ticks->tick();
    }
    return sum.value();
  }

  std::uint64_t sequential(std::uint64_t first, std::uint64_t count, Ticks* ticks) override {
    std::uint64_t sum = 0;
    for (std::uint64_t done = 0; done < count; done += in_order_.size()) {
      in_order_.resize(std::min<std::uint64_t>(count - done, 65536));
      std::iota(in_order_.begin(), in_order_.end(), first + done);
      sum += pass(*reader_, in_order_, ticks, done);
    }
    return sum;
  }

  std::vector<std::string> files() const override { return dataset_files_of(inputs_); }

 private:
  static std::uint64_t pass(BatchReader& reader, std::span<const std::uint64_t> indices, Ticks* ticks, std::size_t before = 0) {
    Taker taker;
    PassSum sum(before);
    if (ticks) ticks->start();
    reader.for_each(indices, [&](std::size_t, const RecordView& record) {
      taker.take(record, [&](std::size_t n, const std::byte* z, const std::byte* x, const std::byte* f, double e) { sum.add(touch(n, z, x, f, e)); });
      if (ticks) ticks->tick();
    });
    return sum.value();
  }

  std::vector<std::string> inputs_;
  AtpVariant variant_;
  std::optional<AtpWriter> writer_;
  std::optional<Dataset> dataset_;
  std::optional<BatchReader> reader_;
  PackedBatch packed_;
  std::vector<std::uint64_t> in_order_;
};

// The mapped file record by record, without looking ahead: what page faults and cache misses cost.
class PlainAtpStore final : public StoreLoops<PlainAtpStore> {
 public:
  explicit PlainAtpStore(std::vector<std::string> inputs) : inputs_(std::move(inputs)) {}

  void begin(const StoreShape&) override { writer_.emplace(inputs_[0], Codec{}); }
  void add(std::span<const Molecule> chunk) override { writer_->add(chunk); }
  void finish() override {
    writer_->finish();
    writer_.reset();
  }
  void open() override { dataset_.emplace(inputs_); }
  void close() override { dataset_.reset(); }
  std::vector<std::string> files() const override { return dataset_files_of(inputs_); }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    taker_.take(dataset_->record(i, scratch_), fn);
  }
  template <class Fn>
  void walk(std::uint64_t first, std::uint64_t count, Fn&& fn) {
    for (std::uint64_t i = first; i < first + count; ++i) get(i, fn);
  }

 private:
  std::vector<std::string> inputs_;
  std::optional<AtpWriter> writer_;
  std::optional<Dataset> dataset_;
  Scratch scratch_;
  Taker taker_;
};

}  // namespace

std::vector<std::string> dataset_files_of(const std::vector<std::string>& inputs) {
  std::vector<std::string> files;
  for (const auto& input : inputs) {
    const auto found = dataset_files(input);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::unique_ptr<Store> make_atp_store(std::vector<std::string> inputs, AtpVariant variant) {
  return std::make_unique<AtpStore>(std::move(inputs), variant);
}

std::unique_ptr<Store> make_plain_atp_store(std::vector<std::string> inputs) { return std::make_unique<PlainAtpStore>(std::move(inputs)); }

}  // namespace atp
