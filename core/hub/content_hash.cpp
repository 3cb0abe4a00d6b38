#include "core/hub/content_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <new>
#include <optional>
#include <vector>

#include "core/io/file_sums.h"

namespace atp {
namespace {

struct FreeEvp {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

void check(int ok) {
  if (ok != 1) throw Error(Exit::system, "", "libcrypto refuses to compute SHA-1", "git names small files by it; allow it, or pull with a machine that does");
}

}  // namespace

struct ContentHash::State {
  std::optional<SumsStream> sums;  // SHA-256 or XXH3-128
  std::unique_ptr<EVP_MD_CTX, FreeEvp> sha1;
};

ContentHash::ContentHash(const RemoteFile& file) : state_(std::make_unique<State>()) {
  if (!file.sha256.empty()) {
    wanted_ = file.sha256;
    name_ = "SHA-256";
    state_->sums.emplace(WantedSums{false, true});
  } else if (!file.git_sha1.empty()) {
    wanted_ = file.git_sha1;
    name_ = "git SHA-1";
    state_->sha1.reset(EVP_MD_CTX_new());
    if (!state_->sha1) throw std::bad_alloc();
    check(EVP_DigestInit_ex(state_->sha1.get(), EVP_sha1(), nullptr));
    const std::string head = fmt::format("blob {}", file.size);
    check(EVP_DigestUpdate(state_->sha1.get(), head.c_str(), head.size() + 1));  // its NUL included
  } else if (!file.xxh128.empty()) {
    wanted_ = file.xxh128;
    name_ = "XXH3-128";
    state_->sums.emplace(WantedSums{true, false});
  }
}

ContentHash::~ContentHash() = default;

void ContentHash::update(Bytes bytes) {
  if (state_->sums) state_->sums->update(bytes);
  if (state_->sha1) check(EVP_DigestUpdate(state_->sha1.get(), bytes.data(), bytes.size()));
}

std::string ContentHash::finish() {
  if (state_->sums) {
    const FileSums sums = state_->sums->finish();
    return sums.sha256.empty() ? sums.xxh128 : sums.sha256;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->sha1.get(), digest.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

bool has_content(const std::string& path, const RemoteFile& file) {
  ContentHash hash(file);
  if (!hash.known()) return false;
  const auto input = open_input_file(path);
  std::vector<std::byte> block(std::size_t{1} << 20);
  for (std::uint64_t at = 0;;) {
    const std::size_t n = input->read_at(at, block);
    hash.update(Bytes(block).first(n));
    at += n;
    if (n < block.size()) return hash.finish() == hash.wanted();
  }
}

}  // namespace atp
