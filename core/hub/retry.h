// When a request that failed is tried again.
#pragma once

#include "core/hub/http.h"

namespace atp {

inline constexpr int kMostRetries = 5;

// Whether the same request may succeed later: 408, 429, 500, 502, 503, 504.
bool is_transient(int status);

// A name that cannot be resolved is tried once more: what is mistyped will not come, and waiting hides it.
constexpr int most_retries(Trouble trouble, int retries) { return trouble == Trouble::resolve && retries > 1 ? 1 : retries; }

// Seconds to wait before retry `attempt` (1, 2, ...): 1, 2, 4, 8, 8 times `base`, up to half of it more by `jitter`
// (0 to 1). What a 429 or 503 asks for counts instead (RateLimit, then Retry-After), up to kLongestWait.
double retry_delay(int attempt, const HttpAnswer* answer, double base, double jitter);
inline constexpr double kLongestWait = 310;  // the Hub counts requests in windows of 300 s

// retry_delay() with a jitter of its own, waited for; says so when it is long. Throws as wait_seconds().
void wait_to_retry(int attempt, const HttpAnswer* answer, const HttpShared& shared);

}  // namespace atp
