// One HTTP exchange at a time: no redirect is followed here and nothing is tried again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/hub/environment.h"

namespace atp {

// Bytes a second for all connections together. Any thread.
class RateLimiter {
 public:
  explicit RateLimiter(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  // Seconds to wait before going on, now that these bytes have come.
  double owed(std::uint64_t bytes);

 private:
  std::uint64_t rate_;  // 0: no limit
  std::mutex mutex_;
  std::chrono::steady_clock::time_point free_at_{};
};

// What all connections of a run share. Any thread once it is set up.
struct HttpShared {
  HttpShared(HubEnvironment e, std::uint64_t bytes_per_second) : environment(std::move(e)), limiter(bytes_per_second) {}

  HubEnvironment environment;
  RateLimiter limiter;
  std::atomic<bool> stop{false};                     // another thread failed: exchanges end with Trouble::stopped
  std::atomic<std::uint64_t> requests{0}, bytes{0};  // sent; received in bodies
  std::function<void(const std::string&)> note;      // says why something takes long; any thread
  std::function<void(const std::string&)> warn;      // says what the user must know; any thread
};

// Why there is no answer, or no whole one.
enum class Trouble { resolve, connect, proxy, busy_proxy, timeout, closed, tls, protocol, too_large, refused_by_sink, stopped };

struct HttpFailure {
  Trouble trouble;
  std::string text;  // for people; has no address in it

  // Whether the same request may succeed a moment later.
  bool transient() const {
    return trouble == Trouble::resolve || trouble == Trouble::connect || trouble == Trouble::busy_proxy || trouble == Trouble::timeout || trouble == Trouble::closed ||
           trouble == Trouble::protocol;
  }
};

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // empty where a sink took it

  // The last header of this name (lower case); empty when there is none.
  std::string_view header(std::string_view name) const;
  std::optional<std::uint64_t> content_length() const;
  bool is_redirect() const { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }
};

struct HttpRequest {
  enum class Method { get, head, post };

  Method method = Method::get;
  Url url;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> range;  // first and last byte
  std::string json;           // of a post
  std::size_t most_body = std::size_t{64} << 20;  // of a body without sink
  // Has the body of a 200 or 206, piece by piece; false ends the exchange with Trouble::refused_by_sink.
  std::function<bool(const HttpAnswer& head, Bytes piece)> sink;
};

// A connection that is kept open between exchanges. One thread.
//
// The token goes into a request to the endpoint's own scheme, host and port, and into no other. Certificates are
// always checked. Headers that are not all there within the environment's timeout, a body without bytes, or with fewer
// than 1 KB a second, for that long end as Trouble::timeout. Signals are answered within 0.1 s.
class HttpConnection {
 public:
  explicit HttpConnection(HttpShared& shared);
  HttpConnection(HttpConnection&&) noexcept;
  ~HttpConnection();

  // The answer, whatever its status. Throws HttpFailure, Interrupted; Error (exit 2) in a build without libcurl.
  HttpAnswer perform(const HttpRequest& request);
  HttpShared& shared() const { return *shared_; }

 private:
  struct State;
  HttpShared* shared_;
  std::unique_ptr<State> state_;
};

// Why this build cannot reach the network; empty when it can.
std::string_view network_missing();

// Waits, and answers signals meanwhile. Throws Interrupted; HttpFailure (stopped) when shared.stop is set.
void wait_seconds(double seconds, const HttpShared& shared);

}  // namespace atp
