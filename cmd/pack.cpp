#include "cmd/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>

#include "cmd/codec_option.h"
#include "cmd/commands.h"
#include "cmd/map_option.h"
#include "cmd/options.h"
#include "cmd/pack_chunk.h"
#include "cmd/pack_report.h"
#include "cmd/pack_source.h"
#include "cmd/pack_spool.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/atp/reader.h"
#include "core/base/parallel.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

DtypePolicy dtype_option(const std::string& text) {
  if (text == "keep") return DtypePolicy::keep;
  if (text == "f32") return DtypePolicy::f32;
  if (text == "f64") return DtypePolicy::f64;
  return DtypePolicy::standard;
}

// One run of the command, from checked options to the report.
class Pack {
 public:
  explicit Pack(const PackOptions& options) : o_(options) {}

  Exit run();

 private:
  void check_target();
  void mention_leftovers() const;
  void prepare_append();
  FrameSource make_source();
  void pack_all(FrameSource& source);
  void consume(PackedChunk&& chunk, FrameSource& source);
  void update_lock(const PackedChunk& chunk);
  bool fits(const PackedChunk& chunk) const;
  void check_map_was_used() const;
  std::string metadata(const FrameSource& source) const;

  std::shared_ptr<const Lock> lock() const {
    std::lock_guard guard(lock_mutex_);
    return lock_;
  }

  PackOptions o_;
  PackRules rules_;
  ReadOptions read_;
  std::optional<Selection> records_;
  Metadata old_metadata_;             // of the file appended to
  std::uint64_t records_before_ = 0;  // in it
  mutable std::mutex lock_mutex_;
  std::shared_ptr<const Lock> lock_ = std::make_shared<Lock>();
  std::optional<Spool> spool_;        // empty in a dry run
  PackReport report_;
};

void Pack::check_target() {
  if (o_.output.empty()) {
    if (o_.dry_run) return;
    throw Error(Exit::usage, "", "no output file was named", "pass -o FILE.atp");
  }
  o_.output = output_target(o_.output, "-o");
  std::error_code error;
  const auto status = fs::status(o_.output, error);
  if (o_.append && !o_.dry_run && !fs::exists(status)) {
    fail_input(o_.output, "does not exist, so nothing can be appended to it", "leave --append out to create it");
  }
  if (!o_.append && !o_.dry_run && fs::exists(status) && !o_.force) {
    throw Error(Exit::system, o_.output, "exists already", "pass --force to replace it or --append to add to it");
  }
}

// Runs that were killed outright could not clean up after themselves.
void Pack::mention_leftovers() const {
  for (const auto& path : leftovers_of(o_.output)) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    note(fmt::format("{}: {} that a killed run left behind; remove it with rm", path, human_bytes(error ? 0 : size)));
  }
}

// What is appended takes the codec, the schema and, unless told otherwise, the dtypes of the file.
void Pack::prepare_append() {
  const Reader existing(o_.output);
  if (!o_.codec.empty() && rules_.codec != existing.codec()) {
    throw Error(Exit::usage, o_.output,
                fmt::format("its records are stored with codec {}, --codec says {}", codec_name(existing.codec()), o_.codec),
                "leave --codec out");
  }
  rules_.codec = existing.codec();
  rules_.fixed = existing.schema();
  rules_.append = true;
  records_before_ = existing.size();
  if (o_.dtype.empty()) rules_.narrow_to_lock = true;
  auto lock = std::make_shared<Lock>();
  lock->schema = existing.schema();
  lock_ = lock;
  old_metadata_ = Metadata::parse(existing.metadata());
}

FrameSource Pack::make_source() {
  FrameSourceOptions s;
  for (const auto& argument : o_.inputs) {
    const auto files = input_files(argument);
    s.inputs.insert(s.inputs.end(), files.begin(), files.end());
  }
  if (std::count(s.inputs.begin(), s.inputs.end(), "-") > 1) throw Error(Exit::usage, "", "stdin ('-') can be read only once");
  for (const auto& input : s.inputs) {
    std::error_code error;
    if (!o_.output.empty() && fs::equivalent(input, o_.output, error)) {
      throw Error(Exit::usage, input, "is an input and the output");
    }
  }
  s.from = o_.from;
  s.read = read_;
  s.records = records_;
  s.limit = o_.limit;
  s.skip_bad_files = rules_.skip_errors;
  return FrameSource(std::move(s));
}

bool Pack::fits(const PackedChunk& chunk) const {
  if (chunk.lock_version == lock_->version) return true;
  if (chunk.refused_by_lock) return false;
  // An integer beyond 2^53 and a float of one field, each in a chunk that did not know of the other.
  for (const auto& key : lock_->exact) {
    const auto found = chunk.records.schema.entries.find(key);
    if (found != chunk.records.schema.entries.end() && type_info(found->second.type).scalar == Scalar::f64) return false;
  }
  Schema merged = lock_->schema;
  return merged.merge(chunk.records.schema).empty();
}

void Pack::update_lock(const PackedChunk& chunk) {
  const Schema& now = chunk.records.schema;
  Schema merged = lock_->schema;
  const bool widened = !merged.merge(now).empty();
  std::set<Schema::Key> exact = lock_->exact;
  exact.insert(chunk.exact.begin(), chunk.exact.end());
  if (!widened && merged == lock_->schema && exact.size() == lock_->exact.size()) return;
  if (widened && spool_ && report_.records != 0) spool_->begin_segment();
  auto next = std::make_shared<Lock>();
  next->schema = widened ? now : std::move(merged);
  next->origins = lock_->origins;
  next->origins.insert(chunk.origins.begin(), chunk.origins.end());
  next->exact = std::move(exact);
  next->version = lock_->version + 1;
  std::lock_guard guard(lock_mutex_);
  lock_ = std::move(next);
}

void Pack::consume(PackedChunk&& chunk, FrameSource& source) {
  const std::string& input = source.input_name(chunk.work->input);
  if (!fits(chunk)) chunk = pack_chunk(std::move(chunk.work), input, *lock_, rules_);
  update_lock(chunk);
  if (spool_ && !chunk.records.entries.empty()) spool_->add(chunk.records);
  report_.add(chunk);
  if (chunk.failure) throw *chunk.failure;
}

void Pack::pack_all(FrameSource& source) {
  Progress progress(o_.dry_run ? "parsing" : "packing", source.total_bytes(), true);
  ordered_parallel<FrameWork, PackedChunk>(
      jobs(), [&] { return source.next(); },
      [&](FrameWork& work) {
        return pack_chunk(std::make_unique<FrameWork>(std::move(work)), source.input_name(work.input), *lock(), rules_);
      },
      [&](PackedChunk&& chunk) {
        consume(std::move(chunk), source);
        progress.advance_to(source.bytes_read());
        progress.set_records(report_.records);
      });
}

// A key that the user named and that no frame had would leave the field empty in silence.
void Pack::check_map_was_used() const {
  for (const auto& pair : o_.map) {
    const auto [field, key] = split_pair(pair, "--map", "FIELD=KEY");
    if (key == "none") continue;
    const auto& uses = report_.mapped.find(field == "virial" ? "stress" : field);
    const bool used = uses != report_.mapped.end() && std::any_of(uses->second.begin(), uses->second.end(), [&name = key](const auto& how) {
                        return how.find("'" + name + "'") != std::string::npos;
                      });
    if (used) continue;
    std::vector<std::string> keys;
    for (const auto& [k, entry] : lock_->schema.entries) keys.push_back(k.second);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      fail_input("", fmt::format("--map {}={}: '{}' is there, but it cannot be the {}", field, key, key, field),
                 "atp inspect INPUT shows its type");
    }
    const std::string near = nearest_name(key, keys);
    fail_input("", fmt::format("--map {}={}: no frame has '{}'", field, key, key),
               near.empty() ? "atp inspect INPUT lists what there is" : fmt::format("did you mean '{}'?", near));
  }
}

std::string Pack::metadata(const FrameSource& source) const {
  Metadata m = old_metadata_;
  m.generator = fmt::format("atp {}", version());
  for (const auto& s : source.sources()) m.sources.push_back(s);
  m.units = standard_units();
  for (const auto& [field, hows] : report_.mapped) {
    std::string& text = m.mapping[field];  // under --append: what the file's own records came from
    for (const auto& how : hows) {
      if (("; " + text + "; ").find("; " + how + "; ") == std::string::npos) text += (text.empty() ? "" : "; ") + how;
    }
  }
  for (const auto& pair : o_.meta) {
    auto [key, value] = split_pair(pair, "--meta", "KEY=VALUE");
    if (key == "license") {
      m.license = value;
    } else {
      m.user[key] = value;
    }
  }
  return m.to_json();
}

Exit Pack::run() {
  rules_.codec = codec_option(o_.codec.empty() ? "none" : o_.codec);
  rules_.dtype = dtype_option(o_.dtype);
  rules_.keep = o_.keep;
  rules_.drop = o_.drop;
  rules_.skip_errors = o_.on_error == "skip";
  for (const auto& pair : o_.meta) split_pair(pair, "--meta", "KEY=VALUE");
  if (!o_.from.empty()) format_named(o_.from);
  read_ = parse_map(o_.map);
  if (!o_.records.empty()) records_ = Selection::parse(o_.records);
  check_target();
  const auto start = std::chrono::steady_clock::now();
  if (o_.append) prepare_append();
  FrameSource source = make_source();
  if (!o_.dry_run) {
    mention_leftovers();
    WriterOptions writer;
    writer.codec = rules_.codec;
    writer.overwrite = o_.force;
    writer.cut_tail_of_damaged = o_.force;
    spool_.emplace(SpoolOptions{o_.output, o_.append, writer, jobs()});
    if (o_.append) prepare_append();  // again: another run may have appended before the spool locked the file
  }
  pack_all(source);
  report_.add_bad_files(source.failures());
  if (report_.records == 0) {
    report_.print_skipped();
    fail_input("", report_.skipped_count != 0 ? "not one frame could be read, so nothing was written"
                                              : "there is no frame to pack, so nothing was written");
  }
  check_map_was_used();
  report_.warn_of_unused(rules_);
  if (spool_) spool_->finish(lock_->schema, metadata(source));
  report_.bytes_in = source.bytes_read();
  report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const auto& [field, key] : read_.map) report_.chosen.insert(field);
  report_.output = o_.output;
  report_.dry_run = o_.dry_run;
  report_.records_before = records_before_;
  report_.codec = rules_.codec;
  report_.schema = lock_->schema;
  o_.json ? report_.print_json() : report_.print_text();
  return Exit::ok;
}

}  // namespace

Exit pack(const PackOptions& options) { return Pack(options).run(); }

Run declare_pack(CLI::App& app) {
  auto o = std::make_shared<PackOptions>();
  app.add_option("INPUT", o->inputs, "files, folders, globs, or - for stdin")->required()->type_name("PATH...");

  app.add_option("-o,--output", o->output, "the .atp file to write")->type_name("FILE")->group("Output");
  app.add_flag("-f,--force", o->force, "replace an existing output file")->group("Output");
  app.add_flag("--append", o->append, "add to an existing .atp file as a new generation")->group("Output");
  app.add_option("--codec", o->codec, "none, lz4 or zstd[:LEVEL] (default: none)")->type_name("CODEC")->group("Output");
  add_choice(app, "--dtype", o->dtype, {"keep", "f32", "f64"},
             "floats as in the source, all f32, or all f64 (default: f32 positions, forces and velocities, f64 energy, cell and stress)")
      ->group("Output");
  app.add_option("--meta", o->meta, "store KEY=VALUE in the metadata (repeatable)")->type_name("KEY=VALUE")->group("Output");
  app.add_flag("--dry-run", o->dry_run, "parse everything and say what would be written")->group("Output");
  app.add_flag("--json", o->json, "print the result as one JSON object")->group("Output");

  app.add_option("--from", o->from, "the inputs' format (default: by content)")->type_name("FORMAT")->group("Input");
  app.add_option("--map", o->map, "take FIELD from KEY, or from nothing with KEY 'none' (repeatable)")
      ->type_name("FIELD=KEY")->group("Input");
  app.add_option("--keep", o->keep, "of the other columns and keys, keep those that match (repeatable)")->type_name("GLOB")->group("Input");
  app.add_option("--drop", o->drop, "leave out columns and keys that match (repeatable)")->type_name("GLOB")->group("Input");
  add_choice(app, "--on-error", o->on_error, {"stop", "skip"}, "at a bad frame: stop, or leave it out and count it (default: stop)")
      ->group("Input");
  add_count(app, "--limit", o->limit, "at most N frames")->group("Input");
  add_selection(app, "--records", o->records, "only these frames of the inputs taken together, in input order: 0,5,10:20,-1")
      ->group("Input");
  return [o] { return pack(*o); };
}

}  // namespace atp
