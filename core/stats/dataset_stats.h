// What a trainer wants to know of a dataset, gathered in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/chem/neighbours.h"
#include "core/stats/field_table.h"
#include "core/stats/moments.h"
#include "core/stats/reference_energies.h"

namespace atp {

struct StatsOptions {
  std::optional<double> cutoff;      // Å; count neighbours within it
  std::vector<double> energy_guess;  // ReferenceFit's guess, the same for all parts of a dataset
  bool widen_fields = false;         // as FieldTable's
};

struct ElementStats {
  std::uint64_t atoms = 0, records = 0;
};

// Neighbours within the cutoff, as directed edges.
struct NeighbourStats {
  std::uint64_t edges = 0, atoms = 0, records = 0;
  std::uint64_t skipped = 0;  // records without an answer: a flat periodic cell, none, or NaN positions
};

// Memory that many records share. One per thread.
struct StatsScratch {
  NeighbourCounter neighbours;
  std::vector<double> numbers, positions;
  std::array<std::uint32_t, 256> atoms_of{};  // zeros between records
  std::vector<ElementCount> composition;
};

// Sums over records. One thread; parts merged in a fixed order give the same numbers for any number
// of threads. NaN and infinities are counted per field and left out of everything else.
//
// A record with a cell but no pbc is periodic in all directions, as in extended XYZ.
class DatasetStats {
 public:
  explicit DatasetStats(StatsOptions options = {});

  // Throws Error (exit 3, without a place): a field that does not decode, a cutoff beyond reason.
  void add(const Sample& sample, StatsScratch& scratch);
  void merge(const DatasetStats& other);

  std::uint64_t records = 0, atoms = 0;
  std::uint64_t empty_records = 0;      // without atoms
  std::uint64_t zero_volume_cells = 0;  // cells that span no volume; left out of volumes
  std::uint64_t positions_nan = 0, positions_inf = 0;
  FieldTable fields;
  std::array<ElementStats, 256> elements{};  // by atomic number

  Moments energy_per_atom;    // eV/atom
  Moments force_components;   // eV/Å
  Moments force_norms;        // eV/Å, finite forces only
  Moments stress_components;  // eV/Å³, all nine
  Moments pressure;           // eV/Å³, -trace/3
  Moments volume;             // Å³
  Moments volume_per_atom;    // Å³/atom
  ReferenceFit energies;
  NeighbourStats neighbours;

  const StatsOptions& options() const { return options_; }
  double rms_force() const { return force_components.root_mean_square(); }  // eV/Å

 private:
  struct Builtins {
    std::optional<double> energy;
    std::optional<std::array<double, 9>> cell;
    std::optional<std::array<bool, 3>> pbc;
  };
  void add_composition(const Sample& sample, StatsScratch& scratch);
  void add_field(Field& field, const SectionView& section, std::uint64_t n, StatsScratch& scratch, Builtins& found);
  void add_forces(const std::vector<double>& xyz);
  void add_stress(const std::vector<double>& rows);
  void add_volume(const std::array<double, 9>& cell, std::uint64_t n);
  void add_neighbours(const Sample& sample, const Builtins& found, StatsScratch& scratch);

  StatsOptions options_;
};

}  // namespace atp
