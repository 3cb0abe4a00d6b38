#include "core/bench/tested.h"

#include <algorithm>
#include <charconv>

#include "core/bench/file_cache.h"

namespace atp {
namespace {

constexpr double kPatience = 120;           // seconds that a pass may take
constexpr std::uint64_t kFirstProbe = 16;   // places: some stores give a hundred molecules a second
constexpr double kSparse = 96 << 10;        // bytes of the file for each molecule of a cold sample, at least
constexpr std::uint64_t kMostSparse = 4096;

std::vector<double> numbers_of(const std::string& text) {
  std::vector<double> out;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    double value = 0;
    const auto [end, code] = std::from_chars(at, text.data() + text.size(), value);
    if (code != std::errc()) break;
    out.push_back(value);
    at = end + 1;
  }
  return out;
}

}  // namespace

PassResult::PassResult(const Answer& a, std::uint64_t first_place, std::uint64_t places)
    : first(first_place), count(places), start(a.real("start")), end(a.real("end")), seconds(std::max(end - start, 1e-9)),
      cpu_seconds(a.real("user") + a.real("system")), sum(a.count("sum")), minor_faults(a.real("minor")), major_faults(a.real("major")),
      read_calls(a.real("calls")) {
  if (a.count("io") == 1) storage_bytes = a.real("storage");
  if (a.has("latency")) latency = numbers_of(a.text("latency"));
}

void PassResult::add_to(BenchRow& row) const {
  // Means over all places so far, of which row.per_trial counts those before this pass.
  const double before = static_cast<double>(row.per_trial), now = static_cast<double>(count), all = before + now;
  const auto join = [&](double mean, double more) { return (mean * before + more) / all; };
  row.cpu_seconds = join(row.cpu_seconds, cpu_seconds);
  row.minor_faults = join(row.minor_faults, minor_faults);
  row.major_faults = join(row.major_faults, major_faults);
  row.read_calls = join(row.read_calls, read_calls);
  if (storage_bytes) row.storage_bytes = join(row.storage_bytes.value_or(0), *storage_bytes);
  row.per_trial += count;
}

void TestedStore::describe(const Load& load, std::uint64_t n) {
  molecules = n;
  std::uint64_t sum_atoms = 0, sum_payload = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    sum_atoms += load.atoms(i);
    sum_payload += load.payload(load.atoms(i));
  }
  const double all = static_cast<double>(std::max<std::uint64_t>(1, n));
  atoms = static_cast<double>(sum_atoms) / all;
  payload = static_cast<double>(sum_payload) / all;
}

void TestedStore::calibrate(const PassMaker& maker, double trial, double most) {
  const std::uint64_t all = order.size();
  double spent = 0, speed = 0;
  warmed = next = 0;
  for (std::uint64_t some = std::min(all, kFirstProbe); warmed < all; some *= 4) {
    const std::uint64_t places = std::min(some, all - warmed);
    const auto seconds = [&] { return PassResult(child->ask(maker.command(warmed, places, false), kPatience), warmed, places).seconds; };
    double last = seconds();
    spent += last;
    // The first time it faults pages in, which would make trials too short; where that took long it hardly matters.
    if (last < most) spent += last = seconds();
    warmed += places;
    speed = static_cast<double>(places) / last;
    if (spent + static_cast<double>(some) * 4 / speed > most && static_cast<double>(warmed) >= speed * trial) break;
    if (spent > 4 * most) break;
  }
  count = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(speed * trial), 1, warmed);
  if (maker.way == "one") rate = speed;
}

PassResult TestedStore::pass(const PassMaker& maker, std::uint64_t places, bool ticks) {
  if (next + places > warmed) next = 0;
  const std::uint64_t first = std::exchange(next, next + places);
  return {child->ask(maker.command(first, places, ticks), kPatience), first, places};
}

std::uint64_t TestedStore::count_for(double seconds) const {
  const double speed = rate > 0 ? rate : 10000;
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(speed * seconds));
}

std::uint64_t TestedStore::sparse_count(bool sequential) const {
  const std::uint64_t all = std::min<std::uint64_t>(molecules, order.size());  // each once: what was read before is not cold
  if (sequential) return all;
  const double bytes = payload * static_cast<double>(molecules);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(bytes / kSparse), std::min<std::uint64_t>(all, 64), std::min(all, kMostSparse));
}

}  // namespace atp
