// What people see: progress, colour, tables, numbers for humans. Results go to stdout, the rest to stderr.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace atp {

// Writes a result to stdout. A closed pipe ends the program silently; any other failure throws
// Error (exit 4).
void print(std::string_view text);
// Flushes stdout and reports what could not be written (a full disk behind `> file`). main calls it.
void flush_stdout();
// A line on stderr, "atp: <command>: note: ...". Silent under --quiet.
void note(std::string_view text);
// "atp: <command>: warning: ..." on stderr; shown under --quiet, too.
void warn(std::string_view text);
// The command's name in messages. Set once by main.
void set_command_name(std::string_view name);

// Whether stdout / stderr may be coloured: --color, NO_COLOR, TERM and the terminal.
bool stdout_colored();
bool stderr_colored();
int terminal_width();  // columns of stdout's terminal, else of COLUMNS, else 80

enum class Style { plain, bold, dim, red, green, yellow, blue, cyan };
// The text in a colour when stdout is coloured, else as it is.
std::string styled(std::string_view text, Style style);

std::string human_bytes(std::uint64_t bytes);      // "1.23 GB" (powers of 1000)
std::string human_count(std::uint64_t n);          // "1,234,567"
std::string human_seconds(double seconds);         // "0.42 s", "3 min 05 s", "2 h 10 min"
std::string human_rate(double bytes_per_second);   // "412 MB/s"

// Columns padded to the same width by display width (UTF-8). Numbers are aligned right when
// `right` says so for their column. The first row is the head.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);

// One bar per bin over a log or linear axis, at most `width` columns, for `atp inspect`.
struct HistogramBin {
  std::string label;
  std::uint64_t count;
};
std::string histogram(const std::vector<HistogramBin>& bins, int width);

// A line on stderr with a bar, records, bytes, rate and time left, drawn by a thread of its own once the
// work has taken half a second, and only on a terminal (or with --progress always).
class Progress {
 public:
  // `total` is in the unit of advance_to(): bytes of input or records; 0 when unknown.
  Progress(std::string verb, std::uint64_t total, bool total_is_bytes);
  ~Progress();  // takes the line away

  // Called by the working thread; cheap.
  void advance_to(std::uint64_t done) { done_.store(done, std::memory_order_relaxed); }
  void set_records(std::uint64_t records) { records_.store(records, std::memory_order_relaxed); }

 private:
  void draw_loop();
  void draw();

  std::string verb_;
  std::uint64_t total_;
  bool total_is_bytes_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> done_{0}, records_{0};
  std::atomic<bool> stop_{false};
  bool drawn_ = false;
  std::thread thread_;
};

}  // namespace atp
