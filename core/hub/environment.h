// What the environment says about the Hub: the variables that huggingface_hub reads (in its documentation:
// "Environment variables"), with the same meaning.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/hub/url.h"

namespace atp {

struct HubEnvironment {
  Url endpoint;          // HF_ENDPOINT; its target is what precedes /api, mostly "/"
  std::string cache;     // HF_HUB_CACHE
  std::string token;     // empty: none. Never printed, never written
  bool offline = false;  // HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, or the network has failed
  std::string offline_why = "HF_HUB_OFFLINE is set";
  bool symlinks = true;  // not HF_HUB_DISABLE_SYMLINKS
  bool progress = true;  // not HF_HUB_DISABLE_PROGRESS_BARS
  double metadata_timeout = 10;  // seconds, HF_HUB_ETAG_TIMEOUT
  double download_timeout = 10;  // seconds to connect, and without bytes; HF_HUB_DOWNLOAD_TIMEOUT
  double retry_wait = 1;         // seconds before the first retry, ATP_RETRY_WAIT
  std::string ca_file, ca_folder;  // SSL_CERT_FILE, SSL_CERT_DIR; empty: the system's

  // The endpoint followed by `path`, which begins with '/'.
  Url at(const std::string& path) const;
  // What a request to this address may carry: the token, for the endpoint's own scheme, host and port. Else empty.
  std::string_view token_for(const Url& url) const { return url.same_origin(endpoint) ? std::string_view(token) : std::string_view(); }
};

using Getenv = std::function<const char*(const char*)>;

// Throws Error (exit 2) naming the variable that makes no sense. A token file that cannot be read is none. One thread.
HubEnvironment read_environment(const Getenv& get);

// A token as it stands in a file or variable: trimmed, without line ends. Throws Error (exit 2, at `where`) for what
// cannot be in a header; the text is not shown.
std::string cleaned_token(std::string text, const std::string& where);

}  // namespace atp
