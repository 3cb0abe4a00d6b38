#include "cmd/pack_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "cmd/map_option.h"
#include "cmd/options.h"
#include "cmd/schema_table.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"

namespace atp {
namespace {

constexpr std::size_t kReasonsShown = 50;  // without --verbose

// Without the advice: what it says to do has been done.
std::string reason_of(const Error& e) { return e.where().empty() ? e.problem() : e.where() + ": " + e.problem(); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Of an atom, or of formation: not the energy of a frame.
bool is_other_energy(std::string_view name) {
  static constexpr std::string_view kOther[] = {"per_atom", "peratom", "/atom", "formation"};
  return std::ranges::any_of(kOther, [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

// A property that by its name and type could be the field that no frame had.
std::string likely_key(const Schema& schema, std::string_view part, Kind kind, Type type) {
  for (const auto& [key, entry] : schema.entries) {
    const std::string name = lower(key.second);
    if (key.first == kind && entry.type == type && name.find(part) != std::string::npos && !is_other_energy(name)) return key.second;
  }
  return {};
}

// Better said before training than after.
void tell_missing(const PackReport& report, std::string_view field, std::string_view part, Kind kind, Type type) {
  if (report.with_builtin[static_cast<std::size_t>(builtin_info(field) - kBuiltins.data())] != 0) return;
  if (report.chosen.contains(std::string(field))) return;
  const std::string key = likely_key(report.schema, part, kind, type);
  const std::string could = key.empty() ? "" : fmt::format(", but '{}' could be it: --map {}={}", key, field, key);
  note(fmt::format("no {} {} found{}", field, field == "forces" ? "were" : "was", could));
}

std::string counted(std::uint64_t n, std::string_view one) {
  return fmt::format("{} {}{}", human_count(n), one, n == 1 ? "" : "s");
}

// "from 'a'", "from 'b' (in kcal/mol)": more than one key that --map could name, and nothing else.
bool are_of_several_keys(const std::set<std::string>& hows) {
  std::set<std::string> keys;
  for (const std::string& how : hows) {
    if (!how.starts_with("from '")) return false;
    keys.insert(how.substr(0, how.find('\'', 6)));
  }
  return keys.size() > 1;
}

void join(ScopeGuesses& all, const ScopeGuesses& later) {
  for (const auto& [key, guess] : later) {
    const auto [before, fresh] = all.try_emplace(key, guess);
    if (!fresh) before->second.join(guess);
  }
}

}  // namespace

void PackReport::add(const PackedChunk& chunk) {
  records += chunk.records.entries.size();
  atoms += chunk.atoms;
  for (const auto& e : chunk.records.entries) raw_bytes += e.unpacked;
  stored_bytes += chunk.records.bytes.size();
  for (const auto& [field, hows] : chunk.mapped) mapped[field].insert(hows.begin(), hows.end());
  notes.insert(chunk.notes.begin(), chunk.notes.end());
  patterns.insert(chunk.patterns.begin(), chunk.patterns.end());
  join(guesses, chunk.guesses);
  for (std::size_t i = 0; i < with_builtin.size(); ++i) with_builtin[i] += chunk.with_builtin[i];
  skipped_count += chunk.skipped_count;
  for (const auto& e : chunk.skipped) {
    if (skipped.size() < kReasonsKept) skipped.push_back(e);
  }
}

void PackReport::add(const PackReport& next) {
  records += next.records;
  atoms += next.atoms;
  raw_bytes += next.raw_bytes;
  stored_bytes += next.stored_bytes;
  bytes_in += next.bytes_in;
  for (const auto& [field, hows] : next.mapped) mapped[field].insert(hows.begin(), hows.end());
  notes.insert(next.notes.begin(), next.notes.end());
  patterns.insert(next.patterns.begin(), next.patterns.end());
  join(guesses, next.guesses);
  chosen.insert(next.chosen.begin(), next.chosen.end());
  for (std::size_t i = 0; i < with_builtin.size(); ++i) with_builtin[i] += next.with_builtin[i];
  skipped_count += next.skipped_count;
  bad_files += next.bad_files;
  for (const auto& e : next.skipped) {
    if (skipped.size() < kReasonsKept) skipped.push_back(e);
  }
}

void PackReport::add_bad_files(const std::vector<Error>& failures) {
  bad_files += failures.size();
  skipped_count += failures.size();
  for (const auto& e : failures) {
    if (skipped.size() < kReasonsKept) skipped.push_back(e);
  }
}

void PackReport::print_skipped() const {
  if (skipped_count == 0) return;
  const std::uint64_t frames = skipped_count - bad_files;
  std::string what = frames != 0 ? fmt::format("{} frame{}", human_count(frames), frames == 1 ? "" : "s") : "";
  if (bad_files != 0) what += fmt::format("{}{} input{}", what.empty() ? "" : " and the rest of ", bad_files, bad_files == 1 ? "" : "s");
  warn(fmt::format("left out {}:", what));
  const std::size_t shown = common_options().verbose ? skipped.size() : std::min(skipped.size(), kReasonsShown);
  for (std::size_t i = 0; i < shown; ++i) warn("  " + reason_of(skipped[i]));
  if (skipped_count > shown) {
    warn(fmt::format("  ... and {} more{}", human_count(skipped_count - shown), shown < skipped.size() ? "; -v or --json names them" : ""));
  }
}

void PackReport::warn_of_unused(const PackRules& rules) const {
  const auto warn_of = [&](const char* option, const std::vector<std::string>& list) {
    for (const auto& pattern : list) {
      if (!patterns.contains(pattern)) warn(fmt::format("{} '{}' matches nothing", option, pattern));
    }
  };
  warn_of("--keep", rules.keep);
  warn_of("--drop", rules.drop);
  warn_of("--scope", {rules.scoped.begin(), rules.scoped.end()});
}

// "energy from 'REF_energy' (in 12 of 20 records), stress from 'virials' (-virial/volume)"
void PackReport::print_mapping() const {
  std::string line;
  for (const auto& [field, hows] : mapped) {
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", field, fmt::join(hows, " and "));
    const BuiltinInfo* builtin = builtin_info(field);
    const std::uint64_t with = builtin ? with_builtin[static_cast<std::size_t>(builtin - kBuiltins.data())] : records;
    if (with != records) line += fmt::format(" (in {} of {})", human_count(with), counted(records, "record"));
    if (hows.size() > 1) {
      const std::string_view comes = field.ends_with('s') && field != "stress" ? "come" : "comes";
      const bool choice = std::ranges::find(mapped_fields(), field) != mapped_fields().end() && are_of_several_keys(hows);
      const std::string how = choice ? fmt::format("; --map {}=KEY takes one of them", field) : "";
      warn(fmt::format("{} {} {} in different frames{}", field, comes, fmt::join(hows, " and "), how));
    }
  }
  if (!line.empty()) note(line);
}

void PackReport::settle(const Lock& lock) {
  schema = lock.schema;
  for (const auto& [key, guess] : guesses) {
    const auto found = lock.origins.find(std::pair(Kind::molecule, std::string_view(key)));
    if (became_of_molecule(schema, key) && found != lock.origins.end()) contradicted.emplace(key, found->second);
  }
}

// What was taken for the atoms' or the molecule's without the input saying so.
void PackReport::print_scopes() const {
  std::vector<std::string> of_atoms;
  for (const auto& [key, guess] : guesses) {
    if (const auto other = contradicted.find(key); other != contradicted.end()) {
      note(fmt::format("'{0}' is taken as the molecule's: it has a row for each atom in {1}, but is of another shape in {2}; --scope {0}=atom refuses such frames", key, guess.origin,
                       other->second));
    } else if (guess.atoms > 1 && schema.entries.contains(std::pair(Kind::atom, std::string_view(key)))) {
      of_atoms.push_back(fmt::format("'{}'", key));
    }
  }
  if (of_atoms.empty()) return;
  note(fmt::format("{} {} taken as the atoms': as many rows as atoms, in frames of one size alone; --scope NAME=molecule says otherwise", fmt::join(of_atoms, ", "),
                   of_atoms.size() == 1 ? "is" : "are"));
}

void PackReport::print_notes() const {
  print_mapping();
  print_scopes();
  for (const auto& text : notes) note(text);
  tell_missing(*this, "energy", "energy", Kind::molecule, Type::f64);
  tell_missing(*this, "forces", "force", Kind::atom, Type::vec3_f64);
  print_skipped();
}

void PackReport::print_text() const {
  print_notes();
  if (common_options().quiet) return;
  const std::uint64_t out = dry_run ? stored_bytes : std::filesystem::file_size(output);
  const std::string what = dry_run ? "would write " : records_before != 0 ? output + ": added " : output + ": ";
  const std::string now = records_before != 0 ? fmt::format(", now {}", counted(records_before + records, "record")) : "";
  const std::string ratio =
      out == 0 || records_before != 0 ? "" : fmt::format(", ratio {:.2f}", static_cast<double>(bytes_in) / static_cast<double>(out));
  print(fmt::format("{}{}, {}{}, {} in, {} {}{}, {}, {}\n", what, counted(records, "record"), counted(atoms, "atom"), now,
                    human_bytes(bytes_in), human_bytes(out), dry_run ? "of records" : records_before != 0 ? "in all" : "out", ratio,
                    human_seconds(seconds), human_rate(seconds > 0 ? static_cast<double>(bytes_in) / seconds : 0)));
  if (dry_run) print(schema_table(schema));
}

void PackReport::print_json() const {
  print_notes();
  JsonWriter w;
  w.begin_object().key("output").string(output).key("dry_run").boolean(dry_run).key("codec").string(codec_name(codec));
  w.key("records").count(records).key("atoms").count(atoms).key("skipped").count(skipped_count);
  w.key("bytes").begin_object().key("input").count(bytes_in).key("stored").count(stored_bytes).key("raw").count(raw_bytes);
  if (!dry_run) w.key("file").count(std::filesystem::file_size(output));
  w.end_object().key("seconds").real(seconds);
  w.key("mapping").begin_object();
  for (const auto& [field, hows] : mapped) w.key(field).string(fmt::format("{}", fmt::join(hows, "; ")));
  w.end_object().key("errors").begin_array();
  for (const auto& e : skipped) w.string(reason_of(e));
  w.end_array().key("schema");
  write_schema_json(w, schema);
  w.end_object();
  print(w.text() + "\n");
}

}  // namespace atp
