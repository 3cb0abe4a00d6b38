// HDF5, structure of arrays: one chunked dataset a field, all molecules one after the other.
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <algorithm>

#include "core/base/interrupt.h"
#include "core/bench/hdf5_library.h"
#include "core/bench/stores.h"
#include "core/io/fd.h"

namespace atp {
namespace {

constexpr std::uint64_t kMoleculesPerChunk = 256;
// H5F_ACC_RDONLY and H5F_ACC_TRUNC, which are macros that call the library.
constexpr unsigned kReadOnly = 0, kTruncate = 2;

// A field: [rows, columns], one row an atom or a molecule.
struct Field {
  const char* name;
  hid_t type;
  hsize_t columns;
  bool per_atom;
  std::size_t bytes;    // of a row
  bool custom = false;  // one of the properties of --custom
  hid_t dataset = -1, space = -1;
};

class Hdf5Store final : public StoreLoops<Hdf5Store> {
 public:
  Hdf5Store(std::string path, std::size_t cache) : path_(std::move(path)), cache_(cache) {}
  ~Hdf5Store() override { close(); }

  void begin(const StoreShape& shape) override {
    close();
    library();
    file_ = need(h_->Fcreate(path_.c_str(), kTruncate, H5P_DEFAULT, H5P_DEFAULT), "create the file");
    const std::uint64_t atoms_per_chunk = kMoleculesPerChunk * std::max<std::uint64_t>(1, shape.atoms / std::max<std::uint64_t>(1, shape.molecules));
    for (Field& f : fields_) {
      if (f.custom && !custom()) continue;
      const std::uint64_t rows = std::max<std::uint64_t>(1, f.per_atom ? shape.atoms : shape.molecules);
      make(f, rows, std::min(rows, f.per_atom ? atoms_per_chunk : kMoleculesPerChunk));
    }
    make(offsets_, shape.molecules + 1, std::min(shape.molecules + 1, kMoleculesPerChunk));
    molecules_ = atoms_ = 0;
    starts_.assign(1, 0);
  }

  // In chunks of many molecules, as HDF5 is written fast.
  void add(std::span<const Molecule> chunk) override {
    std::uint64_t atoms = 0;
    for (auto& c : columns_) c.clear();
    for (const Molecule& m : chunk) {
      append(columns_[0], m.numbers);
      append(columns_[1], m.positions);
      append(columns_[2], m.forces);
      append(columns_[3], {reinterpret_cast<const std::byte*>(&m.energy), 8});
      append(columns_[4], std::as_bytes(std::span(m.cell)));
      append(columns_[5], std::as_bytes(std::span(m.pbc)));
      if (custom()) {
        Bytes rest = m.custom;
        for (std::size_t k = kFixedFields; k < fields_.size(); ++k) {
          const std::size_t bytes = fields_[k].bytes * (fields_[k].per_atom ? m.atoms : 1);
          append(columns_[k], rest.first(bytes));
          rest = rest.subspan(bytes);
        }
      }
      atoms += m.atoms;
      starts_.push_back(atoms_ + atoms);
    }
    for (std::size_t k = 0; k < fields_.size(); ++k) {
      if (fields_[k].dataset < 0) continue;
      move(fields_[k], fields_[k].per_atom ? atoms_ : molecules_, fields_[k].per_atom ? atoms : chunk.size(), columns_[k].data(), true);
    }
    atoms_ += atoms;
    molecules_ += chunk.size();
    throw_if_interrupted();
  }

  void finish() override {
    move(offsets_, 0, starts_.size(), reinterpret_cast<std::byte*>(starts_.data()), true);
    close();
    const Fd file(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) fail_system(path_, "sync", errno);
  }

  void open() override {
    close();
    library();
    file_ = need(h_->Fopen(path_.c_str(), kReadOnly, H5P_DEFAULT), "open the file");
    for (const std::size_t k : read_fields()) open(fields_[k]);
    open(offsets_);
    // Room was made for as many molecules as there might have been; behind those that came are zeros.
    starts_.resize(static_cast<std::size_t>(h_->Sget_simple_extent_npoints(offsets_.space)));
    move(offsets_, 0, starts_.size(), reinterpret_cast<std::byte*>(starts_.data()), false);
    starts_.erase(std::is_sorted_until(starts_.begin(), starts_.end()), starts_.end());
  }

  void close() override {
    for (Field& f : fields_) close(f);
    close(offsets_);
    if (file_ >= 0) h_->Fclose(file_);
    file_ = -1;
  }

  std::vector<std::string> files() const override { return {path_}; }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    read(i, 1);
    give(i, 0, 0, fn);
  }
  // Many molecules at a time, as HDF5 is read fast.
  template <class Fn>
  void walk(std::uint64_t first, std::uint64_t count, Fn&& fn) {
    for (std::uint64_t i = first; i < first + count; i += kMoleculesPerChunk) {
      const std::uint64_t some = std::min(kMoleculesPerChunk, first + count - i);
      read(i, some);
      for (std::uint64_t k = 0; k < some; ++k) give(i + k, k, starts_[i + k] - starts_[i], fn);
    }
  }

 private:
  // The first four are read; what follows kFixedFields are the properties of --custom, in the order of Molecule::custom.
  static constexpr std::size_t kFixedFields = 6;
  using FieldPlaces = std::span<const std::size_t>;
  FieldPlaces read_fields() const {
    static constexpr std::array<std::size_t, 9> kPlaces = {0, 1, 2, 3, 6, 7, 8, 9, 10};
    return FieldPlaces(kPlaces).first(custom() ? kPlaces.size() : 4);
  }

  // Molecule i, which is number k of those that were read, and whose atoms begin at `at` among theirs.
  template <class Fn>
  void give(std::uint64_t i, std::size_t k, std::size_t at, Fn&& fn) const {
    const std::size_t n = starts_[i + 1] - starts_[i];
    std::array<Bytes, kCustomProperties> parts;
    for (std::size_t c = 0; custom() && c < parts.size(); ++c) {
      const Field& f = fields_[kFixedFields + c];
      parts[c] = Bytes(columns_[kFixedFields + c]).subspan(f.bytes * (f.per_atom ? at : k), f.bytes * (f.per_atom ? n : 1));
    }
    fn(MoleculeView{n, columns_[0].data() + at, columns_[1].data() + 12 * at, columns_[2].data() + 12 * at, load<double>(columns_[3].data() + 8 * k),
                    std::span<const Bytes>(parts).first(custom() ? parts.size() : 0)});
  }

  static void append(std::vector<std::byte>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

  hid_t need(hid_t id, const char* what) const {
    if (id >= 0) [[likely]] return id;
    // The library leaves errno as its failed write has set it.
    const bool no_room = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    throw Error(Exit::system, path_, fmt::format("HDF5 cannot {}{}{}", what, no_room ? ": " : "", no_room ? std::strerror(errno) : ""));
  }
  void library() {
    if (h_) return;
    h_ = &Hdf5Library::get();
    for (Field& f : fields_) {
      const std::size_t number = f.bytes / f.columns;
      f.type = number == 1 ? h_->u8 : number == 4 ? h_->f32 : h_->f64;
    }
    offsets_.type = h_->u64;
  }
  void make(Field& f, std::uint64_t rows, std::uint64_t chunk_rows) {
    const hsize_t size[2] = {rows, f.columns}, chunk[2] = {chunk_rows, f.columns};
    f.space = need(h_->Screate_simple(2, size, nullptr), "make a space");
    const hid_t creation = need(h_->Pcreate(h_->dataset_creation), "make properties");
    need(h_->Pset_chunk(creation, 2, chunk), "set chunks");
    f.dataset = h_->Dcreate2(file_, f.name, f.type, f.space, H5P_DEFAULT, creation, H5P_DEFAULT);
    h_->Pclose(creation);
    need(f.dataset, "make a dataset");
  }
  void open(Field& f) {
    const hid_t access = need(h_->Pcreate(h_->dataset_access), "make properties");
    if (cache_ != 0) need(h_->Pset_chunk_cache(access, 100003, cache_, 0.75), "set the cache");
    f.dataset = h_->Dopen2(file_, f.name, access);
    h_->Pclose(access);
    need(f.dataset, "open a dataset");
    f.space = need(h_->Dget_space(f.dataset), "look at a dataset");
  }
  void close(Field& f) {
    if (f.space >= 0) h_->Sclose(f.space);
    if (f.dataset >= 0) h_->Dclose(f.dataset);
    f.space = f.dataset = -1;
  }
  // Rows [first, first + count) of a field to or from memory.
  void move(const Field& f, std::uint64_t first, std::uint64_t count, std::byte* memory, bool write) {
    if (count == 0) return;
    const hsize_t start[2] = {first, 0}, size[2] = {count, f.columns};
    need(h_->Sselect_hyperslab(f.space, H5S_SELECT_SET, start, nullptr, size, nullptr), "select");
    const hid_t in_memory = need(h_->Screate_simple(2, size, nullptr), "make a space");
    const herr_t done = write ? h_->Dwrite(f.dataset, f.type, in_memory, f.space, H5P_DEFAULT, memory)
                              : h_->Dread(f.dataset, f.type, in_memory, f.space, H5P_DEFAULT, memory);
    h_->Sclose(in_memory);
    need(done, write ? "write" : "read");
  }
  void read(std::uint64_t first, std::uint64_t count) {
    const std::uint64_t atom = starts_[first], atoms = starts_[first + count] - atom;
    for (const std::size_t k : read_fields()) {
      const std::uint64_t rows = fields_[k].per_atom ? atoms : count;
      if (columns_[k].size() < rows * fields_[k].bytes) columns_[k].resize(rows * fields_[k].bytes);
      move(fields_[k], fields_[k].per_atom ? atom : first, rows, columns_[k].data(), false);
    }
  }

  std::string path_;
  std::size_t cache_;
  const Hdf5Library* h_ = nullptr;
  hid_t file_ = -1;
  std::array<Field, kFixedFields + kCustomProperties> fields_ = {{{"numbers", -1, 1, true, 1},
                                                                  {"positions", -1, 3, true, 12},
                                                                  {"forces", -1, 3, true, 12},
                                                                  {"energy", -1, 1, false, 8},
                                                                  {"cell", -1, 9, false, 72},
                                                                  {"pbc", -1, 3, false, 3},
                                                                  {"band_gap", -1, 1, false, 8, true},
                                                                  {"total_charge", -1, 1, false, 8, true},
                                                                  {"dipole", -1, 3, false, 24, true},
                                                                  {"magmom", -1, 1, true, 4, true},
                                                                  {"bader_charge", -1, 1, true, 4, true}}};
  Field offsets_{"offsets", -1, 1, false, 8};
  std::array<std::vector<std::byte>, kFixedFields + kCustomProperties> columns_;
  std::vector<std::uint64_t> starts_;  // of each molecule, in atoms
  std::uint64_t molecules_ = 0, atoms_ = 0;
};

}  // namespace

std::string hdf5_version() { return fmt::format("{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR); }  // the library must have the same

std::unique_ptr<Store> make_hdf5_store(const std::string& folder, std::size_t cache_bytes) {
  return std::make_unique<Hdf5Store>(folder + "/fields.h5", cache_bytes);
}

}  // namespace atp
