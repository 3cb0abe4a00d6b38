#include "cmd/pack_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "cmd/codec_option.h"
#include "cmd/dataset_warnings.h"
#include "cmd/leftovers.h"
#include "cmd/map_option.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/atp/reader.h"
#include "core/base/nearest_name.h"
#include "core/base/parallel.h"
#include "formats/array_frames.h"
#include "formats/export_format.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

DtypePolicy dtype_option(const std::string& text) {
  if (text == "keep") return DtypePolicy::keep;
  if (text == "f32") return DtypePolicy::f32;
  if (text == "f64") return DtypePolicy::f64;
  return DtypePolicy::standard;
}

}  // namespace

PackRun::PackRun(const PackOptions& options) : o_(options) {
  rules_.codec = codec_option(o_.codec.empty() ? "none" : o_.codec);
  rules_.dtype = dtype_option(o_.dtype);
  rules_.keep = o_.keep;
  rules_.drop = o_.drop;
  rules_.skip_errors = o_.on_error == "skip";
  rules_.skip_unconverged = o_.unconverged == "skip";
  for (const auto& pair : o_.meta) split_pair(pair, "--meta", "KEY=VALUE");
  if (!o_.from.empty()) format_named(o_.from);
  rules_.keep_source = o_.keep_source;
  read_ = read_options(o_.map, o_.units, o_.npz_map, o_.hdf5_map, o_.scopes);
  for (const auto& [name, kind] : read_.scopes) rules_.scoped.insert(name);
  read_.adsorption_energy = o_.adsorption_energy;
  if (!o_.records.empty()) records_ = Selection::parse(o_.records);
  for (const auto& [field, key] : read_.map) part_.report.chosen.insert(field);
  part_.report.codec = rules_.codec;
}

void PackRun::check_target() {
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

// What is appended takes the codec, the schema and, unless told otherwise, the dtypes of the file.
void PackRun::prepare_append() {
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

namespace {

// Its records are packed as often.
void note_repeated(const std::vector<std::string>& inputs) {
  std::map<std::string, std::uint64_t> times;
  for (const auto& input : inputs) ++times[fs::path(input).lexically_normal().string()];
  for (const auto& [input, n] : times) {
    if (n > 1 && input != "-") note(fmt::format("{} is given {} times, and so are its records", input, n));
  }
}

}  // namespace

std::vector<std::string> PackRun::inputs() const {
  std::vector<std::string> inputs;
  for (const auto& argument : o_.inputs) {
    warn_of_missing_shards({argument});
    const auto files = input_files(argument);
    inputs.insert(inputs.end(), files.begin(), files.end());
  }
  note_repeated(inputs);
  if (std::count(inputs.begin(), inputs.end(), "-") > 1) throw Error(Exit::usage, "", "stdin ('-') can be read only once");
  return inputs;
}

FrameSource PackRun::make_source(std::vector<std::string> inputs) const {
  FrameSourceOptions s;
  s.inputs = std::move(inputs);
  s.from = o_.from;
  s.read = read_;
  s.records = records_;
  s.limit = o_.limit;
  s.skip_bad_files = rules_.skip_errors;
  return FrameSource(std::move(s));
}

void PackRun::open_spool(const std::string& target) {
  WriterOptions writer;
  writer.codec = rules_.codec;
  writer.overwrite = o_.force;
  writer.cut_tail_of_damaged = o_.force;
  spool_.emplace(SpoolOptions{target, o_.append, writer, jobs()});
}

bool PackRun::fits(const PackedChunk& chunk) const {
  if (chunk.lock_version == lock_->version) return true;
  if (chunk.refused_by_lock) return false;
  // An integer beyond 2^53 and a float of one field, each in a chunk that did not know of the other.
  for (const auto& key : lock_->exact) {
    const auto found = chunk.records.schema.entries.find(key);
    if (found != chunk.records.schema.entries.end() && type_info(found->second.type).scalar == Scalar::f64) return false;
  }
  Schema merged = lock_->schema;
  if (!merged.merge(chunk.records.schema).empty()) return false;
  // [n] in one chunk, [n, 1] in another: pack_chunk() says so.
  return std::ranges::none_of(chunk.guesses, [&](const auto& g) {
    const auto before = lock_->unsettled.find(g.first);
    if (before == lock_->unsettled.end() || !became_of_molecule(merged, g.first)) return false;
    ScopeGuess both = before->second;
    both.join(g.second);
    return both.mixed();
  });
}

void PackRun::update_lock(const PackedChunk& chunk) {
  const Schema& now = chunk.records.schema;
  Schema merged = lock_->schema;
  const bool widened = !merged.merge(now).empty();
  std::set<Schema::Key> exact = lock_->exact;
  exact.insert(chunk.exact.begin(), chunk.exact.end());
  Lock settled = *lock_;
  const bool settles = settled.settle(chunk.guesses, chunk.known_atoms);
  const bool both_moments = lock_->both_moments || chunk.both_moments;
  if (!settles && !widened && merged == lock_->schema && exact.size() == lock_->exact.size() && both_moments == lock_->both_moments) return;
  if (widened && spool_ && part_.report.records != 0) spool_->begin_segment();
  auto next = std::make_shared<Lock>();
  next->schema = widened ? now : std::move(merged);
  next->origins = lock_->origins;
  next->origins.insert(chunk.origins.begin(), chunk.origins.end());
  next->exact = std::move(exact);
  next->both_moments = both_moments;
  next->unsettled = std::move(settled.unsettled);
  next->version = lock_->version + 1;
  std::lock_guard guard(lock_mutex_);
  lock_ = std::move(next);
}

void PackRun::consume(PackedChunk&& chunk, FrameSource& source) {
  const std::string& input = source.input_name(chunk.work->input);
  if (!fits(chunk)) chunk = pack_chunk(std::move(chunk.work), input, *lock_, rules_);
  update_lock(chunk);
  if (spool_ && !chunk.records.entries.empty()) spool_->add(chunk.records);
  part_.records[chunk.work->input] += chunk.records.entries.size();
  part_.report.add(chunk);
  if (chunk.failure) throw *chunk.failure;
}

void PackRun::pack_all(FrameSource& source) {
  part_.records.assign(source.inputs(), 0);
  Progress progress(o_.dry_run ? "parsing" : "packing", source.total_bytes(), true);
  ordered_parallel<FrameWork, PackedChunk>(
      jobs(), [&] { return source.next(); },
      [&](FrameWork& work) {
        return pack_chunk(std::make_unique<FrameWork>(std::move(work)), source.input_name(work.input), *lock(), rules_);
      },
      [&](PackedChunk&& chunk) {
        if (look_) look_();
        consume(std::move(chunk), source);
        progress.advance_to(source.bytes_read());
        progress.set_records(part_.report.records);
      });
  part_.report.add_bad_files(source.failures());
  part_.report.bytes_in = source.bytes_read();
  part_.report.settle(*lock_);
  part_.lock = *lock_;
  part_.sources = source.sources();
  part_.records.resize(part_.sources.size());
}

PackedPart PackRun::pack_part(std::vector<std::string> inputs, const std::string& target, std::function<void()> look) {
  if (inputs.empty()) return {};
  look_ = std::move(look);
  open_spool(target);
  FrameSource source = make_source(std::move(inputs));
  pack_all(source);
  return part_;
}

namespace {

// What was [n, 1] wherever it was taken for the atoms': it is that again as the molecule's.
ColumnNames columns_of(const Lock& lock) {
  ColumnNames columns;
  for (const auto& [key, guess] : lock.unsettled) {
    if (guess.column) columns.insert(key);
  }
  return columns;
}

}  // namespace

std::string PackRun::finish_part(const Lock& whole) {
  if (part_.report.records == 0) {
    spool_.reset();
    return {};
  }
  const std::string path = spool_->finish_as_temporary(whole.schema, columns_of(whole));
  spool_.reset();
  return path;
}

// A key that the user named and that no frame had would leave the field empty in silence.
void PackRun::check_map_was_used(const PackedPart& whole) const {
  for (const auto& pair : o_.map) {
    const auto [field, key] = split_pair(pair, "--map", "FIELD=KEY");
    if (key == "none") continue;
    const auto& uses = whole.report.mapped.find(field == "virial" ? "stress" : field);
    const bool used = uses != whole.report.mapped.end() && std::any_of(uses->second.begin(), uses->second.end(), [&name = key](const auto& how) {
                        return how.find("'" + name + "'") != std::string::npos;
                      });
    if (used) continue;
    std::vector<std::string> keys;
    for (const auto& [k, entry] : whole.lock.schema.entries) keys.push_back(k.second);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      fail_input("", fmt::format("--map {}={}: '{}' is there, but it cannot be the {}", field, key, key, field),
                 "atp inspect INPUT shows its type");
    }
    const std::string near = nearest_name(key, keys);
    fail_input("", fmt::format("--map {}={}: no frame has '{}'", field, key, key),
               near.empty() ? "atp inspect INPUT lists what there is" : fmt::format("did you mean '{}'?", near));
  }
}

namespace {

// For a message: the inputs as they were named.
std::string inputs_text(const std::vector<std::string>& inputs) {
  const std::string first = inputs[0] == "-" ? "<stdin>" : inputs[0];
  return inputs.size() == 1 ? first : fmt::format("{} and {} more input{}", first, inputs.size() - 1, inputs.size() == 2 ? "" : "s");
}

}  // namespace

void PackRun::check_result(const PackedPart& whole) const {
  if (whole.report.records == 0) {
    whole.report.print_skipped();
    const char* why = whole.report.skipped_count == 0 ? "there is no frame to pack" : rules_.skip_unconverged ? "no frame is left" : "not one frame could be read";
    fail_input(inputs_text(o_.inputs), fmt::format("{}, so nothing was written", why));
  }
  check_map_was_used(whole);
  whole.report.warn_of_unused(rules_);
}

Metadata PackRun::metadata(const PackedPart& whole) const {
  Metadata m = old_metadata_;
  m.generator = fmt::format("atp {}", version());
  for (const auto& s : whole.sources) m.sources.push_back(s);
  m.units = standard_units();
  if (!lock_->schema.entries.contains(std::pair(Kind::builtin, std::string_view("velocities")))) m.units.erase("velocities");
  for (const auto& [field, hows] : whole.report.mapped) {
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
  return m;
}

bool PackRun::is_output(const std::string& input) const {
  std::error_code error;
  return !o_.output.empty() && fs::equivalent(input, o_.output, error);
}

// A name that means another format would say of an .atp file what it is not.
void PackRun::refuse_other_format() const {
  const ExportFormat* const other = o_.append ? nullptr : export_format_of(o_.output);
  if (other == nullptr) return;
  throw Error(Exit::usage, o_.output, fmt::format("its name says {}, and atp pack writes .atp files", other->name),
              fmt::format("pass -o {}, and write {} with atp export", fs::path(o_.output).replace_extension(".atp").string(), other->name));
}

Exit PackRun::to_file() {
  check_target();
  const auto start = std::chrono::steady_clock::now();
  if (o_.append) prepare_append();
  std::vector<std::string> all = inputs();
  // What an earlier run left in a folder of inputs is none of them.
  std::erase_if(all, [&](const std::string& input) { return is_output(input) && std::ranges::find(o_.inputs, input) == o_.inputs.end(); });
  for (const auto& input : all) {
    if (is_output(input)) {
      throw Error(Exit::usage, input, "is an input and the output");
    }
  }
  refuse_other_format();
  FrameSource source = make_source(all);
  if (!o_.dry_run) {
    note_leftovers(o_.output);
    open_spool(o_.output);
    if (o_.append) prepare_append();  // again: another run may have appended before the spool locked the file
  }
  pack_all(source);
  check_result(part_);
  if (spool_) spool_->finish(lock_->schema, columns_of(*lock_), metadata(part_).to_json());
  PackReport& report = part_.report;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.output = o_.output;
  report.dry_run = o_.dry_run;
  report.records_before = records_before_;
  report.codec = rules_.codec;
  o_.json ? report.print_json() : report.print_text();
  return Exit::ok;
}

}  // namespace atp
