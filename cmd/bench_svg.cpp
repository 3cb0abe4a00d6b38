#include "cmd/bench_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

#include "core/base/utf8.h"

namespace atp {
namespace {

// A range of numbers laid over a range of pixels.
class Axis {
 public:
  Axis(double low, double high, double from, double to, bool log) : log_(log), from_(from), to_(to), low_(scaled(low)), high_(scaled(high)) {
    if (!(high_ > low_)) high_ = low_ + 1;
  }
  double at(double v) const { return from_ + (to_ - from_) * std::clamp((scaled(v) - low_) / (high_ - low_), 0.0, 1.0); }

  // Powers of ten within, with twice and five times each where these would be few; or three to six round steps.
  std::vector<double> marks() const {
    std::vector<double> out;
    if (!log_) {
      const double rough = (high_ - low_) / 5, ten = std::pow(10, std::floor(std::log10(rough))), share = rough / ten;
      const double step = ten * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
      for (double i = std::ceil(low_ / step - 1e-9); i * step <= high_ + 1e-9 * step; ++i) out.push_back(i * step + 0.0);  // no -0
      return out;
    }
    const bool few = high_ - low_ < 2;
    for (double e = std::floor(low_); e <= high_ + 1e-9 && out.size() < 20; ++e) {
      for (const double m : {1.0, 2.0, 5.0}) {
        const double at = e + std::log10(m);
        if ((m == 1 || few) && at >= low_ - 1e-9 && at <= high_ + 1e-9) out.push_back(m * std::pow(10, e));
      }
    }
    return out;
  }

 private:
  double scaled(double v) const { return log_ ? std::log10(std::max(v, 1e-300)) : v; }
  bool log_;
  double from_, to_, low_, high_;
};

// 1.5k, 20µ; with a unit "20 µs".
std::string short_number(double v, const std::string& unit = {}) {
  struct Prefix {
    double factor;
    const char* name;
  };
  static constexpr Prefix kPrefixes[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"}};
  const double a = std::abs(v) * 1.0005;  // what is rounded up to the next prefix has it
  const Prefix* p = std::find_if(std::begin(kPrefixes), std::end(kPrefixes) - 1, [&](const Prefix& q) { return a >= q.factor; });
  if (v == 0 || (unit.empty() && a < 1 && a >= 0.01)) p = &kPrefixes[3];
  return fmt::format("{:.3g}{}{}{}", v / p->factor, unit.empty() ? "" : " ", p->name, unit);
}

std::string svg_of(std::string_view title, double height) {
  return fmt::format("<svg viewBox=\"0 0 1000 {:.0f}\" width=\"1000\" role=\"img\" aria-label=\"{}\">", height, html_text(title));
}

// How the nth line of one colour differs from the others.
std::string dashes(std::size_t n) {
  static constexpr std::array<std::string_view, 6> kDashes = {"", "7 3", "2 3", "12 3 2 3", "7 3 2 3 2 3", "14 5"};
  const std::string_view d = kDashes[n % kDashes.size()];
  return d.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", d);
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with("\x1b[")) {  // a colour of the terminal's
      at = std::min(text.find('m', at), text.size() - 1) + 1;
      continue;
    }
    const std::size_t begin = at;
    const auto c = next_code_point(text, at);
    switch (c.value_or(0xFFFD)) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\n': out += "<br/>"; break;
      case 0xFFFD: out += "\xEF\xBF\xBD"; break;  // names of files may be no UTF-8; a page must be
      default: *c < 0x20 ? out += ' ' : out += text.substr(begin, at - begin);
    }
  }
  return out;
}

std::string svg_bars(std::string_view title, const std::vector<SvgBar>& bars, bool log) {
  constexpr double kLeft = 230, kRight = 800, kStep = 24;
  double low = 1e300, high = 0;
  for (const SvgBar& b : bars) {
    low = std::min(low, std::min(b.value, b.low));
    high = std::max(high, std::max(b.value, b.high));
  }
  // On a log axis a bar has no natural beginning: a decade below the smallest.
  const Axis x(log ? std::pow(10, std::floor(std::log10(low)) - 0.3) : 0, high, kLeft, kRight, log);
  const double bottom = kStep * static_cast<double>(bars.size()) + 6;
  std::string out = svg_of(title, bottom + 22);
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

std::string svg_lines(std::string_view title, const std::vector<SvgLine>& lines, const std::string& x_name, const SvgAxisText& y_text, bool log_x) {
  constexpr double kLeft = 70, kRight = 780, kTop = 32, kBottom = 350;
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
  std::string out = svg_of(title, 400);
  for (const double mark : y.marks()) {
    out += fmt::format("<line class=\"grid\" x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text class=\"dim\" x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>", kLeft, kRight, y.at(mark), kLeft - 8, y.at(mark) + 4, short_number(mark, y_text.unit));
  }
  std::vector<double> marks;
  for (const auto& [at, _] : lines[0].points) marks.push_back(at);
  if (marks.size() > 8) marks = x.marks();
  for (const double mark : marks) out += fmt::format("<text class=\"dim\" x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", x.at(mark), kBottom + 18, short_number(mark));
  out += fmt::format("<text class=\"dim\" x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", (kLeft + kRight) / 2, kBottom + 38, html_text(x_name));
  if (!y_text.name.empty()) out += fmt::format("<text class=\"dim\" x=\"4\" y=\"14\">{}</text>", html_text(y_text.name));
  // Names stand at the ends of their lines, moved apart where lines meet.
  std::vector<std::pair<double, const SvgLine*>> names;
  std::map<std::string_view, std::size_t> of_class;
  for (const SvgLine& l : lines) {
    std::string path;
    for (const auto& [px, py] : l.points) fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x.at(px), y.at(py));
    out += fmt::format("<path class=\"{}\"{} d=\"{}\"><title>{}</title></path>", l.css, dashes(of_class[l.css]++), path, html_text(l.name));
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
