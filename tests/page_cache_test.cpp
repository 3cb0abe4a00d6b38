#include "core/io/page_cache.h"

#include <doctest/doctest.h>

#include <string>

#include "core/io/mapped_file.h"
#include "tests/support/files.h"

using namespace atp;
using namespace atp::test;

TEST_CASE("what was let go of a map can be read again") {
  const TempDir dir;
  std::string text;
  for (int i = 0; text.size() < 100000; ++i) text += std::to_string(i);
  write_text(dir / "a", text);
  const MappedFile file(dir / "a");
  CHECK(as_text(file.bytes()) == text);
  let_go(file.bytes().subspan(5000, 70000));  // pages that it shares with others go, too
  let_go(file.bytes().last(10));
  let_go({});
  CHECK(as_text(file.bytes()) == text);
}
