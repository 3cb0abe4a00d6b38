// Plots as SVG. Private to cmd/bench_html.cpp and its tests.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atp {

// Text that is safe between tags and in attributes; lines become <br/>.
std::string html_text(std::string_view text);

struct SvgBar {
  std::string name;
  double value, low, high;  // above 0; low and high: whiskers
  std::string label, css;
};
// Bars from the left, on a log axis or from 0. `title` is for those who cannot see the picture.
std::string svg_bars(std::string_view title, const std::vector<SvgBar>& bars, bool log);

struct SvgLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // y above 0
  std::string css;
};
// What stands above an axis, and what follows each of its numbers: "s" makes 10 µs of 1e-5.
struct SvgAxisText {
  std::string name, unit;
};
// Lines over a linear or log axis; y is on a log axis. Lines of one class are dashed each in its own way.
std::string svg_lines(std::string_view title, const std::vector<SvgLine>& lines, const std::string& x_name, const SvgAxisText& y_text, bool log_x);

}  // namespace atp
