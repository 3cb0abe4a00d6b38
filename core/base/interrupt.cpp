#include "core/base/interrupt.h"

#include <atomic>
#include <csignal>
#include <initializer_list>

namespace atp {
namespace {

std::atomic<int> g_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);  // or a handler could not set it

void remember(int signal) { g_signal = signal; }

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = remember;
  // SA_RESETHAND: the second Ctrl-C gets the default action. No SA_RESTART: blocked reads wake up.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction inherited = {};
    sigaction(signal, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);  // nohup, and background jobs of a shell
  }
}

void throw_if_interrupted() {
  if (g_signal != 0) [[unlikely]] throw Interrupted{g_signal};
}

}  // namespace atp
