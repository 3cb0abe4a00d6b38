#include "core/io/read_ring.h"

#include <liburing.h>

#include <algorithm>
#include <cerrno>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // the kernel reads no more than 2 GiB in one go

}  // namespace

struct ReadRing::Ring {
  struct io_uring uring = {};
  unsigned under_way = 0;
};

bool ReadRing::available() {
  static const bool works = [] {
    struct io_uring probe = {};
    if (::io_uring_queue_init(1, &probe, 0) != 0) return false;
    ::io_uring_queue_exit(&probe);
    return true;
  }();
  return works;
}

ReadRing::ReadRing(unsigned depth) : ring_(std::make_unique<Ring>()) {
  if (const int error = ::io_uring_queue_init(depth, &ring_->uring, 0); error != 0) fail_system("", "io_uring is refused", -error);
}

ReadRing::~ReadRing() {
  drain();
  ::io_uring_queue_exit(&ring_->uring);
}

void ReadRing::start(std::uint64_t tag, const Fd& fd, std::uint64_t offset, std::span<std::byte> out) {
  struct io_uring_sqe* entry = ::io_uring_get_sqe(&ring_->uring);
  if (!entry) throw Error(Exit::system, "", "more reads at once than the ring has places for");
  ::io_uring_prep_read(entry, fd.get(), out.data(), static_cast<unsigned>(std::min(out.size(), kMostAtOnce)), offset);
  ::io_uring_sqe_set_data64(entry, tag);
  ++ring_->under_way;
}

ReadRing::Done ReadRing::wait() {
  for (;;) {
    struct io_uring_cqe* entry = nullptr;
    int error = ::io_uring_submit(&ring_->uring);
    if (error >= 0) error = ::io_uring_wait_cqe(&ring_->uring, &entry);
    if (error == 0) {
      const Done done{::io_uring_cqe_get_data64(entry), entry->res};
      ::io_uring_cqe_seen(&ring_->uring, entry);
      --ring_->under_way;
      return done;
    }
    throw_if_interrupted();
    if (error != -EINTR && error != -EAGAIN && error != -EBUSY) fail_system("", "cannot wait for reads", -error);
  }
}

void ReadRing::drain() noexcept {
  ::io_uring_submit(&ring_->uring);
  while (ring_->under_way != 0) {
    struct io_uring_cqe* entry = nullptr;
    if (::io_uring_wait_cqe(&ring_->uring, &entry) != 0) continue;  // a signal: the kernel still writes to the buffers
    ::io_uring_cqe_seen(&ring_->uring, entry);
    --ring_->under_way;
  }
}

}  // namespace atp
