// The progress lines (terminal.h).
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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

std::vector<std::size_t> g_drawn;  // display widths of the lines that stand there; guarded by screen_mutex()

// Read at every draw: windows change their size.
int stderr_width() {
  struct winsize size = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return terminal_width();
}

int stderr_height() {
  struct winsize size = {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

bool stderr_is_log_file() {
  struct stat status = {};
  return ::fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

bool wanted(bool terminal) {
  const auto& o = common_options();
  if (o.progress == "always") return true;
  if (o.progress == "never" || o.quiet) return false;
  if (!terminal) return stderr_is_log_file();
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) != "dumb";
}

std::string clock(double seconds) {
  const auto s = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 3.6e8));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60);
}

std::string progress_bar(double share, bool utf8, int columns = kBarColumns) {
  const int full = static_cast<int>(share * columns);
  std::string out = utf8 ? "" : "[";
  for (int i = 0; i < columns; ++i) out += i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : ".");
  return utf8 ? out : out + "]";
}

std::string percent(double share) { return fmt::format("{:3.0f}%", share * 100 - (share < 1 && share > 0.995 ? 0.5 : 0)); }

// `text` in at most `columns`: its end says more than its middle.
std::string shortened(const std::string& text, std::size_t columns) {
  if (display_width(text) <= columns) return text;
  std::string end = text;
  while (!end.empty() && display_width(end) + 2 > columns) {
    end.erase(0, 1);
    while (!end.empty() && (static_cast<unsigned char>(end[0]) & 0xC0) == 0x80) end.erase(0, 1);
  }
  return columns < 2 ? std::string() : ".." + end;
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

std::size_t rows_of(const std::vector<std::size_t>& widths, int columns) {
  const auto row = static_cast<std::size_t>(std::max(columns, 1));
  std::size_t rows = 0;
  for (const std::size_t width : widths) rows += width == 0 ? 1 : (width + row - 1) / row;
  return rows;
}

namespace {

// To the first column of the first line that is drawn.
std::string to_the_first() {
  const std::size_t rows = rows_of(g_drawn, stderr_width());
  return rows > 1 ? fmt::format("\r\x1b[{}A", rows - 1) : "\r";
}

}  // namespace

void clear_progress_lines() {
  if (!g_drawn.empty()) write_stderr(to_the_first() + "\x1b[J");
  g_drawn.clear();
}

// All in one write: nothing flickers.
void draw_progress_lines(const std::vector<std::string>& lines) {
  std::string text = g_drawn.empty() ? "\r" : to_the_first();
  g_drawn.clear();
  for (const std::string& line : lines) {
    if (!g_drawn.empty()) text += "\r\n";
    text += line + "\x1b[K";
    g_drawn.push_back(display_width(line));
  }
  write_stderr(text + "\x1b[J");
}

std::string progress_line(const ProgressState& state, int width, bool utf8) {
  const bool known = state.total > 0;
  const double share = known ? std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total)) : 0.0;
  const double rate = state.seconds > 0 ? static_cast<double>(state.done - std::min(state.before, state.done)) / state.seconds : 0;

  std::vector<std::string> pieces;
  if (known) {
    pieces.push_back(progress_bar(share, utf8));
    pieces.push_back(percent(share));
  }
  if (state.noun.empty()) {
    // Nothing but the time is known.
  } else if (state.total_is_bytes) {
    if (state.all == 0) pieces.push_back(fmt::format("{} {}", human_count(state.records), state.noun));
    pieces.push_back(known ? fmt::format("{} of {}", human_bytes(state.done), human_bytes(state.total))
                           : human_bytes(state.done));
    pieces.push_back(human_rate(rate));
  } else {
    pieces.push_back(known ? fmt::format("{} of {} records", human_count(state.done), human_count(state.total))
                           : fmt::format("{} records", human_count(state.done)));
    pieces.push_back(fmt::format("{} records/s", human_count(static_cast<std::uint64_t>(rate))));
  }
  if (known && rate > 0 && share < 1) {
    pieces.push_back(clock(static_cast<double>(state.total - state.done) / rate) + " left");
  } else {
    pieces.push_back(clock(state.seconds));
  }

  if (!state.now.empty()) pieces.push_back(printable(state.now));
  if (state.all > 0) pieces.push_back(fmt::format("{} of {} {}", human_count(state.records), human_count(state.all), state.noun));

  std::string line = state.verb;
  for (const auto& piece : pieces) {
    const std::size_t taken = display_width(line) + 2 + display_width(piece);
    const bool fits = taken <= static_cast<std::size_t>(std::max(width, 0));
    if (!fits && known && &piece == &pieces.front()) continue;  // the percentage says the same as the bar
    if (!fits) break;
    line += "  " + piece;
  }
  return line;
}

std::string part_line(const ProgressPart& part, int width, bool utf8) {
  const double share = part.total == 0 ? 1 : std::min(1.0, static_cast<double>(part.done) / static_cast<double>(part.total));
  const std::size_t room = static_cast<std::size_t>(std::max(width, 0));
  constexpr std::size_t kLeastName = 12;
  std::string tail;
  // The percentage comes first, then the bar, then the bytes, as far as they leave room for a name.
  const std::string pieces[] = {percent(share), progress_bar(share, utf8, kBarColumns / 2), fmt::format("{} of {}", human_bytes(part.done), human_bytes(part.total))};
  for (const std::string& piece : pieces) {
    if (2 + kLeastName + display_width(tail) + 2 + display_width(piece) > room) break;
    tail += "  " + piece;
  }
  const std::size_t most = 40, left = room - std::min(room, 2 + display_width(tail));
  std::string name = shortened(printable(part.name), std::min(left, most));
  name.append(std::min(left, most) - std::min(display_width(name), std::min(left, most)), ' ');
  return (room < 2 ? "" : "  ") + name + tail;
}

Progress::Progress(std::string verb, std::uint64_t total, bool total_is_bytes, ProgressDetails details)
    : verb_(std::move(verb)), total_(total), total_is_bytes_(total_is_bytes), details_(std::move(details)), terminal_(::isatty(STDERR_FILENO) == 1) {
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
  clear_progress_lines();
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
                      total_is_bytes_, 0,
                      details_.noun,   details_.all,
                      before_.load(std::memory_order_relaxed)};
  state.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (details_.seconds > 0) {
    state.noun = "";
    state.total = static_cast<std::uint64_t>(1000 * std::max(details_.seconds, state.seconds));
    state.done = static_cast<std::uint64_t>(1000 * state.seconds);
  }
  if (details_.now) state.now = details_.now();
  std::vector<ProgressPart> parts;
  if (terminal_ && details_.parts) parts = details_.parts();
  std::lock_guard lock(screen_mutex());
  if (!terminal_) {
    write_stderr(progress_line(state, 10000, false) + "\n");
    return;
  }
  // The last column stays free: a full line would scroll in some terminals. So does the last row.
  const int width = stderr_width() - 1;
  const auto most = static_cast<std::size_t>(std::max(stderr_height() - 2, 0));
  std::vector<std::string> lines;
  for (const ProgressPart& part : parts) {
    if (lines.size() < most) lines.push_back(part_line(part, width, utf8_terminal()));
  }
  lines.push_back(progress_line(state, width, utf8_terminal()));
  draw_progress_lines(lines);
}

}  // namespace atp
