#include "core/atp/salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/atp/generation.h"
#include "core/atp/salvage_scan.h"
#include "core/atp/slots.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::size_t kBatchBytes = 4 << 20;
constexpr std::size_t kMostNotes = 100;

// Where an index says that a record lies.
struct Lead {
  IndexEntry entry;
  std::uint64_t checksum;  // 0: not known
  std::uint64_t index;     // offset of the index that says so: of two leads the newer one is tried first
  std::uint64_t record;    // its number there
};

class Salvage {
 public:
  Salvage(const std::string& path, const std::string& output, const SalvageOptions& options, Disk& disk)
      : input_(open_input_file(path)), options_(options), disk_(disk) {
    report_.path = path;
    report_.output = output;
    report_.bytes = input_->size();
  }

  SalvageReport run();

 private:
  void use_slots();
  void use_slot(const Slot& slot, char name, bool guessed);
  void use_found_blocks();
  // What was found; hostile bytes may hold any number of things.
  void note(std::string text) {
    if (report_.notes.size() < kMostNotes) report_.notes.push_back(std::move(text));
  }
  void add_block(std::uint64_t offset, std::uint64_t length) { blocks_[offset + length] = offset; }
  void find_checksums(const FoundIndex& index, std::vector<Lead>& leads);
  void choose_codec();
  void choose_schema();
  struct Agreement {
    std::size_t agree = 0, disagree = 0;
  };
  Agreement agreement(const Schema& schema) const;
  bool is_refuted(const Schema& schema) const;
  std::uint64_t explained(Type positions) const;
  void sort_leads();
  void take_all();
  std::optional<RecordProblem> read_lead(const Lead& lead);
  bool add_unknown_keys(const Lead& lead);
  void scan_hole(std::uint64_t begin, std::uint64_t end);
  void skip(std::uint64_t begin, std::uint64_t end, const std::string& why, std::optional<std::uint64_t> record = {});
  void write(const IndexEntry& entry, Bytes stored, const RecordView& record);
  void flush();

  std::unique_ptr<InputFile> input_;
  const SalvageOptions& options_;
  Disk& disk_;
  SalvageReport report_;
  std::optional<Codec> codec_;
  std::optional<Schema> schema_;         // one that a sound slot leads to
  std::vector<std::uint64_t> lost_schemas_;  // offsets of those that slots lead to and that are damaged
  std::optional<Type> positions_;
  std::vector<FoundSchema> found_schemas_;
  std::string metadata_;
  std::vector<Lead> leads_;
  std::uint64_t searched_ = 0;  // bytes, for checksums
  std::uint64_t doubtful_ = 0;  // records without a checksum that may have been overwritten in part
  std::map<std::uint64_t, std::uint64_t> blocks_;  // end -> begin of what is known to hold no whole record
  std::map<std::uint64_t, std::uint64_t> refused_;  // offset -> the checksum that did not fit there
  std::optional<RecordChecker> checker_;
  std::optional<ScanWindow> window_;
  std::optional<RecordScan> scan_;
  std::vector<std::byte> buffer_;
  EncodedRecords batch_;
  std::optional<Writer> writer_;
};

// ---- what leads to records ----------------------------------------------------------------------

void Salvage::use_slots() {
  const FileSlots slots = read_any_slots(*input_);
  for (std::size_t i = 0; i < 2; ++i) {
    const char name = i == 0 ? 'A' : 'B';
    if (slots.slots[i]) {
      use_slot(*slots.slots[i], name, false);
    } else if (slots.head.size() >= (i + 1) * kSlotBytes) {
      const auto guessed = guess_slot(Bytes(slots.head).subspan(i * kSlotBytes, kSlotBytes), input_->size());
      if (guessed && guessed->num_molecules != 0) use_slot(*guessed, name, true);
    }
  }
}

void Salvage::use_slot(const Slot& slot, char name, bool guessed) {
  Bounded<Damage> damage;
  const Generation g = check_generation(*input_, slot, damage);
  if (guessed && !damage.empty()) return;  // its numbers mean nothing
  if (!guessed) codec_ = g.codec();  // a damaged slot's may be what is damaged: choose_codec() looks at the records
  if (slot.num_molecules == 0) return;
  note(fmt::format("header slot {}{} leads to {} record{} (generation {})", name, guessed ? ", although damaged," : "", slot.num_molecules,
                   slot.num_molecules == 1 ? "" : "s", slot.generation));
  if (g.schema) schema_ = g.schema;
  if (g.schema_damaged) lost_schemas_.push_back(slot.schema_offset);
  if (g.positions) positions_ = g.positions;
  if (!g.metadata.empty()) metadata_ = g.metadata;
  IndexCursor cursor(*input_, g);
  for (IndexCursor::Item item; cursor.next(item);) {
    if (plausible_entry(item.entry, slot.index_offset)) leads_.push_back({item.entry, item.checksum, slot.index_offset, item.record});
  }
  if (g.index_sound) add_block(slot.index_offset, slot.index_len);
  if (g.schema) add_block(slot.schema_offset, slot.schema_len);
  if (!slot.extension) return;
  const Extension& e = *slot.extension;
  if (g.has_checksums) add_block(e.checksums_offset, e.checksums_len);
  if (!g.metadata.empty()) add_block(e.metadata_offset, e.metadata_len);
}

void Salvage::use_found_blocks() {
  FoundBlocks found = find_blocks(*input_);
  for (const FoundIndex& index : found.indexes) {
    const auto known = blocks_.find(index.end());
    if (known != blocks_.end() && known->second == index.offset) continue;
    note(fmt::format("an index of {} record{} lies at byte {}", index.entries.size(), index.entries.size() == 1 ? "" : "s", index.offset));
    std::vector<Lead> leads;
    for (std::size_t i = 0; i < index.entries.size(); ++i) leads.push_back({index.entries[i], 0, index.offset, i});
    find_checksums(index, leads);
    for (const Lead& lead : leads) {
      if (plausible_entry(lead.entry, index.offset)) leads_.push_back(lead);
    }
    add_block(index.offset, index.end() - index.offset);
  }
  for (const FoundSchema& s : found.schemas) {
    if (!schema_) note(fmt::format("a schema of {} keys lies at byte {}", s.schema.entries.size(), s.offset));
    add_block(s.offset, s.length);
  }
  found_schemas_ = std::move(found.schemas);
}

// The block of record checksums lies a little before the index. Nothing leads to it, but the checksum
// of a record that is whole must stand there, and those of the other records around it.
void Salvage::find_checksums(const FoundIndex& index, std::vector<Lead>& leads) {
  constexpr std::uint64_t kOtherBlocks = 1 << 20;  // schema and metadata
  const std::uint64_t n = leads.size();
  std::uint64_t begin = kFirstData;
  for (const Lead& lead : leads) {
    if (plausible_entry(lead.entry, index.offset)) begin = std::max(begin, lead.entry.offset + lead.entry.stored);
  }
  begin = std::max(begin, index.offset - std::min(index.offset, 8 * n + kOtherBlocks));
  if (index.offset - begin < 8 * n) return;
  // Hostile bytes may look like any number of indexes: the search stays linear in the file's size.
  searched_ += index.offset - begin;
  if (searched_ > 4 * input_->size() + 16 * kOtherBlocks) return;
  try {
    const auto region = read_block(*input_, begin, index.offset - begin);
    const std::size_t tried = std::min<std::size_t>(8, leads.size());
    std::vector<std::uint64_t> sums;
    for (std::size_t i = 0; i < tried; ++i) {
      const IndexEntry& e = leads[i].entry;
      sums.push_back(plausible_entry(e, index.offset) ? record_checksum(read_block(*input_, e.offset, e.stored)) : 0);
    }
    for (std::size_t i = 0; i < tried; ++i) {
      const Bytes sum = std::as_bytes(std::span(&sums[i], 1));
      const auto at = std::search(region.begin(), region.end(), sum.begin(), sum.end());
      const auto pos = static_cast<std::uint64_t>(at - region.begin());
      if (sums[i] == 0 || at == region.end() || pos < 8 * i || region.size() - (pos - 8 * i) < 8 * n) continue;
      const std::byte* block = region.data() + (pos - 8 * i);
      // A single hit of eight random bytes is no accident already; of several records most must agree.
      std::size_t fit = 0;
      for (std::size_t k = 0; k < tried; ++k) fit += load<std::uint64_t>(block + 8 * k) == sums[k];
      if (2 * fit <= tried && tried > 2) continue;
      for (std::size_t k = 0; k < leads.size(); ++k) leads[k].checksum = load<std::uint64_t>(block + 8 * k);
      const std::uint64_t start = begin + pos - 8 * i;
      add_block(start, 8 * n);
      note(fmt::format("the checksums of these records lie at byte {}", start));
      return;
    }
  } catch (const Error&) {  // a bad disk: the records are then taken without
  }
}

// ---- what the records are -----------------------------------------------------------------------

// No header says it. Stored and unpacked sizes that agree everywhere mean none; zstd frames begin with
// their magic; what is left is lz4.
void Salvage::choose_codec() {
  if (codec_) return;
  constexpr std::size_t kSample = 1000;
  std::size_t plain = 0, frames = 0, seen = 0;
  for (std::size_t i = 0; i < leads_.size() && seen < kSample; i += std::max<std::size_t>(1, leads_.size() / kSample), ++seen) {
    const IndexEntry& e = leads_[i].entry;
    plain += e.stored == e.unpacked;
    std::array<std::byte, 4> magic{};
    try {
      read_exactly(*input_, e.offset, magic);
    } catch (const Error&) {
    }
    frames += load<std::uint32_t>(magic.data()) == 0xFD2FB528u;
  }
  if (2 * plain > seen) {
    codec_ = Codec{CodecId::none, 0};
  } else if (2 * frames > seen) {
    codec_ = Codec{CodecId::zstd, 3};
  } else if (seen != 0) {
    codec_ = Codec{CodecId::lz4, 0};
  } else {
    // Nothing leads anywhere: a file with records in zstd has a frame somewhere, one without has none.
    ScanWindow window(*input_);
    RecordScan frames_scan(window, Codec{CodecId::zstd, 3}, nullptr, std::nullopt);
    codec_ = frames_scan.next(std::min(kFirstData, input_->size()), input_->size()) ? Codec{CodecId::zstd, 3} : Codec{CodecId::none, 0};
  }
  note(fmt::format("codec {}, as far as can be seen", codec_names()[static_cast<std::size_t>(codec_->id)]));
}

// Of a sample of the records that an index leads to.
Salvage::Agreement Salvage::agreement(const Schema& schema) const {
  constexpr std::size_t kSample = 100;
  constexpr std::uint64_t kSampleBytes = 16 << 20;
  Agreement of;
  RecordChecker checker(*codec_, nullptr, schema.positions.value_or(Type::vec3_f32));
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < leads_.size() && bytes < kSampleBytes; i += std::max<std::size_t>(1, leads_.size() / kSample)) {
    const Lead& lead = leads_[i];
    bytes += std::uint64_t{lead.entry.stored} + lead.entry.unpacked;
    try {
      const auto stored = read_block(*input_, lead.entry.offset, lead.entry.stored);
      if (checker.check(lead.entry, stored, lead.checksum)) continue;
      Schema grown = schema;
      ++(grown.add(checker.record()).empty() ? of.agree : of.disagree);
    } catch (const Error&) {
    }
  }
  return of;
}

// A schema block that has no hash may be what is damaged: then the records, which agree among themselves, make
// a new one.
bool Salvage::is_refuted(const Schema& schema) const {
  const Agreement of = agreement(schema);
  if (of.agree != 0 || of.disagree != 0) return of.disagree > of.agree;
  return explained(Type::vec3_f64) + explained(Type::vec3_f32) != 0;
}

// Of the schemas that were found, the last one counts with which the most records agree.
void Salvage::choose_schema() {
  if (schema_ && !leads_.empty() && is_refuted(*schema_)) {
    note("the schema is damaged: most records disagree with it");
    schema_.reset();
    positions_.reset();
  }
  // Every commit writes one, mostly that of the commit before; older ones know no more than the last few.
  constexpr std::size_t kMostSchemas = 16;
  std::erase_if(found_schemas_, [&](const FoundSchema& s) { return std::count(lost_schemas_.begin(), lost_schemas_.end(), s.offset) != 0; });
  const auto same = [](const FoundSchema& a, const FoundSchema& b) { return a.schema == b.schema; };
  found_schemas_.erase(std::unique(found_schemas_.begin(), found_schemas_.end(), same), found_schemas_.end());
  if (found_schemas_.size() > kMostSchemas) found_schemas_.erase(found_schemas_.begin(), found_schemas_.end() - kMostSchemas);
  std::erase_if(found_schemas_, [&](const FoundSchema& s) { return !leads_.empty() && is_refuted(s.schema); });
  if (!schema_) {
    std::size_t most = 0;
    for (auto s = found_schemas_.rbegin(); s != found_schemas_.rend(); ++s) {
      const std::size_t agree = agreement(s->schema).agree;
      if (schema_ && agree <= most) continue;
      schema_ = s->schema;
      most = agree;
    }
  }
  // A generation that no slot leads to may have keys that the others do not know.
  for (const FoundSchema& found : found_schemas_) {
    if (!schema_) break;
    Schema merged = *schema_;
    if (merged.merge(found.schema).empty()) schema_ = std::move(merged);
  }
  if (schema_) positions_ = schema_->positions.value_or(Type::vec3_f32);
  if (!positions_) positions_ = explained(Type::vec3_f64) > explained(Type::vec3_f32) ? Type::vec3_f64 : Type::vec3_f32;
  checker_.emplace(*codec_, schema_ ? &*schema_ : nullptr, positions_);
  window_.emplace(*input_);
  scan_.emplace(*window_, *codec_, schema_ ? &*schema_ : nullptr, positions_);
}

// The bytes of the first records that are explained to the last one when positions are of that type. Passing
// is not enough: zeros in f64 positions read as f32 are a record without sections.
std::uint64_t Salvage::explained(Type positions) const {
  constexpr std::size_t kSample = 200;
  constexpr std::uint64_t kScanned = 16 << 20;
  std::uint64_t bytes = 0;
  RecordChecker checker(*codec_, nullptr, positions);
  const auto add = [&](const IndexEntry& e, Bytes stored) {
    if (!checker.check(e, stored, 0) && checker.record().ends_with_sections()) bytes += e.unpacked;
  };
  for (std::size_t i = 0; i < std::min(kSample, leads_.size()); ++i) {
    try {
      add(leads_[i].entry, read_block(*input_, leads_[i].entry.offset, leads_[i].entry.stored));
    } catch (const Error&) {
    }
  }
  if (!leads_.empty()) return bytes;
  ScanWindow window(*input_);
  RecordScan scan(window, *codec_, nullptr, positions);
  const std::uint64_t end = std::min(input_->size(), kFirstData + kScanned);
  std::uint64_t at = std::min(kFirstData, end);
  for (std::size_t count = 0; count < kSample; ++count) {
    const auto found = scan.next(at, end);
    if (!found) break;
    add(found->entry, found->stored);
    at = found->entry.offset + found->entry.stored;
  }
  return bytes;
}

void Salvage::sort_leads() {
  const auto same = [](const Lead& a, const Lead& b) {
    return a.entry.offset == b.entry.offset && a.entry.stored == b.entry.stored && a.entry.unpacked == b.entry.unpacked && a.entry.atoms == b.entry.atoms;
  };
  std::sort(leads_.begin(), leads_.end(), [](const Lead& a, const Lead& b) {
    if (a.entry.offset != b.entry.offset) return a.entry.offset < b.entry.offset;
    return a.index != b.index ? a.index > b.index : a.checksum > b.checksum;
  });
  // An older index says the same of most records; its checksum helps where the newer one has none.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < leads_.size(); ++i) {
    if (kept != 0 && same(leads_[kept - 1], leads_[i])) {
      if (leads_[kept - 1].checksum == 0) leads_[kept - 1].checksum = leads_[i].checksum;
    } else {
      leads_[kept++] = leads_[i];
    }
  }
  leads_.resize(kept);
}

// ---- taking them --------------------------------------------------------------------------------

void Salvage::skip(std::uint64_t begin, std::uint64_t end, const std::string& why, std::optional<std::uint64_t> record) {
  // The range of a record that did not pass is listed once, with its number.
  const auto& items = report_.skipped.items;
  if (!record && !items.empty() && items.back().offset == begin && items.back().length == end - begin) return;
  report_.skipped.add({record, begin, end - begin, damage_kind::record, why});
}

// A record that its checksum proves, or whose generation's schema is lost, may have keys that schema_ does
// not know. What disagrees with it stays refused.
bool Salvage::add_unknown_keys(const Lead& lead) {
  if (!schema_ || (lead.checksum == 0 && lost_schemas_.empty())) return false;
  RecordChecker checker(*codec_, nullptr, positions_);
  if (checker.check(lead.entry, buffer_, 0)) return false;
  Schema grown = *schema_;
  if (!grown.add(checker.record()).empty()) return false;
  *schema_ = std::move(grown);  // checker_ and scan_ look at it
  return true;
}

// The record that an index says lies there, in buffer_, or why there is none.
std::optional<RecordProblem> Salvage::read_lead(const Lead& lead) {
  try {
    buffer_.resize(lead.entry.stored);
    read_exactly(*input_, lead.entry.offset, buffer_);
    auto problem = checker_->check(lead.entry, buffer_, lead.checksum);
    if (problem && problem->kind == damage_kind::schema_lock && add_unknown_keys(lead)) problem = checker_->check(lead.entry, buffer_, lead.checksum);
    return problem;
  } catch (const Error& error) {
    return RecordProblem{damage_kind::io_error, error.problem(), false};
  }
}

// Looks for records where no index leads to one, around the blocks that are known.
void Salvage::scan_hole(std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    const auto block = blocks_.upper_bound(begin);
    const std::uint64_t stop = block == blocks_.end() ? end : std::min(end, std::max(begin, block->second));
    std::uint64_t at = begin;
    while (at < stop) {
      const auto found = scan_->next(at, stop);
      const std::uint64_t upto = found ? found->entry.offset : stop;
      if (upto > at) {
        skip(at, upto, "nothing here is a whole record");
        report_.skipped_bytes += upto - at;
      }
      if (!found) break;
      // What does not fit its checksum may still look whole: it must not be found again by its looks.
      const auto refused = refused_.find(found->entry.offset);
      const std::uint64_t checksum = refused == refused_.end() ? 0 : refused->second;
      if (const auto problem = checker_->check(found->entry, found->stored, checksum)) {
        skip(found->entry.offset, found->entry.offset + found->entry.stored, problem->message);
        report_.skipped_bytes += found->entry.stored;
      } else {
        ++report_.by_scan;
        write(found->entry, found->stored, checker_->record());
      }
      at = found->entry.offset + found->entry.stored;
    }
    if (stop == end) return;
    begin = std::min(end, block->first);
  }
}

void Salvage::take_all() {
  std::uint64_t done = std::min(kFirstData, input_->size());
  for (const Lead& lead : leads_) {
    throw_if_interrupted();
    const IndexEntry& e = lead.entry;
    if (e.offset < done) continue;  // inside a record that passed
    if (const auto problem = read_lead(lead)) {
      skip(e.offset, e.offset + e.stored, problem->message, lead.record);
      if (lead.checksum != 0) refused_[e.offset] = lead.checksum;
      continue;
    }
    if (e.offset > done) {
      scan_hole(done, e.offset);
      (void)checker_->check(e, buffer_, lead.checksum);  // the scan has used the checker
    }
    report_.with_checksum += lead.checksum != 0;
    doubtful_ += lead.checksum == 0 && !checker_->record().ends_with_sections();
    ++report_.by_index;
    write(e, buffer_, checker_->record());
    done = e.offset + e.stored;
    if (options_.progress) options_.progress(done, report_.records);
  }
  scan_hole(done, input_->size());
}

void Salvage::write(const IndexEntry& e, Bytes stored, const RecordView& record) {
  Schema grown = batch_.schema;
  if (writer_ && batch_.entries.empty()) grown = writer_->schema();
  if (std::string problem = grown.add(record); !problem.empty()) return skip(e.offset, e.offset + e.stored, problem);
  batch_.schema = std::move(grown);
  batch_.bytes.insert(batch_.bytes.end(), stored.begin(), stored.end());
  batch_.entries.push_back({e.stored, e.unpacked, e.atoms, record_checksum(stored)});
  ++report_.records;
  if (batch_.bytes.size() >= kBatchBytes) flush();
}

void Salvage::flush() {
  if (batch_.entries.empty()) return;
  if (!writer_) {
    WriterOptions options;
    options.codec = *codec_;
    options.overwrite = options_.overwrite;
    options.metadata = metadata_.empty() ? options_.metadata : metadata_;
    writer_ = Writer::create(report_.output, std::move(options), disk_);
  }
  writer_->add(batch_);
  batch_.bytes.clear();
  batch_.entries.clear();
}

SalvageReport Salvage::run() {
  use_slots();
  use_found_blocks();
  choose_codec();
  sort_leads();
  choose_schema();
  take_all();
  flush();
  if (!writer_) {
    throw Error(Exit::no, report_.path, "no record was found, so nothing was written",
                codec_->id == CodecId::lz4 ? "records in lz4 can be found only through an index" : "");
  }
  writer_->finish();
  if (doubtful_ != 0) {
    note(fmt::format("{} of the records without a checksum {} bytes behind the last field, as if overwritten in part", doubtful_,
                     doubtful_ == 1 ? "has" : "have"));
  }
  if (window_->unreadable() != 0) note(fmt::format("{} pages of 4096 bytes could not be read", window_->unreadable()));
  return std::move(report_);
}

}  // namespace

SalvageReport salvage_file(const std::string& path, const std::string& output, const SalvageOptions& options, Disk& disk) {
  return Salvage(path, output, options, disk).run();
}

}  // namespace atp
