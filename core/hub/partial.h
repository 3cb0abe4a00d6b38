// A file that is being fetched, in pieces and any order, and what is known to be in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/io/fd.h"

namespace atp {

// The bytes gather in a sparse file `path`; beside it a journal, `path`.journal, has a line with the XXH3-64 of every
// chunk that is whole. After a crash, a chunk is believed when it still has that hash, and fetched again when not:
// neither file is trusted. Whoever holds one has locked it against other processes.
class PartialFile {
 public:
  static constexpr std::uint64_t kChunk = 4 << 20;

  // Goes on with what is there, when it is the same `identity` (hash or validators of the content) and size; else
  // begins anew. Reads all chunks that should be there. Throws Error (exit 4), Interrupted.
  PartialFile(std::string path, const std::string& identity, std::uint64_t size);

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  std::size_t chunks() const { return sound_.size(); }
  std::uint64_t begin_of(std::size_t chunk) const { return chunk * kChunk; }
  std::uint64_t end_of(std::size_t chunk) const { return std::min(begin_of(chunk) + kChunk, size_); }
  // Which chunks were sound when it was opened.
  const std::vector<bool>& sound() const { return sound_; }

  // Any thread, different bytes. Throws Error (exit 4).
  void write(std::uint64_t offset, Bytes bytes);
  // Says that a chunk has been written and what its hash is. Any thread. Throws Error (exit 4).
  void finish_chunk(std::size_t chunk, std::uint64_t hash);
  // Forgets all chunks. While nobody writes. Throws Error (exit 4).
  void restart();
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const;
  // The bytes are on the disk under path() when it returns, and the journal is gone.
  void finish();

 private:
  void begin_journal(const std::map<std::size_t, std::uint64_t>& hashes);
  std::map<std::size_t, std::uint64_t> check_chunks(const std::string& journal);

  std::string path_, head_;
  std::uint64_t size_;
  Fd file_, journal_;
  std::mutex mutex_;  // of the journal
  std::vector<bool> sound_;
};

// Removes both files. Never throws.
void remove_partial(const std::string& path) noexcept;

}  // namespace atp
