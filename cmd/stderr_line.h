// Who may write to stderr, and the progress lines that have to make way. Private to terminal and progress.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// Held by whoever writes to stderr or to a terminal.
std::mutex& screen_mutex();
// Takes the progress lines away if there are any. The screen mutex is held.
void clear_progress_lines();
// Draws `lines` in place of the last ones; none is as wide as the terminal. The screen mutex is held.
void draw_progress_lines(const std::vector<std::string>& lines);
// Rows that lines of these display widths take in a terminal of `columns`, which may have been wider when they were
// drawn: terminals break such lines anew.
std::size_t rows_of(const std::vector<std::size_t>& widths, int columns);
// All of `text` to stderr; failures are nobody's business. The screen mutex is held.
void write_stderr(std::string_view text);

}  // namespace atp
