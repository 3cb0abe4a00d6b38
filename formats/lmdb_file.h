// LMDB files, read without liblmdb: it trusts the file it maps, and these come from anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/io/mapped_file.h"

namespace atp {

struct LmdbEntry {
  std::string_view key;
  Bytes value;
};

// The unnamed database of one LMDB file (format version 1, as LMDB 0.9 writes it on 64-bit machines). Immutable, so
// threads share it; entries live as long as the object. It takes no lock: a file that is written to
// meanwhile may give an Error or a mix of old and new, never a crash.
//
// Every page number, offset and size is held against the file before use, and no page is visited
// twice, so the work is bounded by the file's size.
class LmdbFile {
 public:
  // `path` may be a file or a folder with data.mdb. Throws Error (exit 3) for what is no LMDB file.
  explicit LmdbFile(const std::string& path);
  // Bytes in memory, which must outlive the object. For tests.
  LmdbFile(Bytes bytes, std::string name);

  // All entries in the database's order, until `visit` returns false. Throws Error (exit 3) at a
  // page or node that cannot be.
  void for_each(const std::function<bool(const LmdbEntry&)>& visit) const;
  // How many entries the file says it has; not to be trusted before for_each() has counted.
  std::uint64_t entries() const { return entries_; }
  std::uint64_t bytes() const { return bytes_.size(); }
  const std::string& name() const { return name_; }

 private:
  struct Walk;
  void open();
  Bytes page(std::uint64_t number, const Walk& walk) const;
  bool visit_page(std::uint64_t number, unsigned depth, Walk& walk) const;
  bool visit_leaf(Bytes node, const Walk& walk) const;
  Bytes overflow(std::uint64_t number, std::uint64_t size) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string name_;
  MappedFile map_;
  Bytes bytes_;
  std::uint64_t page_size_ = 0, root_ = 0, entries_ = 0;
};

// Whether the first bytes of a file are those of an LMDB file.
bool looks_like_lmdb(std::string_view head);

// The file that an LMDB path stands for: itself, or data.mdb in a folder. Empty when there is none.
std::string lmdb_file_of(const std::string& path);

// The first entry whose key is made of digits, for telling what a database holds: key and value as
// copies, empty when there is none or the file is broken. Never throws Error.
std::pair<std::string, std::string> first_numbered_entry(const std::string& path);

}  // namespace atp
