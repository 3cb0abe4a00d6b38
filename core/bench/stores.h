// The ways of storing molecules that a benchmark compares: one row each.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/batch_reader.h"
#include "core/atp/codec.h"
#include "core/bench/store.h"

namespace atp {

enum class BackendKind {
  atp,        // reads .atp files: can measure a dataset in place
  peer,       // what people use instead, in C or C++
  python,     // the same from Python, in processes of its own
  yardstick,  // what the machine allows, for --goals
};

struct Backend {
  std::string_view name;
  BackendKind kind;
  std::string_view summary;  // what it is, for the help and the report
  // Made in the process that uses it; `folder` is its own. nullptr: python, or left out of this build.
  std::unique_ptr<Store> (*make)(const std::string& folder);
  std::string_view missing;  // why this build has not got it; empty when it has
  std::string_view files = {};  // the backend whose files it reads; empty: its own
  bool sums = true;          // reads values, and its checksum must be right; false for those that only move bytes
};

// In the order of reports.
std::span<const Backend> backends();
// nullptr when there is none of that name.
const Backend* find_backend(std::string_view name);
std::vector<std::string> backend_names();

// Whether it reads .atp files that are there already.
bool reads_in_place(const Backend& backend);

// Name and version of each library that this build compares with.
std::vector<std::pair<std::string, std::string>> library_versions();
std::string lmdb_version();
std::string hdf5_version();
std::string sqlite_version();

// A store of the backend in its own folder; those of kind atp read through `io`.
std::unique_ptr<Store> make_store_in(const Backend& backend, const std::string& folder, Io io);
// The store of a backend that reads_in_place() for files that are there already.
std::unique_ptr<Store> make_store_of(const Backend& backend, std::vector<std::string> inputs, Io io);

// ---- one maker per file of this folder ------------------------------------------------------------

struct AtpVariant {
  Codec codec;
  Io io = Io::automatic;
  bool verify = false;
  int threads = 1;
};
// inputs: one file to write and read, or datasets to read.
std::unique_ptr<Store> make_atp_store(std::vector<std::string> inputs, AtpVariant variant);
std::unique_ptr<Store> make_plain_atp_store(std::vector<std::string> inputs);
std::unique_ptr<Store> make_copy_store(std::vector<std::string> inputs, Codec codec, int threads);
// Moves bytes and nothing else; reads what the same store has written.
std::unique_ptr<Store> make_disk_store(const std::string& folder);
std::unique_ptr<Store> make_lmdb_store(const std::string& folder, bool read_ahead);
std::unique_ptr<Store> make_hdf5_store(const std::string& folder, std::size_t cache_bytes);
std::unique_ptr<Store> make_sqlite_store(const std::string& folder);
std::unique_ptr<Store> make_ase_db_store(const std::string& folder);
std::unique_ptr<Store> make_ase_lmdb_store(const std::string& folder);

// The files behind dataset arguments.
std::vector<std::string> dataset_files_of(const std::vector<std::string>& inputs);

}  // namespace atp
