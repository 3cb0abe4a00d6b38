// `atp inspect --stats` for people.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cmd/inspect.h"
#include "cmd/terminal.h"

namespace atp {
namespace {

// What rounding leaves of a zero is shown as one.
std::string number(double v) { return std::abs(v) < 1e-12 ? "0" : fmt::format("{:.6g}", v); }

void add_row(std::vector<std::vector<std::string>>& rows, const char* name, const char* unit, const Moments& m) {
  if (m.count() == 0) return;
  rows.push_back({std::string("  ") + name, number(m.min()), number(m.mean()), number(m.max()), number(m.std()), unit});
}

std::string moments_table(const DatasetStats& s) {
  std::vector<std::vector<std::string>> rows{{"", "min", "mean", "max", "std", "unit"}};
  add_row(rows, "energy per atom", "eV", s.energy_per_atom);
  add_row(rows, "force components", "eV/Å", s.force_components);
  add_row(rows, "force norms", "eV/Å", s.force_norms);
  add_row(rows, "stress components", "eV/Å³", s.stress_components);
  add_row(rows, "pressure", "eV/Å³", s.pressure);
  add_row(rows, "cell volume", "Å³", s.volume);
  add_row(rows, "volume per atom", "Å³", s.volume_per_atom);
  return rows.size() == 1 ? "" : table(rows, {false, true, true, true, true, false});
}

std::string remark(const std::string& text) { return "  " + text + "\n"; }

std::string force_lines(const DatasetStats& s) {
  if (s.force_components.count() == 0) return {};
  return remark(fmt::format("RMS force (over components)  {} eV/Å", number(s.rms_force())));
}

std::string neighbour_lines(const DatasetStats& s) {
  if (!s.options().cutoff) return {};
  const NeighbourStats& n = s.neighbours;
  std::string text;
  if (n.atoms > 0)
    text +=
        remark(fmt::format("neighbours within {} Å  {} per atom ({} directed edges)", *s.options().cutoff,
                           number(static_cast<double>(n.edges) / static_cast<double>(n.atoms)), human_count(n.edges)));
  if (n.skipped > 0)
    text += remark(fmt::format("neighbours not counted in {} records: flat or missing periodic cell, or NaN positions",
                               human_count(n.skipped)));
  return text;
}

std::string element_table(const DatasetStats& s, const std::optional<ReferenceEnergies>& fit) {
  std::vector<std::vector<std::string>> rows{{"  element", "atoms", "% of atoms", "records"}};
  if (fit) rows[0].push_back("E0 (eV)");
  for (std::size_t z = 0; z < s.elements.size(); ++z) {
    const ElementStats& e = s.elements[z];
    if (e.records == 0) continue;
    rows.push_back({"  " + element_name(static_cast<int>(z)), human_count(e.atoms),
                    fmt::format("{:.2f}", 100 * static_cast<double>(e.atoms) / static_cast<double>(s.atoms)),
                    human_count(e.records)});
    if (!fit) continue;
    const auto found = std::ranges::find(fit->elements, static_cast<std::uint8_t>(z));
    rows.back().push_back(
        found == fit->elements.end()
            ? ""
            : fmt::format("{:.8g}", fit->e0[static_cast<std::size_t>(found - fit->elements.begin())]));
  }
  return rows.size() == 1
             ? ""
             : "\n" + styled("Elements", Style::bold) + "\n" + table(rows, {false, true, true, true, true});
}

std::string reference_lines(const std::optional<ReferenceEnergies>& fit) {
  if (!fit) return {};
  std::string text = remark("E0: reference energies by least squares of total energies over compositions");
  text += remark(
      fmt::format("energy per atom after removing them  mean {}, std {} eV", number(fit->mean), number(fit->std)));
  if (fit->rank < fit->elements.size())
    text += remark(styled("! ", Style::yellow) +
                   fmt::format("compositions determine {} of {} E0s: this is the solution of least norm", fit->rank,
                               fit->elements.size()));
  return text;
}

std::string oddities(const DatasetStats& s) {
  std::string text;
  const auto warning = [&](std::uint64_t n, const char* what) {
    if (n > 0) text += remark(styled("! ", Style::yellow) + human_count(n) + what);
  };
  std::uint64_t odd = s.positions_nan + s.positions_inf;
  for (const Field& f : s.fields.fields()) odd += f.nan + f.inf;
  warning(odd, " numbers are NaN or infinite (left out here; see the fields)");
  warning(s.empty_records, " records have no atoms");
  warning(s.zero_volume_cells, " cells have no volume (left out here)");
  return text;
}

}  // namespace

std::string stats_text(const Findings& f, int) {
  if (!f.stats) return {};
  const DatasetStats& s = *f.stats;
  const auto fit = s.energies.solve();
  std::string text =
      "\n" + styled("Statistics", Style::bold) + fmt::format("  over {} records\n", human_count(s.records));
  text += moments_table(s) + force_lines(s) + neighbour_lines(s) + oddities(s);
  return text + element_table(s, fit) + reference_lines(fit);
}

}  // namespace atp
