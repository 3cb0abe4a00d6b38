// The tables and bars of `atp bench`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cmd/bench.h"
#include "cmd/terminal.h"
#include "core/bench/serve.h"

namespace atp {
namespace {

std::vector<std::string> table_row(const BenchRow& row, std::uint64_t all) {
  // A store that took too long to write holds fewer.
  const std::string held = row.molecules < all ? fmt::format(" ({})", human_count(row.molecules)) : "";
  std::vector<std::string> cells = {row.workload, std::string(row.backend) + held, bench_value(row, row.median),
                                    row.values.size() > 1 ? bench_value(row, row.interval.low) + " .. " + bench_value(row, row.interval.high) : ""};
  const bool is_rate = row.unit == BenchUnit::molecules_per_second;
  cells.push_back(is_rate ? bench_rate(row.median * row.atoms) : "");
  cells.push_back(is_rate ? fmt::format("{:.0f}", row.median * row.payload / 1e6) : "");
  for (const double share : {.5, .95, .99}) cells.push_back(row.latency.empty() ? "" : bench_time(row.latency_at(share)));
  const bool reads = is_rate && row.workload != "write";
  cells.push_back(reads ? fmt::format("{:.2g}", row.cpu_seconds * 1e6) : "");
  cells.push_back(reads ? fmt::format("{:.2g}", row.minor_faults + row.major_faults) : "");
  const auto amplification = row.workload.starts_with("cold") ? row.read_amplification() : std::nullopt;
  cells.push_back(amplification ? fmt::format("{:.2f}", *amplification) : "");
  cells.push_back(row.ratio_to_atp ? bench_ratio(*row.ratio_to_atp) : "");
  return cells;
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

std::string bench_head(const BenchResults& r) {
  std::string out = fmt::format("{}, {} CPUs, {} of memory, {}\n", r.machine.cpu, r.machine.cpus, human_bytes(r.machine.memory_bytes), r.machine.kernel);
  for (const Mount& m : r.mounts) out += fmt::format("{}: {}, {}, {} free\n", printable(m.folder), printable(m.describe()), printable(m.options), human_bytes(m.free_bytes));
  std::string versions;
  for (const auto& [name, version] : r.versions) versions += fmt::format("{}{} {}", versions.empty() ? "" : ", ", name, version);
  return out + versions + '\n';
}

std::string bench_tables(const BenchResults& results) {
  std::string out;
  for (const auto& [dir, load] : bench_groups(results)) {
    std::uint64_t most = 0;
    BenchRow first;  // that says how large molecules are: one that failed does not
    for (const BenchRow& row : results.rows) {
      if (row.dir != dir || row.load != load) continue;
      most = std::max(most, row.molecules);
      if (first.payload == 0) first = row;
    }
    out += styled(fmt::format("\n{}, {}: {} molecules of {:.4g} atoms, {:.0f} bytes each\n", printable(dir), load == "dataset" ? load : load + " atoms", human_count(most), first.atoms, first.payload), Style::bold);
    std::vector<std::vector<std::string>> rows = {
        {"workload", "backend", "molecules/s", "95 %", "atoms/s", "MB/s", "p50", "p95", "p99", "CPU µs", "faults", "read", "atp is"}};
    // Neither is a rate.
    std::vector<std::vector<std::string>> others = {{"workload", "backend", "", "95 %", "resident", "atp is"}};
    std::vector<std::string> problems;
    for (const BenchRow& row : results.rows) {
      if (row.dir != dir || row.load != load) continue;
      if (!row.problem.empty()) {
        problems.push_back(fmt::format("{}, {}: {}", row.workload, row.backend, printable(row.problem)));
        continue;
      }
      auto cells = table_row(row, most);
      if (row.workload == "open" || row.workload == "size") {
        others.push_back({cells[0], cells[1], cells[2], cells[3], row.workload == "open" ? human_bytes(row.resident) : "", cells.back()});
      } else {
        rows.push_back(std::move(cells));
      }
    }
    if (rows.size() > 1) out += table_that_fits(rows, {false, false, true, true, true, true, true, true, true, true, true, true, true}, {10, 11, 4, 7, 9, 8, 5, 6, 3});
    if (others.size() > 1) out += '\n' + table_that_fits(others, {false, false, true, true, true, true}, {3, 4});
    for (const auto& p : problems) out += "no row: " + p + '\n';
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
    out += styled(fmt::format("\nshuffled, {}, {}: molecules/s on a log axis\n", printable(dir), load), Style::bold) + histogram(bins, width, false);
  }
  return out;
}

std::string bench_end(const BenchResults& r) {
  std::string out = "\n";
  for (const auto& text : r.left_out) out += "left out: " + printable(text) + '\n';
  for (const auto& text : r.notes) out += printable(text) + '\n';
  int reruns = 0;
  for (const BenchRow& row : r.rows) reruns += row.reruns;
  return out + fmt::format("{}, at most {} on the disk; others kept {:.2f} of {} CPUs busy; {} trials were repeated because they differed by more than 10 %\n",
                           human_seconds(r.seconds), human_bytes(r.peak_bytes), r.foreign_cpu, r.machine.cpus, reruns);
}

std::vector<HistogramBin> reads_by_size(const IoProfile& profile) {
  std::vector<HistogramBin> bins;
  const auto sizes = profile.reads_by_size();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string label = i + 1 < sizes.size() ? fmt::format("< {} KiB", 4u << i) : fmt::format(">= {} KiB", 4u << (i - 1));
    if (sizes[i] > 0) bins.push_back({label, static_cast<std::uint64_t>(sizes[i])});
  }
  return bins;
}

std::string io_profile_sentence(const IoProfile& profile) {
  const DeviceCounters t = profile.total();
  const auto bytes = [](std::uint64_t sectors) { return human_bytes(static_cast<std::uint64_t>(static_cast<double>(sectors) * IoProfile::kSectorBytes)); };
  return fmt::format("{} reads of {}, {} writes of {}; {:.0f} % of reads were joined to a neighbour (sequential); {:.1f} requests at a time while busy", human_count(t.reads), bytes(t.sectors_read),
                     human_count(t.writes), bytes(t.sectors_written), 100 * profile.merged_share(), profile.concurrency());
}

std::string io_profile_text(const BenchResults& r, int width) {
  std::string out;
  for (const auto& [dir, profile] : r.io_profiles) {
    out += styled(fmt::format("\n{}: what the device did meanwhile, for anybody\n", printable(dir)), Style::bold);
    out += io_profile_sentence(profile) + '\n';
    // Bursts: a column a stretch of time, as high as its rate.
    static constexpr std::array<std::string_view, 9> kLevels = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::array<std::string_view, 9> kAscii = {" ", ".", ".", ":", ":", "|", "|", "#", "#"};
    const auto rates = profile.read_rates(static_cast<std::size_t>(std::clamp(width - 24, 20, 80)));
    const double most = *std::max_element(rates.begin(), rates.end());
    std::string line;
    for (const double rate : rates) line += (utf8_terminal() ? kLevels : kAscii)[most > 0 ? static_cast<std::size_t>(std::ceil(8 * rate / most)) : 0];
    out += fmt::format("read over time  {}  at most {}\n", line, human_rate(most));
    out += "reads by size (mean of each tenth of a second)\n" + histogram(reads_by_size(profile), width);
  }
  return out;
}

std::string footprint_text(const BenchResults& r) {
  if (!r.footprint) return "";
  const Footprint& f = *r.footprint;
  const auto number = [](double v) { return fmt::format("{:.3g}", v); };
  std::vector<std::vector<std::string>> rows = {{"", "primary energy MJ", "climate gCO2eq", "resources gSbeq"}};
  for (const auto& [name, i] : {std::pair{"use", f.use}, std::pair{"manufacture", f.manufacture}}) {
    rows.push_back({name, number(i.primary_energy), number(i.climate), number(i.resources)});
  }
  return styled(fmt::format("\nestimate of the footprint: {} Wh ({})\n", number(f.joules / 3600), f.measured ? "processors measured by RAPL, all that ran on them included" : "modelled from CPU seconds"), Style::bold) +
         table(rows, {false, true, true, true}) + footprint_sources(*find_grid(r.grid));
}

std::string goals_table(const std::vector<GoalResult>& goals) {
  std::vector<std::vector<std::string>> rows = {{"goal", "", "reached", "dir", ""}};
  for (const GoalResult& g : goals) {
    rows.push_back({std::string(g.what), g.requirement.text(), g.value ? fmt::format("{:.2f}", *g.value) : "-", printable(g.dir),
                    !g.value ? "not measured" : g.met ? styled("yes", Style::green) : styled("no", Style::red)});
  }
  return styled("\nwhat the reader is held to\n", Style::bold) + table(rows, {false, false, true});
}

std::string requirement_lines(const Requirement& requirement, const std::vector<RequirementResult>& found) {
  std::string out;
  for (const auto& r : found) {
    out += fmt::format("{}: {}: {}\n", r.met ? "met" : styled("missed", Style::red), requirement.text(), r.value ? fmt::format("{:.4g} in {}", *r.value, printable(r.dir)) : fmt::format("not measured in {}", printable(r.dir)));
  }
  return out;
}

}  // namespace atp
