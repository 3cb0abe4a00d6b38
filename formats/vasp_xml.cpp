// vasprun.xml: a frame for each <calculation>.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/error.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/line_reader.h"
#include "formats/move_mask.h"
#include "formats/serial_reader.h"
#include "formats/vasp.h"
#include "formats/vasp_convergence.h"
#include "formats/vasp_poscar.h"
#include "formats/xml_reader.h"

namespace atp {
namespace {

class VasprunReader : public SerialReader {
 public:
  explicit VasprunReader(std::unique_ptr<ByteSource> source) : xml_(std::move(source)) {}
  InputState input_state() const override { return xml_.state(); }

 protected:
  bool read(ReadyFrame& frame) override {
    if (cut_off_) return false;
    try {
      return find_step(frame);
    } catch (const Error& e) {
      if (!xml_.cut_off() || frame.origin.frame == 0) throw;
      // Whole steps are kept of a run that was killed, or is not finished yet.
      cut_off_ = true;
      return false;
    }
  }
  std::uint64_t position() const override { return xml_.position(); }
  std::vector<std::string> last_words() const override {
    std::vector<std::string> words;
    if (cut_off_) words.push_back(fmt::format("{} is cut off: its whole steps are kept", xml_.file()));
    unconverged_.tell(xml_.file(), words);
    return words;
  }

 private:
  using Event = XmlReader::Event;
  struct Energies {
    std::optional<double> free_energy, zero;
    std::size_t parts = 0;  // how many energies there are
  };

  bool find_step(ReadyFrame& frame) {
    for (;;) {
      const Event event = xml_.next();
      if (event == Event::finished) return false;
      if (event == Event::end) {
        read_parameter();
        continue;
      }
      note_parameter();
      if (xml_.name() == "array" && xml_.attribute("name") == "atoms") {
        read_atoms();
      } else if (xml_.name() == "varray" && xml_.attribute("name") == "selective" && mask_.empty()) {
        read_mask();
      } else if (xml_.name() == "calculation") {
        frame.origin.line = xml_.line();
        read_step(frame);
        return true;
      }
    }
  }

  // Calls use() at the begin of each child of the element that is open now, which is at its end after that.
  template <class Use>
  void for_each_child(Use&& use) {
    const std::size_t depth = xml_.depth();
    for (;;) {
      const Event event = xml_.next();
      if (event == Event::finished) fail("ends within an element");
      if (event == Event::end && xml_.depth() < depth) return;
      if (event != Event::begin) continue;
      use();
    }
  }

  [[noreturn]] void fail(const std::string& what) const { fail_input(xml_.place(), what); }

  // <i type="int" name="NELM">    60</i>: in <incar> and, what VASP made of it, in <parameters>. The NELM of the response
  // functions is another one.
  void note_parameter() {
    if (xml_.name() == "separator" && response_depth_ == 0 && xml_.attribute("name") == "response functions") response_depth_ = xml_.depth();
    if (xml_.name() == "i" && response_depth_ == 0) parameter_ = xml_.attribute("name");
  }
  void read_parameter() {
    if (xml_.depth() < response_depth_) response_depth_ = 0;
    if (xml_.name() == "i" && !parameter_.empty()) limits_.set(parameter_, xml_.text());
    parameter_.clear();
  }

  // <rc><c>Si</c><c>1</c></rc> for each atom.
  void read_atoms() {
    numbers_.clear();
    bool first = false;
    const std::size_t depth = xml_.depth();
    for (;;) {
      const Event event = xml_.next();
      if (event == Event::finished || (event == Event::end && xml_.depth() < depth)) return;
      if (event == Event::begin && xml_.name() == "rc") first = true;
      if (event != Event::end || xml_.name() != "c" || !first) continue;
      first = false;
      const auto words = split_words(xml_.text());
      std::string_view symbol = words.empty() ? std::string_view() : words[0];
      if (symbol == "r") symbol = "Zr";  // some versions cut the first letter off
      if (symbol == "X") symbol = "Xe";
      const auto z = atomic_number_of(symbol);
      if (!z) fail(fmt::format("'{}' is no chemical element", excerpt(symbol)));
      numbers_.push_back(static_cast<std::uint8_t>(*z));
    }
  }

  void read_mask() {
    const std::size_t depth = xml_.depth();
    for (;;) {
      const Event event = xml_.next();
      if (event == Event::finished || (event == Event::end && xml_.depth() < depth)) return;
      if (event != Event::end || xml_.name() != "v") continue;
      for (const std::string_view word : split_words(xml_.text())) mask_.push_back(word.starts_with('T'));
    }
  }

  // The <v> of a <varray>; false when one of them is no row of three numbers ("***").
  bool read_rows(std::vector<double>& out) {
    out.clear();
    bool good = true;
    const std::size_t depth = xml_.depth();
    for (;;) {
      const Event event = xml_.next();
      if (event == Event::finished || (event == Event::end && xml_.depth() < depth)) break;
      if (event != Event::end || xml_.name() != "v") continue;
      std::array<double, 3> row;
      good = read_reals(xml_.text(), row) == 3 && good;
      out.insert(out.end(), row.begin(), row.end());
    }
    return good;
  }

  void read_energies(Energies& out) {
    const std::size_t depth = xml_.depth();
    std::string key;
    for (;;) {
      const Event event = xml_.next();
      if (event == Event::finished || (event == Event::end && xml_.depth() < depth)) return;
      if (event == Event::begin) {
        key = xml_.attribute("name");
        continue;
      }
      double v;
      if (xml_.name() != "i" || read_reals(xml_.text(), {&v, 1}) != 1) continue;
      ++out.parts;
      if (key == "e_fr_energy") out.free_energy = v;
      if (key == "e_0_energy") out.zero = v;
    }
  }

  void read_step(ReadyFrame& frame) {
    Energies last_cycle, own;
    std::vector<double> basis, positions, forces, stress, velocities;
    std::string bad;  // what is no number
    std::uint64_t cycles = 0;
    bool responding = false;
    for_each_child([&] {
      const std::string_view name = xml_.name(), of = xml_.attribute("name");
      if (name == "scstep") {
        Energies cycle;
        for_each_child([&] {
          if (xml_.name() == "energy") read_energies(cycle);
        });
        if (cycle.free_energy && cycle.zero) last_cycle = cycle;
        if (!responding) ++cycles;
        // The first and the last cycle of the ground state list all parts of the energy; those behind respond to a field.
        responding = responding || (limits_.has_response() && cycles > 1 && cycle.parts > 3);
      } else if (name == "energy") {
        read_energies(own);
      } else if (name == "varray") {
        for (auto& [array, rows] : {std::pair("basis", &basis), {"positions", &positions}, {"velocities", &velocities}, {"forces", &forces}}) {
          if (of == array && !read_rows(*rows)) bad = array;
        }
        if (of == "stress" && !read_rows(stress)) {
          stress.clear();
          frame.notes.emplace_back(kVaspBadStress);
        }
      }
    });
    try {
      if (!bad.empty()) fail_input("", fmt::format("has {} that are no numbers (***)", bad));
      store(frame, basis, positions, forces, stress, velocities);
      store_energy(frame, last_cycle, own);
      unconverged_.add(frame, cycles > 0 && limits_.has_loop() && limits_.reached(cycles));
    } catch (const Error& e) {
      frame.error = Error(e.exit(), fmt::format("{}:{}", xml_.file(), frame.origin.line), fmt::format("step {} {}", frame.origin.frame, e.problem()), "fix the file or pass --on-error skip");
    }
  }

  void store(ReadyFrame& frame, const std::vector<double>& basis, std::vector<double>& positions, const std::vector<double>& forces,
             const std::vector<double>& stress, const std::vector<double>& velocities) const {
    Structure& s = frame.structure;
    const std::size_t n = numbers_.size();
    if (n == 0) fail_input("", "comes before the list of atoms");
    if (basis.size() != 9) fail_input("", "has no lattice vectors");
    if (positions.size() != 3 * n) fail_input("", fmt::format("has {} positions for {} atoms", positions.size() / 3, n));
    std::array<double, 9> cell;
    std::copy_n(basis.begin(), 9, cell.begin());
    to_cartesian(positions, cell);
    s.atomic_numbers = numbers_;
    s.set_positions(std::span<const double>(positions));
    s.set_cell(cell);
    s.set_pbc({true, true, true});
    if (forces.size() == 3 * n) {
      s.set_forces(forces);
      frame.mapped.emplace_back("forces", kVaspForcesHow);
    } else if (!forces.empty()) {
      fail_input("", fmt::format("has {} forces for {} atoms", forces.size() / 3, n));
    }
    if (stress.size() == 9) {
      std::array<double, 9> m;
      for (std::size_t i = 0; i < 9; ++i) m[i] = stress[i] * kVaspStress;
      s.set_stress(m);
      frame.mapped.emplace_back("stress", kVaspStressHow);
    }
    if (velocities.size() == 3 * n) {
      std::vector<double> v(velocities);
      for (double& x : v) x *= kAngstromPerFsInVelocity;
      s.put_array(Kind::builtin, "velocities", Type::vec3_f64, std::span<const double>(v));
      frame.mapped.emplace_back("velocities", fmt::format("from 'velocities' ({})", kVaspVelocitiesHow));
    }
    if (mask_.size() == 3 * n) put_lattice_mask(s, mask_);
  }

  // Some versions write a wrong e_0_energy for the whole step, so its distance from the free energy is
  // taken from the last electronic cycle.
  void store_energy(ReadyFrame& frame, const Energies& last_cycle, const Energies& own) const {
    if (!own.free_energy) fail_input("", "has no energy that can be read");
    Structure& s = frame.structure;
    if (last_cycle.free_energy) {
      s.set_energy(*own.free_energy + (*last_cycle.zero - *last_cycle.free_energy));
      frame.mapped.emplace_back("energy", kVaspEnergyHow);
    } else if (own.zero) {
      s.set_energy(*own.zero);
      frame.mapped.emplace_back("energy", kVaspEnergyHow);
    }
    s.put_f64(Kind::molecule, "free_energy", *own.free_energy);
  }

  XmlReader xml_;
  std::vector<std::uint8_t> numbers_;
  std::vector<std::int32_t> mask_;
  std::string parameter_;            // that is open
  std::size_t response_depth_ = 0;   // of the response functions, while they are open
  LoopLimits limits_;
  UnconvergedSteps unconverged_;
  bool cut_off_ = false;
};

}  // namespace

int sniff_vasprun(std::string_view head) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || head[first] != '<') return 0;
  return head.find("<modeling") != std::string_view::npos ? 3 : 0;
}

std::unique_ptr<FormatReader> open_vasprun(std::unique_ptr<ByteSource> source) { return std::make_unique<VasprunReader>(std::move(source)); }

}  // namespace atp
