// SIGINT, SIGTERM and SIGHUP as a question that long work asks, so that destructors run and temporary files go.
#pragma once

namespace atp {

// Thrown by throw_if_interrupted(); main turns it into 128 + signal. Not an Error: nothing is printed.
struct Interrupted {
  int signal;
};

// Lets SIGINT, SIGTERM and SIGHUP set a flag instead of killing the process, but for those the parent
// had ignored. System calls in progress return EINTR. A second signal kills, but see below. Called once, by main.
void catch_interrupts();

// While one lives, a signal that follows the first within `seconds` is ignored: an impatient second Ctrl-C does not keep
// a folder from being removed. Later ones kill. One at a time.
class CleansUpAfterInterrupts {
 public:
  explicit CleansUpAfterInterrupts(double seconds);
  ~CleansUpAfterInterrupts();
  CleansUpAfterInterrupts(const CleansUpAfterInterrupts&) = delete;
  CleansUpAfterInterrupts& operator=(const CleansUpAfterInterrupts&) = delete;
};

// Throws Interrupted when a signal has arrived. Cheap; any thread.
void throw_if_interrupted();

}  // namespace atp
