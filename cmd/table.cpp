// Text in columns, and bars (terminal.h).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "cmd/manual.h"
#include "cmd/terminal.h"
#include "core/base/utf8.h"

namespace atp {
namespace {

struct CodeRange {
  char32_t first, last;
};

// Marks that combine with the character before them, and invisible ones.
constexpr std::array kNoColumn = {CodeRange{0x300, 0x36F},   CodeRange{0x483, 0x489},   CodeRange{0x591, 0x5BD},
                                  CodeRange{0x610, 0x61A},   CodeRange{0x64B, 0x65F},   CodeRange{0x1AB0, 0x1AFF},
                                  CodeRange{0x1DC0, 0x1DFF}, CodeRange{0x200B, 0x200F}, CodeRange{0x202A, 0x202E},
                                  CodeRange{0x2060, 0x2064}, CodeRange{0x20D0, 0x20FF}, CodeRange{0xFE00, 0xFE0F},
                                  CodeRange{0xFE20, 0xFE2F}, CodeRange{0xFEFF, 0xFEFF}};
// East Asian wide and full-width characters, and emoji.
constexpr std::array kTwoColumns = {
    CodeRange{0x1100, 0x115F},  CodeRange{0x2E80, 0x303E},   CodeRange{0x3041, 0xA4CF},   CodeRange{0xA960, 0xA97C},
    CodeRange{0xAC00, 0xD7A3},  CodeRange{0xF900, 0xFAFF},   CodeRange{0xFE30, 0xFE6F},   CodeRange{0xFF00, 0xFF60},
    CodeRange{0xFFE0, 0xFFE6},  CodeRange{0x1F300, 0x1F64F}, CodeRange{0x1F680, 0x1F6FF}, CodeRange{0x1F900, 0x1F9FF},
    CodeRange{0x20000, 0x3FFFD}};

template <std::size_t N>
bool among(const std::array<CodeRange, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](CodeRange r) { return c >= r.first && c <= r.last; });
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::size_t taken = display_width(text);
  const std::string spaces(width > taken ? width - taken : 0, ' ');
  return right ? spaces + text : text + spaces;
}

// `eighths` eighths of a column; with '#' what is at least half counts as one.
std::string bar(std::uint64_t eighths, bool utf8) {
  std::string out;
  if (!utf8) return std::string((eighths + 4) / 8, '#');
  for (; eighths >= 8; eighths -= 8) out += "█";
  static constexpr std::array kParts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  return out + kParts[eighths];
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t begin = pos;
    const auto c = next_code_point(text, pos);
    // Bidirectional overrides reorder what stands around them, so they count as controls.
    if (c && *c >= 0x20 && !(*c >= 0x7F && *c < 0xA0) && !(*c >= 0x202A && *c <= 0x202E) &&
        !(*c >= 0x2066 && *c <= 0x2069)) {
      out += text.substr(begin, pos - begin);
      continue;
    }
    for (std::size_t i = begin; i < pos; ++i) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[i]));
    }
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t pos = 0; pos < text.size();) {
    if (text.substr(pos).starts_with("\x1b[")) {  // a colour of styled()
      const std::size_t end = text.find('m', pos);
      pos = end == std::string_view::npos ? text.size() : end + 1;
      continue;
    }
    const char32_t c = next_code_point(text, pos).value_or(U'\uFFFD');
    if (!among(kNoColumn, c)) width += among(kTwoColumns, c) ? 2 : 1;
  }
  return width;
}

std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      if (i > 0) line += "  ";
      line += padded(rows[r][i], widths[i], i < right.size() && right[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (r == 0 ? styled(line, Style::bold) : line) + '\n';
  }
  return out;
}

std::string table_that_fits(std::vector<std::vector<std::string>> rows, std::vector<bool> right, const std::vector<std::size_t>& dispensable) {
  const auto width_of = [](const std::string& text) {
    std::size_t widest = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      widest = std::max(widest, display_width(std::string_view(text).substr(at, end - at)));
      at = end + 1;
    }
    return widest;
  };
  std::string text = table(rows, right), left_out;
  if (::isatty(STDOUT_FILENO) != 1) return text;
  std::vector<bool> gone(right.size());
  for (const std::size_t column : dispensable) {
    if (width_of(text) <= static_cast<std::size_t>(terminal_width())) break;
    // Columns before this one may be gone already.
    const auto at = static_cast<std::ptrdiff_t>(column) - std::count(gone.begin(), gone.begin() + static_cast<std::ptrdiff_t>(column), true);
    left_out += (left_out.empty() ? "" : ", ") + rows[0][static_cast<std::size_t>(at)];
    for (auto& row : rows) {
      if (at < std::ssize(row)) row.erase(row.begin() + at);
    }
    right.erase(right.begin() + at);
    gone[column] = true;
    text = table(rows, right);
  }
  if (left_out.empty()) return text;
  const std::string note = fmt::format("(no room for {}; --json has all)", left_out);
  return text + styled(wrapped(note, static_cast<std::size_t>(terminal_width()), 2), Style::dim) + "\n";
}

std::string bar_of(double value, double top, int width) {
  const double share = top > 0 ? std::clamp(value / top, 0.0, 1.0) : 0;
  return bar(static_cast<std::uint64_t>(std::llround(share * width * 8)), utf8_terminal());
}

std::string histogram(const std::vector<HistogramBin>& bins, int width, bool counts) {
  const bool utf8 = utf8_terminal();
  std::size_t label_width = 0, count_width = 0;
  std::uint64_t most = 0;
  for (const auto& bin : bins) {
    label_width = std::max(label_width, display_width(bin.label));
    if (counts) count_width = std::max(count_width, human_count(bin.count).size());
    most = std::max(most, bin.count);
  }
  const std::size_t taken = label_width + count_width + 4;
  const auto columns = static_cast<std::size_t>(std::max(width, 0));
  const std::size_t room = std::min<std::size_t>(columns > taken ? columns - taken : 0, 60);
  std::string out;
  for (const auto& bin : bins) {
    std::string line = padded(bin.label, label_width, true);
    if (counts) line += "  " + padded(human_count(bin.count), count_width, true);
    if (bin.count > 0 && room > 0) {
      const double share = static_cast<double>(bin.count) / static_cast<double>(most);
      const auto eighths = static_cast<std::uint64_t>(std::llround(share * 8 * static_cast<double>(room)));
      // What is there is seen, however little it is.
      line += "  " + styled(bar(std::max<std::uint64_t>(eighths, utf8 ? 1 : 4), utf8), Style::blue);
    }
    out += line + '\n';
  }
  return out;
}

}  // namespace atp
