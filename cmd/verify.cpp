// `atp verify`: whether datasets are what was written, and what can be saved when they are not.
#include "cmd/verify.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <new>
#include <set>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/remote_inputs.h"
#include "cmd/terminal.h"
#include "core/atp/dataset.h"
#include "core/atp/manifest.h"
#include "core/stats/value_checks.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

std::uint64_t size_or_zero(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

// All files of one run of the command.
class Verification {
 public:
  explicit Verification(const VerifyCommand& command) : command_(command) {}

  Exit run();

 private:
  void check_file(const std::string& path, Progress& progress);
  void check_manifest_of(const std::string& folder, Progress& progress);
  void done(CheckedFile&& file);
  VerifyOptions options_for(const std::string& path, Progress& progress);
  void print_end();

  const VerifyCommand& command_;
  VerifyTotals totals_;
  JsonWriter json_;
  DuplicateFinder duplicates_;
  std::uint64_t bytes_before_ = 0, records_before_ = 0;
  bool single_ = false;
};

VerifyOptions Verification::options_for(const std::string& path, Progress& progress) {
  VerifyOptions options;
  options.quick = command_.quick;
  options.jobs = jobs();
  options.progress = [&](std::uint64_t bytes, std::uint64_t records) {
    progress.advance_to(bytes_before_ + bytes);
    progress.set_records(records_before_ + records);
  };
  if (command_.values) {
    duplicates_.begin_file(path);
    options.look = [limit = command_.max_force.value_or(kMaxForce)](std::uint64_t record, const RecordView& view, ValueNotes& notes) {
      check_values(record, view, limit, notes);
    };
    options.noted = [&](ValueNotes& notes) { duplicates_.add(notes); };
  }
  return options;
}

void Verification::check_file(const std::string& path, Progress& progress) {
  CheckedFile checked;
  try {
    checked.report = verify_file(*open_input_file(path), options_for(path, progress));
  } catch (const Error& e) {
    checked = CheckedFile::refusal(path, e);
  } catch (const std::bad_alloc&) {  // the other files may need less
    checked = CheckedFile::refusal(path, Error(Exit::system, path, "needs more memory than there is", "use fewer threads with -j"));
  }
  bytes_before_ += size_or_zero(path);
  records_before_ += checked.report.records;
  progress.advance_to(bytes_before_);
  done(std::move(checked));
}

void Verification::check_manifest_of(const std::string& folder, Progress& progress) {
  CheckedFile checked;
  ManifestOptions options;
  options.hashes = command_.manifest;
  options.progress = [&](std::uint64_t bytes) { progress.advance_to(bytes_before_ + bytes); };
  const std::string path = (fs::path(folder) / "manifest.json").string();
  try {
    checked.report = check_manifest(folder, options);
  } catch (const Error& e) {
    checked = CheckedFile::refusal(path, e);
  }
  bytes_before_ += checked.report.bytes_read;
  const std::uint64_t records = checked.report.records;
  if (!command_.manifest) checked.report.records = 0;  // the files themselves are counted
  done(std::move(checked));
  records_before_ += command_.manifest ? records : 0;
}

void Verification::done(CheckedFile&& file) {
  totals_.add(file);
  if (command_.json) {
    write_report_json(json_, file);
  } else if (single_ && file.refused && command_.format == "text") {
    throw *file.refused;
  } else {
    print(command_.format == "github" ? report_github(file) : report_text(file, command_));
  }
}

void Verification::print_end() {
  if (command_.json) {
    json_.end_array().key("level").string(command_.manifest ? "manifest" : command_.quick ? "quick" : "full");
    json_.key("records").count(totals_.records).key("bytes_read").count(totals_.bytes_read).key("seconds").real(totals_.seconds);
    json_.key("sound").boolean(totals_.damaged == 0 && totals_.refused == 0).end_object();
    print(json_.text() + "\n");
  } else if (!common_options().quiet) {
    print(summary_line(totals_, command_));
  }
}

Exit Verification::run() {
  const auto start = std::chrono::steady_clock::now();
  NamedFiles named = files_of(command_.inputs);
  if (command_.manifest) {
    if (named.manifests.empty() && named.refused.empty()) fail_input(command_.inputs[0], "holds no manifest.json");
    named.files.clear();
  }
  single_ = named.files.size() + named.manifests.size() + named.refused.size() == 1;
  if (command_.json) json_.begin_object().key("files").begin_array();
  {
    std::uint64_t total = 0;
    if (!command_.quick) {
      for (const auto& path : named.files) total += size_or_zero(path);
    }
    Progress progress("verifying", total, true);
    for (const auto& [path, error] : named.refused) done(CheckedFile::refusal(path, error));
    for (const auto& folder : named.manifests) check_manifest_of(folder, progress);
    for (const auto& path : named.files) check_file(path, progress);
  }
  totals_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (command_.values && duplicates_.full()) {
    note(fmt::format("duplicates were looked for among the first {} different structures", human_count(DuplicateFinder::kMost)));
  }
  print_end();
  return totals_.exit(command_.strict);
}

// What cannot be meant together, said before anything is opened.
void check_modes(const VerifyCommand& c) {
  std::vector<std::string> modes;
  if (c.quick) modes.emplace_back("--quick");
  if (c.repair) modes.emplace_back("--repair");
  if (!c.salvage.empty()) modes.emplace_back("--salvage");
  if (c.manifest) modes.emplace_back("--manifest");
  if (c.sums) modes.emplace_back("--sums");
  if (!c.check.empty()) modes.emplace_back("--check");
  if (c.values && !modes.empty()) modes.emplace_back("--values");
  if (modes.size() > 1) throw Error(Exit::usage, "", fmt::format("{} and {} do not go together", modes[0], modes[1]), "run atp verify twice");
  if (c.dry_run && !c.repair) throw Error(Exit::usage, "", "--dry-run is for --repair");
  if (c.force && c.salvage.empty()) throw Error(Exit::usage, "", "--force is for --salvage");
  if (c.json && c.format != "text") throw Error(Exit::usage, "", "--json and --format github do not go together");
  if (c.json && c.sums) throw Error(Exit::usage, "", "--sums prints its own format; leave --json out");
  if (c.inputs.empty() && c.check.empty()) throw Error(Exit::usage, "", "DATASET is missing", "see atp verify --help");
  if (!c.inputs.empty() && !c.check.empty()) {
    throw Error(Exit::usage, "", fmt::format("unexpected argument '{}'", c.inputs[0]), "the list behind --check names the files");
  }
  if (!c.salvage.empty() && c.inputs.size() != 1) throw Error(Exit::usage, "", "--salvage takes one damaged file", "atp verify --salvage OUT FILE");
}

}  // namespace

NamedFiles files_of(const std::vector<std::string>& inputs) {
  NamedFiles named;
  std::set<std::string> folders;
  for (const auto& input : inputs) {
    try {
      std::error_code error;
      if (fs::is_directory(input, error)) {
        for (const auto& path : files_below(input, [](const std::string& p) { return fs::path(p).filename() == "manifest.json"; })) {
          const std::string folder = fs::path(path).parent_path().string();
          if (folders.insert(folder).second) named.manifests.push_back(folder);
        }
      }
      const auto found = dataset_files(input);
      named.files.insert(named.files.end(), found.begin(), found.end());
    } catch (const Error& e) {
      if (inputs.size() == 1 && named.manifests.empty()) throw;
      named.refused.push_back({input, Error(e.exit(), "", e.problem(), e.fix())});
    }
  }
  return named;
}

Exit verify_datasets(const VerifyCommand& command) { return Verification(command).run(); }

Exit verify(const VerifyCommand& command) {
  check_modes(command);
  if (command.repair) return repair_files(command);
  if (!command.salvage.empty()) return salvage(command);
  if (command.sums) return print_sums(command);
  if (!command.check.empty()) return check_sums(command);
  return verify_datasets(command);
}

Run declare_verify(CLI::App& app) {
  auto o = std::make_shared<VerifyCommand>();
  app.add_option("DATASET", o->inputs, "an .atp file, a folder of shards, a glob or an hf:// address")->type_name("DATASET");
  app.add_flag("--quick", o->quick, "check headers, blocks and index, but read no record")->group("What to check");
  app.add_flag("--values", o->values, "also report values that look wrong: NaN, coincident atoms, duplicates and the like")->group("What to check");
  app.add_option_function<double>(
         "--max-force",
         [o](const double& f) {
           if (!(f > 0) || !std::isfinite(f)) throw Error(Exit::usage, "", fmt::format("the force {} is no limit", f), "pass eV/Å, as --max-force 50");
           o->max_force = f;
           o->values = true;
         },
         "report forces above F eV/Å (default: 100; implies --values)")
      ->type_name("F")
      ->group("What to check");
  app.add_flag("--strict", [o](std::int64_t) { o->strict = o->values = true; }, "exit 1 when there are findings (implies --values)")
      ->group("What to check");
  app.add_flag("--manifest", o->manifest, "check folders against their manifest.json only: names, counts, sizes, hashes")->group("What to check");
  app.add_flag("--sums", o->sums, "print XXH3-128 and SHA-256 of each file instead, as xxhsum and sha256sum take them")->group("Checksum lists");
  app.add_option("--check", o->check, "check the files that a list of such sums names")->type_name("FILE")->group("Checksum lists");
  app.add_flag("--repair", o->repair, "mend in place, keeping every record that the index still leads to; for others, --salvage first")->group("Mending");
  app.add_flag("--dry-run", o->dry_run, "with --repair: say what would be done, and do nothing")->group("Mending");
  app.add_option("--salvage", o->salvage, "look for the records of a file that cannot be read any more and write them to the new file OUT")
      ->type_name("OUT")
      ->group("Mending");
  app.add_flag("-f,--force", o->force, "with --salvage: replace OUT")->group("Mending");
  app.add_flag("--json", o->json, "print the result as one JSON object")->group("Output");
  add_choice(app, "--format", o->format, {"text", "github"}, "lines for people (the default), or annotations for GitHub workflows")->group("Output");
  return [o] {
    check_modes(*o);
    fetch_inputs(o->inputs);
    return verify(*o);
  };
}

}  // namespace atp
