#include "cmd/plan_draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/io/output_file.h"

namespace atp {
namespace {

constexpr double kWidth = 420, kHeight = 260, kLeft = 60, kRight = 12, kTop = 34, kBottom = 42;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr std::array<const char*, 8> kColours{"#1b6ca8", "#c8553d", "#2a9d5c", "#8e5ea2", "#d4a017", "#4b4b4b", "#17a2b8", "#b0578d"};

std::string short_number(double v) { return v >= 1e4 || (v < 0.01 && v > 0) ? fmt::format("{:.2g}", v) : fmt::format("{:.4g}", v); }

// The position of v on a logarithmic axis, 0 to 1.
double log_position(double v, double low, double high) { return high > low ? std::log(v / low) / std::log(high / low) : 0.5; }

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

void Drawing::label(double x, double y, std::string_view text, std::string_view anchor, int size) {
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y, anchor, size, escaped(text));
}

std::pair<double, double> Drawing::next_panel(const std::string& title) {
  const double x = (panels_ % 2) * kWidth, y = (panels_ / 2) * kHeight;
  ++panels_;
  label(x + kLeft + kPlotWidth / 2, y + 20, title, "middle", 13);
  body_ += fmt::format("<path d=\"M{:.1f} {:.1f}v{:.1f}h{:.1f}\" fill=\"none\" stroke=\"#888\"/>\n", x + kLeft, y + kTop, kPlotHeight, kPlotWidth);
  return {x + kLeft, y + kTop};
}

void Drawing::bars(const std::string& title, const std::string& axis, const std::vector<double>& values, double top, double mark) {
  const auto [x, y] = next_panel(title);
  const double width = kPlotWidth / static_cast<double>(std::max<std::size_t>(values.size(), 1));
  const double scale = top > 0 ? kPlotHeight / top : 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double h = std::min(values[i], top) * scale;
    body_ += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"/>\n", x + static_cast<double>(i) * width, y + kPlotHeight - h, std::max(width * 0.9, 0.3), h, kColours[0]);
  }
  if (mark > 0) {
    const double at = y + kPlotHeight - std::min(mark, top) * scale;
    body_ += fmt::format("<path d=\"M{:.1f} {:.2f}h{:.1f}\" stroke=\"{}\" stroke-dasharray=\"5 3\"/>\n", x, at, kPlotWidth, kColours[1]);
  }
  label(x - 5, y + 8, short_number(top), "end");
  label(x - 5, y + kPlotHeight, "0", "end");
  label(x + kPlotWidth / 2, y + kPlotHeight + 30, axis);
}

void Drawing::lines(const std::string& title, const std::string& x_axis, const std::string& y_axis, const std::vector<Series>& series) {
  const auto [x, y] = next_panel(title);
  double x_low = 1e300, x_high = 0, y_low = 1e300, y_high = 0;
  for (const Series& s : series) {
    for (const auto& [px, py] : s.points) {
      x_low = std::min(x_low, px), x_high = std::max(x_high, px);
      y_low = std::min(y_low, py), y_high = std::max(y_high, py);
    }
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    std::string path;
    for (const auto& [px, py] : series[i].points) {
      path += fmt::format("{}{:.2f},{:.2f}", path.empty() ? "" : " ", x + kPlotWidth * log_position(px, x_low, x_high), y + kPlotHeight * (1 - log_position(py, y_low, y_high)));
    }
    const char* colour = kColours[i % kColours.size()];
    body_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>\n", path, colour);
    body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" font-size=\"10\" fill=\"{}\">{}</text>\n", x + kPlotWidth, y + 10 + 12 * static_cast<double>(i), colour, escaped(series[i].name));
  }
  label(x - 5, y + 8, short_number(y_high), "end");
  label(x - 5, y + kPlotHeight, short_number(y_low), "end");
  label(x, y + kPlotHeight + 14, short_number(x_low));
  label(x + kPlotWidth, y + kPlotHeight + 14, short_number(x_high));
  label(x + kPlotWidth / 2, y + kPlotHeight + 30, fmt::format("{} (up: {})", x_axis, y_axis));
}

std::string Drawing::text() const {
  const int rows = (panels_ + 1) / 2;
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
             "font-family=\"sans-serif\" fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
             2 * kWidth, kHeight * rows) +
         body_ + "</svg>\n";
}

std::string page(const std::string& title, const std::string& text, const Drawing& drawing) {
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{0}</title></head>\n<body>\n<h1>{0}</h1>\n{1}<pre>\n{2}</pre>\n</body>\n</html>\n", escaped(title), drawing.text(), escaped(text));
}

void write_drawings(const std::string& svg, const std::string& html, bool force, const std::string& title, const std::string& text, const Drawing& drawing) {
  if (!svg.empty()) write_text_file(svg, drawing.text(), force);
  if (!html.empty()) write_text_file(html, page(title, text, drawing), force);
}

}  // namespace atp
