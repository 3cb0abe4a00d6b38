#include "core/bench/footprint.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace atp {
namespace {

// Power of a busy core and of memory, and what the building adds (cooling, losses): the defaults of Green Algorithms
// (Lannelongue, Grealey, Inouye, Advanced Science 2021, doi:10.1002/advs.202100707).
constexpr double kWattsPerCore = 12.0, kWattsPerGigabyte = 0.3725, kBuilding = 1.67;

// Making a server, after Boavizta's bottom-up model (github.com/Boavizta/boaviztapi, data/factors.yml, whose sources are Green
// Cloud Computing, Umweltbundesamt TEXTE 94/2021, and others). Impacts are primary energy MJ, g CO2eq, g Sbeq.
constexpr Impacts kAssembly{68.6, 6680, 1.41e-3}, kRackCase{2200, 150000, 20.2}, kMotherboard{836, 66100, 3.69}, kPowerSupplyKg{352, 24300, 8.30};
constexpr Impacts kCpu{156, 9140, 20.4}, kCpuDieMm2{0.265, 19.7, 5.87e-6}, kRamStrip{74, 5220, 1.69}, kRamDieCm2{27.3, 2200, 0.063};
// What is assumed of the server: stated beside the result.
constexpr double kServerCores = 48, kCpus = 2, kDieMm2 = 600, kPowerSupplyKgs = 6, kStripGigabytes = 32, kGigabytesPerCm2 = 1.79, kYears = 5;

void add(Impacts& sum, const Impacts& each, double times) {
  sum.primary_energy += each.primary_energy * times;
  sum.climate += each.climate * times;
  sum.resources += each.resources * times;
}

std::uint64_t number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : 0;
}

}  // namespace

// Boavizta's table (data/electricity/electricity_impact_factors.csv): climate from Ember 2020 and Scarlat et al. 2022
// (doi:10.1016/j.apenergy.2021.117901), minerals and primary energy from ADEME Base Impacts 2011. Per kWh.
const std::vector<Grid>& grids() {
  static const std::vector<Grid> all = {
      {"world", {9.984, 390, 7.38e-5}},   {"europe", {12.874, 380, 6.42e-5}},       {"australia", {16.908, 560, 7.91e-5}}, {"austria", {11.036, 264, 1.411e-4}},
      {"brazil", {9.031, 113, 1.096e-4}}, {"canada", {11.987, 120, 9.93e-5}},       {"china", {14.109, 550, 8.52e-5}},     {"denmark", {16.824, 158, 1.57e-5}},
      {"finland", {11.275, 141, 8.05e-5}}, {"france", {11.289, 98, 4.86e-5}},       {"germany", {16.26, 422, 8.79e-5}},    {"india", {20.353, 626, 1.001e-4}},
      {"korea", {10.199, 444, 5.18e-5}},  {"spain", {12.09, 279, 5.18e-5}},         {"sweden", {11.026, 40, 7.77e-5}},     {"switzerland", {11.782, 78, 1.005e-4}},
      {"uk", {13.579, 246, 3.71e-5}},     {"usa", {11.358, 370, 9.86e-5}},
  };
  return all;
}

const Grid* find_grid(std::string_view name) {
  for (const Grid& g : grids()) {
    if (g.name == name) return &g;
  }
  return nullptr;
}

EnergyMeter::EnergyMeter() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/powercap", error)) {
    // intel-rapl:0 is a package; intel-rapl:0:0 a part of it, counted there already.
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("intel-rapl:") || name.find(':', 11) != std::string::npos) continue;
    const std::uint64_t now = number_in(entry.path() / "energy_uj"), range = number_in(entry.path() / "max_energy_range_uj");
    if (now != 0 && range != 0) zones_.push_back({entry.path() / "energy_uj", now, range});
  }
}

double EnergyMeter::joules() {
  for (Zone& zone : zones_) {
    const std::uint64_t now = number_in(zone.path);
    joules_ += 1e-6 * static_cast<double>(now >= zone.last ? now - zone.last : now + zone.range - zone.last);
    zone.last = now;
  }
  return joules_;
}

Footprint estimate_footprint(const Usage& u, const Grid& grid) {
  Footprint f;
  f.measured = u.measured_joules.has_value();
  const double gigabytes = static_cast<double>(u.memory_bytes) * 1e-9;
  const double memory = kWattsPerGigabyte * gigabytes * u.seconds;
  // RAPL's packages are the processors; memory is modelled in both cases.
  f.joules = kBuilding * (u.measured_joules.value_or(kWattsPerCore * u.cpu_seconds) + memory);
  add(f.use, grid.per_kwh, f.joules / 3.6e6);

  Impacts server;
  for (const Impacts& part : {kAssembly, kRackCase, kMotherboard}) add(server, part, 1);
  add(server, kPowerSupplyKg, kPowerSupplyKgs);
  add(server, kCpu, kCpus);
  add(server, kCpuDieMm2, kCpus * kDieMm2);
  Impacts memory_made;
  add(memory_made, kRamStrip, gigabytes / kStripGigabytes);
  add(memory_made, kRamDieCm2, gigabytes / kGigabytesPerCm2);
  const double share_of_life = u.seconds / (kYears * 365.25 * 86400);
  add(f.manufacture, server, share_of_life * u.cpus / kServerCores);
  add(f.manufacture, memory_made, share_of_life);
  return f;
}

std::string footprint_sources(const Grid& grid) {
  return fmt::format(
      "electricity, grid {}: {:.4g} MJ, {:.0f} gCO2eq, {:.3g} gSbeq a kWh (Boavizta's table: Ember 2020, Scarlat et al. 2022, ADEME Base Impacts)\n"
      "power: {} W a busy core (where RAPL cannot be read), {} W a GB of memory, times {} for the building (defaults of Green Algorithms, Lannelongue et al. 2021)\n"
      "manufacture: Boavizta's bottom-up factors (boaviztapi, factors.yml) for a rack server of {:.0f} cores, {:.0f} processors of {:.0f} mm² and {:.0f} kg of power supplies, of "
      "which this machine's CPUs are a share, and its memory in strips of {:.0f} GB; in use for {:.0f} years (server and life are assumed)\n",
      grid.name, grid.per_kwh.primary_energy, grid.per_kwh.climate, grid.per_kwh.resources, kWattsPerCore, kWattsPerGigabyte, kBuilding, kServerCores, kCpus, kDieMm2,
      kPowerSupplyKgs, kStripGigabytes, kYears);
}

}  // namespace atp
