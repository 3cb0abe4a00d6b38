// What people see: progress, colour, tables, numbers for humans. Results go to stdout, the rest to stderr.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace atp {

// Thrown by print() when nobody reads stdout any more (`| head`). Not an Error: main ends silently,
// exit code 0, as the reader has what it wanted. Destructors run, so temporary files go.
struct ClosedPipe {};

// Writes a result to stdout. A closed pipe ends the program silently; any other failure throws
// Error (exit 4). Commands print after they have committed what they write.
void print(std::string_view text);
// Flushes stdout and reports what could not be written (a full disk behind `> file`). main calls it.
void flush_stdout();
// A line on stderr, "atp: <command>: note: ...". Silent under --quiet. Any thread.
void note(std::string_view text);
// "atp: <command>: warning: ..." on stderr; shown under --quiet, too. Any thread.
void warn(std::string_view text);
// "atp: <command>: ..." on stderr: the end of a run. main alone calls it.
void print_error(std::string_view text);
// No notes, warnings and progress from here on: another process says the same. Errors are said.
void silence_messages();
// The command's name in messages. Set once by main.
void set_command_name(std::string_view name);

// Whether stdout / stderr may be coloured: --color, NO_COLOR, TERM and the terminal.
bool stdout_colored();
bool stderr_colored();
int terminal_width();  // columns of stdout's terminal, else of COLUMNS, else 80
bool utf8_terminal();  // whether the locale's characters are UTF-8

enum class Style { plain, bold, dim, red, green, yellow, blue, cyan };
// The text in a colour when stdout is coloured, else as it is.
std::string styled(std::string_view text, Style style);

std::string human_bytes(std::uint64_t bytes);     // "1.23 GB" (powers of 1000)
std::string human_count(std::uint64_t n);         // "1,234,567"
std::string human_seconds(double seconds);        // "0.42 s", "3 min 05 s", "2 h 10 min"
std::string human_rate(double bytes_per_second);  // "412 MB/s"

// Text out of a file (keys, names) that is safe to show: control characters and invalid UTF-8
// become \xNN, so that it cannot steer the terminal.
std::string printable(std::string_view text);
// Columns the text takes on a terminal; colours take none.
std::size_t display_width(std::string_view text);

// Columns padded to the same width by display width (UTF-8). Numbers are aligned right when
// `right` says so for their column. The first row is the head.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);
// The same for stdout: on a terminal that is too narrow, columns are left out, in the order of `dispensable` (numbers
// of columns), until it fits, and a last line names them. In a pipe all stay.
std::string table_that_fits(std::vector<std::vector<std::string>> rows, std::vector<bool> right, const std::vector<std::size_t>& dispensable);

// A bar of value / top of `width` columns.
std::string bar_of(double value, double top, int width);

// One bar per bin over a log or linear axis, at most `width` columns, for `atp inspect`.
struct HistogramBin {
  std::string label;
  std::uint64_t count;
};
// Without `counts` the numbers are not shown, only their bars.
std::string histogram(const std::vector<HistogramBin>& bins, int width, bool counts = true);

// What a progress line shows.
struct ProgressState {
  std::string verb;                                // "packing"
  std::uint64_t done = 0, total = 0, records = 0;  // total 0: unknown
  bool total_is_bytes = true;                      // else done and total are records
  double seconds = 0;                              // since the start
  std::string_view noun = "records";               // what `records` counts where the total is bytes; empty: nothing is counted
  std::uint64_t all = 0;                           // how many of them there are; 0: unknown
  std::uint64_t before = 0;                        // of `done`: was there at the start
  std::string now = {};                            // what is being done: "lmdb, shuffled"
};
// The line, at most `width` columns: what there is no room for is left out from the right.
std::string progress_line(const ProgressState& state, int width, bool utf8);

// One of several things that are worked on at once, with a line of its own above the total.
struct ProgressPart {
  std::string name;
  std::uint64_t done, total;  // bytes
};
// Its line, at most `width` columns: a long name loses its beginning.
std::string part_line(const ProgressPart& part, int width, bool utf8);

// What a progress shows besides its total.
struct ProgressDetails {
  std::function<std::vector<ProgressPart>()> parts;  // called whenever it is drawn, on a thread of its own
  std::string_view noun = "records";                 // as in ProgressState
  std::uint64_t all = 0;
  double seconds = 0;                // above 0: it will take about so long, and that is all that is known
  std::function<std::string()> now;  // as in ProgressState; called as `parts`
};

// A line on stderr with a bar, records, bytes, rate and time left, drawn by a thread of its own once the
// work has taken half a second, on a terminal; in a log file it is a line every 30 seconds. Nothing of it
// goes into a pipe, unless --progress always asks for it.
class Progress {
 public:
  // `total` is in the unit of advance_to(): bytes of input or records; 0 when unknown.
  Progress(std::string verb, std::uint64_t total, bool total_is_bytes, ProgressDetails details = {});
  ~Progress();  // takes the lines away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Called by the working thread; cheap.
  void advance_to(std::uint64_t done) { done_.store(done, std::memory_order_relaxed); }
  void set_records(std::uint64_t records) { records_.store(records, std::memory_order_relaxed); }
  // So much of what is done was there before: it says nothing of the rate.
  void set_before(std::uint64_t before) { before_.store(before, std::memory_order_relaxed); }

 private:
  void draw_loop();
  void draw();

  std::string verb_;
  std::uint64_t total_;
  bool total_is_bytes_;
  ProgressDetails details_;
  bool terminal_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> done_{0}, records_{0}, before_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace atp
