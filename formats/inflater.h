// Whole zlib streams, inflated into memory that is used again.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

// One thread. With libdeflate, where the program was built with it, else with zlib.
class Inflater {
 public:
  Inflater();
  ~Inflater();

  // The text, followed by simdjson's padding; lives until the next call. Throws Error (exit 3, no place): no whole zlib
  // stream, more than 1 GiB.
  std::string_view inflate(Bytes packed);

 private:
  struct Engine;
  void grow();

  std::unique_ptr<Engine> engine_;
  std::vector<char> out_;
};

}  // namespace atp
