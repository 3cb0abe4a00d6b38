#include "cmd/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "cmd/options.h"
#include "cmd/stderr_line.h"
#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

// stdio would do, but it forgets the errno of a failed flush, and with it why the result is lost.
std::string& pending() {
  static std::string text;
  return text;
}

constexpr std::size_t kBufferBytes = 64 << 10;

bool stdout_is_terminal() {
  static const bool yes = ::isatty(STDOUT_FILENO) == 1;
  return yes;
}

void write_stdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EINTR) {
      throw_if_interrupted();
    } else if (errno == EAGAIN) {  // somebody shares a pipe with us and made it non-blocking
      struct pollfd writable = {STDOUT_FILENO, POLLOUT, 0};
      ::poll(&writable, 1, 1000);
      throw_if_interrupted();
    } else if (errno == EPIPE) {
      throw ClosedPipe{};
    } else {
      fail_system("stdout", "cannot write", errno);
    }
  }
}

std::string& command_name() {
  static std::string name;
  return name;
}

bool& messages_silenced() {
  static bool silenced = false;
  return silenced;
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool colored(int fd) {
  const std::string& wish = common_options().color;
  if (wish == "always") return true;
  if (wish == "never" || *environment("NO_COLOR") != '\0') return false;
  return ::isatty(fd) == 1 && std::string_view(environment("TERM")) != "dumb";
}

const char* style_code(Style style) {
  switch (style) {
    case Style::plain: return "0";
    case Style::bold: return "1";
    case Style::dim: return "2";
    case Style::red: return "31";
    case Style::green: return "32";
    case Style::yellow: return "33";
    case Style::blue: return "34";
    case Style::cyan: return "36";
  }
  return "0";
}

void message(std::string_view kind, Style style, std::string_view text) {
  std::string head = command_name().empty() ? "atp:" : fmt::format("atp: {}:", command_name());
  if (!kind.empty()) head += fmt::format(" {}:", kind);
  if (stderr_colored()) head = fmt::format("\x1b[1;{}m{}\x1b[0m", style_code(style), head);
  const std::string line = fmt::format("{} {}\n", head, printable(text));
  std::lock_guard lock(screen_mutex());
  clear_progress_lines();
  write_stderr(line);
}

}  // namespace

void print(std::string_view text) {
  std::string& buffer = pending();
  buffer += text;
  if (stdout_is_terminal() || buffer.size() >= kBufferBytes) flush_stdout();
}

void flush_stdout() {
  std::string text;
  text.swap(pending());  // what could not be written once is not tried again at the end
  if (text.empty()) return;
  std::unique_lock lock(screen_mutex(), std::defer_lock);
  if (stdout_is_terminal()) {
    lock.lock();
    clear_progress_lines();
  }
  write_stdout(text);
}

void silence_messages() {
  messages_silenced() = true;
  common_options().progress = "never";
}

void note(std::string_view text) {
  if (!common_options().quiet && !messages_silenced()) message("note", Style::cyan, text);
}

void warn(std::string_view text) {
  if (!messages_silenced()) message("warning", Style::yellow, text);
}

void print_error(std::string_view text) { message("", Style::red, text); }

void set_command_name(std::string_view name) { command_name() = name; }

bool stdout_colored() { return colored(STDOUT_FILENO); }
bool stderr_colored() { return colored(STDERR_FILENO); }

int terminal_width() {
  struct winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string_view columns = environment("COLUMNS");
  int n = 0;
  std::from_chars(columns.data(), columns.data() + columns.size(), n);
  return n >= 20 && n <= 10000 ? n : 80;
}

bool utf8_terminal() {
  // As setlocale() would choose, without making this process depend on a locale.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    for (const char* charset : {"UTF-8", "utf8", "utf-8", "UTF8"}) {
      if (value.find(charset) != std::string_view::npos) return true;
    }
    return false;
  }
  return false;
}

std::string styled(std::string_view text, Style style) {
  if (style == Style::plain || !stdout_colored()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", style_code(style), text);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  // 999.95 would round up to "1000": the next unit says it better.
  for (const char* unit : {"kB", "MB", "GB", "TB", "PB", "EB"}) {
    value /= 1000;
    if (value < 9.995) return fmt::format("{:.2f} {}", value, unit);
    if (value < 99.95) return fmt::format("{:.1f} {}", value, unit);
    if (value < 999.5) return fmt::format("{:.0f} {}", value, unit);
  }
  return fmt::format("{:.0f} EB", value);
}

std::string human_count(std::uint64_t n) {
  std::string text = fmt::format("{}", n);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

std::string human_seconds(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::min(seconds + 0.5, 1e15));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string human_rate(double bytes_per_second) {
  const double bounded = bytes_per_second > 0 ? std::min(bytes_per_second, 1e18) : 0;
  return human_bytes(static_cast<std::uint64_t>(bounded)) + "/s";
}

}  // namespace atp
