// Who may write to stderr, and the progress line that has to make way. Private to terminal and progress.
#pragma once

#include <mutex>
#include <string_view>

namespace atp {

// Held by whoever writes to stderr or to a terminal.
std::mutex& screen_mutex();
// Takes the progress line away if one is drawn. The screen mutex is held.
void clear_progress_line();
// Draws `line` in place of the last one. The screen mutex is held.
void draw_progress_line(std::string_view line);
// All of `text` to stderr; failures are nobody's business. The screen mutex is held.
void write_stderr(std::string_view text);

}  // namespace atp
