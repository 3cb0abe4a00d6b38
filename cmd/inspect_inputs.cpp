// Input formats: read from beginning to end, as pack would read them.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/inspect.h"
#include "cmd/map_option.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/base/selection.h"

namespace atp {
namespace {

// Without the advice, which is for those who pack.
std::string describe(const Error& error) { return fmt::format("{}: {}", error.where(), error.problem()); }

// What one batch holds. `file` is the input's name, for messages.
class BatchFindings final : public FrameSink {
 public:
  BatchFindings(const std::string& file, const std::optional<StatsOptions>& stats) : file_(file) {
    if (stats) stats_.emplace(*stats);
  }

  void frame(Structure& structure, const FrameOrigin& origin) override {
    static thread_local StatsScratch scratch;
    static thread_local Sample sample;
    sample.fill(structure);
    if (!positions) positions = sample.positions_type;
    mixed_positions |= *positions != sample.positions_type;
    counts.add(static_cast<std::uint32_t>(std::min<std::uint64_t>(sample.n_atoms(), UINT32_MAX)));
    if (!stats_) return fields_.add(sample);
    try {
      stats_->add(sample, scratch);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: frame {}", origin.file(file_), origin.number()));
    }
  }

  void bad_frame(const Error& error, const FrameOrigin&) override {
    ++bad_frames;
    if (errors.size() < Findings::kMostErrors) errors.push_back(describe(error));
  }

  // The same few texts frame after frame: found by comparing, not by building strings.
  void mapped(std::string_view field, std::string_view how) override {
    for (Mapped& m : mapping)
      if (m.field == field && m.how == how) {
        ++m.frames;
        return;
      }
    mapping.push_back({std::string(field), std::string(how), 1});
  }

  void note(std::string_view text) override {
    if (std::ranges::find(notes, text) == notes.end()) notes.emplace_back(text);
  }

  void merge_into(Findings& all) {
    all.counts.merge(counts);
    all.files.back().records += counts.records();
    all.files.back().atoms += counts.atoms();
    if (positions) {
      all.mixed_positions |= mixed_positions || (all.positions && *all.positions != *positions);
      all.positions = positions;
    }
    if (stats_)
      all.stats->merge(*stats_);
    else
      all.fields.merge(fields_);
    for (const Mapped& m : mapping) all.mapping[m.field][m.how] += m.frames;
    for (std::string& text : notes)
      if (std::ranges::find(all.notes, text) == all.notes.end()) all.notes.push_back(std::move(text));
    all.bad_frames += bad_frames;
    for (std::string& e : errors)
      if (all.errors.size() < Findings::kMostErrors) all.errors.push_back(std::move(e));
  }

  const std::optional<DatasetStats>& stats() const { return stats_; }

 private:
  struct Mapped {
    std::string field, how;
    std::uint64_t frames;
  };

  const std::string& file_;
  AtomCounts counts;
  FieldTable fields_{true};
  std::optional<DatasetStats> stats_;
  std::optional<Type> positions;
  bool mixed_positions = false;
  std::vector<Mapped> mapping;
  std::vector<std::string> notes, errors;
  std::uint64_t bad_frames = 0;
};

struct Piece {
  std::unique_ptr<FrameBatch> batch;
};

struct PieceFindings {
  BatchFindings findings;
  std::uint64_t position;
};

std::optional<std::uint64_t> size_of(const std::string& path) {
  return path == "-" ? std::nullopt : input_bytes(path);
}

// Reference energies of the first batch. It is decoded twice, which costs a few MB of reading and
// keeps a stream to one pass.
std::vector<double> guess_energies(const FrameBatch& batch, const std::string& file) {
  BatchFindings first(file, StatsOptions{});
  Structure structure;
  batch.decode(structure, first);
  return ReferenceFit::as_guess(first.stats()->energies.solve());
}

class InputPass {
 public:
  InputPass(const InspectOptions& options, std::uint64_t total)
      : options_(options), progress_("inspecting", total, true) {
    if (options.stats) wanted_.emplace(StatsOptions{options.cutoff, {}, true});
  }

  void read(const std::string& path, Findings& all) {
    const auto reader = open_input(path, options_.from, read_options(options_.map, options_.units, options_.npz_map, options_.hdf5_map));
    note_format(*reader, all);
    all.files.push_back({path, 0, 0, size_of(path), std::nullopt});
    ordered_parallel<Piece, PieceFindings>(
        jobs(), [&] { return produce(*reader, path, all); }, [&](Piece& piece) { return work(piece, path); },
        [&](PieceFindings&& result) {
          result.findings.merge_into(all);
          progress_.advance_to(before_ + result.position);
          progress_.set_records(all.records());
        });
    before_ += all.files.back().bytes.value_or(0);
  }

 private:
  void note_format(const FormatReader& reader, Findings& all) {
    const std::string name(reader.format());
    if (all.format.empty()) all.format = name;
    if (all.format != name) all.format = "mixed";
  }

  std::unique_ptr<Piece> produce(FormatReader& reader, const std::string& path, Findings& all) {
    throw_if_interrupted();
    auto batch = reader.next();
    if (!batch) return nullptr;
    // Before any batch is decoded: produce() runs before all work and never twice at once.
    if (wanted_ && !all.stats) {
      wanted_->energy_guess = guess_energies(*batch, path);
      all.stats.emplace(*wanted_);
    }
    return std::make_unique<Piece>(Piece{std::move(batch)});
  }

  PieceFindings work(Piece& piece, const std::string& path) const {
    static thread_local Structure structure;
    PieceFindings result{BatchFindings(path, wanted_), piece.batch->input_position()};
    piece.batch->decode(structure, result.findings);
    return result;
  }

  const InspectOptions& options_;
  Progress progress_;
  std::optional<StatsOptions> wanted_;
  std::uint64_t before_ = 0;  // bytes of the files that are done
};

}  // namespace

Findings inspect_inputs(const std::vector<std::string>& files, const InspectOptions& options) {
  Findings all;
  all.fields = FieldTable(true);
  std::uint64_t total = 0;
  for (const std::string& path : files) total += size_of(path).value_or(0);
  InputPass pass(options, total);
  for (const std::string& path : files) pass.read(path, all);
  if (options.stats) {
    if (!all.stats) all.stats.emplace(StatsOptions{options.cutoff, {}, true});
    all.fields = all.stats->fields;
  }
  return all;
}

// ---- --record -----------------------------------------------------------------------------------

namespace {

// Prints the selected frames of a batch. Frames come in the input's order.
class RecordSink final : public FrameSink {
 public:
  RecordSink(std::function<bool(std::uint64_t)> wanted, std::function<void(std::uint64_t, std::string)> done, bool json)
      : wanted_(std::move(wanted)), done_(std::move(done)), json_(json) {}

  std::uint64_t offset = 0;  // frames of the inputs before this one
  std::uint64_t unreadable = 0;

  void frame(Structure& structure, const FrameOrigin& origin) override {
    const std::uint64_t at = offset + origin.frame;
    if (!wanted_(at)) return;
    structure.keep_last_of_equals();
    sample_.fill(structure);
    done_(at, json_ ? record_json(sample_, at) + "\n" : record_text(sample_, at, common_options().verbose));
  }
  void bad_frame(const Error& error, const FrameOrigin& origin) override {
    if (!wanted_(offset + origin.frame)) return;
    ++unreadable;
    warn(describe(error));
  }
  void mapped(std::string_view, std::string_view) override {}
  void note(std::string_view) override {}

 private:
  std::function<bool(std::uint64_t)> wanted_;
  std::function<void(std::uint64_t, std::string)> done_;
  bool json_;
  Sample sample_;
};

// How a selection is met in inputs of unknown length.
struct Plan {
  bool in_stream_order;  // slices without an end: records are printed as they come
  std::uint64_t size;    // to resolve the selection with
};

Plan plan_of(const Selection& selection, const std::vector<std::string>& files, const InspectOptions& options) {
  constexpr std::uint64_t kMostListed = 1'000'000;
  if (selection.needs_size()) return {false, count_frames(files, options.from, read_options(options.map, options.units, options.npz_map, options.hdf5_map), false)};
  const auto end = selection.end();
  if (end && *end <= kMostListed) return {false, *end};
  return {true, UINT64_MAX};
}

}  // namespace

// Records are printed in the order asked for: one that comes too early waits for its turn.
std::uint64_t print_input_records(const std::vector<std::string>& files, const InspectOptions& options) {
  const Selection selection = Selection::parse(options.records);
  const Plan plan = plan_of(selection, files, options);
  std::vector<std::uint64_t> order;
  if (!plan.in_stream_order) selection.for_each(plan.size, [&](std::uint64_t i) { order.push_back(i); });
  std::map<std::uint64_t, std::uint64_t> left;  // how often a record is still to be printed
  for (const std::uint64_t i : order) ++left[i];
  const std::uint64_t last = left.empty() ? 0 : left.rbegin()->first + 1;

  std::map<std::uint64_t, std::string> waiting;
  std::size_t printed = 0;
  bool first = true;
  const auto show = [&](const std::string& text) {
    print(first || options.json ? text : "\n" + text);
    first = false;
  };
  const auto wanted = [&](std::uint64_t i) {
    return plan.in_stream_order ? selection.contains(i, plan.size) : left.contains(i);
  };
  const auto done = [&](std::uint64_t i, std::string text) {
    if (plan.in_stream_order) return show(text);
    waiting.emplace(i, std::move(text));
    for (; printed < order.size() && waiting.contains(order[printed]); ++printed) {
      show(waiting[order[printed]]);
      if (--left[order[printed]] == 0) waiting.erase(order[printed]);
    }
  };

  RecordSink sink(wanted, done, options.json);
  Structure structure;
  for (const std::string& path : files) {
    const auto reader = open_input(path, options.from, read_options(options.map, options.units, options.npz_map, options.hdf5_map));
    std::uint64_t frames = 0;
    while (plan.in_stream_order || sink.offset + frames < last) {
      throw_if_interrupted();
      const auto batch = reader->next();
      if (!batch) break;
      batch->decode(structure, sink);
      frames += batch->frames();
    }
    sink.offset += frames;
  }
  for (; printed < order.size(); ++printed)  // what waited for a frame that could not be read
    if (const auto it = waiting.find(order[printed]); it != waiting.end()) show(it->second);
  if (!plan.in_stream_order && order.empty()) selection.check_not_empty(selection.needs_size() ? plan.size : UINT64_MAX);
  if (plan.in_stream_order || sink.offset < last) selection.check_not_empty(sink.offset);  // and refuses an index beyond the end
  return sink.unreadable;
}

}  // namespace atp
