#include "core/atp/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/atp/generation.h"
#include "core/atp/repair_check.h"
#include "core/atp/slots.h"
#include "core/atp/verify_records.h"
#include "core/atp/writer.h"
#include "core/base/error.h"

namespace atp {
namespace {

// A slot with what it leads to.
struct Candidate {
  NamedSlot slot;
  Generation generation;
  Bounded<Damage> damage;  // of the generation, records not looked at
};

// The file that is locked, read through its own descriptor, whatever happens to its name meanwhile.
// Threads share it: reads move no position.
class LockedInput final : public InputFile {
 public:
  explicit LockedInput(OutputFile& file) : file_(file), size_(file.size()) {}

  const std::string& path() const override { return file_.path(); }
  std::uint64_t size() const override { return size_; }
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const override { return file_.read_at(offset, out); }
  void expect_sequential() const override {}

 private:
  OutputFile& file_;
  std::uint64_t size_;
};

class Repair {
 public:
  Repair(const std::string& path, const RepairOptions& options, Disk& disk) : path_(path), options_(options), disk_(disk) {}

  RepairReport run();

 private:
  void choose_base();
  void choose_newest();
  void refuse_empty_file() const;
  std::optional<Candidate> guess(std::size_t slot);
  bool extension_damaged(std::size_t slot) const;
  void collect_index();
  void read_checksums();
  void rebuild_index();
  void use_older_entries(std::vector<bool>& good);
  void keep_what_decodes(std::vector<bool>& good, const std::vector<bool>& decodes);
  void collect_schema();
  Schema rebuild_schema(Type positions, std::uint64_t& records);
  void check_records_left();
  void collect_metadata();
  void choose_end();
  char slot_to_keep() const;
  void disarm_slots();
  void write();

  Candidate examine(const NamedSlot& slot) const {
    Candidate c{slot, {}, {}};
    c.generation = check_generation(*input_, slot.slot, c.damage);
    return c;
  }

  RecordPass pass() const {
    RecordPass p;
    p.jobs = options_.jobs;
    p.progress = options_.progress;
    return p;
  }

  void will(std::string action) { report_.actions.push_back(std::move(action)); }

  const std::string& path_;
  const RepairOptions& options_;
  Disk& disk_;
  std::unique_ptr<OutputFile> output_;  // locked; nothing in a dry run
  std::unique_ptr<InputFile> input_;    // reads output_
  FileSlots slots_;
  std::optional<Candidate> base_, older_;
  bool guessed_ = false;    // the base is what a damaged slot says
  bool commit_ = false;     // a new generation is needed
  bool checksums_lost_ = false;  // the file had record checksums that cannot be trusted any more
  std::vector<RawIndexEntry> index_;
  std::vector<std::uint64_t> checksums_;
  Schema schema_;
  std::string metadata_;
  std::uint64_t end_ = 0;
  RepairReport report_;
};

// What a damaged slot seems to say counts only when every block it leads to is sound, and every record but for
// those whose bytes have changed since: a wrong codec would leave no record readable.
std::optional<Candidate> Repair::guess(std::size_t number) {
  if (slots_.slots[number] || slots_.head.size() < (number + 1) * kSlotBytes) return std::nullopt;
  const auto slot = guess_slot(Bytes(slots_.head).subspan(number * kSlotBytes, kSlotBytes), input_->size());
  const auto newest = slots_.newest();
  if (!slot || slot->num_molecules == 0) return std::nullopt;
  // Its generation number may be what is damaged. Writers only ever add: what was committed after the
  // valid slot's generation lies behind it and holds no fewer records.
  if (newest && (slot->index_offset < newest->slot.committed_end() || slot->num_molecules < newest->slot.num_molecules)) return std::nullopt;
  Candidate c = examine({*slot, number == 0 ? 'A' : 'B'});
  if (!c.damage.empty() || c.generation.schema_damaged) return std::nullopt;
  Bounded<Damage> of_records;
  check_records(*input_, c.generation, pass(), of_records);
  const auto changed = [](const Damage& d) { return d.kind == damage_kind::checksum || d.kind == damage_kind::io_error; };
  return std::all_of(of_records.items.begin(), of_records.items.end(), changed) ? std::optional(std::move(c)) : std::nullopt;
}

// Beside a damaged slot, bytes behind the other's last commit may be records that only the damaged one
// led to. They stay, and choose_end() says so; but a new generation must not make a file look whole that
// would be empty.
void Repair::refuse_empty_file() const {
  if (slots_.all_sound()) return;
  const Slot slot = slots_.newest()->slot;
  if (slot.num_molecules != 0 || input_->size() <= std::max(slot.committed_end(), kFirstData)) return;
  const std::size_t damaged = slots_.slots[0] ? 1 : 0;
  throw Error(Exit::no, path_,
              fmt::format("nothing was changed: header slot {} is damaged ({}), and the other one knows none of the records that may be in the file",
                          damaged == 0 ? 'A' : 'B', slots_.problems[damaged]),
              "atp verify --salvage OUT FILE looks for them");
}

bool Repair::extension_damaged(std::size_t number) const {
  const auto& slot = slots_.slots[number];
  return slot && !slot->extension_problem.empty();
}

void Repair::choose_newest() {
  NamedSlot newest = *slots_.newest();
  const std::size_t number = slot_number(newest.name);
  if (extension_damaged(number)) {
    const auto forced = guess_slot(Bytes(slots_.head).subspan(number * kSlotBytes, kSlotBytes), input_->size());
    Bounded<Damage> damage;
    if (forced && forced->generation == newest.slot.generation) check_generation(*input_, *forced, damage);
    if (forced && forced->generation == newest.slot.generation && damage.empty()) {
      newest.slot = *forced;
      will(fmt::format("write the extension of header slot {} anew: {}, but all that it leads to is whole", newest.name, slots_.slots[number]->extension_problem));
    } else {
      checksums_lost_ = true;
      will(fmt::format("write a new extension: that of header slot {} is damaged ({})", newest.name, slots_.slots[number]->extension_problem));
    }
  }
  base_ = examine(newest);
  if (const auto older = slots_.older()) older_ = examine(*older);
}

void Repair::choose_base() {
  for (std::size_t i = 0; i < 2; ++i) {
    auto c = guess(i);
    if (c && (!base_ || c->slot.slot.index_offset > base_->slot.slot.index_offset)) base_ = std::move(c);
  }
  guessed_ = base_.has_value();
  if (!guessed_ && !slots_.newest()) {
    throw Error(Exit::no, path_, "no header slot leads to a whole generation", "atp verify --salvage OUT FILE looks for its records");
  }
  if (guessed_) {
    will(fmt::format("write header slot {} anew: it is damaged ({}), but generation {}, to which it leads, is whole", base_->slot.name,
                     slots_.problems[slot_number(base_->slot.name)], base_->slot.slot.generation));
  } else {
    refuse_empty_file();
    choose_newest();
  }
  const Slot& slot = base_->slot.slot;
  if (slot.unknown_extension) {
    fail_input(path_, fmt::format("has an extension of version {}, which this program does not know", *slot.unknown_extension),
               "use the version of atp that wrote it");
  }
  report_.records_before = slot.num_molecules;
  for (std::size_t i = 0; i < 2; ++i) {
    if (slots_.slots[i] || (guessed_ && i == slot_number(base_->slot.name))) continue;
    will(fmt::format("write header slot {} anew: it is damaged ({}), and generation {} counts", i == 0 ? 'A' : 'B', slots_.problems[i], slot.generation));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (!extension_damaged(i) || (!guessed_ && i == slot_number(base_->slot.name))) continue;
    will(fmt::format("write header slot {} anew: its extension is damaged ({}), and generation {} counts", i == 0 ? 'A' : 'B', slots_.slots[i]->extension_problem,
                     slot.generation));
  }
  commit_ = !slots_.all_sound() || extension_damaged(0) || extension_damaged(1);
}

void Repair::collect_index() {
  const Slot& slot = base_->slot.slot;
  const Generation& g = base_->generation;
  if (!g.index_sound) return rebuild_index();
  index_.resize(slot.num_molecules);
  checksums_.resize(slot.num_molecules);
  if (slot.num_molecules == 0) return;
  read_exactly(*input_, slot.index_offset + 8, std::as_writable_bytes(std::span(index_)));
  read_checksums();
}

// Those of a damaged block, too: most of them still fit, which nothing but the right bytes does.
void Repair::read_checksums() {
  const Generation& g = base_->generation;
  if (!g.has_checksums && !g.checksums_damaged) return;
  try {
    read_exactly(*input_, g.slot.extension->checksums_offset, std::as_writable_bytes(std::span(checksums_)));
  } catch (const Error&) {
    std::fill(checksums_.begin(), checksums_.end(), 0);
  }
  if (!g.checksums_damaged) return;
  checksums_lost_ = commit_ = true;
  will("write a new block of record checksums: it is damaged; those that still fit their records are kept");
}

// Keeps every entry that leads to a sound record, takes the older generation's entry where it does not
// (falling back to the older generation as a whole would lose more), and keeps an entry that leads to a
// record which at least decodes where no other record lies.
void Repair::rebuild_index() {
  const Generation& g = base_->generation;
  commit_ = true;
  index_.assign(g.slot.num_molecules, {0, 0, 0, 0});
  checksums_.assign(g.slot.num_molecules, 0);
  read_checksums();
  std::vector<bool> good(g.slot.num_molecules), decodes(g.slot.num_molecules);
  IndexCursor cursor(*input_, g);
  for (IndexCursor::Item item; cursor.next(item);) {
    index_[item.record] = {item.entry.offset, item.entry.stored, item.entry.unpacked, item.entry.atoms};
  }
  RecordPass p = pass();
  p.decoded = [&](std::uint64_t record, std::uint64_t checksum) {
    decodes[record] = true;
    good[record] = checksum != 0 && (checksums_[record] == 0 || checksums_[record] == checksum);
  };
  Bounded<Damage> bad;
  check_records(*input_, g, p, bad);
  if (older_ && older_->generation.index_sound) use_older_entries(good);
  keep_what_decodes(good, decodes);

  std::size_t kept = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (!good[i]) {
      report_.lost.add({i, index_[i].offset, index_[i].stored, damage_kind::index_entry, "its index entry leads to no sound record"});
      continue;
    }
    index_[kept] = index_[i];
    checksums_[kept++] = checksums_[i];
  }
  index_.resize(kept);
  checksums_.resize(kept);
  will(fmt::format("write a new index: that of generation {} is damaged; {} of {} records are kept", g.slot.generation, kept, good.size()));
  if (kept != good.size()) report_.actions.push_back("number the records behind a lost one anew: they move up");
}

void Repair::keep_what_decodes(std::vector<bool>& good, const std::vector<bool>& decodes) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;  // begin, end
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i]) taken.emplace_back(index_[i].offset, index_[i].offset + index_[i].stored);
  }
  std::sort(taken.begin(), taken.end());
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i] || !decodes[i]) continue;
    const std::uint64_t begin = index_[i].offset, end = begin + index_[i].stored;
    const auto behind = std::lower_bound(taken.begin(), taken.end(), std::pair(begin, std::uint64_t{0}));
    const bool free = (behind == taken.end() || behind->first >= end) && (behind == taken.begin() || std::prev(behind)->second <= begin);
    good[i] = free;
  }
}

void Repair::use_older_entries(std::vector<bool>& good) {
  std::uint64_t taken = 0;
  const std::uint64_t n = good.size();
  const Generation& old = older_->generation;
  std::vector<bool> found(n);
  RecordPass p = pass();
  p.wanted = [&](const IndexCursor::Item& item) { return item.record < n && !good[item.record]; };
  p.decoded = [&](std::uint64_t record, std::uint64_t checksum) { found[record] = checksum != 0; };
  Bounded<Damage> bad;
  check_records(*input_, old, p, bad);
  IndexCursor cursor(*input_, old);
  for (IndexCursor::Item item; cursor.next(item);) {
    if (item.record >= n || !found[item.record]) continue;
    index_[item.record] = {item.entry.offset, item.entry.stored, item.entry.unpacked, item.entry.atoms};
    if (item.checksum != 0) checksums_[item.record] = item.checksum;
    good[item.record] = true;
    ++taken;
  }
  if (taken != 0) {
    will(fmt::format("take {} index entr{} from the older generation {} in slot {}", taken, taken == 1 ? "y" : "ies", old.slot.generation, older_->slot.name));
  }
}

void Repair::collect_schema() {
  Generation& g = base_->generation;
  if (g.schema) {
    schema_ = *g.schema;
    return;
  }
  if (index_.empty()) return;
  commit_ = true;
  if (g.schema_damaged && older_ && older_->generation.schema) {
    will(fmt::format("take the schema from generation {}: that of generation {} is damaged", older_->generation.slot.generation, g.slot.generation));
    schema_ = *older_->generation.schema;
    g.positions = schema_.positions.value_or(Type::vec3_f32);
    // A key that is newer than the older generation is added by the records that have it.
  }
  std::vector<Type> candidates = {g.positions.value_or(Type::vec3_f32)};
  if (!g.positions) candidates.push_back(Type::vec3_f64);
  std::uint64_t most = 0;
  const Schema before = schema_;
  for (const Type positions : candidates) {
    schema_ = before;
    std::uint64_t records = 0;
    Schema rebuilt = rebuild_schema(positions, records);
    if (records < most) continue;
    most = records;
    g.schema = std::move(rebuilt);
  }
  schema_ = *g.schema;
  g.positions = schema_.positions;
  will(fmt::format("write a schema block made from the records ({} keys)", schema_.entries.size()));
}

// What the records of the base lock when positions are of that type; `records` counts those that agree to
// their last byte.
Schema Repair::rebuild_schema(Type positions, std::uint64_t& records) {
  Generation trial = base_->generation;
  trial.schema.reset();
  trial.schema_damaged = true;  // records are held against nothing
  trial.positions = positions;
  Schema schema = schema_;
  schema.positions = positions;
  RecordPass p = pass();
  p.jobs = 1;  // the order of the records decides what is locked
  p.look = [&](std::uint64_t, const RecordView& view, ValueNotes&) {
    Schema grown = schema;
    if (!grown.add(view).empty()) return;
    schema = std::move(grown);
    records += view.ends_with_sections();
  };
  Bounded<Damage> bad;
  check_records(*input_, trial, p, bad);
  return schema;
}

// Holds every record that will be there against what is known of it, and fills in checksums that the
// file never had.
void Repair::check_records_left() {
  const Generation& g = base_->generation;
  if (index_.empty()) return;
  RepairedRecords records{index_, checksums_, schema_, g.codec(), schema_.positions.value_or(Type::vec3_f32), !checksums_lost_, {}};
  if (checksums_lost_ && older_ && older_->generation.has_checksums) {
    IndexCursor cursor(*input_, older_->generation);
    for (IndexCursor::Item item; cursor.next(item);) {
      if (item.checksum != 0) records.older[item.entry.offset] = item.checksum;
    }
  }
  const auto [filled, unproven] = check_repaired(*input_, records, options_.jobs, options_.progress, report_.left);
  if (unproven != 0) {
    // New checksums would declare right whatever bytes are there now.
    throw Error(Exit::no, path_, fmt::format("nothing was changed: the checksums of {} of its records are lost, and nothing else proves their bytes", unproven),
                "atp verify --salvage OUT FILE takes them as they are");
  }
  if (filled == 0) return;
  commit_ = true;
  const std::string records_phrase = fmt::format("{} record{}", filled, filled == 1 ? "" : "s");
  will(checksums_lost_ ? fmt::format("take the checksums of {} from the older generation", records_phrase)
                       : fmt::format("store the checksums of {} that {} none", records_phrase, filled == 1 ? "has" : "have"));
}

void Repair::collect_metadata() {
  const Generation& g = base_->generation;
  metadata_ = g.metadata;
  if (!metadata_.empty()) return;
  if (g.metadata_damaged && older_ && !older_->generation.metadata.empty()) {
    metadata_ = older_->generation.metadata;
    will(fmt::format("take the metadata from generation {}: that of generation {} is damaged", older_->generation.slot.generation, g.slot.generation));
  } else {
    metadata_ = options_.metadata;
    if (g.metadata_damaged) {
      will("write new metadata: the old are damaged and lost");
    } else if (!metadata_.empty()) {
      will("add metadata: there are none");
    }
  }
  commit_ |= g.metadata_damaged || !metadata_.empty();
}

// A tail is nobody's only when both slots are known; beside a damaged one it may be records, and it
// stays, inside the new generation. An older generation may reach further than the newest.
void Repair::choose_end() {
  std::uint64_t committed = std::max(base_->slot.slot.committed_end(), kFirstData);
  for (const auto& slot : slots_.slots) committed = std::max(committed, slot ? slot->committed_end() : 0);
  const std::uint64_t size = input_->size();
  end_ = std::max(size, kFirstData);
  if (size <= committed) return;
  const bool known = guessed_ ? slots_.newest().has_value() : slots_.all_sound();
  if (known && base_->generation.index_sound && !base_->generation.schema_damaged) {
    will(fmt::format("cut off {} bytes behind the last commit", size - committed));
    end_ = committed;
  } else {
    will(fmt::format("keep {} bytes behind the last commit that can be read, as they may be records: atp verify --salvage OUT FILE looks for them",
                     size - committed));
    commit_ = true;
  }
}

// The header slot that must survive when the machine stops while the other one is written: the only
// valid one, or that of the only generation which is whole.
char Repair::slot_to_keep() const {
  if (!slots_.slots[0] && !slots_.slots[1]) return base_->slot.name;
  if (!slots_.all_sound()) return slots_.slots[0] ? 'A' : 'B';
  if (older_ && !base_->generation.index_sound && older_->generation.index_sound) return older_->slot.name;
  return base_->slot.name;
}

// A slot that is refused only because its blocks lie behind the end of the file would become valid, with
// whatever bytes are then there, while the new generation is written. Zeros stay invalid.
void Repair::disarm_slots() {
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint64_t at = i * kSlotBytes;
    if (slots_.slots[i] || slots_.head.size() < at + kSlotBytes) continue;
    std::string why;
    if (!decode_slot(Bytes(slots_.head).subspan(at, kSlotBytes), UINT64_MAX, why)) continue;
    output_->write_at(at, std::vector<std::byte>(kSlotBytes));
    output_->sync_data();
  }
}

void Repair::write() {
  if (!commit_) {
    output_->truncate(end_);
    output_->sync_all();
    return;
  }
  WriterOptions options;
  options.metadata = metadata_;
  Slot slot = base_->slot.slot;
  // Newer than what a valid slot says (a damaged one may say anything), and even generations stand in
  // A, odd ones in B.
  if (guessed_) slot.generation = 1;
  for (const auto& s : slots_.slots) slot.generation = std::max(slot.generation, s ? s->generation : 0);
  if (slot.generation > std::numeric_limits<std::uint64_t>::max() - 4) {
    throw Error(Exit::no, path_, fmt::format("generation {} leaves no room for another", slot.generation), "atp verify --salvage OUT FILE saves its records");
  }
  const bool next_in_a = slot_to_keep() == 'B';
  if ((slot.generation + 1) % 2 == (next_in_a ? 1u : 0u)) ++slot.generation;
  disarm_slots();
  Writer writer = Writer::resume(std::move(output_), {slot, std::move(index_), std::move(checksums_), std::move(schema_), end_},
                                 std::move(options), disk_);
  writer.commit();
  const std::size_t kept = next_in_a ? 1 : 0;
  if (!slots_.slots[kept] || extension_damaged(kept)) writer.commit();  // the second slot
}

RepairReport Repair::run() {
  report_.path = path_;
  if (options_.dry_run) {
    input_ = open_input_file(path_);
  } else {
    output_ = disk_.open_existing(path_);
    input_ = std::make_unique<LockedInput>(*output_);
  }
  slots_ = read_slots(*input_);
  choose_base();
  collect_index();
  collect_schema();
  check_records_left();
  collect_metadata();
  if (!base_->slot.slot.extension && !commit_) {
    commit_ = true;
    will("add block checksums: there are none");
  }
  choose_end();
  report_.records_after = index_.size();
  if (!options_.dry_run && !report_.actions.empty()) write();
  return std::move(report_);
}

}  // namespace

RepairReport repair_file(const std::string& path, const RepairOptions& options, Disk& disk) { return Repair(path, options, disk).run(); }

}  // namespace atp
