#include "cmd/bench_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace atp {
namespace {

// A range of numbers laid over a range of pixels.
class Axis {
 public:
  Axis(double low, double high, double from, double to, bool log) : log_(log), from_(from), to_(to), low_(scaled(low)), high_(scaled(high)) {
    if (!(high_ > low_)) high_ = low_ + 1;
  }
  double at(double v) const { return from_ + (to_ - from_) * std::clamp((scaled(v) - low_) / (high_ - low_), 0.0, 1.0); }

  // Powers of ten within, or five steps.
  std::vector<double> marks() const {
    std::vector<double> out;
    if (log_) {
      for (double e = std::ceil(low_ - 1e-9); e <= high_ + 1e-9 && out.size() < 20; ++e) out.push_back(std::pow(10, e));
    } else {
      for (int i = 0; i <= 5; ++i) out.push_back(low_ + (high_ - low_) * i / 5);
    }
    return out;
  }

 private:
  double scaled(double v) const { return log_ ? std::log10(std::max(v, 1e-300)) : v; }
  bool log_;
  double from_, to_, low_, high_;
};

std::string short_number(double v) {
  const double a = std::abs(v);
  if (a >= 1e9) return fmt::format("{:.3g}G", v / 1e9);
  if (a >= 1e6) return fmt::format("{:.3g}M", v / 1e6);
  if (a >= 1e3) return fmt::format("{:.3g}k", v / 1e3);
  if (a >= 0.01 || a == 0) return fmt::format("{:.3g}", v);
  if (a >= 1e-6 * 0.999) return fmt::format("{:.3g}µ", v * 1e6);
  return fmt::format("{:.3g}n", v * 1e9);
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.substr(i).starts_with("\x1b[")) {  // a colour of the terminal's
      i = std::min(text.find('m', i), text.size());
      continue;
    }
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\n': out += "<br/>"; break;
      default: static_cast<unsigned char>(c) < 0x20 ? out += ' ' : out += c;
    }
  }
  return out;
}

std::string svg_bars(const std::vector<SvgBar>& bars, bool log) {
  constexpr double kLeft = 230, kRight = 800, kStep = 24;
  double low = 1e300, high = 0;
  for (const SvgBar& b : bars) {
    low = std::min(low, std::min(b.value, b.low));
    high = std::max(high, std::max(b.value, b.high));
  }
  // On a log axis a bar has no natural beginning: a decade below the smallest.
  const Axis x(log ? std::pow(10, std::floor(std::log10(low)) - 0.3) : 0, high, kLeft, kRight, log);
  const double bottom = kStep * static_cast<double>(bars.size()) + 6;
  std::string out = fmt::format("<svg viewBox=\"0 0 1000 {:.0f}\" width=\"1000\" role=\"img\">", bottom + 22);
  for (const double mark : x.marks()) {
    out += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1:.0f}\"/><text class=\"dim\" x=\"{0:.1f}\" y=\"{2:.0f}\" text-anchor=\"middle\">{3}</text>", x.at(mark), bottom, bottom + 16, short_number(mark));
  }
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const SvgBar& b = bars[i];
    const double y = kStep * static_cast<double>(i) + 4, middle = y + 8;
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{}</text>", kLeft - 8, y + 12, html_text(b.name));
    out += fmt::format("<rect class=\"{}\" x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"16\" rx=\"2\" opacity=\".85\"/>", b.css, kLeft, y, std::max(1.0, x.at(b.value) - kLeft));
    out += fmt::format("<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.0f}\" y2=\"{:.0f}\" stroke=\"currentColor\"/>", x.at(b.low), x.at(b.high), middle, middle);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\">{}</text>", std::max(x.at(b.value), x.at(b.high)) + 8, y + 12, html_text(b.label));
  }
  return out + "</svg>";
}

std::string svg_lines(const std::vector<SvgLine>& lines, const std::string& x_name, const std::string& y_name, bool log_x) {
  constexpr double kLeft = 70, kRight = 780, kTop = 10, kBottom = 330;
  double x_low = 1e300, x_high = -1e300, y_low = 1e300, y_high = 0;
  for (const SvgLine& l : lines) {
    for (const auto& [x, y] : l.points) {
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_low = std::min(y_low, y);
      y_high = std::max(y_high, y);
    }
  }
  const Axis x(x_low, x_high, kLeft, kRight, log_x), y(y_low, y_high, kBottom, kTop, true);
  std::string out = "<svg viewBox=\"0 0 1000 380\" width=\"1000\" role=\"img\">";
  for (const double mark : y.marks()) {
    out += fmt::format("<line class=\"grid\" x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text class=\"dim\" x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>", kLeft, kRight, y.at(mark), kLeft - 8, y.at(mark) + 4, short_number(mark));
  }
  std::vector<double> marks;
  for (const auto& [at, _] : lines[0].points) marks.push_back(at);
  if (marks.size() > 8) marks = x.marks();
  for (const double mark : marks) out += fmt::format("<text class=\"dim\" x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", x.at(mark), kBottom + 18, short_number(mark));
  out += fmt::format("<text class=\"dim\" x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text><text class=\"dim\" x=\"4\" y=\"22\">{}</text>", (kLeft + kRight) / 2, kBottom + 38, html_text(x_name), html_text(y_name));
  // Names stand at the ends of their lines, moved apart where lines meet.
  std::vector<std::pair<double, const SvgLine*>> names;
  for (const SvgLine& l : lines) {
    std::string path;
    for (const auto& [px, py] : l.points) fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x.at(px), y.at(py));
    out += fmt::format("<path class=\"{}\" d=\"{}\"/>", l.css, path);
    names.emplace_back(y.at(l.points.back().second), &l);
  }
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  double last = -100;
  for (const auto& [at, line] : names) {
    last = std::max(at, last + 14);
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\">{}</text>", kRight + 10, last + 4, html_text(line->name));
  }
  return out + "</svg>";
}

}  // namespace atp
