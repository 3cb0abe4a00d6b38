// Whether an .atp file is what was written, without trusting a byte of it (man atp-verify).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/record.h"
#include "core/io/input_file.h"

namespace atp {

// What kinds of damage there are. The names stand in the output of `atp verify --json`: frozen.
namespace damage_kind {
inline constexpr std::string_view slot = "slot";                      // a header slot is not valid
inline constexpr std::string_view extension = "extension";            // our part of a header slot
inline constexpr std::string_view index = "index";                    // the index as a whole
inline constexpr std::string_view index_entry = "index_entry";        // one entry makes no sense
inline constexpr std::string_view overlap = "overlap";                // two things claim the same bytes
inline constexpr std::string_view schema = "schema";                  // the schema block
inline constexpr std::string_view checksum_block = "checksum_block";  // the block of record checksums
inline constexpr std::string_view metadata = "metadata";              // the metadata block
inline constexpr std::string_view checksum = "checksum";              // a record's stored bytes
inline constexpr std::string_view decompress = "decompress";          // a record does not decompress
inline constexpr std::string_view record = "record";                  // a record does not decode
inline constexpr std::string_view atom_count = "atom_count";          // record and index disagree
inline constexpr std::string_view schema_lock = "schema_lock";        // record and schema disagree
inline constexpr std::string_view io_error = "io_error";              // the disk refused a read
inline constexpr std::string_view not_atp = "not_atp";                // not a file of this format at all
inline constexpr std::string_view unreadable = "unreadable";          // cannot be opened
inline constexpr std::string_view manifest = "manifest";              // manifest.json and folder disagree
}  // namespace damage_kind

// Bytes that are not what they should be.
struct Damage {
  std::optional<std::uint64_t> record;
  std::uint64_t offset = 0, length = 0;  // in the file; length 0 where no bytes can be named
  std::string_view kind;                 // a damage_kind
  std::string message;
};

// Something about the science of a record: the bytes are as they were written.
struct Finding {
  std::uint64_t record;
  std::string_view kind;
  std::string message;
};

// A list that keeps its first items and counts them all, so that no file can fill the memory.
template <class T>
struct Bounded {
  static constexpr std::size_t kMost = 10000;

  std::vector<T> items;
  std::uint64_t count = 0;

  void add(T item) {
    ++count;
    if (items.size() < kMost) items.push_back(std::move(item));
  }
  void merge(Bounded&& other) {
    count += other.count;
    for (T& item : other.items) {
      if (items.size() == kMost) break;
      items.push_back(std::move(item));
    }
  }
  bool empty() const { return count == 0; }
};

enum class Checksums { none, some, all };

struct FileReport {
  std::string path;
  std::uint64_t bytes = 0;       // of the file
  std::uint64_t bytes_read = 0;  // of it
  std::uint64_t records = 0, atoms = 0;
  std::uint64_t generation = 0;
  char slot = 0;                 // 'A' or 'B'; 0: none is valid
  Checksums checksums = Checksums::none;
  Bounded<Damage> damage;
  Bounded<Finding> findings;
  std::map<std::string_view, std::uint64_t> findings_by_kind;
  std::vector<std::string> notes;  // what is allowed, and still worth knowing

  bool sound() const { return damage.empty(); }
};

// What a look at the values of records leaves behind, per batch of records.
struct ValueNotes {
  std::vector<Finding> findings;
  struct Fingerprint {
    std::uint64_t record, high, low;
  };
  std::vector<Fingerprint> fingerprints;
};

struct VerifyOptions {
  bool quick = false;
  int jobs = 1;
  // Called with every sound record, on any thread. Adds what it finds.
  std::function<void(std::uint64_t record, const RecordView&, ValueNotes&)> look;
  // Called with what `look` added, on one thread at a time and in file order; may add findings.
  std::function<void(ValueNotes&)> noted;
  // Called now and then on one thread at a time with what has been checked of this file.
  std::function<void(std::uint64_t bytes, std::uint64_t records)> progress;
};

// Checks a file. Damage is in the report; throws Error (exit 3) when the file is and never was an
// .atp file of this version, exit 4 when not even its header can be read. Memory: a few MB per
// thread and what the largest record takes, plus 36 bytes a record when the index is not in the
// order of the file.
FileReport verify_file(const InputFile& file, const VerifyOptions& options);

}  // namespace atp
