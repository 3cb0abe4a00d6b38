#include "core/bench/python.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "core/base/error.h"
#include "core/bench/packed_molecule.h"
#include "core/bench/python_script.h"

namespace atp {
namespace {

constexpr double kStartSeconds = 60;
constexpr std::uint64_t kMostRaw = std::uint64_t{64} << 20;

}  // namespace

Child start_python(std::string_view backend, const std::string& folder, const std::string& raw, bool custom, std::vector<std::pair<std::string, std::string>>& versions) {
  std::string why;
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    try {
      Child child = Child::exec({python, "-c", std::string(kPythonScript), std::string(backend), folder, raw, custom ? "1" : "0"});
      const Answer hello = child.receive(kStartSeconds);
      for (const auto& version : hello.values()) {
        const auto same = [&](const auto& known) { return known.first == version.first; };
        if (std::none_of(versions.begin(), versions.end(), same)) versions.push_back(version);
      }
      return child;
    } catch (const Error& e) {
      // What Debian's own Python lacks is what its packages can mend.
      why = e.problem().starts_with("its process ended") ? fmt::format("there is no {}", python) : fmt::format("{}: {}", python, e.problem());
    }
  }
  throw Error(Exit::system, "", why);
}

std::string write_raw_file(const Load& load, const std::string& folder) {
  const std::string path = folder + "/molecules.raw";
  std::ofstream file(path, std::ios::binary);
  std::vector<std::byte> packed;
  MoleculeChunk chunk;
  std::uint64_t written = 0;
  for (std::uint64_t i = 0; i < load.size() && written < kMostRaw; ++i) {
    chunk.clear();
    load.add(i, chunk);
    const Molecule& m = chunk.molecules()[0];
    packed.resize(packed_size(m));
    pack_molecule(m, packed.data());
    file.write(reinterpret_cast<const char*>(packed.data()), static_cast<std::streamsize>(packed.size()));
    written += packed.size();
  }
  file.close();
  if (!file) fail_system(path, "write", errno);
  return path;
}

}  // namespace atp
