// Checksums of whole files, for lists that other tools read, too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/byte_reader.h"
#include "core/io/input_file.h"

namespace atp {

// Lower-case hexadecimal, as xxhsum and sha256sum print them.
struct FileSums {
  std::string xxh128;  // XXH3-128, 32 digits; empty when not asked for
  std::string sha256;  // 64 digits; likewise
};

struct WantedSums {
  bool xxh128 = true, sha256 = true;
};

// Sums of bytes that come in pieces. One thread.
class SumsStream {
 public:
  explicit SumsStream(WantedSums wanted = {});
  SumsStream(SumsStream&&) noexcept;
  ~SumsStream();

  void update(Bytes bytes);
  FileSums finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads the file once. `progress` is called with the bytes read so far. Throws Error (exit 4).
FileSums sums_of(const InputFile& file, WantedSums wanted, const std::function<void(std::uint64_t)>& progress = {});

}  // namespace atp
