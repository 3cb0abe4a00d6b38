#include "core/atp/verify.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/atp/slots.h"
#include "core/atp/verify_records.h"
#include "core/base/error.h"

namespace atp {
namespace {

void note_odd_but_sound(const Generation& g, std::uint64_t file_bytes, bool both_slots, FileReport& report) {
  const std::uint64_t end = std::max(g.slot.committed_end(), kFirstData);
  if (file_bytes > end) {
    report.notes.push_back(fmt::format("{} bytes behind the last commit: {}", file_bytes - end,
                                       both_slots ? "what an interrupted writer left, or one at work; readers ignore them"
                                                  : "they may be records that only the damaged header slot leads to"));
  }
  if (g.slot.unknown_extension) {
    report.notes.push_back(fmt::format("its extension has version {}, which this program does not know and does not check", *g.slot.unknown_extension));
  }
}

Checksums judged_by(const RecordPassResult& pass, const Generation& g) {
  if (g.slot.num_molecules == 0 && g.slot.extension) return Checksums::all;  // an empty file of ours
  if (pass.with_checksum == 0) return Checksums::none;
  return pass.with_checksum == pass.records ? Checksums::all : Checksums::some;
}

// Without reading the records, what can be said is what the checksum block says.
Checksums checksums_of(const InputFile& file, const Generation& g) {
  RecordPassResult counted;
  if (!g.has_checksums) return judged_by(counted, g);
  IndexCursor cursor(file, g);
  for (IndexCursor::Item item; cursor.next(item);) {
    ++counted.records;
    counted.with_checksum += item.checksum != 0;
  }
  return judged_by(counted, g);
}

void check_all_records(const InputFile& file, const Generation& g, const VerifyOptions& options, FileReport& report) {
  RecordPass pass;
  pass.jobs = options.jobs;
  pass.look = options.look;
  pass.progress = options.progress;
  if (options.look) {
    pass.noted = [&](ValueNotes& notes) {
      if (options.noted) options.noted(notes);
      for (const Finding& f : notes.findings) ++report.findings_by_kind[f.kind];
      for (Finding& f : notes.findings) report.findings.add(std::move(f));
    };
  }
  const RecordPassResult done = check_records(file, g, pass, report.damage);
  report.bytes_read += done.bytes_read;
  report.checksums = judged_by(done, g);
}

}  // namespace

FileReport verify_file(const InputFile& file, const VerifyOptions& options) {
  FileReport report;
  report.path = file.path();
  report.bytes = file.size();
  if (!options.quick) file.expect_sequential();
  const FileSlots slots = read_slots(file);
  slots.report(report.damage);
  const auto newest = slots.newest();
  if (!newest) return report;
  report.slot = newest->name;
  report.generation = newest->slot.generation;
  report.records = newest->slot.num_molecules;
  const Generation g = check_generation(file, newest->slot, report.damage);
  report.bytes_read = std::min(file.size(), kFirstData) + g.slot.index_len + g.slot.schema_len;
  report.atoms = g.atoms;
  note_odd_but_sound(g, file.size(), slots.all_sound(), report);
  if (options.quick) {
    report.checksums = checksums_of(file, g);
  } else {
    check_all_records(file, g, options, report);
  }
  return report;
}

}  // namespace atp
