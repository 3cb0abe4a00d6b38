// What a run of `atp bench` will measure, known before it begins.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/bench.h"
#include "core/base/error.h"
#include "core/bench/session.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

template <class List, class Value>
bool holds(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

[[noreturn]] void refuse(const Requirement& r, const std::string& what, const std::string& fix) {
  throw Error(Exit::usage, "", fmt::format("--require '{}': {}", r.text(), what), fix);
}

void need_load(const Requirement& r, const BenchCommand& command) {
  const auto name = [&](std::string_view load) {
    if (r.load != load) refuse(r, fmt::format("'{}' is not measured", r.load), fmt::format("write {} in its place", load));
  };
  if (!command.datasets.empty()) return name("dataset");
  if (!command.like.empty()) return name("like");
  if (r.load == "dataset") refuse(r, "no dataset is measured", "name a DATASET");
  if (r.load == "like") refuse(r, "no molecules are made like those of a dataset", "add --like DATASET");
  const auto same = [&](std::uint32_t atoms) { return std::to_string(atoms) == r.load; };
  if (std::none_of(command.atoms.begin(), command.atoms.end(), same)) refuse(r, fmt::format("molecules of {} atoms are not measured", r.load), fmt::format("add {} to --atoms", r.load));
}

void need_workload(const Requirement& r, const BenchCommand& command) {
  const bool by_workers = r.workload.starts_with("workers-");
  const std::string word = by_workers ? "workers" : r.workload;
  if (word == "write" && measured_in_place(command)) refuse(r, "nothing is written where a dataset lies", "pass --dir DIR, where its records are written");
  if (!holds(chosen_workloads(command), word)) refuse(r, fmt::format("--workloads leaves {} out", word), fmt::format("add {} to --workloads", word));
  if (!by_workers) return;
  const std::string number = r.workload.substr(8);
  const auto same = [&](int n) { return std::to_string(n) == number; };
  if (std::none_of(command.workers.begin(), command.workers.end(), same)) refuse(r, fmt::format("{} processes are not measured", number), fmt::format("add {} to --workers", number));
}

void need_backend(const Requirement& r, const std::string& name, const BenchCommand& command) {
  const Backend& backend = *find_backend(name);
  if (!backend.missing.empty()) refuse(r, fmt::format("there is no {} here: {}", name, backend.missing), "require something of another backend");
  const auto chosen = chosen_backends(command);
  if (!holds(chosen, &backend)) {
    if (measured_in_place(command) && !reads_in_place(backend)) refuse(r, fmt::format("{} reads no .atp files", name), "pass --dir DIR, where the records are copied for it");
    refuse(r, fmt::format("{} is not measured", name), fmt::format("add {} to --backends", name));
  }
  const bool others_files = !backend.files.empty() && holds(chosen, find_backend(backend.files));
  const bool part = r.workload == "write" ? !others_files : takes_part(backend, r.workload.starts_with("workers-") ? "workers" : std::string_view(r.workload));
  if (!part) refuse(r, fmt::format("{} is not measured for {}", r.workload, name), "man atp-bench says which backends take part");
}

}  // namespace

bool measured_in_place(const BenchCommand& command) { return !command.datasets.empty() && command.dirs.empty(); }

std::vector<const Backend*> chosen_backends(const BenchCommand& command) {
  std::vector<const Backend*> chosen;
  for (const Backend& b : backends()) {
    const bool usual = command.backends.empty() && (b.kind != BackendKind::yardstick || command.goals);
    if (!usual && !holds(command.backends, b.name)) continue;
    if (!measured_in_place(command) || reads_in_place(b)) chosen.push_back(&b);
  }
  return chosen;
}

std::vector<std::string> chosen_workloads(const BenchCommand& command) {
  std::vector<std::string> chosen = command.workloads.empty() ? all_workloads() : command.workloads;
  if (measured_in_place(command)) std::erase(chosen, "write");
  return chosen;
}

std::vector<std::string> dispensable_workloads(const BenchCommand& command) {
  if (!command.workloads.empty()) return {};
  std::vector<std::string> names = {"workers", "cold-seq", "cold-batch"};
  if (command.workers != BenchCommand().workers) std::erase(names, "workers");
  for (const std::string& text : command.require) {
    const std::string workload = parse_requirement(text).workload;
    std::erase_if(names, [&](const std::string& name) { return workload.starts_with(name); });
  }
  return names;
}

void need_measured(const Requirement& requirement, const BenchCommand& command) {
  need_load(requirement, command);
  need_workload(requirement, command);
  need_backend(requirement, requirement.backend, command);
  if (!requirement.peer.empty()) need_backend(requirement, requirement.peer, command);
}

}  // namespace atp
