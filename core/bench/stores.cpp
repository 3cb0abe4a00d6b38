#include "core/bench/stores.h"

#include "core/base/error.h"

namespace atp {
namespace {

#ifdef ATP_HAVE_LMDB
constexpr std::string_view kNoLmdb = "";
std::unique_ptr<Store> lmdb(const std::string& f) { return make_lmdb_store(f, true); }
std::unique_ptr<Store> lmdb_nordahead(const std::string& f) { return make_lmdb_store(f, false); }
constexpr auto kAseLmdb = make_ase_lmdb_store;
#else
constexpr std::string_view kNoLmdb = "this build has no LMDB (Debian: liblmdb-dev)";
constexpr std::unique_ptr<Store> (*lmdb)(const std::string&) = nullptr;
constexpr auto lmdb_nordahead = lmdb, kAseLmdb = lmdb;
#endif

#ifdef ATP_HAVE_HDF5
constexpr std::string_view kNoHdf5 = "";
std::unique_ptr<Store> hdf5(const std::string& f) { return make_hdf5_store(f, 0); }
std::unique_ptr<Store> hdf5_cache(const std::string& f) { return make_hdf5_store(f, std::size_t{2} << 30); }
#else
constexpr std::string_view kNoHdf5 = "this build has no HDF5 (Debian: libhdf5-dev)";
constexpr std::unique_ptr<Store> (*hdf5)(const std::string&) = nullptr;
constexpr auto hdf5_cache = hdf5;
#endif

#ifdef ATP_HAVE_SQLITE
constexpr std::string_view kNoSqlite = "";
constexpr auto kSqlite = make_sqlite_store;
constexpr auto kAseDb = make_ase_db_store;
#else
constexpr std::string_view kNoSqlite = "this build has no SQLite (Debian: libsqlite3-dev)";
constexpr std::unique_ptr<Store> (*kSqlite)(const std::string&) = nullptr;
constexpr auto kAseDb = kSqlite;
#endif

std::string file_in(const std::string& folder) { return folder + "/data.atp"; }

struct AtpRow {
  std::string_view name;
  Codec codec;
  bool verify;
  int threads;
};
constexpr Codec kZstd3{CodecId::zstd, 3};
constexpr AtpRow kAtpRows[] = {
    {"atp", {}, false, 1}, {"atp-verified", {}, true, 1}, {"atp-2threads", {}, false, 2}, {"atp-zstd", kZstd3, false, 1}};

template <std::size_t Row>
std::unique_ptr<Store> atp_row(const std::string& folder) {
  return make_atp_store({file_in(folder)}, {kAtpRows[Row].codec, Io::automatic, kAtpRows[Row].verify, kAtpRows[Row].threads});
}
std::unique_ptr<Store> plain(const std::string& folder) { return make_plain_atp_store({file_in(folder)}); }
std::unique_ptr<Store> copy(const std::string& folder) { return make_copy_store({file_in(folder)}, {}, 1); }
std::unique_ptr<Store> copy_in_two(const std::string& folder) { return make_copy_store({file_in(folder)}, {}, 2); }
std::unique_ptr<Store> copy_zstd(const std::string& folder) { return make_copy_store({file_in(folder)}, kZstd3, 1); }

constexpr Backend kBackends[] = {
    {"atp", BackendKind::atp, ".atp, the batch reader", atp_row<0>, ""},
    {"atp-verified", BackendKind::atp, ".atp, every record held against its checksum", atp_row<1>, "", "atp"},
    {"lmdb", BackendKind::peer, "LMDB, packed values (C interface)", lmdb, kNoLmdb},
    {"hdf5", BackendKind::peer, "HDF5, a chunked dataset a field, default chunk cache (C interface)", hdf5, kNoHdf5},
    {"hdf5-cache", BackendKind::peer, "the same with 2 GiB of chunk cache a dataset", hdf5_cache, kNoHdf5, "hdf5"},
    {"sqlite", BackendKind::peer, "SQLite, packed blobs, mapped (C interface)", kSqlite, kNoSqlite},
    {"ase-db", BackendKind::peer, "ASE's SQLite schema (C interface)", kAseDb, kNoSqlite},
    {"aselmdb", BackendKind::peer, "ASE LMDB: zlib-compressed JSON (C interface)", kAseLmdb, kNoLmdb},
    {"py-lmdb-pickle", BackendKind::python, "Python: LMDB with pickled NumPy arrays", nullptr, ""},
    {"py-hdf5", BackendKind::python, "Python: h5py, a chunked dataset a field", nullptr, ""},
    {"py-ase-sqlite", BackendKind::python, "Python: ase.db with SQLite", nullptr, ""},
    {"py-ase-lmdb", BackendKind::python, "Python: ASE rows as zlib-compressed JSON in LMDB", nullptr, ""},
    {"atp-2threads", BackendKind::yardstick, ".atp, the list shared by two threads", atp_row<2>, "", "atp"},
    {"atp-zstd", BackendKind::yardstick, ".atp with zstd:3", atp_row<3>, ""},
    {"lmdb-nordahead", BackendKind::yardstick, "LMDB with MDB_NORDAHEAD", lmdb_nordahead, kNoLmdb, "lmdb"},
    {"map", BackendKind::yardstick, "the mapped .atp file, record by record", plain, "", "atp"},
    {"copy", BackendKind::yardstick, "prefetched memcpy of the records into one buffer, and the sum of all words there", copy, "", "atp", false},
    {"copy-2threads", BackendKind::yardstick, "the same, the list shared by two threads", copy_in_two, "", "atp", false},
    {"disk", BackendKind::yardstick, "bare writes, and bare io_uring reads of cold molecules, 128 at a time", make_disk_store, "", "", false},
    {"unzstd", BackendKind::yardstick, "zstd:3 records through ZSTD_decompressDCtx, and the sum of all words there", copy_zstd, "", "atp-zstd", false},
};

}  // namespace

std::span<const Backend> backends() { return kBackends; }

const Backend* find_backend(std::string_view name) {
  for (const Backend& b : kBackends) {
    if (b.name == name) return &b;
  }
  return nullptr;
}

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const Backend& b : kBackends) names.emplace_back(b.name);
  return names;
}

bool reads_in_place(const Backend& backend) {
  return (backend.name == "atp" || backend.files == "atp") && backend.sums;
}

std::vector<std::pair<std::string, std::string>> library_versions() {
  std::vector<std::pair<std::string, std::string>> out;
#ifdef ATP_HAVE_LMDB
  out.emplace_back("lmdb", lmdb_version());
#endif
#ifdef ATP_HAVE_HDF5
  out.emplace_back("hdf5", hdf5_version());
#endif
#ifdef ATP_HAVE_SQLITE
  out.emplace_back("sqlite", sqlite_version());
#endif
  return out;
}

std::unique_ptr<Store> make_store_in(const Backend& backend, const std::string& folder, Io io) {
  return io != Io::automatic && backend.kind == BackendKind::atp ? make_store_of(backend, {file_in(folder)}, io) : backend.make(folder);
}

std::unique_ptr<Store> make_store_of(const Backend& backend, std::vector<std::string> inputs, Io io) {
  for (const AtpRow& row : kAtpRows) {
    if (row.name == backend.name) return make_atp_store(std::move(inputs), {{}, io, row.verify, row.threads});
  }
  return make_plain_atp_store(std::move(inputs));
}

}  // namespace atp
