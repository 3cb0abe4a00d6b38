// `atp verify --repair` and `--salvage`.
#include <fmt/format.h>

#include <filesystem>

#include "cmd/options.h"
#include "cmd/terminal.h"
#include "cmd/verify.h"
#include "cmd/version.h"
#include "core/atp/metadata.h"
#include "core/atp/repair.h"
#include "core/atp/salvage.h"

namespace atp {
namespace {

constexpr std::size_t kMostLines = 100;

std::string metadata_of_this_program() {
  Metadata m;
  m.generator = fmt::format("atp {}", version());
  return m.to_json();
}

std::string damage_lines(const std::string& path, const char* what, const Bounded<Damage>& damage) {
  std::string out;
  const std::size_t shown = std::min(kMostLines, damage.items.size());
  for (std::size_t i = 0; i < shown; ++i) out += fmt::format("{}: {}: {}\n", path, what, damage_line(damage.items[i]));
  if (damage.count > shown) out += fmt::format("{}: ... and {} more\n", path, human_count(damage.count - shown));
  return out;
}

std::string repair_text(const RepairReport& r, bool dry_run) {
  const std::string path = printable(r.path);
  std::string out;
  for (const auto& action : r.actions) out += fmt::format("{}: {}{}\n", path, dry_run ? "would " : "", printable(action));
  out += damage_lines(path, "lost", r.lost);
  out += damage_lines(path, "still damaged", r.left);
  if (r.actions.empty()) {
    out += fmt::format("{}: nothing to repair{}\n", path, r.left.empty() ? "" : " in place; re-create the damaged records, or drop them with --salvage");
  } else {
    out += fmt::format("{}: {} {}\n", path, dry_run ? "nothing was changed:" : "repaired:",
                       r.records_after == r.records_before ? fmt::format("all {} records are kept", human_count(r.records_after))
                                                           : fmt::format("{} of {} records are kept", human_count(r.records_after), human_count(r.records_before)));
    if (!r.left.empty()) out.insert(out.size() - 1, fmt::format(", {} problem{} stay{}", human_count(r.left.count), r.left.count == 1 ? "" : "s", r.left.count == 1 ? "s" : ""));
  }
  return out;
}

void write_repair_json(JsonWriter& w, const RepairReport& r, bool dry_run) {
  w.begin_object().key("path").string(r.path).key("dry_run").boolean(dry_run).key("actions").begin_array();
  for (const auto& action : r.actions) w.string(action);
  w.end_array().key("records_before").count(r.records_before).key("records_after").count(r.records_after);
  w.key("lost").begin_array();
  for (const Damage& d : r.lost.items) {
    if (d.record) w.count(*d.record);
  }
  w.end_array().key("lost_count").count(r.lost.count);
  write_damage_json(w, r.left);
  w.end_object();
}

std::string salvage_text(const SalvageReport& r) {
  const std::string path = printable(r.path);
  std::string out;
  for (const auto& line : r.notes) out += fmt::format("{}: {}\n", path, line);
  out += damage_lines(path, "skipped", r.skipped);
  out += fmt::format("{}: {} record{} saved from {} ({} through an index, {} by their looks; {} held against a checksum); {} skipped\n",
                     printable(r.output), human_count(r.records), r.records == 1 ? "" : "s", path, human_count(r.by_index), human_count(r.by_scan), human_count(r.with_checksum),
                     human_bytes(r.skipped_bytes));
  return out;
}

std::string salvage_json(const SalvageReport& r) {
  JsonWriter w;
  w.begin_object().key("path").string(r.path).key("output").string(r.output).key("records").count(r.records);
  w.key("records_by_index").count(r.by_index).key("records_by_scan").count(r.by_scan).key("records_with_checksum").count(r.with_checksum);
  w.key("bytes").count(r.bytes).key("skipped_bytes").count(r.skipped_bytes).key("skipped").begin_array();
  for (const Damage& d : r.skipped.items) {
    w.begin_object().key("record");
    d.record ? w.count(*d.record) : w.null();
    w.key("offset").count(d.offset).key("length").count(d.length).key("message").string(d.message).end_object();
  }
  w.end_array().key("skipped_count").count(r.skipped.count).key("notes").begin_array();
  for (const auto& line : r.notes) w.string(line);
  w.end_array().end_object();
  return w.text() + "\n";
}

}  // namespace

namespace {

RepairReport repair_with_progress(const std::string& path, const VerifyCommand& command) {
  RepairOptions options;
  options.dry_run = command.dry_run;
  options.jobs = jobs();
  options.metadata = metadata_of_this_program();
  Progress progress(command.dry_run ? "checking" : "repairing", 0, true);
  options.progress = [&](std::uint64_t bytes, std::uint64_t records) {
    progress.advance_to(bytes);
    progress.set_records(records);
  };
  return repair_file(path, options);
}

}  // namespace

// A file that cannot be repaired keeps none of the others from being repaired.
Exit repair_files(const VerifyCommand& command) {
  const NamedFiles named = files_of(command.inputs);
  if (!named.refused.empty()) throw named.refused[0].error.within(named.refused[0].path);
  Exit worst = Exit::ok;
  JsonWriter w;
  w.begin_object().key("files").begin_array();
  for (const auto& path : named.files) {
    try {
      const RepairReport report = repair_with_progress(path, command);
      if (!report.lost.empty() || !report.left.empty()) worst = std::max(worst, Exit::no);
      if (command.json) {
        write_repair_json(w, report, command.dry_run);
      } else if (!common_options().quiet) {
        print(repair_text(report, command.dry_run));
      }
    } catch (const Error& e) {
      if (named.files.size() == 1) throw;
      worst = std::max(worst, e.exit());
      print_error(e.what());
      if (command.json) w.begin_object().key("path").string(path).key("dry_run").boolean(command.dry_run).key("error").string(e.problem()).end_object();
    }
  }
  if (command.json) {
    w.end_array().key("sound").boolean(worst == Exit::ok).end_object();
    print(w.text() + "\n");
  }
  return worst;
}

Exit salvage(const VerifyCommand& command) {
  const std::string target = output_target(command.salvage, "--salvage");
  std::error_code error;
  if (std::filesystem::equivalent(command.inputs[0], target, error)) {
    throw Error(Exit::usage, target, "is the damaged file itself", "salvage into another file");
  }
  if (std::filesystem::exists(target, error) && !command.force) {
    throw Error(Exit::system, target, "exists already", "pass --force to replace it");
  }
  SalvageOptions options;
  options.overwrite = command.force;
  options.metadata = metadata_of_this_program();
  SalvageReport report;
  {
    std::error_code no_size;
    const auto size = std::filesystem::file_size(command.inputs[0], no_size);
    Progress progress("salvaging", no_size ? 0 : size, true);
    options.progress = [&](std::uint64_t bytes, std::uint64_t records) {
      progress.advance_to(bytes);
      progress.set_records(records);
    };
    report = salvage_file(command.inputs[0], target, options);
  }
  if (command.json) {
    print(salvage_json(report));
  } else if (!common_options().quiet) {
    print(salvage_text(report));
  }
  return Exit::ok;
}

}  // namespace atp
