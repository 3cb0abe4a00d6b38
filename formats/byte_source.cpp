#include "formats/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/io/fd.h"
#include "formats/decompressor.h"

namespace atp {

class RawInput {
 public:
  virtual ~RawInput() = default;
  virtual std::size_t read(std::span<std::byte> out) = 0;  // 0 at the end
};

namespace {

constexpr std::size_t kRawBuffer = std::size_t{256} << 10;
constexpr std::size_t kPeek = std::size_t{64} << 10;
constexpr std::size_t kLongestMagic = 6;

class FdInput : public RawInput {
 public:
  FdInput(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {
    const struct stat st = status_of(fd_, name_);
    const off_t start = S_ISREG(st.st_mode) ? ::lseek(fd_.get(), 0, SEEK_CUR) : 0;  // stdin may be half read
    if (S_ISREG(st.st_mode) && start < st.st_size) promised_ = static_cast<std::uint64_t>(st.st_size - start);
  }

  std::size_t read(std::span<std::byte> out) override {
    if (!sequential_ && taken_ >= kPeek) {
      ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
      sequential_ = true;
    }
    const std::size_t n = read_some(fd_, out, name_);
    taken_ += n;
    if (n == 0 && !out.empty() && taken_ < promised_) {
      fail_input(name_, fmt::format("became shorter while it was read: {} bytes of {}", taken_, promised_),
                 "wait until nothing writes to it");
    }
    return n;
  }

 private:
  Fd fd_;
  std::string name_;
  std::uint64_t promised_ = 0, taken_ = 0;
  bool sequential_ = false;  // more than the head is read, which a format with a reader of its own does not want
};

class MemoryInput : public RawInput {
 public:
  explicit MemoryInput(Bytes bytes) : rest_(bytes) {}
  std::size_t read(std::span<std::byte> out) override {
    const std::size_t n = std::min(out.size(), rest_.size());
    if (n > 0) std::memcpy(out.data(), rest_.data(), n);
    rest_ = rest_.subspan(n);
    return n;
  }

 private:
  Bytes rest_;
};

class CalledInput : public RawInput {
 public:
  explicit CalledInput(std::function<std::size_t(std::span<std::byte>)> read) : read_(std::move(read)) {}
  std::size_t read(std::span<std::byte> out) override { return read_(out); }

 private:
  std::function<std::size_t(std::span<std::byte>)> read_;
};

bool is_stream(const std::string& path) {
  struct stat st = {};
  return ::stat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

// A FIFO or device named on purpose. Not blocking: read_some() waits for the writer, and for signals.
Fd open_stream(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) fail_system(path, "cannot open", errno);
  return fd;
}

Fd open_input_file(const std::string& path) {
  if (path == "-") {
    Fd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) fail_system("<stdin>", "cannot read", errno);
    return fd;
  }
  if (is_stream(path)) return open_stream(path);
  Fd fd = open_for_reading(path);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);  // no read-ahead of 16 MB for a look at its head
  return fd;
}

}  // namespace

ByteSource::ByteSource(const std::string& path)
    : name_(path == "-" ? "<stdin>" : path), input_(std::make_unique<FdInput>(open_input_file(path), name_)) {
  start();
}

ByteSource::ByteSource(std::string name, Bytes bytes)
    : name_(std::move(name)), input_(std::make_unique<MemoryInput>(bytes)) {
  start();
}

ByteSource::ByteSource(std::string name, std::function<std::size_t(std::span<std::byte>)> read)
    : name_(std::move(name)), input_(std::make_unique<CalledInput>(std::move(read))) {
  start();
}

ByteSource::~ByteSource() = default;

void ByteSource::start() {
  buffer_.resize(kRawBuffer);
  std::size_t have = 0;
  while (have < kLongestMagic) {  // a pipe may give a byte at a time
    const std::size_t n = read_raw(std::span(buffer_).subspan(have));
    if (n == 0) break;
    have += n;
  }
  raw_ = Bytes(buffer_).first(have);
  try {
    decompressor_ = make_decompressor(as_text(raw_));
  } catch (const Error& e) {
    throw e.within(name_);
  }
}

std::size_t ByteSource::read_raw(std::span<std::byte> out) {
  const std::size_t n = input_->read(out);
  hash_.update(out.first(n));
  input_ended_ = n == 0;
  return n;
}

void ByteSource::refill() {
  const std::size_t n = read_raw(buffer_);
  raw_ = Bytes(buffer_).first(n);
}

InputState ByteSource::state() const {
  return {position_, input_ended_ ? std::optional(hash_.digest()) : std::nullopt};
}

std::size_t ByteSource::read_plain(std::span<char> out) {
  if (raw_.empty() && !input_ended_) {
    // Nothing buffered: straight to where the bytes are wanted.
    const std::size_t n = read_raw(std::as_writable_bytes(out));
    position_ += n;
    return n;
  }
  const std::size_t n = std::min(out.size(), raw_.size());
  if (n > 0) std::memcpy(out.data(), raw_.data(), n);
  raw_ = raw_.subspan(n);
  position_ += n;
  return n;
}

std::size_t ByteSource::read_decompressed(std::span<char> out) try {
  for (;;) {
    if (raw_.empty() && !input_ended_) refill();
    const std::size_t had = raw_.size();
    const std::size_t n = decompressor_->step(raw_, out);
    position_ += had - raw_.size();
    if (n > 0) return n;
    if (had == raw_.size() && input_ended_) {
      if (!raw_.empty()) fail_input("", fmt::format("has bytes after its {} stream", decompressor_->format()));
      if (!decompressor_->complete()) {
        fail_input("", fmt::format("is cut short in its {} stream", decompressor_->format()),
                   "copy or download it again");
      }
      return 0;
    }
  }
} catch (const Error& e) {
  if (e.where().empty()) throw e.within(name_);
  throw;
}

std::size_t ByteSource::read(std::span<char> out) {
  if (out.empty()) return 0;
  if (head_used_ < head_.size()) {
    const std::size_t n = std::min(out.size(), head_.size() - head_used_);
    std::memcpy(out.data(), head_.data() + head_used_, n);
    head_used_ += n;
    return n;
  }
  return decompressor_ ? read_decompressed(out) : read_plain(out);
}

std::string_view ByteSource::peek() {
  if (!head_.empty()) return head_;
  head_.resize(kPeek);
  std::size_t have = 0;
  while (have < head_.size()) {
    const std::span<char> rest = std::span(head_).subspan(have);
    const std::size_t n = decompressor_ ? read_decompressed(rest) : read_plain(rest);
    if (n == 0) break;
    have += n;
  }
  head_.resize(have);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // of editors; no format of bytes begins so
  if (head_.starts_with(kByteOrderMark)) head_.erase(0, kByteOrderMark.size());
  return head_;
}

}  // namespace atp
