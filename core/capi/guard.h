// What every function of the C interface has around it: errors as codes, and in words for atp_last_error().
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

#include "core/base/error.h"

namespace atp {

// The caller's arrays are too small; the message says what is needed.
struct TooSmall {
  std::string message;
};

[[noreturn]] void fail_argument(std::string what);

int run_guarded(void (*call)(void*), void* context) noexcept;

// Runs `call` and returns ATP_OK, or the code of what it throws. Needs no memory.
template <class Call>
int guarded(Call&& call) noexcept {
  return run_guarded([](void* context) { (*static_cast<std::remove_reference_t<Call>*>(context))(); }, &call);
}

template <class T>
T& not_null(T* p, const char* name) {
  if (p == nullptr) fail_argument(std::string(name) + " is NULL");
  return *p;
}

// A struct of the caller's, whose first member says how much of it there is.
template <class Struct>
Struct& checked(Struct* s, const char* name) {
  if (not_null(s, name).struct_bytes >= sizeof(Struct)) return *s;
  fail_argument(std::string(name) + "->struct_bytes is " + std::to_string(s->struct_bytes) + ", it must be " + std::to_string(sizeof(Struct)));
}

}  // namespace atp
