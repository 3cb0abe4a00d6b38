#include "core/io/file_sums.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include <array>
#include <memory>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/base/error.h"

namespace atp {
namespace {

constexpr std::size_t kBlock = 1 << 20;

struct FreeXxh {
  void operator()(XXH3_state_t* s) const { XXH3_freeState(s); }
};
struct FreeEvp {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    if (!context_) throw std::bad_alloc();
    check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }

  void update(Bytes bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  // libcrypto refuses only where a policy of the machine forbids SHA-256, or without memory.
  static void check(int ok) {
    if (ok != 1) throw Error(Exit::system, "", "libcrypto refuses to compute SHA-256");
  }

  std::unique_ptr<EVP_MD_CTX, FreeEvp> context_;
};

}  // namespace

FileSums sums_of(const InputFile& file, WantedSums wanted, const std::function<void(std::uint64_t)>& progress) {
  const std::unique_ptr<XXH3_state_t, FreeXxh> xxh(XXH3_createState());
  if (!xxh) throw std::bad_alloc();
  XXH3_128bits_reset(xxh.get());
  Sha256 sha;
  std::vector<std::byte> block(kBlock);
  file.expect_sequential();
  for (std::uint64_t at = 0;;) {
    const std::size_t n = file.read_at(at, block);
    if (wanted.xxh128) XXH3_128bits_update(xxh.get(), block.data(), n);
    if (wanted.sha256) sha.update(Bytes(block).first(n));
    at += n;
    if (progress) progress(at);
    if (n < block.size()) break;
  }
  FileSums sums;
  if (wanted.xxh128) {
    const XXH128_hash_t h = XXH3_128bits_digest(xxh.get());
    sums.xxh128 = fmt::format("{:016x}{:016x}", h.high64, h.low64);
  }
  if (wanted.sha256) sums.sha256 = sha.hex();
  return sums;
}

}  // namespace atp
