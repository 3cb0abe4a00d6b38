#include "core/io/temporary_name.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

using namespace atp;

TEST_CASE("messages name the output, not the temporary file of this process") {
  const std::string mark = fmt::format(".tmp-{}-", ::getpid());
  CHECK(without_temporary_names("x.db" + mark + "0") == "x.db");
  CHECK(without_temporary_names("x.npz" + mark + "0" + mark + "12: record 3") == "x.npz: record 3");
  CHECK(without_temporary_names("a" + mark + "1/b" + mark + "2") == "a/b");
  CHECK(without_temporary_names("x" + mark) == "x" + mark);
  CHECK(without_temporary_names("x.tmp-0-1") == "x.tmp-0-1");  // of another
  CHECK(without_temporary_names("").empty());
}
