// The results of `atp bench` as one page.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <map>
#include <tuple>

#include "cmd/bench.h"
#include "cmd/bench_svg.h"
#include "cmd/terminal.h"
#include "core/bench/serve.h"

namespace atp {
namespace {

// Light and dark, whatever the reader's system prefers.
constexpr std::string_view kStyle =
    ":root{--bg:#fff;--fg:#1b2330;--dim:#677080;--line:#d9dee6;--atp:#0a6cbd;--peer:#8a97a8;--py:#c58a2b;--yard:#57a773}"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e4e9f0;--dim:#93a0b0;--line:#2b333e;--atp:#55a9f0;--peer:#76879b;--py:#dba74e;--yard:#6cc08b}}"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.6em}h2{margin-top:2em;border-bottom:1px solid var(--line)}h3{margin-bottom:.3em}"
    "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}"
    "th,td{padding:.2em .7em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}"
    "svg{max-width:100%;height:auto}svg text{fill:var(--fg);font:12px system-ui,sans-serif}svg .dim{fill:var(--dim)}svg .grid{stroke:var(--line)}"
    ".dim{color:var(--dim)}.atp{fill:var(--atp);stroke:var(--atp)}.peer{fill:var(--peer);stroke:var(--peer)}.python{fill:var(--py);stroke:var(--py)}"
    ".yardstick{fill:var(--yard);stroke:var(--yard)}path{fill:none!important;stroke-width:2}.yes{color:var(--yard)}.no{color:#d0453b}";

constexpr int kNoWidth = std::numeric_limits<int>::max();  // a browser breaks lines

std::string css_class(const std::string& backend) {
  const Backend* b = find_backend(backend);
  if (!b) return "peer";
  switch (b->kind) {
    case BackendKind::atp: return "atp";
    case BackendKind::peer: return "peer";
    case BackendKind::python: return "python";
    case BackendKind::yardstick: return "yardstick";
  }
  return "peer";
}

// The rows with values of one mount, load and workload.
std::vector<const BenchRow*> rows_of(const BenchResults& r, const std::string& dir, const std::string& load, std::string_view workload) {
  std::vector<const BenchRow*> out;
  for (const BenchRow& row : r.rows) {
    if (row.problem.empty() && row.dir == dir && row.load == load && row.workload == workload) out.push_back(&row);
  }
  return out;
}

SvgBar bar_of_row(std::string label, const BenchRow& row, std::string text) {
  // Of too few trials there is no interval to draw.
  const Interval i = row.interval.known() ? row.interval : Interval{row.median, row.median};
  return {std::move(label), row.median, i.low, i.high, std::move(text), css_class(row.backend)};
}

std::string bars_of(const BenchResults& r, const std::string& dir, const std::string& load, const char* workload, const char* title) {
  const std::uint64_t most = bench_most_molecules(r, dir, load);
  std::vector<SvgBar> bars;
  for (const BenchRow* row : rows_of(r, dir, load, workload)) {
    bars.push_back(bar_of_row(bench_backend(*row, most), *row, bench_value(*row, row->median) + (row->ratio_to_atp && row->backend != "atp" ? " · atp " + bench_ratio(*row->ratio_to_atp) + "×" : "")));
  }
  return bars.empty() ? "" : fmt::format("<h3>{}</h3>\n{}\n", title, svg_bars(title, bars, std::string_view(workload) != "size"));
}

// Lines over something that has a few values: atoms, processes.
std::string lines_over(std::string_view title, const std::map<std::string, std::vector<std::pair<double, double>>>& series, const std::string& x_name) {
  std::vector<SvgLine> lines;
  for (const auto& [backend, points] : series) {
    if (points.size() > 1) lines.push_back({backend, points, css_class(backend)});
  }
  return lines.empty() ? "" : svg_lines(title, lines, x_name, {"molecules/s", ""}, true);
}

std::string by_atoms(const BenchResults& r, const std::string& dir) {
  std::map<std::string, std::vector<std::pair<double, double>>> series;
  for (const BenchRow& row : r.rows) {
    if (row.problem.empty() && row.dir == dir && row.workload == "shuffled") series[row.backend].emplace_back(row.atoms, row.median);
  }
  const std::string svg = lines_over("Shuffled reads by size of molecules", series, "atoms per molecule");
  return svg.empty() ? "" : fmt::format("<h2>{}, shuffled reads by size of molecules</h2>\n{}\n", html_text(dir), svg);
}

std::string by_workers(const BenchResults& r, const std::string& dir, const std::string& load) {
  std::map<std::string, std::vector<std::pair<double, double>>> series;
  for (const BenchRow& row : r.rows) {
    if (row.problem.empty() && row.dir == dir && row.load == load && row.workload.starts_with("workers-")) series[row.backend].emplace_back(std::stod(row.workload.substr(8)), row.median);
  }
  constexpr std::string_view kTitle = "Several processes, one molecule at a time";
  const std::string svg = lines_over(kTitle, series, "processes");
  return svg.empty() ? "" : fmt::format("<h3>{}</h3>\n{}", kTitle, svg);
}

std::string latencies(const BenchResults& r, const std::string& dir, const std::string& load, const char* workload, const char* title) {
  std::vector<SvgLine> lines;
  for (const BenchRow* row : rows_of(r, dir, load, workload)) {
    std::vector<std::pair<double, double>> points;
    for (std::size_t i = 0; i < row->latency.size(); ++i) points.emplace_back(100 * kLatencyShares[i], std::max(row->latency[i], 1e-9));
    if (points.size() > 1) lines.push_back({row->backend, points, css_class(row->backend)});
  }
  return lines.empty() ? "" : fmt::format("<h3>{}</h3>\n{}\n", title, svg_lines(title, lines, "% of molecules are faster", {"", "s"}, false));
}

std::string by_mount(const BenchResults& r) {
  if (r.mounts.size() < 2) return "";
  std::string out = "<h2>By mount</h2>\n";
  std::vector<std::string> loads;
  for (const auto& [dir, load] : bench_groups(r)) {
    if (std::find(loads.begin(), loads.end(), load) == loads.end()) loads.push_back(load);
  }
  for (const char* workload : {"shuffled", "cold-shuffled", "write"}) {
    for (const auto& load : loads) {
      std::vector<SvgBar> bars;
      for (const Mount& m : r.mounts) {
        for (const BenchRow* row : rows_of(r, m.folder, load, workload)) {
          if (row->backend == "atp" || row->backend == "lmdb") bars.push_back(bar_of_row(row->backend + " " + m.folder, *row, bench_value(*row, row->median)));
        }
      }
      if (!bars.empty()) out += fmt::format("<h3>{}, {}</h3>\n{}\n", workload, html_text(load), svg_bars(workload, bars, true));
    }
  }
  return out;
}

std::string cell(const std::string& text) { return "<td>" + html_text(text) + "</td>"; }

std::string table_of(const BenchResults& r, const std::string& dir, const std::string& load) {
  std::string out = "<div class=\"wide\"><table>\n<tr>";
  for (const char* head : {"workload", "backend", "median", "95 %", "atoms/s", "MB/s", "p50", "p95", "p99", "CPU µs", "faults", "read", "reruns", "molecules", "atp is"}) out += fmt::format("<th>{}</th>", head);
  out += "</tr>\n";
  const std::uint64_t most = bench_most_molecules(r, dir, load);
  bool short_stores = false;
  for (const BenchRow& row : r.rows) {
    if (row.dir != dir || row.load != load) continue;
    short_stores |= row.problem.empty() && row.molecules < most;
    out += "<tr>" + cell(row.workload) + cell(row.problem.empty() ? bench_backend(row, most) : row.backend);
    if (!row.problem.empty()) {
      out += fmt::format("<td colspan=\"13\">{}</td></tr>\n", html_text(row.problem));
      continue;
    }
    const bool rate = row.unit == BenchUnit::molecules_per_second, reads = rate && row.workload != "write";
    out += cell(bench_value(row, row.median)) + cell(bench_interval(row));
    out += cell(rate ? bench_rate(row.median * row.atoms) : "") + cell(rate ? fmt::format("{:.0f}", row.median * row.payload / 1e6) : "");
    for (const double share : {.5, .95, .99}) out += cell(row.latency.empty() ? "" : bench_time(row.latency_at(share)));
    out += cell(reads ? bench_number(1e6 * row.cpu_seconds) : "") + cell(reads ? bench_number(row.minor_faults + row.major_faults) : "");
    const auto amplification = row.workload.starts_with("cold") ? row.read_amplification() : std::nullopt;
    out += cell(amplification ? fmt::format("{:.2f}", *amplification) : "") + cell(row.reruns ? std::to_string(row.reruns) : "") + cell(human_count(row.molecules));
    out += cell(row.ratio_to_atp ? bench_ratio(*row.ratio_to_atp) : "") + "</tr>\n";
  }
  return out + "</table></div>\n" + (short_stores ? fmt::format("<p class=\"dim\">{}</p>\n", kShortStores) : "");
}

// (seconds, bytes a second) of all stretches in which there was something.
std::vector<std::pair<double, double>> over_time(const IoProfile& profile, IoWay way) {
  constexpr std::size_t kStretches = 120;
  std::vector<std::pair<double, double>> points;
  const auto rates = profile.rates(way, kStretches);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    if (rates[i] > 0) points.emplace_back(profile.seconds() * (static_cast<double>(i) + 0.5) / kStretches, rates[i]);
  }
  return points;
}

// What --io-profile found.
std::string io_profiles_of(const BenchResults& r) {
  std::string out;
  for (const auto& [dir, profile] : r.io_profiles) {
    out += fmt::format("<h2>{}: what the device did meanwhile, for anybody</h2>\n<p>{}</p>\n", html_text(dir), html_text(io_profile_sentence(profile)));
    std::vector<SvgLine> lines;
    std::string bars;
    for (const auto& [way, title, line, css] : {std::tuple{IoWay::read, "Reads", "read", "atp"}, {IoWay::write, "Writes", "written", "python"}}) {
      lines.push_back({line, over_time(profile, way), css});
      if (lines.back().points.empty()) lines.pop_back();
      std::vector<SvgBar> sizes;
      for (const HistogramBin& bin : requests_by_size(profile, way)) {
        const auto count = static_cast<double>(bin.count);
        sizes.push_back({bin.label, count, count, count, human_count(bin.count), css});
      }
      if (!sizes.empty()) bars += fmt::format("<h3>{} by size (mean of each tenth of a second)</h3>\n{}\n", title, svg_bars(title, sizes, false));
    }
    constexpr std::string_view kTitle = "Bytes read and written a second, over time";
    if (!lines.empty()) out += fmt::format("<h3>{}</h3>\n{}\n", kTitle, svg_lines(kTitle, lines, "seconds", {"", "B/s"}, false));
    out += bars;
  }
  return out;
}

std::string verdict_cell(bool good, const char* text) { return fmt::format("<td class=\"{}\">{}</td>", good ? "yes" : "no", text); }

std::string goals_of(const BenchChecks& checks, const BenchResults& results) {
  if (!checks.with_goals) return "";
  std::string rows;
  for (const GoalResult& goal : checks.goals) {
    const RequirementResult& g = goal.reached;
    if (g.value) rows += "<tr>" + cell(std::string(goal.what)) + cell(g.requirement.text()) + cell(fmt::format("{:.2f}", *g.value)) + verdict_cell(g.met, g.met ? "yes" : "no") + cell(bare_text(goal)) + cell(g.dir) + "</tr>\n";
  }
  std::string out = "<h2>What the reader is held to</h2>\n";
  if (!rows.empty()) out += "<table>\n<tr><th>goal</th><th></th><th>reached</th><th></th><th>bare</th><th>dir</th></tr>\n" + rows + "</table>\n";
  for (const std::string& text : {bare_sentence(checks), not_measured_sentence(checks, results)}) {
    if (!text.empty()) out += fmt::format("<p class=\"dim\">{}</p>\n", html_text(text));
  }
  return out;
}

std::string changes_of(const BenchChecks& checks) {
  if (!checks.with_baseline) return "";
  std::string out = "<h2>Changed since the baseline</h2>\n";
  if (const std::string text = differences_text(checks); !text.empty()) out += fmt::format("<p>{}</p>\n", html_text(text));
  if (checks.changes.empty()) return out + "<p>The baseline has no row in common with this run.</p>\n";
  out += "<div class=\"wide\"><table>\n<tr><th>workload</th><th>backend</th><th>load</th><th>dir</th><th>now/then</th><th>95 %</th><th></th></tr>\n";
  for (const BaselineChange& c : checks.changes) {
    out += "<tr>" + cell(c.workload) + cell(c.backend) + cell(bench_load_name(c.load)) + cell(c.dir) + cell(fmt::format("{:.3f}", c.ratio)) + cell(change_interval(c)) +
           (c.verdict == Verdict::better || c.verdict == Verdict::worse ? verdict_cell(c.verdict == Verdict::better, verdict_text(c).c_str()) : cell(verdict_text(c))) + "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string requirements_of(const BenchChecks& checks) {
  if (checks.required.empty()) return "";
  std::string out = "<h2>What was required</h2>\n<table>\n<tr><th>requirement</th><th>dir</th><th>reached</th><th></th></tr>\n";
  for (const RequirementResult& r : checks.required) {
    out += "<tr>" + cell(r.requirement.text()) + cell(r.dir) + cell(r.value ? fmt::format("{:.4g}", *r.value) : "not measured" + (r.why_not.empty() ? "" : ": " + r.why_not)) + verdict_cell(r.met, r.met ? "met" : "missed") + "</tr>\n";
  }
  return out + "</table>\n";
}

// With which options, and when.
std::string made_how(const BenchResults& r) {
  std::string out;
  if (r.options) {
    const BenchOptions& o = *r.options;
    out = fmt::format("{} trials, batches of {}, --seconds {:g}, --seed {}, --io {}{}{}{}; ", o.trials, o.batch, o.seconds, o.seed, o.io, o.custom ? ", --custom" : "",
                      o.like.empty() ? "" : ", --like " + printable(o.like), o.dataset.empty() ? "" : ", " + printable(o.dataset));
  }
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  if (gmtime_r(&now, &utc) != nullptr) out += fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min);
  return out;
}

}  // namespace

std::string bench_html(const BenchResults& r, const BenchChecks& checks) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width\"/><title>atp bench</title><style>{}</style></head><body>\n"
      "<h1>How fast molecules come from disk</h1>\n<p class=\"dim\">{}{}</p>\n",
      kStyle, html_text(bench_head(r, std::numeric_limits<int>::max())), html_text(made_how(r)));
  out += "<p>Medians with 95 % intervals. Rates and times are drawn on logarithmic axes, sizes and requests on linear ones. All readers of a store touched every value, and their checksums were the right ones. “atp is 4” says that atp is four times as fast.</p>\n";
  std::string last;
  for (const auto& [dir, load] : bench_groups(r)) {
    if (dir != last) out += by_atoms(r, dir);
    last = dir;
    out += fmt::format("<h2>{}, {}</h2>\n", html_text(dir), html_text(bench_load_name(load)));
    out += bars_of(r, dir, load, "shuffled", "Shuffled, one molecule at a time (molecules/s)") + bars_of(r, dir, load, "batch", "Shuffled batches, packed (molecules/s)");
    out += bars_of(r, dir, load, "cold-shuffled", "Shuffled, nothing in memory (molecules/s)") + bars_of(r, dir, load, "seq", "Sequential (molecules/s)");
    out += bars_of(r, dir, load, "write", "Writing, synced (molecules/s)") + bars_of(r, dir, load, "size", "Size over the size of the values");
    out += by_workers(r, dir, load) + latencies(r, dir, load, "shuffled", "Latency, shuffled") + latencies(r, dir, load, "cold-shuffled", "Latency, shuffled, nothing in memory");
    out += table_of(r, dir, load);
  }
  return out + by_mount(r) + io_profiles_of(r) + goals_of(checks, r) + changes_of(checks) + requirements_of(checks) +
         fmt::format("<pre class=\"dim\">{}</pre>\n<p class=\"dim\">{}</p>\n</body></html>\n", html_text(footprint_text(r, kNoWidth)), html_text(bench_end(r, kNoWidth)));
}

}  // namespace atp
