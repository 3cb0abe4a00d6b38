#include "core/atp/prefetcher.h"

#include <doctest/doctest.h>

#include <vector>

using namespace atp;

TEST_CASE("copying gives the bytes, whatever is fetched meanwhile") {
  std::vector<std::byte> source(5000);
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 7 + i / 256);
  for (const std::size_t fetched : {0, 1, 64, 1000, 20000}) {
    const std::vector<std::byte> record(fetched);
    for (const std::size_t size : {0, 1, 63, 64, 1023, 1024, 1025, 1087, 1088, 1089, 4096, 4999}) {
      CAPTURE(fetched);
      CAPTURE(size);
      std::vector<std::byte> copy(size + 2, std::byte{0xee});
      Prefetcher prefetcher;
      prefetcher.begin(record);
      prefetcher.fetch_some();
      prefetcher.copy(copy.data() + 1, source.data() + 1, size);
      prefetcher.fetch_rest();
      CHECK(std::equal(source.begin() + 1, source.begin() + 1 + static_cast<std::ptrdiff_t>(size), copy.begin() + 1));
      CHECK(copy.front() == std::byte{0xee});
      CHECK(copy.back() == std::byte{0xee});
    }
  }
}

TEST_CASE("copying without a record to fetch is a copy of nothing for no bytes") {
  Prefetcher prefetcher;
  prefetcher.fetch_some();
  prefetcher.copy(nullptr, nullptr, 0);
  prefetcher.fetch_rest();
}
