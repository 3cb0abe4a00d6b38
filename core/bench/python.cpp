#include "core/bench/python.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "core/base/error.h"
#include "core/bench/packed_molecule.h"
#include "core/bench/python_script.h"
#include "core/bench/store.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostRaw = std::uint64_t{64} << 20;

}  // namespace

std::optional<Child> Pythons::ask(const std::string& program, const std::vector<std::string>& arguments, std::vector<std::pair<std::string, std::string>>& versions) {
  std::vector<std::string> all = {program, "-c", std::string(kPythonScript)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const double end = now_seconds() + patience_;
  try {
    Child child = Child::exec(all);
    const Answer hello = child.receive(patience_);
    for (const auto& version : hello.values()) {
      const auto same = [&](const auto& known) { return known.first == version.first; };
      if (std::none_of(versions.begin(), versions.end(), same)) versions.push_back(version);
    }
    return child;
  } catch (const Error& e) {
    if (now_seconds() >= end) {
      hanging_[program] = fmt::format("{}: {}, so long did it import modules", program, e.problem());
    } else {
      lacking_[{arguments[0], program}] = e.problem().starts_with("its process ended") ? fmt::format("there is no {}", program) : fmt::format("{}: {}", program, e.problem());
    }
    return std::nullopt;
  }
}

Child Pythons::start(std::string_view backend, const std::string& folder, const std::string& raw, bool custom, std::vector<std::pair<std::string, std::string>>& versions) {
  const std::vector<std::string> arguments = {std::string(backend), folder, raw, custom ? "1" : "0"};
  std::string hangs, lacks;
  for (const std::string& program : programs_) {
    const std::pair key(arguments[0], program);
    if (!hanging_.contains(program) && !lacking_.contains(key)) {
      if (auto child = ask(program, arguments, versions)) return std::move(*child);
    }
    if (hanging_.contains(program)) hangs += hanging_[program] + "; ";
    // The last that lacks something is named: what Debian's own Python lacks is what its packages can mend.
    if (lacking_.contains(key)) lacks = lacking_[key];
  }
  if (lacks.empty() && !hangs.empty()) hangs.resize(hangs.size() - 2);
  throw Error(Exit::system, "", hangs + lacks);
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
