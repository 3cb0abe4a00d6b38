// What a run has cost the planet, roughly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// What a kWh of electricity, or the making of a thing, costs.
struct Impacts {
  double primary_energy = 0;  // MJ
  double climate = 0;         // gCO2eq
  double resources = 0;       // gSbeq, minerals and metals
};

// One grid's electricity, a kWh.
struct Grid {
  std::string_view name;
  Impacts per_kwh;
};
const std::vector<Grid>& grids();
const Grid* find_grid(std::string_view name);

// Joules that the packages of this machine have used, by RAPL (man 7 capabilities: it needs permission); counters wrap, so
// two samples must be less than a minute of full load apart, or one wrap is lost. Nothing where it cannot be read.
class EnergyMeter {
 public:
  EnergyMeter();
  bool works() const { return !zones_.empty(); }
  double joules();  // since the meter was made; call at least once a minute

 private:
  struct Zone {
    std::string path;
    std::uint64_t last, range;
  };
  std::vector<Zone> zones_;
  double joules_ = 0;
};

struct Usage {
  double seconds = 0, cpu_seconds = 0;
  int cpus = 1;
  std::uint64_t memory_bytes = 0;  // of the machine
  std::optional<double> measured_joules;
};

struct Footprint {
  double joules = 0;
  bool measured = false;
  Impacts use, manufacture;
};
Footprint estimate_footprint(const Usage& usage, const Grid& grid);

// The factors in words, each with its source; lines.
std::string footprint_sources(const Grid& grid);

}  // namespace atp
