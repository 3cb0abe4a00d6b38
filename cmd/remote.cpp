#include "cmd/remote.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/base/error.h"
#include "core/io/fd.h"

namespace atp {
namespace {

std::string read_token(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  // As other programs take it. It is not repeated: what is typed wrong ends in logs.
  if (path.starts_with("hf_") && ::access(path.c_str(), F_OK) != 0) {
    throw Error(Exit::usage, "", "--token names a file, and this looks like the token itself", "set HF_TOKEN, or write it into a file: everybody on the machine can read command lines");
  }
  const Fd file = path == "-" ? Fd(::dup(0)) : open_for_reading(path);
  std::vector<std::byte> bytes(8192);
  std::size_t end = 0;
  while (end < bytes.size()) {
    const std::size_t n = read_some(file, std::span(bytes).subspan(end), name);
    if (n == 0) break;
    end += n;
  }
  std::string token = cleaned_token(std::string(as_text(Bytes(bytes).first(end))), name);
  if (token.empty()) throw Error(Exit::usage, name, "holds no token", "write the token into it, as hf_...");
  return token;
}

constexpr int kConnections = 8, kMostConnections = 64;

}  // namespace

int remote_connections() { return common_options().jobs > 0 ? std::min(common_options().jobs, kMostConnections) : kConnections; }

std::unique_ptr<HttpShared> remote_access(const RemoteOptions& options) {
  HubEnvironment environment = read_environment([](const char* name) { return std::getenv(name); });
  if (!options.token_file.empty()) environment.token = read_token(options.token_file);
  if (!options.ca_file.empty()) {
    (void)open_for_reading(options.ca_file);
    environment.ca_file = options.ca_file;
  }
  if (!environment.progress && common_options().progress == "auto") common_options().progress = "never";
  auto shared = std::make_unique<HttpShared>(std::move(environment), options.limit_rate);
  shared->note = [](const std::string& text) { note(text); };
  shared->warn = [](const std::string& text) { warn(text); };
  return shared;
}

}  // namespace atp
