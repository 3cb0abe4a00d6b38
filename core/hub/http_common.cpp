// What exchanges need besides a library for them.
#include <charconv>
#include <thread>

#include "core/base/interrupt.h"
#include "core/hub/http.h"

namespace atp {

double RateLimiter::owed(std::uint64_t bytes) {
  if (rate_ == 0) return 0;
  using Clock = std::chrono::steady_clock;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  free_at_ = std::max(free_at_, now) + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_)));
  return std::chrono::duration<double>(free_at_ - now).count();
}

std::string_view HttpAnswer::header(std::string_view name) const {
  std::string_view value;
  for (const auto& [key, text] : headers) {
    if (key == name) value = text;
  }
  return value;
}

std::optional<std::uint64_t> HttpAnswer::content_length() const {
  const std::string_view text = header("content-length");
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

void wait_seconds(double seconds, const HttpShared& shared) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    throw_if_interrupted();
    if (shared.stop) throw HttpFailure{Trouble::stopped, "stopped"};
    const auto left = std::chrono::duration<double>(end - Clock::now()).count();
    if (left <= 0) return;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.05)));
  }
}

}  // namespace atp
