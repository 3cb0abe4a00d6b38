// Without liburing: nothing is available.
#include "core/base/error.h"
#include "core/io/read_ring.h"

namespace atp {

struct ReadRing::Ring {};

bool ReadRing::available() { return false; }

ReadRing::ReadRing(unsigned) { throw Error(Exit::usage, "", "this build has no io_uring", "build with -DATP_WITH_URING=ON (Debian: liburing-dev)"); }

ReadRing::~ReadRing() = default;

void ReadRing::start(std::uint64_t, const Fd&, std::uint64_t, std::span<std::byte>) {}

ReadRing::Done ReadRing::wait() { return {}; }

void ReadRing::drain() noexcept {}

}  // namespace atp
