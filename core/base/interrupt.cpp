#include "core/base/interrupt.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <initializer_list>

namespace atp {
namespace {

std::atomic<int> g_signal{0};
std::atomic<std::int64_t> g_first{0}, g_patience{0};  // nanoseconds: of the first signal, and after it
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);  // or a handler could not set it

std::int64_t now() {
  timespec t = {};
  clock_gettime(CLOCK_MONOTONIC, &t);  // which a handler may call
  return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec;
}

void remember(int signal) {
  const int error = errno;
  if (g_signal == 0) {
    g_first = now();
    g_signal = signal;
  } else if (now() - g_first >= g_patience) {
    std::signal(signal, SIG_DFL);
    raise(signal);  // it is blocked until the handler returns
  }
  errno = error;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = 0;  // no SA_RESTART: blocked reads wake up
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction inherited = {};
    sigaction(signal, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);  // nohup, and background jobs of a shell
  }
}

CleansUpAfterInterrupts::CleansUpAfterInterrupts(double seconds) { g_patience = static_cast<std::int64_t>(seconds * 1e9); }
CleansUpAfterInterrupts::~CleansUpAfterInterrupts() { g_patience = 0; }

void throw_if_interrupted() {
  if (g_signal != 0) [[unlikely]] throw Interrupted{g_signal};
}

}  // namespace atp
