// The tables and bars of `atp bench`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "cmd/bench.h"
#include "cmd/counted.h"
#include "cmd/manual.h"
#include "cmd/terminal.h"
#include "core/bench/serve.h"

namespace atp {
namespace {

// A sentence as lines that a terminal shows whole; those after the first are indented.
std::string lines_of(const std::string& text, int width) { return wrapped(text, static_cast<std::size_t>(width), 2) + '\n'; }

std::vector<std::string> table_row(const BenchRow& row, std::uint64_t all) {
  std::vector<std::string> cells = {row.workload, bench_backend(row, all), bench_value(row, row.median), bench_interval(row)};
  const bool is_rate = row.unit == BenchUnit::molecules_per_second;
  cells.push_back(is_rate ? bench_rate(row.median * row.atoms) : "");
  cells.push_back(is_rate ? fmt::format("{:.0f}", row.median * row.payload / 1e6) : "");
  for (const double share : {.5, .95, .99}) cells.push_back(row.latency.empty() ? "" : bench_time(row.latency_at(share)));
  const bool reads = is_rate && row.workload != "write";
  cells.push_back(reads ? bench_number(row.cpu_seconds * 1e6) : "");
  cells.push_back(reads ? bench_number(row.minor_faults + row.major_faults) : "");
  const auto amplification = row.workload.starts_with("cold") ? row.read_amplification() : std::nullopt;
  cells.push_back(amplification ? fmt::format("{:.2f}", *amplification) : "");
  cells.push_back(row.ratio_to_atp ? bench_ratio(*row.ratio_to_atp) : "");
  return cells;
}

std::string_view value_head(const BenchRow& row) {
  switch (row.unit) {
    case BenchUnit::molecules_per_second: return "molecules/s";
    case BenchUnit::seconds: return "time";
    case BenchUnit::bytes_per_byte: return "bytes/value byte";
  }
  return "";
}

std::string wide_tables(const std::vector<const BenchRow*>& rows, std::uint64_t all) {
  std::vector<std::vector<std::string>> rates = {{"workload", "backend", "molecules/s", "95 %", "atoms/s", "MB/s", "p50", "p95", "p99", "CPU µs", "faults", "read", "atp is"}};
  std::vector<std::vector<std::string>> times = {{"workload", "backend", "time", "95 %", "resident", "atp is"}}, sizes = {{"workload", "backend", "bytes/value byte", "atp is"}};
  for (const BenchRow* row : rows) {
    auto cells = table_row(*row, all);
    switch (row->unit) {
      case BenchUnit::molecules_per_second: rates.push_back(std::move(cells)); break;
      case BenchUnit::seconds: times.push_back({cells[0], cells[1], cells[2], cells[3], row->resident == 0 ? "" : human_bytes(row->resident), cells.back()}); break;
      case BenchUnit::bytes_per_byte: sizes.push_back({cells[0], cells[1], cells[2], cells.back()}); break;
    }
  }
  std::string out;
  if (rates.size() > 1) out += table_that_fits(rates, {false, false, true, true, true, true, true, true, true, true, true, true, true}, {10, 11, 4, 7, 9, 8, 5, 6, 3});
  if (times.size() > 1) out += '\n' + table_that_fits(times, {false, false, true, true, true, true}, {3, 4});
  if (sizes.size() > 1) out += '\n' + table_that_fits(sizes, {false, false, true, true}, {});
  return out;
}

// Where not even the columns that matter have room beside each other: a small table for each workload.
std::string narrow_tables(const std::vector<const BenchRow*>& rows, std::uint64_t all, int width) {
  std::vector<std::string> workloads;
  for (const BenchRow* row : rows) {
    if (std::find(workloads.begin(), workloads.end(), row->workload) == workloads.end()) workloads.push_back(row->workload);
  }
  std::string out;
  for (const std::string& workload : workloads) {
    std::vector<std::vector<std::string>> some = {{workload, "", "atp is"}};
    for (const BenchRow* row : rows) {
      if (row->workload != workload) continue;
      some[0][1] = value_head(*row);
      some.push_back({bench_backend(*row, all), bench_value(*row, row->median), row->ratio_to_atp ? bench_ratio(*row->ratio_to_atp) : ""});
    }
    out += table(some, {false, true, true});
  }
  return out + styled(lines_of("(no room for the other columns; --json has all)", width), Style::dim);
}

// What failed: a line for all workloads of a backend that failed alike.
std::string problem_lines(const std::vector<const BenchRow*>& rows, int width) {
  std::vector<std::pair<const BenchRow*, std::string>> lines;
  for (const BenchRow* row : rows) {
    const auto same = [&](const auto& line) { return line.first->backend == row->backend && line.first->problem == row->problem; };
    if (const auto at = std::find_if(lines.begin(), lines.end(), same); at != lines.end()) {
      at->second += ", " + row->workload;
    } else {
      lines.emplace_back(row, row->workload);
    }
  }
  // Backends that failed alike share one, too: on tmpfs none has cold rows.
  std::vector<std::tuple<std::string, std::string, std::string>> shared;  // backends, workloads, why
  for (const auto& [row, workloads] : lines) {
    const auto same = std::find_if(shared.begin(), shared.end(), [&, w = &workloads, p = &row->problem](const auto& s) { return std::get<1>(s) == *w && std::get<2>(s) == *p; });
    if (same != shared.end()) {
      std::get<0>(*same) += ", " + row->backend;
    } else {
      shared.emplace_back(row->backend, workloads, row->problem);
    }
  }
  std::string out;
  for (const auto& [backends, workloads, why] : shared) out += lines_of(fmt::format("no row: {}: {}: {}", backends, workloads, printable(why)), width);
  return out;
}

std::string marks_line(const std::vector<const BenchRow*>& rows, std::uint64_t all, int width) {
  if (std::none_of(rows.begin(), rows.end(), [&](const BenchRow* row) { return row->molecules < all; })) return "";
  return lines_of(std::string(kShortStores), width);
}

}  // namespace

std::string bench_rate(double v) {
  if (v >= 1e6) return fmt::format("{:.2f} M", v / 1e6);
  if (v >= 1e4) return fmt::format("{:.1f} k", v / 1e3);
  return fmt::format("{:.0f}", v);
}

std::string bench_time(double seconds) {
  if (!std::isfinite(seconds)) return "";
  if (seconds < 1e-6) return fmt::format("{:.0f} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.1f} µs", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

std::string bench_value(const BenchRow& row, double v) {
  switch (row.unit) {
    case BenchUnit::molecules_per_second: return bench_rate(v);
    case BenchUnit::seconds: return bench_time(v);
    case BenchUnit::bytes_per_byte: return fmt::format("{:.3f}", v);
  }
  return "";
}

std::string bench_number(double v) {
  if (v == 0) return "0";
  if (v < 0.001) return "< 0.001";
  return v < 100 ? fmt::format("{:.2g}", v) : fmt::format("{:.0f}", v);
}

std::string bench_interval(const BenchRow& row) {
  if (!row.interval.known()) return "";
  const std::string low = bench_value(row, row.interval.low), high = bench_value(row, row.interval.high);
  return low == high ? low : low + " .. " + high;
}

std::string bench_load_name(const std::string& load) { return load == "dataset" || load == "like" ? load : load + (load == "1" ? " atom" : " atoms"); }

std::string bench_ratio(double ratio) {
  if (!std::isfinite(ratio)) return "";
  return ratio >= 100 ? fmt::format("{:.0f}", ratio) : fmt::format("{:.3g}", ratio);
}

std::vector<std::pair<std::string, std::string>> bench_groups(const BenchResults& results) {
  std::vector<std::pair<std::string, std::string>> groups;
  for (const BenchRow& row : results.rows) {
    if (std::find(groups.begin(), groups.end(), std::pair(row.dir, row.load)) == groups.end()) groups.emplace_back(row.dir, row.load);
  }
  return groups;
}

std::string bench_head(const BenchResults& r, int width) {
  std::string out = lines_of(fmt::format("{}, {} CPUs, {} of memory, {}", r.machine.cpu, r.machine.cpus, human_bytes(r.machine.memory_bytes), r.machine.kernel), width);
  for (const Mount& m : r.mounts) out += lines_of(fmt::format("{}: {}, {}, {} free", printable(m.folder), printable(m.describe()), printable(m.options), human_bytes(m.free_bytes)), width);
  std::string versions;
  for (const auto& [name, version] : r.versions) versions += fmt::format("{}{} {}", versions.empty() ? "" : ", ", name, version);
  return out + lines_of(versions, width);
}

std::string bench_backend(const BenchRow& row, std::uint64_t all) { return row.backend + (row.molecules < all ? fmt::format(" ({})", human_count(row.molecules)) : ""); }

std::uint64_t bench_most_molecules(const BenchResults& r, const std::string& dir, const std::string& load) {
  std::uint64_t most = 0;
  for (const BenchRow& row : r.rows) {
    if (row.dir == dir && row.load == load) most = std::max(most, row.molecules);
  }
  return most;
}

std::string bench_tables(const BenchResults& results, int width) {
  constexpr int kNarrow = 56;
  std::string out;
  for (const auto& [dir, load] : bench_groups(results)) {
    const std::uint64_t most = bench_most_molecules(results, dir, load);
    const BenchRow* first = nullptr;  // that says how large molecules are: one that failed may not
    std::vector<const BenchRow*> rows, problems;
    for (const BenchRow& row : results.rows) {
      if (row.dir != dir || row.load != load) continue;
      if (!first || first->payload == 0) first = &row;
      (row.problem.empty() ? rows : problems).push_back(&row);
    }
    std::string head = fmt::format("{}, {}", printable(dir), bench_load_name(load));
    if (most != 0) head += fmt::format(": {} of {:.4g} {}, {:.0f} bytes each", counted(most, "molecule"), first->atoms, first->atoms == 1 ? "atom" : "atoms", first->payload);
    out += '\n' + styled(lines_of(head, width), Style::bold);
    out += (width < kNarrow ? narrow_tables(rows, most, width) : wide_tables(rows, most)) + marks_line(rows, most, width) + problem_lines(problems, width);
  }
  return out;
}

std::string bench_chart(const BenchResults& results, int width) {
  std::string out;
  for (const auto& [dir, load] : bench_groups(results)) {
    std::vector<const BenchRow*> rows;
    for (const BenchRow& row : results.rows) {
      if (row.dir == dir && row.load == load && row.workload == "shuffled" && row.problem.empty()) rows.push_back(&row);
    }
    if (rows.size() < 2) continue;
    double least = 1e300;
    for (const auto* r : rows) least = std::min(least, r->median);
    // A decade of the axis is a hundred steps; the bar of the slowest one begins within its decade.
    const double floor = std::floor(std::log10(least)) - 0.1;
    std::vector<HistogramBin> bins;
    for (const auto* r : rows) bins.push_back({fmt::format("{} {}", r->backend, bench_rate(r->median)), static_cast<std::uint64_t>(std::llround(100 * (std::log10(r->median) - floor)))});
    out += '\n' + styled(lines_of(fmt::format("shuffled, {}, {}: molecules/s on a log axis", printable(dir), bench_load_name(load)), width), Style::bold) + histogram(bins, width, false);
  }
  return out;
}

std::string few_trials_sentence(const BenchResults& r) {
  const auto few = std::count_if(r.rows.begin(), r.rows.end(), [](const BenchRow& row) { return row.problem.empty() && row.unit != BenchUnit::bytes_per_byte && !row.interval.known(); });
  return few == 0 ? "" : fmt::format("{} of fewer than {} trials: without an interval", counted(static_cast<std::uint64_t>(few), "row"), kFewestForInterval);
}

std::string overrun_sentence(const BenchResults& r, double asked) {
  if (r.seconds <= 1.2 * asked + 0.5) return "";
  std::vector<std::pair<double, std::string>> parts;
  for (const auto& [what, seconds] : r.spent) parts.emplace_back(seconds, what);
  std::sort(parts.rbegin(), parts.rend());
  parts.resize(std::min<std::size_t>(parts.size(), 4));
  std::string text;
  for (const auto& [seconds, what] : parts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, human_seconds(seconds));
  return fmt::format("longer than --seconds {}, as so many backends and loads need it ({}): fewer --backends, --workloads or --atoms take less", asked, text);
}

std::string bench_end(const BenchResults& r, int width) {
  std::string out = "\n";
  if (const std::string few = few_trials_sentence(r); !few.empty()) out += lines_of(few, width);
  for (const auto& text : r.left_out) out += lines_of("left out: " + printable(text), width);
  for (const auto& text : r.notes) out += lines_of(printable(text), width);
  std::uint64_t reruns = 0, spread = 0;
  for (const BenchRow& row : r.rows) {
    reruns += static_cast<std::uint64_t>(row.reruns);
    spread += row.problem.empty() && row.spread > kTooDifferent;
  }
  return out + lines_of(fmt::format("{}, at most {} on the disk; others kept {:.2f} of {} CPUs busy; {} repeated because results differed by more than {:.0f} %{}", human_seconds(r.seconds),
                                    human_bytes(r.peak_bytes), r.foreign_cpu, r.machine.cpus, counted(reruns, "trial") + (reruns == 1 ? " was" : " were"), 100 * kTooDifferent, spread == 0 ? "" : fmt::format(", as those of {} still do", counted(spread, "row"))),
                        width);
}

std::vector<HistogramBin> requests_by_size(const IoProfile& profile, IoWay way) {
  std::vector<HistogramBin> bins;
  const auto sizes = profile.by_size(way);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string label = i + 1 < sizes.size() ? fmt::format("< {} KiB", 4u << i) : fmt::format(">= {} KiB", 4u << (i - 1));
    if (sizes[i] > 0) bins.push_back({label, static_cast<std::uint64_t>(sizes[i])});
  }
  return bins;
}

std::string io_profile_sentence(const IoProfile& profile) {
  const DeviceCounters t = profile.total();
  const auto bytes = [](std::uint64_t sectors) { return human_bytes(static_cast<std::uint64_t>(static_cast<double>(sectors) * IoProfile::kSectorBytes)); };
  return fmt::format("{} of {}, {} of {}; {:.0f} % of reads were joined to a neighbour (sequential); {:.1f} requests at a time while busy", counted(t.reads, "read"), bytes(t.sectors_read),
                     counted(t.writes, "write"), bytes(t.sectors_written), 100 * profile.merged_share(), profile.concurrency());
}

namespace {

// A column a stretch of time, as high as its rate.
std::string bursts(const std::vector<double>& rates) {
  static constexpr std::array<std::string_view, 9> kLevels = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::array<std::string_view, 9> kAscii = {" ", ".", ".", ":", ":", "|", "|", "#", "#"};
  const double most = *std::max_element(rates.begin(), rates.end());
  std::string line;
  for (const double rate : rates) line += (utf8_terminal() ? kLevels : kAscii)[most > 0 ? static_cast<std::size_t>(std::ceil(8 * rate / most)) : 0];
  return line;
}

}  // namespace

std::string io_profile_text(const BenchResults& r, int width) {
  std::string out;
  for (const auto& [dir, profile] : r.io_profiles) {
    out += '\n' + styled(lines_of(fmt::format("{}: what the device did meanwhile, for anybody", printable(dir)), width), Style::bold);
    out += lines_of(io_profile_sentence(profile), width);
    for (const auto& [way, verb, noun] : {std::tuple{IoWay::read, "read", "reads"}, {IoWay::write, "written", "writes"}}) {
      const auto bins = requests_by_size(profile, way);
      if (bins.empty()) continue;
      const auto rates = profile.rates(way, static_cast<std::size_t>(std::clamp(width - 40, 10, 80)));
      out += fmt::format("{:<7} over time  {}  at most {}\n", verb, bursts(rates), human_rate(*std::max_element(rates.begin(), rates.end())));
      out += fmt::format("{} by size (mean of each tenth of a second)\n", noun) + histogram(bins, width);
    }
  }
  return out;
}

std::string footprint_text(const BenchResults& r, int width) {
  if (!r.footprint) return "";
  const Footprint& f = *r.footprint;
  const auto number = [](double v) { return fmt::format("{:.3g}", v); };
  std::vector<std::vector<std::string>> rows = {{"", "use", "manufacture"}};
  for (const auto& [name, part] : {std::pair{"primary energy MJ", &Impacts::primary_energy}, std::pair{"climate gCO2eq", &Impacts::climate}, std::pair{"resources gSbeq", &Impacts::resources}}) {
    rows.push_back({name, number(f.use.*part), number(f.manufacture.*part)});
  }
  std::string sources;
  const std::string all = footprint_sources(*find_grid(r.grid));
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    sources += "  " + wrapped(all.substr(begin, end - begin), static_cast<std::size_t>(width), 4) + '\n';
    begin = end + 1;
  }
  return "\n" + styled(lines_of(fmt::format("estimate of the footprint: {} Wh ({})", number(f.joules / 3600), f.measured ? "processors measured by RAPL, all that ran on them included" : "modelled from CPU seconds"), width), Style::bold) +
         table(rows, {false, true, true}) + sources;
}

std::string not_measured_sentence(const BenchChecks& checks, const BenchResults& r) {
  const auto n = static_cast<std::size_t>(std::count_if(checks.goals.begin(), checks.goals.end(), [](const GoalResult& g) { return !g.reached.value; }));
  if (n == 0) return "";
  const bool unequal = std::any_of(checks.goals.begin(), checks.goals.end(), [](const GoalResult& g) { return !g.reached.why_not.empty(); });
  const bool failed = std::any_of(r.rows.begin(), r.rows.end(), [](const BenchRow& row) { return !row.problem.empty(); });
  return fmt::format("{} of {} goals were not measured: {}{}{}", n, checks.goals.size(), "they need other --atoms, --backends or --workloads",
                     unequal ? ", or stores cut less short by time (--seconds)" : "", failed && !r.left_out.empty() ? ", or what has no row or is left out" : failed ? ", or what has no row" : !r.left_out.empty() ? ", or what is left out" : "");
}

std::string bare_text(const GoalResult& goal) { return goal.bound ? fmt::format("{} {:.2f}", goal.yardstick, *goal.bound) : ""; }

std::string bare_sentence(const BenchChecks& checks) {
  const auto count = [&](auto&& what) { return static_cast<std::uint64_t>(std::count_if(checks.goals.begin(), checks.goals.end(), what)); };
  const auto missed = count([](const GoalResult& g) { return g.reached.value && !g.reached.met; });
  const auto beyond = count([](const GoalResult& g) { return g.out_of_reach(); });
  std::string text = "bare: what a memcpy of the records, or the disk without a format, reached in the place of atp in this run";
  if (beyond != 0) text += fmt::format("; {} of the {} that were missed {} beyond these, too", beyond, counted(missed, "goal"), beyond == 1 ? "is" : "are");
  return count([](const GoalResult& g) { return g.bound.has_value(); }) == 0 ? "" : text;
}

std::string goals_table(const BenchChecks& checks, const BenchResults& results, int width) {
  if (!checks.with_goals) return "";
  std::vector<std::vector<std::string>> rows = {{"goal", "", "reached", "", "bare", "dir"}};
  for (const GoalResult& goal : checks.goals) {
    const RequirementResult& g = goal.reached;
    if (!g.value) continue;
    rows.push_back({std::string(goal.what), g.requirement.text(), fmt::format("{:.2f}", *g.value), g.met ? styled("yes", Style::green) : styled("no", Style::red), bare_text(goal), printable(g.dir)});
  }
  std::string out = styled("\nwhat the reader is held to\n", Style::bold);
  if (rows.size() > 1) out += table_that_fits(rows, {false, false, true, false, true, false}, {5, 0});
  for (const std::string& text : {bare_sentence(checks), not_measured_sentence(checks, results)}) {
    if (!text.empty()) out += lines_of(text, width);
  }
  return out;
}

std::string changes_table(const BenchChecks& checks, int width) {
  if (!checks.with_baseline) return "";
  const std::string head = styled("\nchanged since the baseline\n", Style::bold) + differences_text(checks);
  if (checks.changes.empty()) return head + "the baseline has no row in common with this run\n";
  std::vector<std::vector<std::string>> rows = {{"dir", "load", "workload", "backend", "now/then", "95 %", ""}};
  for (const BaselineChange& c : checks.changes) {
    rows.push_back({printable(c.dir), c.load, c.workload, c.backend, fmt::format("{:.3f}", c.ratio), change_interval(c), verdict_text(c)});
  }
  return head + table_that_fits(rows, {false, false, false, false, true, true, false}, {5, 0}) +
         lines_of("An interval knows the trials of two runs only: where other programs or machines share memory and disk, a third may differ from both.", width);
}

std::string change_interval(const BaselineChange& c) { return c.interval.known() ? fmt::format("{:.3f} .. {:.3f}", c.interval.low, c.interval.high) : ""; }

std::string requirement_lines(const BenchChecks& checks) {
  std::string out;
  for (const RequirementResult& r : checks.required) {
    out += fmt::format("{}: {}: {}\n", r.met ? "met" : styled("missed", Style::red), r.requirement.text(), r.value ? fmt::format("{:.4g} in {}", *r.value, printable(r.dir)) : fmt::format("not measured in {}{}", printable(r.dir), r.why_not.empty() ? "" : ": " + r.why_not));
  }
  return out;
}

}  // namespace atp
