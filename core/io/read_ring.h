// Many reads of files under way at once, through io_uring.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/io/fd.h"

namespace atp {

// One thread. Not in every build (liburing), and containers often forbid it: see available().
class ReadRing {
 public:
  static bool available();

  // At most `depth` reads at once. Throws Error (exit 4) when the system refuses.
  explicit ReadRing(unsigned depth);
  ~ReadRing();  // drains
  ReadRing(const ReadRing&) = delete;
  ReadRing& operator=(const ReadRing&) = delete;

  // Starts to fill `out`. The file and `out` must stay until wait() has given the tag back, or drain() returned.
  void start(std::uint64_t tag, const Fd& fd, std::uint64_t offset, std::span<std::byte> out);

  struct Done {
    std::uint64_t tag;
    int result;  // bytes read, perhaps fewer than asked for; -errno when the read failed
  };
  // Waits for any read. Throws Interrupted on a signal.
  Done wait();

  // Waits for all reads that are under way and forgets them.
  void drain() noexcept;

 private:
  struct Ring;
  std::unique_ptr<Ring> ring_;
};

}  // namespace atp
