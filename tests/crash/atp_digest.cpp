// Reads every record of .atp files against its checksum and prints what they hold, so that scripts can
// compare: `atp_digest FILE...` prints "GENERATION RECORDS HASH" for each. Exit 1 when one is not whole.
#include <fmt/format.h>

#include <cstdio>

#include "core/atp/reader.h"
#include "core/base/error.h"
#include "core/base/hash.h"

int main(int argc, char** argv) {
  int exit = 0;
  for (int i = 1; i < argc; ++i) {
    try {
      const atp::Reader reader(argv[i]);
      reader.check_index();
      (void)reader.metadata();
      atp::Scratch scratch;
      atp::Xxh3Stream hash;
      for (std::uint64_t r = 0; r < reader.size(); ++r) {
        reader.verified_record(r, scratch).check();
        hash.update(reader.stored(r));
      }
      fmt::print("{} {} {:016x}\n", reader.slot().generation, reader.size(), hash.digest());
    } catch (const atp::Error& e) {
      fmt::print("{}\n", e.what());
      exit = 1;
    }
  }
  return exit;
}
