// Writes extended XYZ as ASE writes it, of any size, for benchmarks: the same numbers every time.
//   make_extxyz ATOMS FRAMES [ase|digits] > file
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>

namespace {

constexpr const char* kSpecies[] = {"H", "C", "N", "O", "Si", "Fe"};

void append_frame(fmt::memory_buffer& out, std::mt19937_64& random, int atoms, bool full_digits) {
  std::uniform_real_distribution<double> in_cell(0, 12), force(-3, 3);
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "{}\nLattice=\"{} 0.0 0.0 0.0 {} 0.0 0.0 0.0 {}\" Properties=species:S:1:pos:R:3:forces:R:3 energy={} "
                 "stress=\"{} {} {} {} {} {} {} {} {}\" config_type=bench pbc=\"T T T\"\n",
                 atoms, in_cell(random), in_cell(random), in_cell(random), -100 * force(random), force(random), 0.1, 0.2, 0.1,
                 force(random), 0.3, 0.2, 0.3, force(random));
  for (int i = 0; i < atoms; ++i) {
    const char* species = kSpecies[random() % std::size(kSpecies)];
    const double x = in_cell(random), y = in_cell(random), z = in_cell(random);
    const double fx = force(random), fy = force(random), fz = force(random);
    if (full_digits) {
      fmt::format_to(to, "{} {} {} {} {} {} {}\n", species, x, y, z, fx, fy, fz);
    } else {
      fmt::format_to(to, "{:<2} {:16.8f} {:16.8f} {:16.8f} {:16.8f} {:16.8f} {:16.8f}\n", species, x, y, z, fx, fy, fz);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: make_extxyz ATOMS FRAMES [ase|digits]\n", stderr);
    return 2;
  }
  const int atoms = std::atoi(argv[1]);
  const long frames = std::atol(argv[2]);
  const bool full_digits = argc > 3 && std::string(argv[3]) == "digits";
  std::mt19937_64 random(7);
  fmt::memory_buffer out;
  for (long i = 0; i < frames; ++i) {
    append_frame(out, random, atoms, full_digits);
    if (out.size() > (1u << 20) || i + 1 == frames) {
      if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) return 1;
      out.clear();
    }
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
