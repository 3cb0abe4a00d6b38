// An older run of `atp bench`, read back from its JSON, and what has changed since.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "cmd/bench.h"
#include "cmd/terminal.h"
#include "core/base/utf8.h"
#include "core/io/fd.h"

namespace atp {
namespace {

constexpr double kNearlyAsMany = 0.75;
constexpr std::uintmax_t kMostBaseline = std::uintmax_t{1} << 28;  // bytes

using Element = simdjson::dom::element;

std::string text_in(Element e, const char* key) { return std::string(std::string_view(e[key])); }

// For what is null, or not there in older reports.
std::string text_or_empty(Element e, const char* key) {
  std::string_view text;
  return e[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}
double real_or_zero(Element e, const char* key) {
  double value = 0;
  return e[key].get(value) == simdjson::SUCCESS ? value : 0;
}
std::uint64_t count_or_zero(Element e, const char* key) {
  std::uint64_t value = 0;
  return e[key].get(value) == simdjson::SUCCESS ? value : 0;
}

[[noreturn]] void fail_no_report() { fail_input("", "is not a report of atp bench --json", "pass a file that holds what atp bench --json has printed"); }

BenchRow row_from(Element e) {
  BenchRow row;
  row.dir = text_in(e, "dir");
  row.load = text_in(e, "load");
  row.backend = text_in(e, "backend");
  row.workload = text_in(e, "workload");
  row.molecules = count_or_zero(e, "molecules");
  row.atoms = real_or_zero(e, "atoms");
  row.payload = real_or_zero(e, "payload_bytes");
  if (e["problem"].error() == simdjson::SUCCESS) {
    row.problem = text_in(e, "problem");
    return row;
  }
  const std::string unit = text_in(e, "unit");
  row.unit = unit == "seconds" ? BenchUnit::seconds : unit == "bytes_per_byte" ? BenchUnit::bytes_per_byte : BenchUnit::molecules_per_second;
  for (const auto v : e["values"].get_array()) row.values.push_back(v.get_double());
  if (row.values.empty() || std::any_of(row.values.begin(), row.values.end(), [](double v) { return !(v > 0); })) {
    fail_input("", fmt::format("the values of {} {} are no measurements", row.backend, row.workload));
  }
  summarise(row);
  return row;
}

BenchOptions options_from(Element e) {
  BenchOptions o;
  o.dataset = text_or_empty(e, "dataset");
  o.like = text_or_empty(e, "like");
  std::uint64_t records = 0;
  if (e["records"].get(records) == simdjson::SUCCESS) o.records = records;
  o.custom = e["custom"].get_bool();
  o.batch = e["batch"].get_uint64();
  o.trials = static_cast<int>(std::clamp<std::int64_t>(e["trials"].get_int64(), 0, 1'000'000));
  o.seconds = e["seconds"].get_double();
  o.seed = e["seed"].get_uint64();
  o.io = text_in(e, "io");
  o.processes = e["processes"].get_uint64();
  return o;
}

// What reports had from the start, but nobody has to have.
void read_surroundings(Element report, BenchResults& r) {
  Element machine;
  if (report["machine"].get(machine) == simdjson::SUCCESS) {
    r.machine.cpu = text_or_empty(machine, "cpu");
    r.machine.cpus = static_cast<int>(std::min<std::uint64_t>(count_or_zero(machine, "cpus"), 1'000'000));
    r.machine.memory_bytes = count_or_zero(machine, "memory_bytes");
    r.machine.kernel = text_or_empty(machine, "kernel");
    r.machine.host = text_or_empty(machine, "host");
  }
  simdjson::dom::object versions;
  if (report["versions"].get(versions) == simdjson::SUCCESS) {
    for (const auto& [name, version] : versions) r.versions.emplace_back(std::string(name), std::string(std::string_view(version)));
  }
  simdjson::dom::array mounts;
  if (report["mounts"].get(mounts) == simdjson::SUCCESS) {
    for (const auto e : mounts) {
      Mount m;
      m.folder = text_or_empty(e, "dir");
      m.type = text_or_empty(e, "type");
      m.source = text_or_empty(e, "source");
      m.options = text_or_empty(e, "options");
      r.mounts.push_back(std::move(m));
    }
  }
}

// A name of a folder as JSON gives it back.
std::string in_json(const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) out += encode_utf8(next_code_point(name, at).value_or(0xFFFD));
  return out;
}

// The folder of the older run that is compared with this one: the same, or however else it was written, or the only one of both runs.
std::string dir_then(const BenchResults& old, const BenchResults& now, const std::string& dir) {
  const auto dirs_of = [](const BenchResults& r) {
    std::set<std::string> dirs;
    for (const BenchRow& row : r.rows) dirs.insert(row.dir);
    return dirs;
  };
  const auto plain = [](const std::string& name) { return (std::filesystem::path(name) / "").lexically_normal().string(); };
  const std::set<std::string> then = dirs_of(old);
  const std::string name = in_json(dir);
  if (then.contains(name)) return name;
  const auto same = std::ranges::find_if(then, [&](const std::string& d) { return plain(d) == plain(name); });
  if (same != then.end()) return *same;
  return then.size() == 1 && dirs_of(now).size() == 1 ? *then.begin() : name;
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b)); }

// Whether both were to hold the same number of molecules, so that time alone can have made it another.
bool were_to_be_as_large(const BenchResults& old, const BenchResults& now) {
  return old.options && now.options && old.options->records == now.options->records && old.options->dataset.empty() && now.options->dataset.empty();
}

// Why two rows of the same names are not of the same thing; empty when they are. What is only a circumstance (seed, io,
// machine) is named above the rows, but compared: that is what people compare.
std::string why_incomparable(const BenchResults& old, const BenchResults& now, const BenchRow& then, const BenchRow& row) {
  if (old.options && now.options) {
    const BenchOptions &a = *old.options, &b = *now.options;
    if (a.custom != b.custom) return a.custom ? "then with --custom" : "now with --custom";
    if (a.batch != b.batch && row.workload.ends_with("batch")) return fmt::format("--batch {} then, {} now", a.batch, b.batch);
    if (a.processes != b.processes) return fmt::format("{} processes then, {} now", a.processes, b.processes);
  }
  // A store that was cut short at nearly the same place is read as fast; what it took to write and to open is another thing.
  const bool reads = row.unit == BenchUnit::molecules_per_second && row.workload != "write" && were_to_be_as_large(old, now);
  const auto fewer = static_cast<double>(std::min(then.molecules, row.molecules)), more = static_cast<double>(std::max(then.molecules, row.molecules));
  if (then.molecules != 0 && fewer < (reads ? kNearlyAsMany : 1) * more) return fmt::format("{} molecules then, {} now", human_count(then.molecules), human_count(row.molecules));
  if (then.payload != 0 && !(near(then.payload, row.payload) && near(then.atoms, row.atoms))) return fmt::format("{:.6g} bytes a molecule then, {:.6g} now", then.payload, row.payload);
  return "";
}

Verdict verdict_of(const BenchRow& row, double ratio, const Interval& i) {
  const bool more_is_better = row.unit == BenchUnit::molecules_per_second;
  // Bytes are counted, not measured: they need no trials.
  const Interval known = row.unit == BenchUnit::bytes_per_byte ? Interval{ratio, ratio} : i;
  if (!known.known()) return Verdict::few_trials;
  if (known.low > 1) return more_is_better ? Verdict::better : Verdict::worse;
  if (known.high < 1) return more_is_better ? Verdict::worse : Verdict::better;
  return Verdict::same;
}

std::string shown(const std::string& text) { return text.empty() ? "none" : text; }

class Differences {
 public:
  void add(const std::string& what, const std::string& then, const std::string& now) {
    if (then != now) all_.push_back({what, shown(then), shown(now)});
  }
  std::vector<BaselineDifference> take() { return std::move(all_); }

 private:
  std::vector<BaselineDifference> all_;
};

void compare_options(const BenchOptions& a, const BenchOptions& b, Differences& out) {
  const auto records = [](const BenchOptions& o) { return o.records ? std::to_string(*o.records) : std::string("default"); };
  const auto yes = [](bool set) { return std::string(set ? "yes" : "no"); };
  out.add("DATASET", a.dataset, b.dataset);
  out.add("--like", a.like, b.like);
  out.add("--records", records(a), records(b));
  out.add("--custom", yes(a.custom), yes(b.custom));
  out.add("--batch", std::to_string(a.batch), std::to_string(b.batch));
  out.add("--trials", std::to_string(a.trials), std::to_string(b.trials));
  out.add("--seconds", fmt::format("{}", a.seconds), fmt::format("{}", b.seconds));
  out.add("--seed", std::to_string(a.seed), std::to_string(b.seed));
  out.add("--io", a.io, b.io);
  out.add("processes", std::to_string(a.processes), std::to_string(b.processes));
}

}  // namespace

BenchResults results_of_report(const std::string& text) {
  BenchResults r;
  try {
    simdjson::dom::parser parser;
    const Element report = parser.parse(text);
    if (text_in(report, "format") != "atp-bench-1") fail_no_report();
    for (const auto e : report["rows"].get_array()) r.rows.push_back(row_from(e));
    Element options;
    if (report["options"].get(options) == simdjson::SUCCESS) r.options = options_from(options);
    read_surroundings(report, r);
  } catch (const simdjson::simdjson_error&) {
    fail_no_report();
  }
  return r;
}

BenchResults read_baseline(const std::string& path) {
  try {
    const Fd fd = open_for_reading(path);
    const auto size = static_cast<std::uintmax_t>(status_of(fd, path).st_size);
    if (size > kMostBaseline) fail_input("", "is too large for a report of atp bench");
    std::string text(size, '\0');
    text.resize(read_at(fd, 0, std::as_writable_bytes(std::span(text)), path));
    return results_of_report(text);
  } catch (const Error& e) {
    throw e.where() == path ? e : e.within(path);
  }
}

std::vector<BaselineChange> changes_since(const BenchResults& old, const BenchResults& results) {
  std::vector<BaselineChange> changes;
  for (const BenchRow& row : results.rows) {
    const BenchRow* then = row.problem.empty() ? find_row(old.rows, dir_then(old, results, row.dir), row.load, row.backend, row.workload) : nullptr;
    if (!then || then->unit != row.unit) continue;
    BaselineChange change{row.dir, row.load, row.workload, row.backend, row.median / then->median, ratio_interval(row.values, then->values), Verdict::incomparable, why_incomparable(old, results, *then, row)};
    if (change.why.empty()) {
      change.verdict = verdict_of(row, change.ratio, change.interval);
    } else {
      change.interval = ratio_interval({}, {});
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<BaselineDifference> differences_since(const BenchResults& old, const BenchResults& results) {
  Differences out;
  if (old.options && results.options) compare_options(*old.options, *results.options, out);
  const Machine &a = old.machine, &b = results.machine;
  out.add("host", a.host, b.host);
  out.add("CPU", a.cpu, b.cpu);
  out.add("CPUs", std::to_string(a.cpus), std::to_string(b.cpus));
  out.add("memory", human_bytes(a.memory_bytes), human_bytes(b.memory_bytes));
  out.add("kernel", a.kernel, b.kernel);
  for (const auto& [name, version] : results.versions) {
    const auto same = std::find_if(old.versions.begin(), old.versions.end(), [&, n = &name](const auto& v) { return v.first == *n; });
    if (same != old.versions.end()) out.add(name, same->second, version);
  }
  for (const Mount& m : results.mounts) {
    const auto same = std::ranges::find(old.mounts, dir_then(old, results, m.folder), &Mount::folder);
    if (same == old.mounts.end()) continue;
    out.add("--dir", same->folder, in_json(m.folder));
    out.add(m.folder + ": file system", same->type + " on " + same->source, m.type + " on " + m.source);
    out.add(m.folder + ": mount options", same->options, m.options);
  }
  return out.take();
}

void hold_against(const BenchResults& old, const BenchResults& results, BenchChecks& checks) {
  checks.with_baseline = true;
  checks.baseline_has_options = old.options.has_value();
  checks.differences = differences_since(old, results);
  checks.changes = changes_since(old, results);
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::better: return "better";
    case Verdict::worse: return "worse";
    case Verdict::same: return "same";
    case Verdict::few_trials: return "few_trials";
    case Verdict::incomparable: return "incomparable";
  }
  return "";
}

std::string verdict_text(const BaselineChange& change) {
  switch (change.verdict) {
    case Verdict::same: return "";
    case Verdict::few_trials: return "too few trials";
    case Verdict::incomparable: return "not comparable: " + change.why;
    default: return std::string(verdict_name(change.verdict));
  }
}

std::string differences_text(const BenchChecks& checks) {
  std::string out;
  if (!checks.baseline_has_options) out += "the baseline does not say with which options it was made: this run may have others\n";
  if (!checks.differences.empty()) out += "made otherwise:\n";
  for (const BaselineDifference& d : checks.differences) out += fmt::format("  {}: {} then, {} now\n", printable(d.what), printable(d.then), printable(d.now));
  return out;
}

}  // namespace atp
