// `atp inspect --json`. The keys are documented and stable.
#include <fmt/format.h>

#include <cmath>

#include "cmd/inspect.h"
#include "cmd/schema_table.h"
#include "core/chem/elements.h"

namespace atp {
namespace {

void write_finite(JsonWriter& w, double v) {
  if (std::isfinite(v))
    w.real(v);
  else
    w.null();
}

template <class T>
void write_optional(JsonWriter& w, const std::optional<T>& v) {
  if (v)
    w.count(*v);
  else
    w.null();
}

// What all files share, or null.
template <class Get, class Write>
void write_shared(JsonWriter& w, const Findings& f, Get get, Write write) {
  for (const FileFacts& file : f.files)
    if (!file.atp || get(*file.atp) != get(*f.files.front().atp)) {
      w.null();
      return;
    }
  if (f.files.empty())
    w.null();
  else
    write(get(*f.files.front().atp));
}

// The metadata as it stands, if it is what it should be.
void write_metadata(JsonWriter& w, const FileFacts& file) {
  const std::string& text = file.atp->metadata;
  if (text.empty())
    w.null();
  else if (metadata_of(file))
    w.raw(text);
  else
    w.string(text);
}

void write_atoms(JsonWriter& w, const AtomCounts& counts) {
  const auto summary = counts.summary();
  w.begin_object().key("total").count(counts.atoms());
  w.key("min"), summary ? w.count(summary->min) : w.null();
  w.key("mean"), summary ? w.real(summary->mean) : w.null();
  w.key("median"), summary ? w.real(summary->median) : w.null();
  w.key("max"), summary ? w.count(summary->max) : w.null();
  w.end_object();
}

// Sums over all files; null when one of them does not know.
void write_bytes(JsonWriter& w, const Findings& f) {
  std::optional<std::uint64_t> file = 0, stored = 0, raw = 0;
  const auto add = [](std::optional<std::uint64_t>& sum, std::optional<std::uint64_t> v) {
    sum = sum && v ? std::optional(*sum + *v) : std::nullopt;
  };
  for (const FileFacts& facts : f.files) {
    add(file, facts.bytes);
    const bool known = facts.atp && !f.header_only;
    add(stored, known ? std::optional(facts.atp->stored) : std::nullopt);
    add(raw, known ? std::optional(facts.atp->raw) : std::nullopt);
  }
  w.begin_object();
  w.key("file"), write_optional(w, file);
  w.key("stored"), write_optional(w, stored);
  w.key("raw"), write_optional(w, raw);
  w.end_object();
}

void write_atp_facts(JsonWriter& w, const FileFacts& file, bool header_only, bool own_metadata) {
  const AtpFacts& a = *file.atp;
  w.key("stored"), header_only ? w.null() : w.count(a.stored);
  w.key("raw"), header_only ? w.null() : w.count(a.raw);
  w.key("codec").string(codec_name(a.codec));
  w.key("record_format").count(a.record_format);
  w.key("generation").count(a.generation);
  w.key("slot").string(std::string(1, a.slot));
  w.key("other_slot_problem"), a.other_slot_problem.empty() ? w.null() : w.string(a.other_slot_problem);
  w.key("uncommitted_bytes").count(a.uncommitted);
  w.key("record_checksums").boolean(a.checksums);
  if (a.unknown_extension) w.key("unknown_extension").count(*a.unknown_extension);
  if (own_metadata) w.key("metadata"), write_metadata(w, file);
}

void write_shards(JsonWriter& w, const Findings& f) {
  w.begin_array();
  for (const FileFacts& file : f.files) {
    w.begin_object().key("path").string(file.path).key("records").count(file.records);
    w.key("atoms"), f.header_only ? w.null() : w.count(file.atoms);
    w.key("bytes"), write_optional(w, file.bytes);
    if (file.atp) write_atp_facts(w, file, f.header_only, f.files.size() > 1);
    w.end_object();
  }
  w.end_array();
}

void write_schema_row(JsonWriter& w, const Units& units, Kind kind, const std::string& key, std::string_view dtype,
                      std::string_view type, std::string_view shape) {
  w.begin_object().key("scope").string(scope_name(kind)).key("key").string(key);
  w.key("dtype").string(dtype).key("type").string(type);
  w.key("shape").string(shape);
  const Unit unit = units.of(kind, key);
  w.key("unit"), unit.text.empty() ? w.null() : w.string(unit.text);
  if (!unit.text.empty()) w.key("unit_assumed").boolean(unit.assumed);
  w.end_object();
}

void write_schema(JsonWriter& w, const Findings& f) {
  const Units units(f);
  w.begin_array();
  if (f.positions) {
    const TypeInfo& info = type_info(*f.positions);
    const bool mixed = f.mixed_positions;
    write_schema_row(w, units, Kind::builtin, "positions", mixed ? "mixed" : scalar_name(info.scalar),
                     mixed ? "mixed" : info.name, "[n, 3]");
  }
  for (const Field& field : f.fields.sorted()) {
    const TypeInfo& info = type_info(field.entry.type);
    const std::string shape = field_shape(field);
    if (field.mixed_type)
      write_schema_row(w, units, field.kind, field.key, "mixed", "mixed", shape);
    else
      write_schema_row(w, units, field.kind, field.key,
                       field.entry.type == Type::null ? "none" : scalar_name(info.scalar), info.name, shape);
  }
  w.end_array();
}

void write_histogram(JsonWriter& w, const AtomCounts& counts) {
  w.begin_array();
  for (const AtomCounts::Bin& bin : counts.histogram())
    w.begin_object().key("from").count(bin.from).key("to").count(bin.to).key("records").count(bin.records).end_object();
  w.end_array();
}

// What only input formats have.
void write_input_findings(JsonWriter& w, const Findings& f) {
  w.key("mapping").begin_object();
  for (const auto& [field, ways] : f.mapping) {
    std::string text;
    for (const auto& [how, frames] : ways) text += (text.empty() ? "" : "; ") + how;
    w.key(field).string(text);
  }
  w.end_object();
  w.key("notes").begin_array();
  for (const std::string& note : f.notes) w.string(note);
  w.end_array();
  w.key("bad_frames").count(f.bad_frames);
  w.key("errors").begin_array();
  for (const std::string& error : f.errors) w.string(error);
  w.end_array();
}

// ---- stats --------------------------------------------------------------------------------------

void write_odd(JsonWriter& w, const DatasetStats& s, std::uint64_t Field::*count, std::uint64_t positions) {
  w.begin_object();
  if (positions > 0) w.key("positions").count(positions);
  for (const Field& f : s.fields.sorted())
    if (f.*count > 0) w.key(unique_name(f.kind, f.key)).count(f.*count);
  w.end_object();
}

void write_elements(JsonWriter& w, const DatasetStats& s) {
  w.begin_object();
  for (std::size_t z = 0; z < s.elements.size(); ++z) {
    if (s.elements[z].records == 0) continue;
    w.key(element_name(static_cast<int>(z))).begin_object();
    w.key("atoms").count(s.elements[z].atoms).key("records").count(s.elements[z].records).end_object();
  }
  w.end_object();
}

void write_reference_energies(JsonWriter& w, const DatasetStats& s) {
  const auto fit = s.energies.solve();
  w.key("e0");
  if (!fit) {
    w.null().key("e0_rank").null().key("residual_energy_per_atom").null();
    return;
  }
  w.begin_object();
  for (std::size_t i = 0; i < fit->elements.size(); ++i) {
    w.key(element_name(fit->elements[i]));
    write_finite(w, fit->e0[i]);
  }
  w.end_object().key("e0_rank").count(fit->rank);
  w.key("residual_energy_per_atom").begin_object();
  w.key("mean"), write_finite(w, fit->mean);
  w.key("std"), write_finite(w, fit->std);
  w.key("count").count(fit->records).end_object();
}

void write_neighbours(JsonWriter& w, const DatasetStats& s) {
  w.key("neighbours");
  if (!s.options().cutoff) {
    w.null();
    return;
  }
  const NeighbourStats& n = s.neighbours;
  w.begin_object().key("cutoff").real(*s.options().cutoff).key("edges").count(n.edges).key("atoms").count(n.atoms);
  w.key("records").count(n.records).key("skipped_records").count(n.skipped);
  w.key("mean"), n.atoms == 0 ? w.null() : w.real(static_cast<double>(n.edges) / static_cast<double>(n.atoms));
  w.end_object();
}

}  // namespace

void write_moments(JsonWriter& w, const Moments& m) {
  w.begin_object();
  const auto write = [&](const char* key, double v) {
    w.key(key);
    if (m.count() == 0)
      w.null();
    else
      write_finite(w, v);
  };
  write("min", m.min());
  write("mean", m.mean());
  write("max", m.max());
  write("std", m.std());
  w.key("count").count(m.count()).end_object();
}

void write_stats_json(JsonWriter& w, const DatasetStats& s) {
  w.begin_object().key("records").count(s.records).key("empty_records").count(s.empty_records);
  w.key("coverage").begin_object();
  for (const Field& f : s.fields.sorted())
    w.key(unique_name(f.kind, f.key)).real(static_cast<double>(f.records) / static_cast<double>(s.records));
  w.end_object();
  w.key("elements"), write_elements(w, s);
  w.key("energy_per_atom"), write_moments(w, s.energy_per_atom);
  w.key("force_components"), write_moments(w, s.force_components);
  w.key("force_norms"), write_moments(w, s.force_norms);
  w.key("rms_force"), s.force_components.count() == 0 ? w.null() : (write_finite(w, s.rms_force()), w);
  w.key("stress"), write_moments(w, s.stress_components);
  w.key("pressure"), write_moments(w, s.pressure);
  w.key("volume"), write_moments(w, s.volume);
  w.key("volume_per_atom"), write_moments(w, s.volume_per_atom);
  w.key("zero_volume_cells").count(s.zero_volume_cells);
  w.key("nan"), write_odd(w, s, &Field::nan, s.positions_nan);
  w.key("inf"), write_odd(w, s, &Field::inf, s.positions_inf);
  write_reference_energies(w, s);
  write_neighbours(w, s);
  w.end_object();
}

std::string summary_json(const Findings& f) {
  const bool atp = f.format == "atp";
  JsonWriter w;
  w.begin_object().key("format").string(f.format);
  w.key("records").count(f.records());
  w.key("atoms"), f.header_only ? (void)w.null() : write_atoms(w, f.counts);
  w.key("bytes"), write_bytes(w, f);
  w.key("codec");
  write_shared(
      w, f, [](const AtpFacts& a) { return codec_name(a.codec); }, [&](const std::string& v) { w.string(v); });
  w.key("record_format");
  write_shared(
      w, f, [](const AtpFacts& a) { return a.record_format; }, [&](std::uint32_t v) { w.count(v); });
  w.key("generation");
  write_shared(
      w, f, [](const AtpFacts& a) { return a.generation; }, [&](std::uint64_t v) { w.count(v); });
  w.key("shards"), write_shards(w, f);
  w.key("schema"), write_schema(w, f);
  w.key("histogram"), write_histogram(w, f.counts);
  w.key("metadata");
  write_shared(
      w, f, [](const AtpFacts& a) { return a.metadata; },
      [&](const std::string&) { write_metadata(w, f.files.front()); });
  if (!atp) write_input_findings(w, f);
  w.key("stats");
  if (f.stats)
    write_stats_json(w, *f.stats);
  else
    w.null();
  w.end_object();
  return w.take();
}

}  // namespace atp
