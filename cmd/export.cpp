#include "cmd/export.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>

#include "cmd/commands.h"
#include "cmd/dataset_warnings.h"
#include "cmd/leftovers.h"
#include "cmd/options.h"
#include "cmd/remote_inputs.h"
#include "cmd/terminal.h"
#include "cmd/where_option.h"
#include "core/atp/dataset.h"
#include "core/atp/one_pass.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"
#include "core/base/selection.h"
#include "core/io/output_file.h"
#include "formats/export_format.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

// Records encoded at once by one thread: enough to be worth a turn, little enough to wait for.
constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;
constexpr std::size_t kChunkRecords = 4096;
constexpr std::size_t kShown = 10;

// The records to export: all, or those chosen.
class ChosenRecords {
 public:
  ChosenRecords(const Dataset& dataset, const ExportCommand& command, const WhereOptions& where) : all_(dataset.size()) {
    if (command.records.empty() && command.where.empty()) return;
    chosen_.emplace();
    const Selection selection = Selection::parse(command.records.empty() ? ":" : command.records);
    chosen_->reserve(selection.count(all_));
    selection.for_each(all_, [&](std::uint64_t i) { chosen_->push_back(i); });
    if (!command.where.empty()) keep_matching(dataset, command.where, where, *chosen_);
  }
  std::uint64_t size() const { return chosen_ ? chosen_->size() : all_; }
  std::uint64_t operator[](std::uint64_t i) const { return chosen_ ? (*chosen_)[i] : i; }

 private:
  std::uint64_t all_;
  std::optional<std::vector<std::uint64_t>> chosen_;
};

struct Chunk {
  std::uint64_t begin, end;  // of the chosen records
};

struct EncodedChunk {
  std::string bytes;
  std::vector<std::size_t> ends;  // of each record in `bytes`
  std::uint64_t end = 0;
  std::vector<Error> left_out;
};

// A file that appears when it is complete.
class OutputTarget {
 public:
  OutputTarget(std::string path, bool replace) : path_(output_target(path, "-o")), replace_(replace), file_(real_disk().create_beside(path_)) {
    if (!replace_ && fs::exists(path_)) {
      real_disk().remove(file_->path());
      throw Error(Exit::system, path_, "exists already", "pass --force to replace it");
    }
  }
  ~OutputTarget() {
    if (file_) real_disk().remove(file_->path());
  }
  OutputTarget(const OutputTarget&) = delete;
  OutputTarget& operator=(const OutputTarget&) = delete;

  const std::string& temporary() const { return file_->path(); }
  void write(std::string_view text) {
    file_->write_at(written_, as_bytes(text));
    written_ += text.size();
  }
  void commit() {
    file_->sync_all();
    real_disk().rename(file_->path(), path_, replace_);
    file_.reset();
  }

 private:
  std::string path_;
  bool replace_;
  std::unique_ptr<OutputFile> file_;
  std::uint64_t written_ = 0;
};

// One run of the command.
class ExportRun {
 public:
  ExportRun(const ExportCommand& command, const ExportFormat& format) : command_(command), format_(format), dataset_(command.inputs) {
    warn_of_older_generations(dataset_);
    warn_of_missing_shards(command.inputs);
    refuse_input_as_output();
  }

  Exit run() {
    if (command_.records.empty()) once_.emplace(dataset_);
    WhereOptions where;
    if (skips()) {
      where.damaged = [&](std::uint64_t record, const Error& e) { leave_out(located(record, e)); };
    }
    const ChosenRecords records(dataset_, command_, where);
    open();
    if (!command_.output.empty() && command_.output != "-") note_leftovers(command_.output);
    write(records);
    if (format_.output != ExportFormat::Output::stream) exporter_->finish();
    if (target_) target_->commit();
    for (const std::string& text : notes_) note(text);
    if (left_out_ > 0) warn(fmt::format("{} record{} left out", human_count(left_out_), left_out_ == 1 ? " was" : "s were"));
    if (!to_stdout()) note(fmt::format("{}: {} record{} as {}", command_.output, human_count(written_), written_ == 1 ? "" : "s", format_.name));
    return Exit::ok;
  }

 private:
  bool to_stdout() const { return command_.output.empty() || command_.output == "-"; }
  bool skips() const { return command_.on_error == "skip"; }

  void refuse_input_as_output() const {
    std::error_code error;
    for (const Reader& shard : dataset_.shards()) {
      if (!to_stdout() && fs::equivalent(shard.path(), command_.output, error)) {
        throw Error(Exit::usage, command_.output, "is both input and output", "write to another file");
      }
    }
  }

  void open() {
    ExportOptions options;
    options.keys = command_.keys == "mace" ? KeyStyle::mace : KeyStyle::ase;
    options.replace = command_.force;
    options.note = [this](std::string_view text) {
      const std::lock_guard lock(notes_mutex_);
      if (notes_.size() < 100) notes_.emplace(text);
    };
    if (!to_stdout() && format_.output != ExportFormat::Output::folder) target_.emplace(command_.output, command_.force);
    exporter_ = format_.open(target_ ? target_->temporary() : command_.output, options);
  }

  void write(const ChosenRecords& records) {
    Progress progress("exporting", records.size(), false);
    std::uint64_t next = 0;
    ordered_parallel<Chunk, EncodedChunk>(
        jobs(),
        [&]() -> std::unique_ptr<Chunk> {
          throw_if_interrupted();
          if (next == records.size()) return nullptr;
          const std::uint64_t begin = next;
          std::uint64_t bytes = 0;
          while (next < records.size() && bytes < kChunkBytes && next - begin < kChunkRecords) bytes += bytes_of(records[next++]);
          return std::make_unique<Chunk>(Chunk{begin, next});
        },
        [&](Chunk& chunk) { return encode(records, chunk); },
        [&](EncodedChunk&& chunk) {
          throw_if_interrupted();
          put(chunk);
          if (once_) once_->passed(records[chunk.end - 1]);
          progress.advance_to(chunk.end);
        });
  }

  // Of a record that cannot be read as well: it fails later, with its number.
  std::uint64_t bytes_of(std::uint64_t record) const {
    const Dataset::Place at = dataset_.locate(record);
    return dataset_.shards()[at.shard].raw_entry(at.record).unpacked;
  }

  Error located(std::uint64_t record, const Error& e) const {
    const Dataset::Place at = dataset_.locate(record);
    const std::string place = fmt::format("{}: record {}", dataset_.shards()[at.shard].path(), at.record);
    return e.where().empty() ? Error(e.exit(), place, e.problem(), e.fix()) : e;
  }

  EncodedChunk encode(const ChosenRecords& records, const Chunk& chunk) const {
    EncodedChunk out;
    out.end = chunk.end;
    Scratch scratch;
    for (std::uint64_t i = chunk.begin; i < chunk.end; ++i) {
      const std::size_t before = out.bytes.size();
      try {
        exporter_->encode(dataset_.verified_record(records[i], scratch), i, out.bytes);
      } catch (const Error& e) {
        const Error error = located(records[i], e);
        if (!skips() || e.exit() != Exit::input) throw error;
        out.bytes.resize(before);
        out.left_out.push_back(error);
        continue;
      }
      out.ends.push_back(out.bytes.size());
    }
    return out;
  }

  // What only the records before rule out has no place in the input.
  void take(std::string_view encoded) {
    try {
      exporter_->take(encoded);
    } catch (const Error& e) {
      throw e.where().empty() ? Error(e.exit(), fmt::format("{}: exported record {}", command_.output, written_), e.problem(), e.fix()) : e;
    }
    ++written_;
  }

  void put(const EncodedChunk& chunk) {
    for (const Error& e : chunk.left_out) leave_out(e);
    if (format_.output != ExportFormat::Output::stream) {
      std::size_t begin = 0;
      for (const std::size_t end : chunk.ends) {
        take(std::string_view(chunk.bytes).substr(begin, end - begin));
        begin = end;
      }
      return;
    }
    written_ += chunk.ends.size();
    if (target_) {
      target_->write(chunk.bytes);
    } else {
      print(chunk.bytes);
    }
  }

  void leave_out(const Error& e) {
    if (left_out_++ < kShown) warn(fmt::format("left out: {}", e.what()));
  }

  const ExportCommand& command_;
  const ExportFormat& format_;
  Dataset dataset_;
  std::optional<OnePass> once_;  // over all of it
  std::optional<OutputTarget> target_;
  std::unique_ptr<RecordExporter> exporter_;
  std::uint64_t written_ = 0, left_out_ = 0;
  std::mutex notes_mutex_;
  std::set<std::string> notes_;  // guarded by notes_mutex_ while records are encoded
};

const ExportFormat& format_of(const ExportCommand& command) {
  const bool stdout_ = command.output.empty() || command.output == "-";
  const ExportFormat* format = export_format(command.to);
  if (format == nullptr) format = stdout_ ? nullptr : export_format_of(command.output);
  if (format == nullptr && !stdout_ && std::filesystem::path(command.output).has_extension()) {
    throw Error(Exit::usage, command.output, "the extension is that of no format atp writes", "name the format with --to");
  }
  if (format == nullptr) format = export_format("extxyz");
  if (format->open == nullptr) {
    throw Error(Exit::usage, "", fmt::format("this build of atp cannot write {}", format->name), std::string(format->missing));
  }
  if (stdout_ && format->output != ExportFormat::Output::stream) {
    throw Error(Exit::usage, "", fmt::format("{} cannot be written to stdout", format->name),
                format->output == ExportFormat::Output::folder ? "name a folder with -o" : "name a file with -o");
  }
  return *format;
}

}  // namespace

Exit export_records(const ExportCommand& command) { return ExportRun(command, format_of(command)).run(); }

Run declare_export(CLI::App& app) {
  auto o = std::make_shared<ExportCommand>();
  app.add_option("DATASET", o->inputs, "an .atp file, a folder of shards, a glob or an hf:// address; several follow each other")->required()->type_name("DATASET...");
  std::vector<std::string> names;
  for (const ExportFormat& f : export_formats()) names.emplace_back(f.name);
  app.add_option("-o,--output", o->output, "the file or folder to write (default: stdout)")->type_name("PATH")->group("Output");
  add_choice(app, "--to", o->to, names, "the format (default: by the extension of -o, else extxyz)")->group("Output");
  add_choice(app, "--keys", o->keys, {"ase", "mace"}, "in extxyz: energy, forces, stress and charges under these names (the default), or as REF_energy and so on")
      ->group("Output");
  app.add_flag("-f,--force", o->force, "replace an existing file or folder")->group("Output");
  add_selection(app, "--records", o->records, "only these records, in the order written: 0,5,10:20,-1,::2")->group("Which records");
  app.add_option("--where", o->where, "only records of which this SQL expression is true, as \"n_atoms < 100 AND energy IS NOT NULL\"")
      ->type_name("EXPR")
      ->group("Which records");
  add_choice(app, "--on-error", o->on_error, {"stop", "skip"}, "at a record that is damaged or does not fit the format: stop, or leave it out and count it (default: stop)")
      ->group("Which records");
  return [o] {
    fetch_inputs(o->inputs);
    return export_records(*o);
  };
}

}  // namespace atp
