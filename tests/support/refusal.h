// What a refusal says.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "core/base/error.h"

namespace atp::test {

// The message of the Error that `work` throws, whose exit code is checked.
inline std::string refusal(const std::function<void()>& work, Exit exit) {
  try {
    work();
  } catch (const Error& e) {
    CHECK(e.exit() == exit);
    return e.what();
  }
  FAIL("nothing was refused");
  return {};
}

}  // namespace atp::test
