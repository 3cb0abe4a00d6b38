// What `atp verify` prints.
#include <fmt/format.h>

#include "cmd/counted.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "cmd/verify.h"

namespace atp {
namespace {

constexpr std::size_t kMostLines = 100;  // a file; JSON has up to Bounded::kMost

std::string_view checksums_name(Checksums c) {
  switch (c) {
    case Checksums::none: return "none";
    case Checksums::some: return "some";
    case Checksums::all: break;
  }
  return "all";
}

std::string checksums_text(Checksums c) {
  switch (c) {
    case Checksums::none: return "no record checksums";
    case Checksums::some: return "some records have checksums";
    case Checksums::all: break;
  }
  return "all records have checksums";
}

// Lines for the first items and one for how many more there are.
template <class T, class Line>
std::string lines_of(const Bounded<T>& list, const char* what, const std::string& path, Line&& line) {
  std::string out;
  const std::size_t shown = std::min(kMostLines, list.items.size());
  for (std::size_t i = 0; i < shown; ++i) out += fmt::format("{}: {}\n", path, line(list.items[i]));
  if (list.count > shown) out += fmt::format("{}: ... and {} more {}\n", path, human_count(list.count - shown), what);
  return out;
}

// GitHub ends a message at a newline and reads %XX.
std::string github_text(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    const bool escape = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    out += escape ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

std::string annotation(std::string_view level, const std::string& path, std::string_view title, const std::string& message) {
  return fmt::format("::{} file={},title={}::{}\n", level, github_text(path, true), github_text(title, true), github_text(message, false));
}

}  // namespace

CheckedFile CheckedFile::refusal(const std::string& path, const Error& error) {
  CheckedFile file;
  file.report.path = path;
  const auto kind = error.exit() == Exit::input && error.problem().find("atp file") != std::string::npos ? damage_kind::not_atp : damage_kind::unreadable;
  file.report.damage.add({std::nullopt, 0, 0, kind, error.fix().empty() ? error.problem() : error.problem() + "; " + error.fix()});
  file.refused = error;
  return file;
}

void VerifyTotals::add(const CheckedFile& file) {
  ++files;
  if (file.refused) {
    ++refused;
    if (!first_refusal) first_refusal = file.refused->exit();
    return;
  }
  damaged += !file.report.sound();
  damage += file.report.damage.count;
  findings += file.report.findings.count;
  records += file.report.records;
  bytes_read += file.report.bytes_read;
}

Exit VerifyTotals::exit(bool strict) const {
  if (damaged != 0) return Exit::no;
  if (first_refusal) return *first_refusal;
  return strict && findings != 0 ? Exit::no : Exit::ok;
}

std::string damage_line(const Damage& d) {
  std::string out;
  if (d.record) out += fmt::format("record {}: ", *d.record);
  if (d.length != 0) out += fmt::format("bytes {}..{}: ", d.offset, d.offset + d.length);
  return out + printable(d.message);
}

std::string report_text(const CheckedFile& file, const VerifyCommand& command) {
  const FileReport& r = file.report;
  const std::string path = printable(r.path);
  const bool manifest = r.path.ends_with("manifest.json");
  if (file.refused) return fmt::format("{}: {}: {}\n", path, styled("cannot be checked", Style::red), printable(r.damage.items[0].message));
  std::string out;
  if (r.sound() && common_options().quiet) {
    // Nothing to say but findings.
  } else if (!r.sound()) {
    out += fmt::format("{}: {}: {}\n", path, styled("damaged", Style::red), counted(r.damage.count, "problem"));
    out += lines_of(r.damage, "problems", path, damage_line);
  } else if (manifest) {
    out += fmt::format("{}: {}: names, counts, sizes{} of the folder's files fit\n", path, styled("sound", Style::green), command.manifest ? " and hashes" : "");
  } else {
    out += fmt::format("{}: {}: {}, {}, {}, {}\n", path, styled("sound", Style::green), counted(r.records, "record"),
                       counted(r.atoms, "atom"), human_bytes(r.bytes), checksums_text(r.checksums));
  }
  if (!common_options().quiet) {
    for (const auto& note : r.notes) out += fmt::format("{}: note: {}\n", path, note);
  }
  out += lines_of(r.findings, "findings", path, [](const Finding& f) { return fmt::format("record {}: {}", f.record, printable(f.message)); });
  return out;
}

std::string report_github(const CheckedFile& file) {
  const FileReport& r = file.report;
  std::string out;
  for (std::size_t i = 0; i < std::min(kMostLines, r.damage.items.size()); ++i) {
    out += annotation("error", r.path, r.damage.items[i].kind, damage_line(r.damage.items[i]));
  }
  if (r.damage.count > kMostLines) out += annotation("error", r.path, "damage", fmt::format("... and {} more problems", r.damage.count - kMostLines));
  for (std::size_t i = 0; i < std::min(kMostLines, r.findings.items.size()); ++i) {
    const Finding& f = r.findings.items[i];
    out += annotation("warning", r.path, f.kind, fmt::format("record {}: {}", f.record, printable(f.message)));
  }
  if (r.findings.count > kMostLines) out += annotation("warning", r.path, "findings", fmt::format("... and {} more findings", r.findings.count - kMostLines));
  return out;
}

void write_damage_json(JsonWriter& w, const Bounded<Damage>& damage) {
  w.key("damage").begin_array();
  for (const Damage& d : damage.items) {
    w.begin_object().key("record");
    d.record ? w.count(*d.record) : w.null();
    w.key("offset").count(d.offset).key("length").count(d.length).key("kind").string(d.kind).key("message").string(d.message).end_object();
  }
  w.end_array().key("damage_count").count(damage.count);
}

void write_report_json(JsonWriter& w, const CheckedFile& file) {
  const FileReport& r = file.report;
  w.begin_object().key("path").string(r.path).key("sound").boolean(r.sound()).key("records").count(r.records);
  w.key("atoms").count(r.atoms).key("bytes").count(r.bytes).key("checksums").string(checksums_name(r.checksums));
  w.key("generation").count(r.generation).key("slot");
  r.slot == 0 ? w.null() : w.string(std::string(1, r.slot));
  write_damage_json(w, r.damage);
  w.key("findings").begin_array();
  for (const Finding& f : r.findings.items) {
    w.begin_object().key("record").count(f.record).key("kind").string(f.kind).key("message").string(f.message).end_object();
  }
  w.end_array().key("finding_counts").begin_object();
  for (const auto& [kind, count] : r.findings_by_kind) w.key(kind).count(count);
  w.end_object().key("notes").begin_array();
  for (const auto& note : r.notes) w.string(note);
  w.end_array().end_object();
}

std::string summary_line(const VerifyTotals& t, const VerifyCommand& command) {
  std::string verdict;
  if (t.damaged != 0) verdict += fmt::format("{} of {} damaged", human_count(t.damaged), counted(t.files, "file"));
  if (t.refused != 0) verdict += fmt::format("{}{} of {} cannot be checked", verdict.empty() ? "" : ", ", human_count(t.refused), human_count(t.files));
  if (verdict.empty()) verdict = t.files == 1 ? "sound" : fmt::format("all {} files sound", human_count(t.files));
  if (command.values) verdict += fmt::format(", {}", counted(t.findings, "finding"));
  return fmt::format("{}: {}{}, {} read in {}, {}\n", verdict, counted(t.records, "record"),
                     command.quick || command.manifest ? " (none read)" : "", human_bytes(t.bytes_read), human_seconds(t.seconds),
                     human_rate(t.seconds > 0 ? static_cast<double>(t.bytes_read) / t.seconds : 0));
}

}  // namespace atp
