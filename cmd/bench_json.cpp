// The results of `atp bench` as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "cmd/bench.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"
#include "core/bench/serve.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

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

void write_interval(JsonWriter& w, std::string_view key, const Interval& interval) {
  w.key(key);
  interval.known() ? w.begin_array().real(interval.low).real(interval.high).end_array() : w.null();
}

void write_options(JsonWriter& w, const BenchOptions& o) {
  w.key("options").begin_object();
  for (const auto& [key, value] : {std::pair{"dataset", &o.dataset}, {"like", &o.like}}) {
    w.key(key);
    value->empty() ? w.null() : w.string(*value);
  }
  w.key("records");
  o.records ? w.count(*o.records) : w.null();
  w.key("custom").boolean(o.custom).key("batch").count(o.batch).key("trials").integer(o.trials).key("seconds").real(o.seconds);
  w.key("seed").count(o.seed).key("io").string(o.io).key("processes").count(o.processes).end_object();
}

// Whether there was a checksum to check.
bool has_values(const BenchRow& row) {
  const Backend* const backend = find_backend(row.backend);
  return row.unit == BenchUnit::molecules_per_second && (backend == nullptr || backend->sums);
}

// What opening added to a process: nothing where the system counts it late.
void write_memory(JsonWriter& w, const BenchRow& row) {
  for (const auto& [key, bytes] : {std::pair{"resident_bytes", row.resident}, {"anonymous_bytes", row.anonymous}}) {
    w.key(key);
    row.resident != 0 ? w.count(bytes) : w.null();
  }
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
  w.end_array().key("median").real(row.median);
  write_interval(w, "interval", row.interval);
  w.key("spread").real(row.spread).key("reruns").integer(row.reruns).key("checked");
  has_values(row) ? w.boolean(row.checked) : w.null();
  w.key("per_trial").count(row.per_trial);
  if (row.unit == BenchUnit::molecules_per_second) {
    w.key("atoms_per_second").real(row.median * row.atoms).key("bytes_per_second").real(row.median * row.payload);
  }
  real_or_null(w, "ratio_to_atp", row.ratio_to_atp);
  if (row.ratio_to_atp) write_interval(w, "ratio_interval", row.ratio_interval);
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
  if (row.workload == "open") write_memory(w, row);
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
      w.key("yardstick");
      g.yardstick.empty() ? w.null() : w.string(g.yardstick);
      real_or_null(w, "bound", g.bound);
      w.end_object();
    }
    w.end_array();
  }
  if (checks.with_baseline) {
    w.key("baseline_differs").begin_array();
    for (const BaselineDifference& d : checks.differences) w.begin_object().key("what").string(d.what).key("then").string(d.then).key("now").string(d.now).end_object();
    w.end_array().key("changes").begin_array();
    for (const BaselineChange& c : checks.changes) {
      w.begin_object().key("dir").string(c.dir).key("load").string(c.load).key("workload").string(c.workload).key("backend").string(c.backend);
      w.key("ratio").real(c.ratio);
      write_interval(w, "ratio_interval", c.interval);
      w.key("verdict").string(verdict_name(c.verdict));
      if (!c.why.empty()) w.key("why").string(c.why);
      w.end_object();
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

}  // namespace

std::string bench_json(const BenchResults& r, const BenchChecks& checks) {
  JsonWriter w;
  w.begin_object().key("format").string("atp-bench-1").key("machine").begin_object();
  w.key("cpu").string(r.machine.cpu).key("cpus").integer(r.machine.cpus).key("memory_bytes").count(r.machine.memory_bytes);
  w.key("last_level_cache_bytes").count(r.machine.last_level_cache_bytes).key("kernel").string(r.machine.kernel).key("host").string(r.machine.host).end_object();
  w.key("versions").begin_object();
  for (const auto& [name, version] : r.versions) w.key(name).string(version);
  w.end_object();
  if (r.options) write_options(w, *r.options);
  w.key("mounts").begin_array();
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

}  // namespace atp
