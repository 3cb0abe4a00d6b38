// .atp files: the batch reader, and the yardsticks beside it.
#include <array>
#include <limits>
#include <mutex>
#include <numeric>

#include "core/atp/builtin_finder.h"
#include "core/atp/packed_batch.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/bench/crew.h"
#include "core/bench/load.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

// The sections of a molecule, in the order of FORMAT.md; they borrow from it.
void put_sections(const Molecule& m, std::vector<SectionView>& out) {
  const auto builtin = [&](std::string_view key, Type type, Bytes payload) { out.push_back({Kind::builtin, type, key, payload}); };
  out.clear();
  builtin("cell", Type::mat3_f64, std::as_bytes(std::span(m.cell)));
  builtin("energy", Type::f64, std::as_bytes(std::span(&m.energy, 1)));
  builtin("forces", Type::vec3_f32, m.forces);
  builtin("pbc", Type::bool3, std::as_bytes(std::span(m.pbc)));
  if (m.custom.empty()) return;
  const std::size_t n = m.atoms;
  out.push_back({Kind::atom, Type::f32_array, "bader_charge", m.custom.subspan(40 + 4 * n, 4 * n)});
  out.push_back({Kind::atom, Type::f32_array, "magmom", m.custom.subspan(40, 4 * n)});
  out.push_back({Kind::molecule, Type::f64, "band_gap", m.custom.first(8)});
  out.push_back({Kind::molecule, Type::f64_array, "dipole", m.custom.subspan(16, 24)});
  out.push_back({Kind::molecule, Type::f64, "total_charge", m.custom.subspan(8, 8)});
}

// Written as `atp pack` writes: encoded on several threads, checksummed, written by one of them at a time, synced, renamed.
class AtpWriter {
 public:
  AtpWriter(const std::string& path, Codec codec)
      : codec_(codec), jobs_(std::min(kMostJobs, available_cpus())), writer_(Writer::create(path, options(codec))) {}

  void add(std::span<const Molecule> chunk) {
    const int jobs = chunk.size() < kWorthThreads ? 1 : jobs_;
    const auto produce = [&]() -> std::unique_ptr<Molecules> {
      if (chunk.empty()) return nullptr;
      std::size_t some = 0;
      for (std::size_t bytes = 0; some < chunk.size() && bytes < kPieceBytes; ++some) bytes += 25 * std::size_t{chunk[some].atoms} + kRecordBytes;
      auto piece = std::make_unique<Molecules>(chunk.first(some));
      chunk = chunk.subspan(some);
      return piece;
    };
    const auto encode = [&](Molecules& piece) {
      auto desk = take_desk();
      desk->encode(piece);
      return desk;
    };
    ordered_parallel<Molecules, std::unique_ptr<Desk>>(jobs, produce, encode, [&](std::unique_ptr<Desk>&& desk) {
      writer_.add(desk->out);
      give_back(std::move(desk));
    });
  }
  void finish() { writer_.finish(); }

 private:
  using Molecules = std::span<const Molecule>;

  // What a thread encodes with, used again and again.
  struct Desk {
    explicit Desk(Codec codec) : encoder(codec) {}

    void encode(Molecules molecules) {
      out.bytes.clear();
      out.entries.clear();
      for (const Molecule& m : molecules) {
        put_sections(m, sections);
        const StructureView structure{m.numbers, Type::vec3_f32, m.positions, sections};
        if (const std::string problem = encoder.add(structure, out); !problem.empty()) fail_input("", problem);
      }
    }

    RecordEncoder encoder;
    std::vector<SectionView> sections;
    EncodedRecords out;
  };

  std::unique_ptr<Desk> take_desk() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Desk>(codec_);
    auto desk = std::move(idle_.back());
    idle_.pop_back();
    return desk;
  }
  void give_back(std::unique_ptr<Desk> desk) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(desk));
  }

  static WriterOptions options(Codec codec) {
    WriterOptions o;
    o.codec = codec;
    o.overwrite = true;
    return o;
  }

  static constexpr int kMostJobs = 2;  // more would wait for the one that writes
  static constexpr std::size_t kPieceBytes = std::size_t{5} << 18, kRecordBytes = 150, kWorthThreads = 1024;

  Codec codec_;
  int jobs_;
  Writer writer_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Desk>> idle_;
};

// The fields of a record; f32 in place, other floats converted.
class Taker {
 public:
  explicit Taker(bool custom) : custom_(custom) {}

  template <class Fn>
  void take(const RecordView& record, Fn&& fn) {
    const std::span<const Bytes> custom = custom_ ? custom_of(record) : std::span<const Bytes>{};
    const auto& found = finder_.find(record);
    const auto& forces = found[static_cast<std::size_t>(Builtin::forces)];
    const auto& energy = found[static_cast<std::size_t>(Builtin::energy)];
    const std::size_t n = record.n_atoms();
    const bool plain = record.positions_type() == Type::vec3_f32 && forces.data && forces.type == Type::vec3_f32 && energy.data && energy.type == Type::f64;
    if (plain) [[likely]] {
      fn(MoleculeView{n, record.atomic_numbers().data(), record.positions_bytes().data(), forces.data, load<double>(energy.data), custom});
    } else {
      converted_.resize(24 * n);
      to_f32(record.positions(), converted_.data());
      forces_or_nan(record, converted_.data() + 12 * n);
      fn(MoleculeView{n, record.atomic_numbers().data(), converted_.data(), converted_.data() + 12 * n, energy_or_nan(record), custom});
    }
  }

 private:
  std::span<const Bytes> custom_of(const RecordView& record) {
    std::size_t found = 0;
    record.for_each_section([&](const SectionView& s) {
      if (s.kind != Kind::builtin && found < parts_.size()) parts_[found++] = s.payload;
    });
    return std::span(parts_).first(found);
  }

  bool custom_;
  std::array<Bytes, kCustomProperties> parts_;
  BuiltinFinder finder_;
  std::vector<std::byte> converted_;
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
    dataset_.emplace(inputs_, Opening::header);
    BatchOptions options;
    options.io = variant_.io;
    options.verify = variant_.verify;
    for (int i = 0; i < variant_.threads; ++i) readers_.emplace_back(*dataset_, options);
    if (variant_.threads > 1) crew_.emplace(readers_.size());
  }
  void close() override {
    crew_.reset();
    readers_.clear();
    dataset_.reset();
  }

  void get_ready() override {
    if (crew_) crew_->assemble();
  }

  std::uint64_t one_by_one(std::span<const std::uint64_t> indices, Ticks* ticks) override {
    if (!crew_) return pass(readers_[0], indices, ticks);
    // Each thread has a run of the list; the sums are joined as if one had read all.
    std::vector<std::uint64_t> sums(readers_.size());
    crew_->share(indices.size(), [&](std::size_t part, std::size_t begin, std::size_t end) {
      sums[part] = pass(readers_[part], indices.subspan(begin, end - begin), nullptr, begin);
    });
    return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
  }

  std::uint64_t in_batches(std::span<const std::uint64_t> indices, std::size_t batch, Ticks* ticks) override {
    PassSum sum;
    Taker taker(custom());
    if (ticks) ticks->start();
    for (std::size_t begin = 0; begin < indices.size(); begin += batch) {
      const auto some = indices.subspan(begin, std::min(batch, indices.size() - begin));
      if (custom()) {  // a packed batch has the builtin fields
        flat_.clear();
        readers_[0].for_each(some, [&](std::size_t place, const RecordView& record) {
          naming_record(*dataset_, some[place], [&] { taker.take(record, [&](const MoleculeView& m) { flat_.add(m); }); });
        });
        sum.add(flat_.touched());
        if (ticks) ticks->tick();
        continue;
      }
      gather(some);
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
      sum += pass(readers_[0], in_order_, ticks, done);
    }
    return sum;
  }

  std::vector<std::string> files() const override { return dataset_files_of(inputs_); }

 private:
  void gather(std::span<const std::uint64_t> some) {
    try {
      packed_.gather(readers_[0], some);
    } catch (const Error& e) {
      if (e.where().empty()) (void)pass(readers_[0], some, nullptr);  // one by one the damaged record is named
      throw;
    }
  }

  std::uint64_t pass(BatchReader& reader, std::span<const std::uint64_t> indices, Ticks* ticks, std::size_t before = 0) const {
    Taker taker(custom());
    PassSum sum(before);
    if (ticks) ticks->start();
    reader.for_each(indices, [&](std::size_t place, const RecordView& record) {
      naming_record(*dataset_, indices[place], [&] { taker.take(record, [&](const MoleculeView& m) { sum.add(touch(m)); }); });
      if (ticks) ticks->tick();
    });
    return sum.value();
  }

  std::vector<std::string> inputs_;
  AtpVariant variant_;
  std::optional<AtpWriter> writer_;
  std::optional<Dataset> dataset_;
  std::vector<BatchReader> readers_;  // one a thread
  std::optional<Crew> crew_;          // of several
  PackedBatch packed_;
  FlatBatch flat_;
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
  void open() override {
    dataset_.emplace(inputs_, Opening::header);
    taker_.emplace(custom());
  }
  void close() override { dataset_.reset(); }
  std::vector<std::string> files() const override { return dataset_files_of(inputs_); }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    naming_record(*dataset_, i, [&] { taker_->take(dataset_->record(i, scratch_), fn); });
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
  std::optional<Taker> taker_;
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
