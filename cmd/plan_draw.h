// Drawings of plans: SVG, alone or in a page. Private to cmd/plan_*.cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atp {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y
};

// Panels side by side, two to a row; text() closes the drawing.
class Drawing {
 public:
  // A bar for each value, from 0 up to `top`; the dashed line is `mark`.
  void bars(const std::string& title, const std::string& axis, const std::vector<double>& values, double top, double mark);
  // Lines over logarithmic axes. Values are above 0.
  void lines(const std::string& title, const std::string& x_axis, const std::string& y_axis, const std::vector<Series>& series);

  std::string text() const;  // a whole SVG document

 private:
  std::pair<double, double> next_panel(const std::string& title);
  void label(double x, double y, std::string_view text, std::string_view anchor = "middle", int size = 11);

  std::string body_;
  int panels_ = 0;
};

std::string escaped(std::string_view text);  // for SVG and HTML

// A page with the drawing and a text in fixed width.
std::string page(const std::string& title, const std::string& text, const Drawing& drawing);

// Writes --svg and --html where they are asked for; existing files are replaced with --force only.
void write_drawings(const std::string& svg, const std::string& html, bool force, const std::string& title, const std::string& text, const Drawing& drawing);

}  // namespace atp
