// Writing: every store, in turns, into folders that are settled.
#include <fmt/format.h>

#include <filesystem>

#include "core/bench/file_cache.h"
#include "core/bench/session_run.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

constexpr double kShortestWrite = 0.5;  // seconds

}  // namespace

void Session::write() {
  const bool measured = wants("write");
  const auto trials = static_cast<std::size_t>(measured ? std::min(3, options_.trials) : 1);
  std::map<const TestedStore*, Writing> writings;
  // In turns, as reading; a first time that does not count, where there is time for it.
  for (std::size_t t = 0; t < trials + (measured ? 1 : 0); ++t) {
    each("write", [&](TestedStore& store) {
      if (owner_of(store)) return;
      // Not in the first round alone: a store whose owner has failed writes for itself from then on.
      const auto [writing, is_new] = writings.try_emplace(&store, Writing{row_for(store, "write"), 0, 0});
      if (is_new) writing->second.share = budget_.take(weight_of("write"));
      say(store.backend->name, "write");
      write(store, writing->second);
    });
  }
  each("write", [&](TestedStore& store) {
    const TestedStore* owner = owner_of(store);
    store.describe(load_, owner ? owner->molecules : store.molecules);
    store.files = files_below(store.folder, [](const std::string&) { return true; });
    const auto writing = writings.find(&store);
    if (owner || !measured || writing == writings.end()) return;
    BenchRow& row = writing->second.row;
    if (row.values.size() > trials) row.values.erase(row.values.begin());
    row.molecules = store.molecules;
    row.atoms = store.atoms;
    row.payload = store.payload;
    row.checked = true;  // by every pass that reads
    keep(std::move(row));
  });
}

// Whose files it reads, when they are there; else it writes its own.
const TestedStore* Session::owner_of(const TestedStore& store) {
  const TestedStore* owner = store_named(store.backend->files);
  return owner && owner->molecules != 0 ? owner : nullptr;
}

void Session::write(TestedStore& store, Writing& writing) {
  if (!writing.row.values.empty() && writing.spent >= writing.share) return;
  std::error_code ignored;
  // What the last trial left to be freed would be paid for by this one.
  for (const auto& file : files_below(store.folder, [](const std::string&) { return true; })) fs::remove(file, ignored);
  if (wants("write")) settle_folder(store.folder);
  // Only what is slow beyond reason is cut short: a store that holds less is easier to read. Trials after the first
  // must fit into the time.
  const double most = std::max(writing.share, std::min(kShortestWrite, budget_.total() / 180));
  const double start = now_seconds();
  const std::uint64_t asked = writing.row.values.empty() ? load_.size() : store.molecules;  // the same in all trials
  const Answer a = store.child->ask(fmt::format("write {} {}", asked, most), kPatience + 20 * most);
  store.molecules = writing.row.per_trial = a.count("molecules");
  writing.row.values.push_back(static_cast<double>(store.molecules) / a.real("seconds"));
  writing.spent += now_seconds() - start;
}

}  // namespace atp
