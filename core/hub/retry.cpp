#include "core/hub/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>
#include <random>
#include <string>

namespace atp {
namespace {

std::optional<double> whole_seconds(std::string_view text) {
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return kLongestWait;
  if (text.empty() || error != std::errc() || end == text.data()) return std::nullopt;
  return seconds;
}

// "resolvers";r=0;t=42: nothing is left for 42 seconds.
std::optional<double> rate_limit(std::string_view text) {
  const auto left = text.find(";r="), time = text.find(";t=");
  if (left == std::string_view::npos || time == std::string_view::npos || whole_seconds(text.substr(left + 3)) != 0.0) return std::nullopt;
  return whole_seconds(text.substr(time + 3));
}

// "Wed, 21 Oct 2015 07:28:00 GMT", in seconds since 1970.
std::optional<std::time_t> http_date(std::string_view text) {
  struct tm time = {};
  if (!::strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time)) return std::nullopt;
  return ::timegm(&time);
}

// Retry-After: seconds, or a date, which counts from the server's own Date.
std::optional<double> retry_after(const HttpAnswer& answer) {
  const auto text = answer.header("retry-after");
  const auto until = http_date(text);
  if (!until) return whole_seconds(text);
  return std::max(0.0, std::difftime(*until, http_date(answer.header("date")).value_or(std::time(nullptr))));
}

}  // namespace

bool is_transient(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

double retry_delay(int attempt, const HttpAnswer* answer, double base, double jitter) {
  if (answer && (answer->status == 429 || answer->status == 503)) {
    auto asked = rate_limit(answer->header("ratelimit"));
    if (!asked) asked = retry_after(*answer);
    // One second more: the server's clock and ours do not agree on where a second ends.
    if (asked) return std::min(*asked + 1, kLongestWait) + jitter / 2;
  }
  return base * std::ldexp(1.0, std::clamp(attempt - 1, 0, 3)) * (1 + jitter / 2);
}

void wait_to_retry(int attempt, const HttpAnswer* answer, const HttpShared& shared) {
  static thread_local std::minstd_rand random(std::random_device{}());
  const double jitter = std::uniform_real_distribution<double>(0, 1)(random);
  const double delay = retry_delay(attempt, answer, shared.environment.retry_wait, jitter);
  if (shared.note && delay >= 5) {
    const bool limited = answer && answer->status == 429;
    shared.note(fmt::format("{}; waiting {:.0f} s{}", limited ? "the server limits the number of requests" : "the server does not answer as it should", delay,
                            limited && shared.environment.token.empty() ? " (with a token in HF_TOKEN the limits are higher)" : ""));
  }
  wait_seconds(delay, shared);
}

}  // namespace atp
