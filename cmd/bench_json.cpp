// The results of `atp bench` as JSON, and an older run read back from it.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "cmd/bench.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"
#include "core/bench/serve.h"
#include "core/io/fd.h"

namespace atp {
namespace {

constexpr std::uintmax_t kMostBaseline = std::uintmax_t{1} << 28;  // bytes

constexpr std::string_view unit_name(BenchUnit unit) {
  switch (unit) {
    case BenchUnit::molecules_per_second: return "molecules_per_second";
    case BenchUnit::seconds: return "seconds";
    case BenchUnit::bytes_per_byte: return "bytes_per_byte";
  }
  return "";
}

void real_or_null(JsonWriter& w, std::string_view key, std::optional<double> v) {
  w.key(key);
  v && std::isfinite(*v) ? w.real(*v) : w.null();
}

void write_row(JsonWriter& w, const BenchRow& row) {
  w.begin_object().key("dir").string(row.dir).key("load").string(row.load).key("backend").string(row.backend).key("workload").string(row.workload);
  w.key("molecules").count(row.molecules).key("atoms").real(row.atoms).key("payload_bytes").real(row.payload);
  if (!row.problem.empty()) {
    w.key("problem").string(row.problem).end_object();
    return;
  }
  w.key("unit").string(unit_name(row.unit)).key("values").begin_array();
  for (const double v : row.values) w.real(v);
  w.end_array().key("median").real(row.median).key("interval").begin_array().real(row.interval.low).real(row.interval.high).end_array();
  w.key("spread").real(row.spread).key("reruns").integer(row.reruns).key("checked").boolean(row.checked).key("per_trial").count(row.per_trial);
  if (row.unit == BenchUnit::molecules_per_second) {
    w.key("atoms_per_second").real(row.median * row.atoms).key("bytes_per_second").real(row.median * row.payload);
  }
  real_or_null(w, "ratio_to_atp", row.ratio_to_atp);
  if (row.ratio_to_atp) w.key("ratio_interval").begin_array().real(row.ratio_interval.low).real(row.ratio_interval.high).end_array();
  if (!row.latency.empty()) {
    w.key("latency_seconds").begin_object();
    for (std::size_t i = 0; i < row.latency.size(); ++i) w.key(fmt::format("p{:g}", 100 * kLatencyShares[i])).real(row.latency[i]);
    w.end_object();
  }
  if (row.unit == BenchUnit::molecules_per_second && row.workload != "write") {
    w.key("per_molecule").begin_object().key("cpu_seconds").real(row.cpu_seconds).key("minor_faults").real(row.minor_faults);
    w.key("major_faults").real(row.major_faults).key("read_calls").real(row.read_calls);
    real_or_null(w, "storage_bytes", row.storage_bytes);
    w.end_object();
    real_or_null(w, "read_amplification", row.read_amplification());
  }
  if (row.workload.starts_with("cold")) w.key("not_dropped").real(row.not_dropped);
  if (row.workload == "open") w.key("resident_bytes").count(row.resident).key("anonymous_bytes").count(row.anonymous);
  w.end_object();
}

void write_reached(JsonWriter& w, const RequirementResult& r) {
  w.key("requirement").string(r.requirement.text()).key("dir").string(r.dir);
  real_or_null(w, "value", r.value);
  w.key("met").boolean(r.met);
}

void write_checks(JsonWriter& w, const BenchChecks& checks) {
  if (checks.with_goals) {
    w.key("goals").begin_array();
    for (const GoalResult& g : checks.goals) {
      w.begin_object().key("what").string(g.what);
      write_reached(w, g.reached);
      w.end_object();
    }
    w.end_array();
  }
  if (checks.with_baseline) {
    w.key("changes").begin_array();
    for (const BaselineChange& c : checks.changes) {
      w.begin_object().key("dir").string(c.dir).key("load").string(c.load).key("workload").string(c.workload).key("backend").string(c.backend);
      w.key("ratio").real(c.ratio).key("ratio_interval").begin_array().real(c.interval.low).real(c.interval.high).end_array();
      w.key("verdict").string(c.verdict).end_object();
    }
    w.end_array();
  }
  if (!checks.required.empty()) {
    w.key("required").begin_array();
    for (const RequirementResult& r : checks.required) {
      w.begin_object();
      write_reached(w, r);
      w.end_object();
    }
    w.end_array();
  }
}

void write_io_profile(JsonWriter& w, const std::string& dir, const IoProfile& profile) {
  constexpr std::size_t kStretches = 60;
  const DeviceCounters t = profile.total();
  const auto bytes = [](std::uint64_t sectors) { return static_cast<double>(sectors) * IoProfile::kSectorBytes; };
  w.begin_object().key("dir").string(dir).key("seconds").real(profile.seconds());
  w.key("reads").count(t.reads).key("read_bytes").real(bytes(t.sectors_read)).key("writes").count(t.writes).key("written_bytes").real(bytes(t.sectors_written));
  w.key("merged_share").real(profile.merged_share()).key("concurrency").real(profile.concurrency());
  for (const auto& [way, sizes, rates] : {std::tuple{IoWay::read, "reads_by_size", "read_bytes_per_second"}, {IoWay::write, "writes_by_size", "written_bytes_per_second"}}) {
    w.key(sizes).begin_array();
    const auto counts = profile.by_size(way);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      w.begin_object().key("below_bytes");
      i + 1 < counts.size() ? w.count(std::uint64_t{4096} << i) : w.null();
      w.key("requests").real(counts[i]).end_object();
    }
    w.end_array().key(rates).begin_array();
    for (const double rate : profile.rates(way, kStretches)) w.real(rate);
    w.end_array();
  }
  w.end_object();
}

std::string text_in(simdjson::dom::element e, const char* key) { return std::string(std::string_view(e[key])); }

[[noreturn]] void fail_no_report() { fail_input("", "is not a report of atp bench --json", "pass a file that holds what atp bench --json has printed"); }

BenchRow row_from(simdjson::dom::element e) {
  BenchRow row;
  row.dir = text_in(e, "dir");
  row.load = text_in(e, "load");
  row.backend = text_in(e, "backend");
  row.workload = text_in(e, "workload");
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

}  // namespace

std::string bench_json(const BenchResults& r, const BenchChecks& checks) {
  JsonWriter w;
  w.begin_object().key("format").string("atp-bench-1").key("machine").begin_object();
  w.key("cpu").string(r.machine.cpu).key("cpus").integer(r.machine.cpus).key("memory_bytes").count(r.machine.memory_bytes);
  w.key("last_level_cache_bytes").count(r.machine.last_level_cache_bytes).key("kernel").string(r.machine.kernel).key("host").string(r.machine.host).end_object();
  w.key("versions").begin_object();
  for (const auto& [name, version] : r.versions) w.key(name).string(version);
  w.end_object().key("mounts").begin_array();
  for (const Mount& m : r.mounts) {
    w.begin_object().key("dir").string(m.folder).key("type").string(m.type).key("point").string(m.point).key("source").string(m.source);
    w.key("options").string(m.options).key("details").string(m.details).key("device").string(m.device).key("network").boolean(m.network);
    w.key("in_memory").boolean(m.in_memory).key("free_bytes").count(m.free_bytes).end_object();
  }
  w.end_array().key("rows").begin_array();
  for (const BenchRow& row : r.rows) write_row(w, row);
  w.end_array();
  for (const auto& [key, list] : {std::pair{"left_out", &r.left_out}, {"notes", &r.notes}}) {
    w.key(key).begin_array();
    for (const auto& text : *list) w.string(text);
    w.end_array();
  }
  if (!r.together.empty()) {
    w.key("together").begin_array();
    for (const TogetherRow& row : r.together) {
      w.begin_object().key("dir").string(row.dir).key("load").string(row.load).key("workload").string(row.workload).key("backend").string(row.backend);
      w.key("processes").count(row.processes).key("sum").real(row.sum).key("slowest").real(row.slowest).key("fastest").real(row.fastest).end_object();
    }
    w.end_array();
  }
  if (r.footprint) {
    w.key("footprint_estimate").begin_object().key("grid").string(r.grid).key("joules").real(r.footprint->joules).key("rapl").boolean(r.footprint->measured);
    for (const auto& [name, i] : {std::pair{"use", r.footprint->use}, std::pair{"manufacture", r.footprint->manufacture}}) {
      w.key(name).begin_object().key("primary_energy_megajoules").real(i.primary_energy).key("grams_co2eq").real(i.climate).key("grams_sbeq").real(i.resources).end_object();
    }
    w.key("sources").string(footprint_sources(*find_grid(r.grid))).end_object();
  }
  if (!r.io_profiles.empty()) {
    w.key("io_profile").begin_array();
    for (const auto& [dir, profile] : r.io_profiles) write_io_profile(w, dir, profile);
    w.end_array();
  }
  write_checks(w, checks);
  w.key("seconds").real(r.seconds).key("cpu_seconds").real(r.cpu_seconds).key("foreign_cpus").real(r.foreign_cpu).key("peak_bytes").count(r.peak_bytes);
  return w.end_object().take();
}

std::vector<BenchRow> rows_of_report(const std::string& text) {
  std::vector<BenchRow> rows;
  try {
    simdjson::dom::parser parser;
    const simdjson::dom::element report = parser.parse(text);
    if (text_in(report, "format") != "atp-bench-1") fail_no_report();
    for (const auto e : report["rows"].get_array()) rows.push_back(row_from(e));
  } catch (const simdjson::simdjson_error&) {
    fail_no_report();
  }
  return rows;
}

std::vector<BenchRow> read_baseline(const std::string& path) {
  try {
    const Fd fd = open_for_reading(path);
    const auto size = static_cast<std::uintmax_t>(status_of(fd, path).st_size);
    if (size > kMostBaseline) fail_input("", "is too large for a report of atp bench");
    std::string text(size, '\0');
    text.resize(read_at(fd, 0, std::as_writable_bytes(std::span(text)), path));
    return rows_of_report(text);
  } catch (const Error& e) {
    throw e.where() == path ? e : e.within(path);
  }
}

std::vector<BaselineChange> changes_since(const std::vector<BenchRow>& old, const BenchResults& results) {
  std::vector<BaselineChange> changes;
  for (const BenchRow& row : results.rows) {
    const BenchRow* before = row.problem.empty() ? find_row(old, row.dir, row.load, row.backend, row.workload) : nullptr;
    if (!before || before->unit != row.unit) continue;
    const Interval i = ratio_interval(row.values, before->values);
    const bool more_is_better = row.unit == BenchUnit::molecules_per_second;
    const std::string_view verdict = i.low > 1 ? (more_is_better ? "better" : "worse") : i.high < 1 ? (more_is_better ? "worse" : "better") : "same";
    changes.push_back({row.dir, row.load, row.workload, row.backend, row.median / before->median, i, verdict});
  }
  return changes;
}

}  // namespace atp
