// The progress line (terminal.h).
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "cmd/options.h"
#include "cmd/stderr_line.h"
#include "cmd/terminal.h"

namespace atp {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstDraw = 500ms;  // what is over sooner needs no progress
constexpr auto kBetweenDraws = 100ms;
constexpr auto kBetweenLines = 30s;  // where stderr is a log file
constexpr int kBarColumns = 20;

bool g_line_drawn = false;  // guarded by screen_mutex()

// Read at every draw: windows change their size.
int stderr_width() {
  struct winsize size = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return terminal_width();
}

bool wanted(bool terminal) {
  const auto& o = common_options();
  if (o.progress == "always") return true;
  if (o.progress == "never" || o.quiet || !terminal) return false;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) != "dumb";
}

std::string clock(double seconds) {
  const auto s = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 3.6e8));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60);
}

std::string progress_bar(double share, bool utf8) {
  const int full = static_cast<int>(share * kBarColumns);
  std::string out = utf8 ? "" : "[";
  for (int i = 0; i < kBarColumns; ++i) out += i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : ".");
  return utf8 ? out : out + "]";
}

}  // namespace

std::mutex& screen_mutex() {
  static std::mutex mutex;
  return mutex;
}

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno != EINTR) return;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void clear_progress_line() {
  if (g_line_drawn) write_stderr("\r\x1b[K");
  g_line_drawn = false;
}

void draw_progress_line(std::string_view line) {
  write_stderr(fmt::format("\r{}\x1b[K", line));
  g_line_drawn = true;
}

std::string progress_line(const ProgressState& state, int width, bool utf8) {
  const bool known = state.total > 0;
  const double share = known ? std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total)) : 0.0;
  const double rate = state.seconds > 0 ? static_cast<double>(state.done) / state.seconds : 0;

  std::vector<std::string> pieces;
  if (known) {
    pieces.push_back(progress_bar(share, utf8));
    pieces.push_back(fmt::format("{:3.0f}%", share * 100 - (share < 1 && share > 0.995 ? 0.5 : 0)));
  }
  if (state.total_is_bytes) {
    pieces.push_back(fmt::format("{} records", human_count(state.records)));
    pieces.push_back(known ? fmt::format("{} of {}", human_bytes(state.done), human_bytes(state.total))
                           : human_bytes(state.done));
    pieces.push_back(human_rate(rate));
  } else {
    pieces.push_back(known ? fmt::format("{} of {} records", human_count(state.done), human_count(state.total))
                           : fmt::format("{} records", human_count(state.done)));
    pieces.push_back(fmt::format("{} records/s", human_count(static_cast<std::uint64_t>(rate))));
  }
  if (known && state.done > 0 && share < 1) {
    pieces.push_back(clock(state.seconds * (1 - share) / share) + " left");
  } else {
    pieces.push_back(clock(state.seconds));
  }

  std::string line = state.verb;
  for (const auto& piece : pieces) {
    const std::size_t taken = display_width(line) + 2 + display_width(piece);
    if (taken > static_cast<std::size_t>(std::max(width, 0))) break;
    line += "  " + piece;
  }
  return line;
}

Progress::Progress(std::string verb, std::uint64_t total, bool total_is_bytes)
    : verb_(std::move(verb)), total_(total), total_is_bytes_(total_is_bytes), terminal_(::isatty(STDERR_FILENO) == 1) {
  if (!wanted(terminal_)) return;
  try {
    thread_ = std::thread([this] { draw_loop(); });
  } catch (const std::system_error&) {
    // A machine that has no thread left for the line may still have those for the work.
  }
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  std::lock_guard lock(screen_mutex());
  clear_progress_line();
}

void Progress::draw_loop() {
  std::unique_lock lock(mutex_);
  const auto stopped_after = [&](std::chrono::milliseconds pause) {
    return wake_.wait_for(lock, pause, [&] { return stop_; });
  };
  if (stopped_after(terminal_ ? kFirstDraw : std::chrono::milliseconds(kBetweenLines))) return;
  do {
    draw();
  } while (!stopped_after(terminal_ ? kBetweenDraws : std::chrono::milliseconds(kBetweenLines)));
}

void Progress::draw() {
  ProgressState state{verb_,           done_.load(std::memory_order_relaxed),
                      total_,          records_.load(std::memory_order_relaxed),
                      total_is_bytes_, 0};
  state.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::lock_guard lock(screen_mutex());
  if (terminal_) {
    // The last column stays free: a full line would scroll in some terminals.
    draw_progress_line(progress_line(state, stderr_width() - 1, utf8_terminal()));
  } else {
    write_stderr(progress_line(state, 10000, false) + "\n");
  }
}

}  // namespace atp
