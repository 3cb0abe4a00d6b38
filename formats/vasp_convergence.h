// Whether the electrons of VASP's steps became self-consistent. VASP goes on when they did not, and energy and forces
// of such a step are wrong by anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/serial_reader.h"

namespace atp {

// What the run's parameters say about its electronic loops.
class LoopLimits {
 public:
  // A parameter by its name, its value as it is written; those without meaning here are passed over.
  void set(std::string_view name, std::string_view value);

  // Whether a loop of so many steps ended where NELM ends it. Without NELM the default of VASP counts.
  bool reached(std::uint64_t steps) const { return told_ ? steps >= nelm_ : steps == nelm_; }
  // Whether there is a loop at all: ALGO = None, Eigenval and Subrot go through the bands once, by intention; so does
  // Exact where NELM = 1.
  bool has_loop() const { return algorithm_ != Algorithm::once && !(algorithm_ == Algorithm::exact && told_ && nelm_ == 1); }
  // Whether loops for the response to fields or displacements follow that of the ground state.
  bool has_response() const { return lepsilon_ || response_by_ibrion_; }
  std::optional<double> ediff() const { return ediff_; }  // eV

 private:
  enum class Algorithm { loop, once, exact };

  void set_nelm(std::string_view value);
  void set_algorithm(std::string_view value);

  std::uint64_t nelm_ = 60;
  bool told_ = false;  // by the file
  Algorithm algorithm_ = Algorithm::loop;
  bool lepsilon_ = false, response_by_ibrion_ = false;
  std::optional<double> ediff_;
};

// The electronic loop of one step, as an OUTCAR tells it.
class OutcarLoop {
 public:
  // A line of eight bytes or more.
  void look_at(std::string_view line);
  bool begun() const { return steps_ > 0; }
  bool unconverged(const LoopLimits& limits) const;

 private:
  bool below(double ediff) const;

  std::uint64_t steps_ = 0;                      // of the last loop
  std::optional<double> change_, change_bands_;  // of energy and eigenvalues in its last step, eV
  bool gave_up_ = false;                         // by VASP's own words
};

// Marks the steps of one file and keeps count of them.
class UnconvergedSteps {
 public:
  // The property of a step that is not converged, 1; the others have none.
  static constexpr const char* kProperty = "scf_unconverged";

  // For each step that could be read.
  void add(ReadyFrame& frame, bool unconverged);
  // Adds "OUTCAR: 3 of 10 steps did not converge electronically (steps 4, 7, 8)", unless all did.
  void tell(const std::string& file, std::vector<std::string>& notes) const;

 private:
  static constexpr std::size_t kNamed = 5;

  std::uint64_t steps_ = 0, unconverged_ = 0;
  std::vector<std::uint64_t> first_;  // of the unconverged
};

// Whether a structure of any format has that property, and it is not 0.
bool is_unconverged(const Structure& s);

}  // namespace atp
