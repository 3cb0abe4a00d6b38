#include "core/capi/guard.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include "core/capi/atp.h"

namespace atp {
namespace {

// Of fixed size: to say that there is no memory must not need any.
thread_local char last_error[2048] = "";

void say(std::string_view text) noexcept {
  const std::size_t n = std::min(text.size(), sizeof(last_error) - 1);
  std::memcpy(last_error, text.data(), n);
  last_error[n] = '\0';
}

int code_of(Exit exit) noexcept {
  switch (exit) {
    case Exit::usage: return ATP_E_ARGUMENT;
    case Exit::input: return ATP_E_INPUT;
    case Exit::system: return ATP_E_SYSTEM;
    default: return ATP_E_INTERNAL;
  }
}

}  // namespace

void fail_argument(std::string what) { throw Error(Exit::usage, "", std::move(what)); }

int run_guarded(void (*call)(void*), void* context) noexcept {
  say("");
  try {
    call(context);
    return ATP_OK;
  } catch (const TooSmall& e) {
    say(e.message);
    return ATP_E_TOO_SMALL;
  } catch (const Error& e) {
    say(e.what());
    return code_of(e.exit());
  } catch (const std::bad_alloc&) {
    say("no memory left");
    return ATP_E_MEMORY;
  } catch (const std::exception& e) {
    say(e.what());
    return ATP_E_INTERNAL;
  } catch (...) {
    say("unknown");
    return ATP_E_INTERNAL;
  }
}

}  // namespace atp

extern "C" {

const char* atp_version(void) { return ATP_VERSION; }
const char* atp_last_error(void) { return atp::last_error; }

}
