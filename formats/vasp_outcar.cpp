// OUTCAR: the log of VASP, a step after each TOTAL-FORCE table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/line_reader.h"
#include "formats/number.h"
#include "formats/serial_reader.h"
#include "formats/vasp.h"
#include "formats/vasp_convergence.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostAtoms = 100'000'000;

bool has(std::string_view line, std::string_view text) { return line.find(text) != std::string_view::npos; }

std::string_view behind(std::string_view line, std::string_view text) {
  const std::size_t at = line.find(text);
  return at == std::string_view::npos ? std::string_view() : line.substr(at + text.size());
}

class OutcarReader : public SerialReader {
 public:
  explicit OutcarReader(std::unique_ptr<ByteSource> source) : lines_(std::move(source)) {}
  InputState input_state() const override { return lines_.state(); }

 protected:
  bool read(ReadyFrame& frame) override {
    step_ = {};
    while (const auto line = lines_.next()) {
      if (!look_at(*line, frame)) continue;
      finish(frame);
      return true;
    }
    cut_off_ = cut_off_ || step_.has_forces;
    if (frame.origin.frame > 0) return false;
    if (learned_steps_ > 0) fail_input(lines_.name(), fmt::format("holds {} steps of VASP's machine-learned force field and none of its own", learned_steps_), "there is nothing to learn from them");
    fail_input(lines_.name(), cut_off_ ? "ends within its first step" : "holds no step with forces and energy", "the run was cut off");
  }
  std::uint64_t position() const override { return lines_.position(); }
  std::vector<std::string> last_words() const override {
    std::vector<std::string> words;
    if (cut_off_) words.push_back(fmt::format("{} is cut off: its whole steps are kept", lines_.name()));
    if (learned_steps_ > 0) words.push_back(fmt::format("{}: {} steps of VASP's machine-learned force field are left out", lines_.name(), learned_steps_));
    unconverged_.tell(lines_.name(), words);
    return words;
  }

 private:
  struct Step {
    std::vector<double> positions, forces;
    std::vector<double> magmoms;
    OutcarLoop loop;
    std::optional<std::array<double, 9>> stress;
    std::optional<double> energy, free_energy;
    bool has_forces = false, bad_stress = false;
    std::optional<Error> error;
  };

  // True when the line completes a step.
  bool look_at(std::string_view line, ReadyFrame& frame) {
    if (line.size() < 8) return false;
    step_.loop.look_at(line);
    if (!loops_begun_) read_parameter(line);
    if (has(line, "TITEL  =")) return add_species(line), false;
    if (has(line, "ions per type =")) return read_counts(line), false;
    if (line.starts_with("      direct lattice vectors")) return read_cell(), false;
    if (line.starts_with("  in kB")) return read_stress(line), false;
    if (line.starts_with(" magnetization (x)")) return read_magnetization(), false;
    if (has(line, "TOTAL-FORCE (eV/Angst)")) {
      frame.origin.line = lines_.line();
      if (has(line, "(ML)")) {  // not what was computed, but what was learned from it
        ++learned_steps_;
        step_ = {};
        return false;
      }
      read_table(frame);
      return false;
    }
    if (!step_.has_forces) return false;
    if (line.starts_with("  free  energy   TOTEN")) step_.free_energy = number_behind(line, "=");
    if (line.starts_with("  energy  without entropy")) {
      // VASP ends every line: the digits of one without an end may not be all.
      cut_off_ = cut_off_ || lines_.unfinished();
      if (lines_.unfinished()) return false;
      step_.energy = number_behind(line, "energy(sigma->0) =");
      return step_.energy.has_value();
    }
    return false;
  }

  // "   NELM   =    100;   NELMIN=  2; NELMDL= -5     # of ELM steps". INCAR is repeated above what VASP made of it.
  void read_parameter(std::string_view line) {
    loops_begun_ = step_.loop.begun();
    const std::size_t equals = line.substr(0, 12).find('=');
    if (equals == std::string_view::npos) return;
    std::string_view name = line.substr(0, equals);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find(' '));
    if (name == "NELM") {
      if (nelm_told_) return;
      nelm_told_ = has(line, "# of ELM steps");
    }
    limits_.set(name, line.substr(equals + 1));
  }

  // Whether nothing follows: what cannot be read then was being written.
  bool ends_here() {
    if (lines_.peek()) return false;
    cut_off_ = true;
    return true;
  }

  std::optional<double> number_behind(std::string_view line, std::string_view text) {
    double v;
    if (read_reals(behind(line, text), {&v, 1}) == 1) return v;
    const std::string shown = excerpt(line);
    if (ends_here()) return std::nullopt;
    note_bad(fmt::format("'{}' holds no energy", shown));
    return 0;
  }

  // "***" spoils its step and no other.
  void note_bad(std::string what) {
    if (!step_.error) step_.error = Error(Exit::input, fmt::format("{}:{}", lines_.name(), lines_.line()), std::move(what), "fix the file or pass --on-error skip");
  }

  // "   TITEL  = PAW_PBE Hf_pv 20Jan2003"
  void add_species(std::string_view line) {
    for (const std::string_view word : split_words(behind(line, "="))) {
      const auto z = atomic_number_of(word.substr(0, word.find_first_of("_./")));
      if (!z) continue;
      species_.push_back(static_cast<std::uint8_t>(*z));
      return;
    }
    lines_.fail(fmt::format("'{}' names no element", excerpt(line)));
  }

  void read_counts(std::string_view line) {
    const auto words = split_words(behind(line, "="));
    if (words.size() > species_.size()) lines_.fail(fmt::format("there are {} numbers of ions for {} elements", words.size(), species_.size()));
    atoms_ = 0;
    counts_.clear();
    for (const std::string_view word : words) {
      std::int64_t n;
      if (!parse_integer(word, n) || n < 0 || static_cast<std::uint64_t>(n) > kMostAtoms - atoms_) lines_.fail(fmt::format("'{}' is no number of ions", excerpt(word)));
      counts_.push_back(static_cast<std::uint64_t>(n));
      atoms_ += static_cast<std::uint64_t>(n);
    }
    numbers_.clear();
  }

  void read_cell() {
    for (std::size_t i = 0; i < 3; ++i) {
      const auto line = lines_.next();
      // Three columns of the lattice, three of its reciprocal.
      if (line && read_reals(*line, std::span(cell_).subspan(3 * i, 3)) == 3) continue;
      if (ends_here()) return;
      lines_.fail("the lattice vectors cannot be read");
    }
    has_cell_ = true;
  }

  // xx yy zz xy yz zx
  void read_stress(std::string_view line) {
    std::array<double, 6> s;
    if (read_reals(behind(line, "in kB"), s) != 6) {
      step_.stress.reset();  // "***" where it overflows
      step_.bad_stress = true;
      return;
    }
    for (double& x : s) x *= kVaspStress;
    step_.stress = {s[0], s[3], s[5], s[3], s[1], s[4], s[5], s[4], s[2]};
  }

  void read_magnetization() {
    step_.magmoms.clear();
    while (const auto line = lines_.peek()) {
      if (line->find("---") != std::string_view::npos && !step_.magmoms.empty()) return;
      const auto words = split_words(*line);
      std::int64_t ion;
      double total;
      if (words.size() >= 3 && parse_integer(words[0], ion)) {
        if (!parse_real(words.back(), total) || static_cast<std::uint64_t>(ion) != step_.magmoms.size() + 1) return step_.magmoms.clear();
        step_.magmoms.push_back(total);
      } else if (!step_.magmoms.empty()) {
        return;
      }
      lines_.next();
      if (step_.magmoms.size() > atoms_) return step_.magmoms.clear();
    }
  }

  void read_table(ReadyFrame& frame) {
    step_.positions.clear();
    step_.forces.clear();
    lines_.next();  // the rule
    if (atoms_ == 0) lines_.fail("forces come before the numbers of ions", "the file does not begin where an OUTCAR does");
    for (std::uint64_t i = 0; i < atoms_; ++i) {
      const auto line = lines_.next();
      std::array<double, 6> v;
      if (!line) return void(cut_off_ = true);
      if (read_reals(*line, v) != 6) {
        const std::string shown = excerpt(*line);
        if (ends_here()) return;
        note_bad(fmt::format("'{}' is no position with a force (step {}, atom {})", shown, frame.origin.frame, i));
        v = {};
      }
      step_.positions.insert(step_.positions.end(), v.begin(), v.begin() + 3);
      step_.forces.insert(step_.forces.end(), v.begin() + 3, v.end());
    }
    step_.has_forces = true;
  }

  void finish(ReadyFrame& frame) {
    if (!has_cell_) fail_input(lines_.name(), "has a step before any lattice vectors");
    if (numbers_.empty()) {
      for (std::size_t i = 0; i < counts_.size(); ++i) numbers_.insert(numbers_.end(), static_cast<std::size_t>(counts_[i]), species_[i]);
    }
    if (step_.error) {
      frame.error = step_.error;
      return;
    }
    Structure& s = frame.structure;
    s.atomic_numbers = numbers_;
    s.set_positions(std::span<const double>(step_.positions));
    s.set_cell(cell_);
    s.set_pbc({true, true, true});
    s.set_energy(*step_.energy);
    frame.mapped.emplace_back("energy", kVaspEnergyHow);
    s.set_forces(step_.forces);
    frame.mapped.emplace_back("forces", kVaspForcesHow);
    if (step_.stress) {
      s.set_stress(*step_.stress);
      frame.mapped.emplace_back("stress", kVaspStressHow);
    } else if (step_.bad_stress) {
      frame.notes.emplace_back(kVaspBadStress);
    }
    unconverged_.add(frame, step_.loop.unconverged(limits_));
    if (step_.free_energy) s.put_f64(Kind::molecule, "free_energy", *step_.free_energy);
    if (step_.magmoms.size() == atoms_) s.put_array(Kind::atom, "magmoms", Type::f64_array, std::span<const double>(step_.magmoms));
  }

  LineReader lines_;
  std::vector<std::uint8_t> species_;  // of each potential
  std::vector<std::uint64_t> counts_;
  std::vector<std::uint8_t> numbers_;  // of all atoms
  std::uint64_t atoms_ = 0, learned_steps_ = 0;
  std::array<double, 9> cell_ = {};
  bool has_cell_ = false, cut_off_ = false;
  LoopLimits limits_;
  bool loops_begun_ = false, nelm_told_ = false;  // nelm_told_: by VASP itself
  UnconvergedSteps unconverged_;
  Step step_;
};

}  // namespace

int sniff_outcar(std::string_view head) {
  head = head.substr(0, 4096);
  return head.starts_with(" vasp.") || head.find("\n vasp.") != std::string_view::npos ? 3 : 0;
}

std::unique_ptr<FormatReader> open_outcar(std::unique_ptr<ByteSource> source) { return std::make_unique<OutcarReader>(std::move(source)); }

}  // namespace atp
