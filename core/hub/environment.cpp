#include "core/hub/environment.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/base/error.h"

namespace atp {
namespace {

constexpr std::size_t kLongestToken = 4096;

class Variables {
 public:
  explicit Variables(const Getenv& get) : get_(get) {}

  // Empty when it is not set.
  std::string text(const char* name) const {
    const char* value = get_(name);
    return value ? value : "";
  }

  bool flag(const char* name) const {
    std::string value = text(name);
    std::transform(value.begin(), value.end(), value.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
  }

  double seconds(const char* name, double otherwise, double least) const {
    const std::string value = text(name);
    if (value.empty()) return otherwise;
    double seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(seconds) || seconds < least || seconds > 86400) {
      throw Error(Exit::usage, name, fmt::format("'{}' is not a number of seconds", value), "set it to a number, as 10");
    }
    return seconds;
  }

  // HOME; where it is not set, as in some containers and jobs, the folder that the system has for the user.
  std::string home() const {
    if (std::string home = text("HOME"); !home.empty()) return home;
    const struct passwd* user = ::getpwuid(::getuid());
    return user && user->pw_dir ? user->pw_dir : "";
  }

  // A folder or file name, with ~ and $NAME put in.
  std::string path(const char* name) const { return expanded(text(name)); }

 private:
  std::string expanded(const std::string& path) const {
    std::string out;
    std::size_t i = 0;
    if (path == "~" || path.starts_with("~/")) {
      out = home();
      i = 1;
    }
    while (i < path.size()) {
      if (path[i] != '$') {
        out += path[i++];
        continue;
      }
      const bool braces = path.compare(i, 2, "${") == 0;
      const std::size_t from = i + (braces ? 2 : 1);
      std::size_t to = from;
      while (to < path.size() && (std::isalnum(static_cast<unsigned char>(path[to])) != 0 || path[to] == '_')) ++to;
      const std::string name = path.substr(from, to - from);
      const bool known = !name.empty() && get_(name.c_str()) && (!braces || (to < path.size() && path[to] == '}'));
      if (!known) {
        out += path[i++];
        continue;
      }
      out += text(name.c_str());
      i = to + (braces ? 1 : 0);
    }
    return out;
  }

  const Getenv& get_;
};

std::string token_from_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::string text(kLongestToken + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return cleaned_token(std::move(text), path);
}

std::string find_token(const Variables& v, const std::string& home) {
  if (v.flag("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (std::string token = cleaned_token(v.text(name), name); !token.empty()) return token;
  }
  std::string path = v.path("HF_TOKEN_PATH");
  if (path.empty()) path = home + "/token";
  return token_from_file(path);
}

}  // namespace

std::string cleaned_token(std::string text, const std::string& where) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  text = text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
  const bool plain = text.size() <= kLongestToken && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain) throw Error(Exit::usage, where, "holds no token", "a token is one word of letters and digits, as hf_...");
  return text;
}

Url HubEnvironment::at(const std::string& path) const {
  Url url = endpoint;
  while (url.target.ends_with('/')) url.target.pop_back();
  url.target += path;
  return url;
}

HubEnvironment read_environment(const Getenv& get) {
  const Variables v(get);
  HubEnvironment e;
  std::string endpoint = v.text("HF_ENDPOINT");
  if (endpoint.empty()) endpoint = "https://huggingface.co";
  const auto url = Url::parse(endpoint);
  if (!url || url->target.find('?') != std::string::npos) {
    throw Error(Exit::usage, "HF_ENDPOINT", fmt::format("'{}' is not an http or https address", endpoint), "set it as https://huggingface.co");
  }
  e.endpoint = *url;

  std::string home = v.path("HF_HOME");
  if (home.empty()) {
    std::string base = v.path("XDG_CACHE_HOME");
    if (base.empty()) base = v.home() + "/.cache";
    home = base + "/huggingface";
  }
  e.cache = v.path("HF_HUB_CACHE");
  if (e.cache.empty()) e.cache = v.path("HUGGINGFACE_HUB_CACHE");
  if (e.cache.empty()) e.cache = home + "/hub";
  while (e.cache.size() > 1 && e.cache.ends_with('/')) e.cache.pop_back();

  e.token = find_token(v, home);
  e.offline = v.flag("HF_HUB_OFFLINE") || v.flag("TRANSFORMERS_OFFLINE");
  e.symlinks = !v.flag("HF_HUB_DISABLE_SYMLINKS");
  e.progress = !v.flag("HF_HUB_DISABLE_PROGRESS_BARS");
  e.metadata_timeout = v.seconds("HF_HUB_ETAG_TIMEOUT", 10, 0.05);
  e.download_timeout = v.seconds("HF_HUB_DOWNLOAD_TIMEOUT", 10, 0.05);
  e.retry_wait = v.seconds("ATP_RETRY_WAIT", 1, 0);
  e.ca_file = v.text("SSL_CERT_FILE");
  e.ca_folder = v.text("SSL_CERT_DIR");
  return e;
}

}  // namespace atp
