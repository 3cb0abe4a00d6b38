#include "core/hub/partial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::uint64_t kLargestJournal = std::uint64_t{1} << 30;

std::string journal_of(const std::string& path) { return path + ".journal"; }

Fd open_file(const std::string& path, int more) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | more, 0666));
  if (!fd) fail_system(path, "cannot open for writing", errno);
  return fd;
}

void write_all(const Fd& fd, Bytes bytes, std::optional<std::uint64_t> offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = offset ? ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(*offset)) : ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_system(path, "cannot write", n < 0 ? errno : EIO);
    if (offset) *offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void truncate(const Fd& fd, std::uint64_t size, const std::string& path) {
  while (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) fail_system(path, "cannot set its size", errno);
  }
}

std::string line_of(std::size_t chunk, std::uint64_t hash) { return fmt::format("{} {:016x}\n", chunk, hash); }

// A line of the journal; false for one that a kill cut off.
bool parse_line(std::string_view line, std::size_t& chunk, std::uint64_t& hash) {
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos || line.size() != blank + 17) return false;
  const auto [end, error] = std::from_chars(line.data(), line.data() + blank, chunk);
  const auto [last, error_too] = std::from_chars(line.data() + blank + 1, line.data() + line.size(), hash, 16);
  return error == std::errc() && end == line.data() + blank && error_too == std::errc() && last == line.data() + line.size();
}

}  // namespace

PartialFile::PartialFile(std::string path, const std::string& identity, std::uint64_t size)
    : path_(std::move(path)), size_(size), file_(open_file(path_, 0)), journal_(open_file(journal_of(path_), O_APPEND)) {
  head_ = fmt::format("atp pull journal 1, {} bytes, {} a chunk, {:016x}\n", size, kChunk, xxh3(as_bytes(identity)));
  sound_.resize(static_cast<std::size_t>((size + kChunk - 1) / kChunk));
  const auto journal_size = static_cast<std::uint64_t>(status_of(journal_, journal_of(path_)).st_size);
  std::string journal(static_cast<std::size_t>(std::min(journal_size, kLargestJournal)), '\0');
  journal.resize(atp::read_at(journal_, 0, std::as_writable_bytes(std::span(journal)), journal_of(path_)));
  begin_journal(journal.starts_with(head_) ? check_chunks(journal) : std::map<std::size_t, std::uint64_t>{});
}

// Begins it anew with the chunks that are sound: what was cut off or wrong must not stay between good lines.
void PartialFile::begin_journal(const std::map<std::size_t, std::uint64_t>& hashes) {
  std::string text = head_;
  for (const auto& [chunk, hash] : hashes) text += line_of(chunk, hash);
  truncate(journal_, 0, journal_of(path_));
  truncate(file_, size_, path_);
  write_all(journal_, as_bytes(text), std::nullopt, journal_of(path_));
}

std::map<std::size_t, std::uint64_t> PartialFile::check_chunks(const std::string& journal) {
  std::map<std::size_t, std::uint64_t> hashes;
  std::vector<std::byte> bytes;
  std::string_view rest = std::string_view(journal).substr(head_.size());
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    throw_if_interrupted();
    std::size_t chunk = 0;
    std::uint64_t hash = 0;
    const bool whole = parse_line(rest.substr(0, end), chunk, hash);
    rest.remove_prefix(end + 1);
    if (!whole || chunk >= sound_.size()) continue;
    bytes.resize(static_cast<std::size_t>(end_of(chunk) - begin_of(chunk)));
    sound_[chunk] = read_at(begin_of(chunk), bytes) == bytes.size() && xxh3(bytes) == hash;
    hashes.erase(chunk);  // of several lines the last one counts
    if (sound_[chunk]) hashes[chunk] = hash;
  }
  return hashes;
}

void PartialFile::write(std::uint64_t offset, Bytes bytes) { write_all(file_, bytes, offset, path_); }

void PartialFile::finish_chunk(std::size_t chunk, std::uint64_t hash) {
  // Begins to write it out, so that the sync at the end finds little to do.
  (void)::sync_file_range(file_.get(), static_cast<off_t>(begin_of(chunk)), static_cast<off_t>(end_of(chunk) - begin_of(chunk)), SYNC_FILE_RANGE_WRITE);
  const std::lock_guard lock(mutex_);
  write_all(journal_, as_bytes(line_of(chunk, hash)), std::nullopt, journal_of(path_));
}

void PartialFile::restart() {
  sound_.assign(sound_.size(), false);
  truncate(file_, 0, path_);
  begin_journal({});
}

std::size_t PartialFile::read_at(std::uint64_t offset, std::span<std::byte> out) const { return atp::read_at(file_, offset, out, path_); }

void PartialFile::finish() {
  while (::fsync(file_.get()) != 0) {
    if (errno != EINTR) fail_system(path_, "cannot sync", errno);
  }
  ::unlink(journal_of(path_).c_str());
}

void remove_partial(const std::string& path) noexcept {
  ::unlink(path.c_str());
  ::unlink((path + ".journal").c_str());
}

}  // namespace atp
