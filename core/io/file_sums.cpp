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

struct SumsStream::State {
  explicit State(WantedSums w) : wanted(w), xxh(XXH3_createState()) {
    if (!xxh) throw std::bad_alloc();
    XXH3_128bits_reset(xxh.get());
  }

  WantedSums wanted;
  std::unique_ptr<XXH3_state_t, FreeXxh> xxh;
  Sha256 sha;
};

SumsStream::SumsStream(WantedSums wanted) : state_(std::make_unique<State>(wanted)) {}
SumsStream::SumsStream(SumsStream&&) noexcept = default;
SumsStream::~SumsStream() = default;

void SumsStream::update(Bytes bytes) {
  if (state_->wanted.xxh128) XXH3_128bits_update(state_->xxh.get(), bytes.data(), bytes.size());
  if (state_->wanted.sha256) state_->sha.update(bytes);
}

FileSums SumsStream::finish() {
  FileSums sums;
  if (state_->wanted.xxh128) {
    const XXH128_hash_t h = XXH3_128bits_digest(state_->xxh.get());
    sums.xxh128 = fmt::format("{:016x}{:016x}", h.high64, h.low64);
  }
  if (state_->wanted.sha256) sums.sha256 = state_->sha.hex();
  return sums;
}

FileSums sums_of(const InputFile& file, WantedSums wanted, const std::function<void(std::uint64_t)>& progress) {
  SumsStream stream(wanted);
  std::vector<std::byte> block(kBlock);
  file.expect_sequential();
  for (std::uint64_t at = 0;;) {
    const std::size_t n = file.read_at(at, block);
    stream.update(Bytes(block).first(n));
    at += n;
    file.passed(at);
    if (progress) progress(at);
    if (n < block.size()) break;
  }
  return stream.finish();
}

}  // namespace atp
