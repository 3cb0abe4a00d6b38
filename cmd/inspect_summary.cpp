// `atp inspect` for people: what a dataset is, at a glance.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/counted.h"
#include "cmd/inspect.h"
#include "cmd/terminal.h"

namespace atp {
namespace {

constexpr std::size_t kShownShards = 8;

std::string line(std::string_view name, const std::string& value) {
  return "  " + styled(fmt::format("{:<12}", name), Style::dim) + "  " + value + "\n";
}

std::string heading(std::string_view text) { return "\n" + styled(text, Style::bold) + "\n"; }

std::string indented(const std::string& text) {
  std::string out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1);
    out += "  " + text.substr(begin, end + 1 - begin);
    begin = end + 1;
  }
  return out;
}

std::string title(const Findings& f) {
  if (f.files.size() == 1) return printable(f.files.front().path);
  return fmt::format("{} and {}", printable(f.files.front().path),
                     counted(f.files.size() - 1, "more file"));
}

// "zstd:3" or "zstd:3 (5 files), none (1 file)".
template <class Get>
std::string shared_or_list(const Findings& f, Get get) {
  std::map<std::string, std::uint64_t> values;
  for (const FileFacts& file : f.files) ++values[get(*file.atp)];
  if (values.size() == 1) return values.begin()->first;
  std::string text;
  for (const auto& [value, files] : values)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", value, counted(files, "file"));
  return text;
}

std::string format_lines(const Findings& f) {
  std::string text = line("format", fmt::format("atp, record format {}", shared_or_list(f, [](const AtpFacts& a) {
                                                  return fmt::format("{}", a.record_format);
                                                })));
  if (f.files.size() == 1) {
    const AtpFacts& a = *f.files.front().atp;
    text += line("generation", fmt::format("{} (header slot {})", a.generation, a.slot));
  }
  return text + line("codec", shared_or_list(f, [](const AtpFacts& a) { return codec_name(a.codec); }));
}

std::string atoms_line(const AtomCounts& counts) {
  const auto s = counts.summary();
  std::string text = human_count(counts.atoms());
  if (s)
    text += fmt::format("  (per record: min {}, median {:.6g}, mean {:.6g}, max {})", human_count(s->min), s->median,
                        s->mean, human_count(s->max));
  return line("atoms", text);
}

std::string bytes_lines(const Findings& f) {
  if (std::ranges::any_of(f.files, [](const FileFacts& facts) { return !facts.bytes; })) return {};  // a stream
  std::uint64_t file = 0, stored = 0, raw = 0;
  for (const FileFacts& facts : f.files) {
    file += *facts.bytes;
    if (facts.atp) stored += facts.atp->stored, raw += facts.atp->raw;
  }
  std::string text = line("bytes", fmt::format("{}  ({})", human_bytes(file), human_count(file)));
  if (f.format != "atp" || f.header_only || f.records() == 0) return text;
  std::string records = fmt::format("{} stored", human_bytes(stored));
  if (stored != raw && stored != 0)
    records += fmt::format(" of {}, compressed {:.2f} : 1", human_bytes(raw),
                           static_cast<double>(raw) / static_cast<double>(stored));
  records += fmt::format("; {} a record", human_bytes(raw / f.records()));
  return text + line("", records);
}

std::string checksum_line(const Findings& f) {
  std::uint64_t without = 0;
  for (const FileFacts& file : f.files) without += !file.atp->checksums && file.records > 0;
  if (f.records() == 0) return {};
  if (without == 0) return line("checksums", "every record");
  const std::string which = f.files.size() == 1 ? "none" : fmt::format("none in {}", counted(without, "file"));
  return line("checksums", f.remote ? which : which + "; atp verify --repair adds them");
}

// States a file can be in that its owner should know of.
std::string oddities(const Findings& f) {
  std::string text;
  const auto warning = [&](const FileFacts& file, const std::string& what) {
    text += "  " + styled("! ", Style::yellow) + (f.files.size() > 1 ? printable(file.path) + ": " : "") + what + "\n";
  };
  for (const FileFacts& file : f.files) {
    const AtpFacts& a = *file.atp;
    const char other = a.slot == 'A' ? 'B' : 'A';
    if (!a.other_slot_problem.empty())
      warning(file, fmt::format("header slot {} is not valid: {}", other, a.other_slot_problem));
    if (a.uncommitted > 0)
      warning(file,
              fmt::format("{} behind the committed end are not part of it", counted(a.uncommitted, "byte")));
    if (a.unknown_extension)
      warning(file,
              fmt::format("the extension has version {}, which this program does not know", *a.unknown_extension));
  }
  return text;
}

std::string shard_table(const Findings& f) {
  if (f.files.size() == 1) return {};
  std::vector<std::vector<std::string>> rows{{"file", "records", "atoms", "bytes"}};
  for (const FileFacts& file : f.files) {
    if (rows.size() > kShownShards) break;
    rows.push_back({printable(file.path), human_count(file.records), f.header_only ? "-" : human_count(file.atoms),
                    file.bytes ? human_bytes(*file.bytes) : "-"});
  }
  std::string text =
      heading(counted(f.files.size(), "file")) + indented(table(rows, {false, true, true, true}));
  if (f.files.size() > kShownShards)
    text += fmt::format("  ... {} more; --json lists all\n", human_count(f.files.size() - kShownShards));
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  const double share = 100 * static_cast<double>(part) / static_cast<double>(whole);
  // 99.99 % must not look like all, nor one record like none.
  if (part != whole && share > 99.9) return "> 99.9 %";
  if (part != 0 && share < 0.1) return "< 0.1 %";
  return fmt::format("{:.1f} %", share);
}

// Rows of the field table; columns nobody needs are left out.
class FieldRows {
 public:
  explicit FieldRows(const Findings& f) : f_(f), units_(f), coverage_(f.stats.has_value()) {
    if (coverage_) {
      odd_ = f.stats->positions_nan + f.stats->positions_inf > 0;
      for (const Field& field : f.stats->fields.fields()) odd_ |= field.nan + field.inf > 0;
    }
    rows_.push_back({"field", "per", "type", "shape", "unit"});
    if (coverage_) rows_[0].push_back("in records");
    if (odd_) rows_[0].insert(rows_[0].end(), {"NaN", "inf"});
  }

  void add(const Field& field) {
    const TypeInfo& info = type_info(field.entry.type);
    const bool hides_builtin = field.kind != Kind::builtin && builtin_info(field.key);
    std::vector<std::string> row{printable(field.key) + (hides_builtin ? " (custom)" : ""),
                                 field.entry.per_atom || field.kind == Kind::atom ? "atom" : "molecule",
                                 field.mixed_type ? "mixed" : std::string(scalar_name(info.scalar)),
                                 field_shape(field)};
    const Unit unit = units_.of(field.kind, field.key);
    row.push_back(unit.text.empty() ? "" : printable(unit.text) + (unit.assumed ? "*" : ""));
    assumed_ |= unit.assumed;
    if (coverage_) row.push_back(percent(field.records, f_.stats->records));
    if (odd_) row.insert(row.end(), {odd_count(field.nan), odd_count(field.inf)});
    rows_.push_back(std::move(row));
  }

  std::string text() const {
    if (rows_.size() == 1) return "  none\n";
    const std::string rows = indented(table(rows_, {false, false, false, false, false, true, true, true}));
    return assumed_ ? rows + styled("  * assumed: the file states no unit\n", Style::dim) : rows;
  }

 private:
  static std::string odd_count(std::uint64_t n) { return n == 0 ? "" : styled(human_count(n), Style::red); }

  const Findings& f_;
  Units units_;
  bool coverage_, odd_ = false, assumed_ = false;
  std::vector<std::vector<std::string>> rows_;
};

Field positions_field(const Findings& f) {
  Field field;
  field.kind = Kind::builtin;
  field.key = "positions";
  field.entry = {*f.positions, true, type_info(*f.positions).element, type_info(*f.positions).element};
  field.mixed_type = f.mixed_positions;
  field.records = f.records();
  if (f.stats) field.nan = f.stats->positions_nan, field.inf = f.stats->positions_inf;
  return field;
}

std::string field_table(const Findings& f) {
  FieldRows rows(f);
  if (f.positions) rows.add(positions_field(f));
  for (const Field& field : (f.stats ? f.stats->fields : f.fields).sorted()) rows.add(field);
  return heading("Fields") + rows.text();
}

std::string histogram_text(const AtomCounts& counts, int width) {
  std::vector<HistogramBin> bins;
  for (const AtomCounts::Bin& bin : counts.histogram()) {
    const std::string from = human_count(bin.from);
    bins.push_back({bin.from == bin.to ? from : fmt::format("{} - {}", from, human_count(bin.to)), bin.records});
  }
  if (bins.empty()) return {};
  return heading("Atoms per record") + indented(histogram(bins, width - 2));
}

// ---- metadata -----------------------------------------------------------------------------------

std::string sources_text(const std::vector<Metadata::Source>& sources) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(sources.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + printable(sources[i].name);
  return sources.size() <= kShown ? text : text + fmt::format(" and {} more", sources.size() - kShown);
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kLongest = 300;
  return printable(text.size() > kLongest ? text.substr(0, kLongest) + "..." : text);
}

// Units stand beside the fields.
std::string metadata_text(const Findings& f) {
  const auto file = std::ranges::find_if(f.files, [](const FileFacts& x) { return x.atp && !x.atp->metadata.empty(); });
  if (file == f.files.end()) return {};
  std::string text = heading(f.files.size() == 1 ? "Metadata" : "Metadata of " + printable(file->path));
  const auto m = metadata_of(*file);
  if (!m) return text + "  not a JSON object\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) text += line(printable(name), value);
  };
  add("generator", shortened(m->generator));
  add("sources", sources_text(m->sources));
  add("license", shortened(m->license));
  for (const auto& [field, how] : m->mapping) add(field, shortened(how));
  for (const auto& [key, value] : m->user) add(key, shortened(value));
  for (const auto& [key, json] : m->other) add(key, shortened(json));
  return text;
}

// ---- input formats ------------------------------------------------------------------------------

std::string mapping_text(const Findings& f) {
  if (f.mapping.empty() && f.notes.empty()) return {};
  std::string text = heading("Read as");
  for (const auto& [field, ways] : f.mapping)
    for (const auto& [how, frames] : ways) {
      const std::string share =
          frames == f.records() ? ""
                                : fmt::format("  ({} of {} records)", human_count(frames), human_count(f.records()));
      text += line(printable(field), printable(how) + share);
    }
  for (const std::string& note : f.notes) text += line("note", printable(note));
  return text;
}

}  // namespace

std::string summary_text(const Findings& f, int width) {
  const bool atp = f.format == "atp";
  if (f.files.empty()) return "no files\n";
  std::string text = styled(title(f), Style::bold) + "\n";
  text += atp ? format_lines(f) : line("format", f.format.empty() ? "unknown" : f.format);
  text += line("records", human_count(f.records()));
  if (!f.header_only) text += atoms_line(f.counts);
  text += bytes_lines(f);
  if (atp) text += checksum_line(f) + oddities(f);
  if (f.bad_frames > 0)
    text += "  " + styled("! ", Style::yellow) + counted(f.bad_frames, "frame") + " cannot be read\n";
  text += shard_table(f);
  text += field_table(f);
  text += histogram_text(f.counts, width);
  text += mapping_text(f);
  if (atp) text += metadata_text(f);
  return text;
}

}  // namespace atp
