#include "core/io/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "core/base/error.h"
#include "core/io/fd.h"
#include "core/io/mapped_file.h"
#include "core/io/read_once.h"

namespace atp {
namespace {

class RealInputFile final : public InputFile {
 public:
  explicit RealInputFile(const std::string& path)
      : path_(path), fd_(open_for_reading(path)), size_(static_cast<std::uint64_t>(status_of(fd_, path).st_size)) {}

  const std::string& path() const override { return path_; }
  std::uint64_t size() const override { return size_; }

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return atp::read_at(fd_, offset, out, path_);
  }

  void expect_sequential() const override {
    (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const std::lock_guard lock(mutex_);
    if (once_) return;
    try {
      map_ = MappedFile(fd_, path_);
    } catch (const Error&) {
      return;  // what is in memory is not known, so all of it stays
    }
    once_.emplace(path_, map_.id(), map_.bytes());
  }

  void passed(std::uint64_t end) const override {
    const std::lock_guard lock(mutex_);
    if (once_) once_->passed(end);
  }

 private:
  std::string path_;
  Fd fd_;
  std::uint64_t size_;
  mutable std::mutex mutex_;
  mutable MappedFile map_;  // to ask what is in memory; never read through
  mutable std::optional<ReadOnce> once_;
};

}  // namespace

std::unique_ptr<InputFile> open_input_file(const std::string& path) { return std::make_unique<RealInputFile>(path); }

void read_exactly(const InputFile& file, std::uint64_t offset, std::span<std::byte> out) {
  const std::size_t n = file.read_at(offset, out);
  if (n == out.size()) return;
  throw Error(Exit::system, file.path(), fmt::format("ends at byte {}, {} more were expected", offset + n, out.size() - n));
}

}  // namespace atp
