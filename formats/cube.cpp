#include "formats/cube.h"

#include <fmt/format.h>

#include <cmath>

#include "core/base/error.h"
#include "core/chem/units.h"
#include "formats/excerpt.h"
#include "formats/line_reader.h"
#include "formats/serial_reader.h"
#include "formats/utf8.h"

namespace atp {
namespace {

constexpr double kMostAtoms = 1e7;

// A whole number and three reals: how all lines of the head look.
bool read_head_line(std::string_view line, double& count, std::array<double, 3>& v) {
  std::array<double, 4> x;
  if (read_reals(line, x) != 4 || x[0] != std::floor(x[0]) || std::fabs(x[0]) > kMostAtoms) return false;
  count = x[0];
  std::copy(x.begin() + 1, x.end(), v.begin());
  return true;
}

class CubeReader : public SerialReader {
 public:
  explicit CubeReader(std::unique_ptr<ByteSource> source) : lines_(std::move(source)) {}
  InputState input_state() const override { return lines_.state(); }

 protected:
  bool read(ReadyFrame& frame) override {
    if (done_) return false;
    done_ = true;
    frame.origin.line = 1;
    std::string comment;
    replace_bad_utf8(need("the comment"), comment);
    std::string second;
    replace_bad_utf8(need("the comment"), second);
    double count = 0;
    std::array<double, 3> origin;
    head_line(need("the number of atoms"), count, origin);
    const auto atoms = static_cast<std::uint64_t>(std::fabs(count));  // negative: a file of orbitals
    const double unit = read_grid(frame);
    read_atoms(frame, atoms, unit);
    if (!comment.empty() || !second.empty()) frame.structure.put_string(Kind::molecule, "comment", second.empty() ? comment : comment + "\n" + second);
    lines_.drain();
    return true;
  }
  std::uint64_t position() const override { return lines_.position(); }

 private:
  std::string_view need(const char* what) {
    const auto line = lines_.next();
    if (!line) fail_input(lines_.name(), fmt::format("ends before {}", what), "the file is cut off");
    return *line;
  }

  void head_line(std::string_view line, double& count, std::array<double, 3>& v) const {
    if (!read_head_line(line, count, v)) lines_.fail(fmt::format("'{}' is not a whole number and three reals", excerpt(line)));
  }

  // Returns what lengths are multiplied with.
  double read_grid(ReadyFrame& frame) {
    std::array<double, 9> cell;
    std::array<double, 3> counts;
    for (std::size_t i = 0; i < 3; ++i) {
      std::array<double, 3> step;
      head_line(need("the grid"), counts[i], step);
      for (std::size_t k = 0; k < 3; ++k) cell[3 * i + k] = std::fabs(counts[i]) * step[k];
    }
    const bool angstrom = counts[0] < 0;
    const double unit = angstrom ? 1 : kBohrInAngstrom;
    for (double& x : cell) x *= unit;
    frame.structure.set_cell(cell);
    frame.structure.set_pbc({true, true, true});
    frame.mapped.emplace_back("positions", angstrom ? "from the atoms (A)" : "from the atoms (bohr to A)");
    frame.mapped.emplace_back("cell", "from the grid, taken as periodic");
    frame.notes.push_back(fmt::format("the grid of {} x {} x {} values is left out", std::fabs(counts[0]), std::fabs(counts[1]), std::fabs(counts[2])));
    return unit;
  }

  void read_atoms(ReadyFrame& frame, std::uint64_t atoms, double unit) {
    Structure& s = frame.structure;
    std::vector<double> xyz;
    for (std::uint64_t i = 0; i < atoms; ++i) {
      const std::string_view line = need("the last atom");
      std::array<double, 5> v;
      if (read_reals(line, v) != 5 || v[0] < 0 || v[0] > 118 || v[0] != std::floor(v[0])) lines_.fail(fmt::format("'{}' is no atom (number {} of {})", excerpt(line), i, atoms));
      if (lines_.unfinished()) lines_.fail(fmt::format("the file ends within atom {} of {}, before its grid", i, atoms), "copy the file again");
      s.atomic_numbers.push_back(static_cast<std::uint8_t>(v[0]));
      for (std::size_t k = 0; k < 3; ++k) xyz.push_back(v[2 + k] * unit);
    }
    s.set_positions(std::span<const double>(xyz));
  }

  LineReader lines_;
  bool done_ = false;
};

}  // namespace

int sniff_cube(std::string_view head) {
  double count = 0;
  std::array<double, 3> v;
  for (int i = 0; i < 7; ++i) {
    const std::size_t newline = head.find('\n');
    if (newline == std::string_view::npos) return 0;
    if (i >= 2 && i < 6 && (!read_head_line(head.substr(0, newline), count, v) || count == 0)) return 0;
    std::array<double, 5> atom;
    if (i == 6) return read_reals(head.substr(0, newline), atom) == 5 ? 3 : 0;
    head.remove_prefix(newline + 1);
  }
  return 0;
}

std::unique_ptr<FormatReader> open_cube(std::unique_ptr<ByteSource> source, const ReadOptions& /*options*/) {
  return std::make_unique<CubeReader>(std::move(source));
}

}  // namespace atp
