// `atp pull`: datasets from the Hugging Face Hub or a web server.
#include "cmd/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/pull_progress.h"
#include "cmd/terminal.h"
#include "core/atp/verify.h"
#include "core/base/json_writer.h"
#include "core/io/output_file.h"

namespace atp {
namespace {

// What verify says of the files that are in place.
class Checks {
 public:
  explicit Checks(const PullCommand& command) : mode_(command.verify) {}

  // `alone`: only an address names the file, which may be anything, a page for people too.
  void check(const PullItem& item, bool alone) {
    if (mode_ == "none" || (!alone && !item.target.path.ends_with(".atp"))) return;
    const RemoteFile& file = item.file;
    const bool hashed = !file.etag().empty() || !file.xxh128.empty();
    VerifyOptions options;
    options.quick = mode_.empty() ? hashed : mode_ == "quick";
    options.jobs = jobs();
    std::string problem;
    try {
      const FileReport report = verify_file(*open_input_file(item.target.path), options);
      if (report.sound()) return;
      problem = report.damage.items.front().message;
    } catch (const Error& e) {
      if (e.exit() != Exit::input) throw;
      problem = e.problem();
    }
    const std::lock_guard lock(mutex_);
    ++damaged_;
    warn(fmt::format("{}: {}: {}; atp verify says more", item.target.path, hashed ? "is as the server has it, damaged" : "is damaged", problem));
  }

  std::uint64_t damaged() const { return damaged_; }

 private:
  std::string mode_;
  std::mutex mutex_;
  std::uint64_t damaged_ = 0;
};

class Pull {
 public:
  Pull(const PullCommand& command, HttpShared& shared)
      : command_(command), shared_(shared), cache_(shared.environment.cache, shared.environment.symlinks), folder_(command.local_dir, &cache_), checks_(command) {}

  Exit run(RemoteDataset&& dataset);
  // Without anything on stdout; returns the local path.
  std::string run_quietly(RemoteDataset&& dataset);

 private:
  bool on_hub() const { return !plan_.dataset.url; }
  bool is_alone() const { return !on_hub() && plan_.dataset.manifest.empty(); }
  bool into_cache() const { return on_hub() && command_.local_dir.empty(); }
  std::string plain_folder() const { return command_.local_dir.empty() ? "." : command_.local_dir; }
  std::string disk() const { return into_cache() ? cache_.root() : plain_folder(); }
  void make_plan();
  void execute();
  void find_size(RemoteFile& file);
  PullTarget target_of(const RemoteFile& file) const;
  std::string result() const;
  void check_space() const;
  void fetch();
  void finish_cache();
  bool keeps_manifest() const;
  void check_manifest() const;
  void report(double seconds) const;

  const PullCommand& command_;
  HttpShared& shared_;
  HubCache cache_;
  LocalFolder folder_;
  PullPlan plan_;
  Checks checks_;
  std::uint64_t fetched_ = 0, fetched_files_ = 0;
};

PullTarget Pull::target_of(const RemoteFile& file) const {
  if (into_cache()) return cache_.target(file);
  return on_hub() ? folder_.target(file) : plain_target(plain_folder(), file, command_.force);
}

// The size of a lone file is asked for beforehand: for the progress and the space it needs. That of one that is there
// tells whether it is that one.
void Pull::find_size(RemoteFile& file) {
  if (file.size_known || (plan_.dataset.files.size() > 1 && !target_of(file).current())) return;
  HttpClient client(shared_);
  file.size = locate(client, file).size;
  file.size_known = true;
}

std::string Pull::result() const {
  const std::string& path = plan_.dataset.address.path;
  if (into_cache()) {
    const std::string snapshot = cache_.snapshot(plan_.dataset.address.repo, plan_.dataset.commit);
    return path.empty() ? snapshot : snapshot + "/" + path;
  }
  std::string folder = plain_folder();
  if (on_hub()) return path.empty() ? folder : folder + "/" + path;
  return plan_.dataset.files.size() == 1 ? folder + "/" + plan_.dataset.files.front().path : folder;
}

void Pull::make_plan() {
  for (RemoteFile& file : plan_.dataset.files) find_size(file);
  plan_.result = result();
  for (const RemoteFile& file : chosen_files(command_, plan_.dataset)) {
    PullItem item{file, target_of(file)};
    if (on_hub() && item.target.current()) {  // else a hash may have to be compared first
      plan_.present.push_back(std::move(item));
      continue;
    }
    if (shared_.environment.offline) {
      throw Error(Exit::network, file.name(), fmt::format("{} and the file is not in the cache {}", shared_.environment.offline_why, cache_.root()), "pull it once with the network");
    }
    if (!on_hub() && !command_.force && std::filesystem::exists(item.target.path) && !item.target.current()) refuse_to_replace(item.target.path);
    const bool blob = on_hub() && cache_.blob(file);
    if (!blob) {
      plan_.bytes += file.size;
      plan_.kept += std::min(file.size, kept_bytes(item.target));
    }
    plan_.items.push_back(std::move(item));
  }
  check_manifest();
}

void Pull::check_space() const {
  const std::uint64_t needed = plan_.bytes - plan_.kept, there = free_space(disk());
  if (needed <= there) return;
  throw Error(Exit::system, disk(), fmt::format("{} are needed, {} are free", human_bytes(needed), human_bytes(there)),
              into_cache() ? "free some space, or set HF_HUB_CACHE to another disk" : "free some space or write elsewhere");
}

void Pull::fetch() {
  PullProgress progress(plan_.items, plan_.bytes);
  DownloadOptions options;
  options.connections = remote_connections();
  options.events = progress.events();
  options.check = [&](const PullItem& item, bool) { checks_.check(item, is_alone()); };
  const std::uint64_t before = shared_.bytes;
  download(plan_.items, shared_, options);
  fetched_ = shared_.bytes - before;
  fetched_files_ = progress.fetched_files();
}

// What others need to find the files: the ref comes last, when its snapshot is there.
void Pull::finish_cache() {
  const auto& [repo, revision, path] = plan_.dataset.address;
  try {
    if (plan_.dataset.complete) cache_.write_tree(repo, plan_.dataset.commit, plan_.dataset.files);
    cache_.write_ref(repo, revision, plan_.dataset.commit);
  } catch (const Error&) {
    if (!plan_.items.empty()) throw;  // else a cache that is read-only: what is in it can be used all the same
  }
}

void Pull::report(double seconds) const {
  if (command_.json) {
    JsonWriter w;
    w.begin_object().key("path").string(plan_.result);
    if (on_hub()) w.key("repo").string(plan_.dataset.address.repo).key("revision").string(plan_.dataset.address.revision).key("commit").string(plan_.dataset.commit);
    w.key("files").begin_array();
    for (const auto* list : {&plan_.present, &plan_.items}) {
      for (const PullItem& item : *list) {
        w.begin_object().key("path").string(item.target.path).key("bytes").count(item.file.size);
        if (!item.file.etag().empty()) w.key("etag").string(item.file.etag());
        w.end_object();
      }
    }
    w.end_array().key("fetched_files").count(fetched_files_).key("fetched_bytes").count(fetched_).key("requests").count(shared_.requests);
    w.key("damaged_files").count(checks_.damaged()).key("seconds").real(seconds).end_object();
    print(w.take() + "\n");
    return;
  }
  print(plan_.result + "\n");
  const std::uint64_t there = plan_.present.size() + plan_.items.size() - fetched_files_;
  note(fmt::format("{} fetched, {} in {}{}", fetched_files_ == 1 ? "1 file" : fmt::format("{} files", fetched_files_), human_bytes(fetched_), human_seconds(seconds),
                   there == 0 ? "" : fmt::format("; {} already there", there)));
}

Exit Pull::run(RemoteDataset&& dataset) {
  const auto start = std::chrono::steady_clock::now();
  plan_.dataset = std::move(dataset);
  make_plan();
  if (command_.dry_run) {
    print_plan(command_, plan_);
    return Exit::ok;
  }
  execute();
  report(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return checks_.damaged() == 0 ? Exit::ok : Exit::no;
}

void Pull::execute() {
  check_space();
  if (!plan_.items.empty() && on_hub()) {
    if (into_cache()) cache_.prepare(plan_.dataset.address.repo, plan_.dataset.commit);
    else folder_.prepare();
  }
  for (const PullItem& item : plan_.present) checks_.check(item, is_alone());
  fetch();
  if (into_cache() && !shared_.environment.offline) finish_cache();
  if (keeps_manifest()) write_text_file(plain_folder() + "/" + plan_.dataset.manifest_name, plan_.dataset.manifest, true);
}

// What names all shards of a folder tells readers later when one is missing.
bool Pull::keeps_manifest() const {
  const std::string& name = plan_.dataset.manifest_name;
  if (name.empty() || !command_.include.empty() || !command_.exclude.empty()) return false;
  return std::ranges::none_of(plan_.dataset.files, [&](const RemoteFile& file) { return file.path == name; });
}

// Another dataset's manifest stays.
void Pull::check_manifest() const {
  const std::string path = plain_folder() + "/" + plan_.dataset.manifest_name;
  if (!keeps_manifest() || command_.force || !std::filesystem::exists(path)) return;
  std::error_code error;
  if (std::filesystem::file_size(path, error) != plan_.dataset.manifest.size()) refuse_to_replace(path);
  std::ifstream file(path, std::ios::binary);
  if (std::string(std::istreambuf_iterator<char>(file), {}) != plan_.dataset.manifest) refuse_to_replace(path);
}

std::string Pull::run_quietly(RemoteDataset&& dataset) {
  plan_.dataset = std::move(dataset);
  make_plan();
  execute();
  if (checks_.damaged() > 0) fail_input(plan_.result, "is damaged", "atp verify says more");
  return plan_.result;
}

void check_command(const PullCommand& c) {
  const auto refuse = [](const char* what, const char* fix) { throw Error(Exit::usage, "", what, fix); };
  if (c.inspect && !c.list) refuse("--inspect is for --list", "atp inspect looks into one dataset");
  if (c.list && c.dry_run) refuse("--list and --dry-run do not go together", "choose one");
  if (c.list && !c.local_dir.empty()) refuse("--list and --local-dir do not go together", "choose one");
  const bool some = !c.records.empty() || c.sample;
  if (some && c.output.empty()) refuse("--records and --sample write one file", "name it with --output");
  if (!c.output.empty() && !some) refuse("--output is for --records and --sample", "whole files go into the cache, or into --local-dir");
  if (!c.records.empty() && c.sample) refuse("--records and --sample do not go together", "choose one");
  if (some && (c.list || c.dry_run || !c.local_dir.empty() || !c.verify.empty() || !c.include.empty() || !c.exclude.empty())) {
    refuse("--records and --sample go with none of --list, --dry-run, --local-dir, --verify, --include and --exclude", "leave those out");
  }
  if (!some && c.gap) refuse("--gap is for --records and --sample", "leave it out");
  if (!some && c.force && !is_http_address(c.source)) refuse("--force is for --records, --sample and https:// addresses", "leave it out");
  if (is_remote(c.source) && !c.path.empty()) refuse("an address has its path in it", "leave PATH out");
  if (is_remote(c.source) && !c.revision.empty()) refuse("an address has its revision in it, as hf://OWNER/NAME@REVISION", "leave --revision out");
  if (is_http_address(c.source) && c.list) refuse("--list is for the Hub", "name a repository");
}

}  // namespace

std::string source_address(const PullCommand& command) {
  if (is_remote(command.source)) return command.source;
  if (const auto problem = repo_problem(command.source); !problem.empty()) {
    throw Error(Exit::usage, "", fmt::format("'{}' is not a repository: {}", command.source, problem), "name it as OWNER/NAME, and what is in it behind that: atp pull OWNER/NAME PATH");
  }
  HubAddress address{command.source, command.revision.empty() ? "main" : command.revision, cleaned_path(command.path)};
  if (const auto problem = revision_problem(address.revision); !problem.empty()) throw Error(Exit::usage, "", problem, "name a branch, a tag or a commit");
  return address.text();
}

std::string pull_quietly(const PullCommand& command, HttpShared& shared, RemoteDataset&& dataset) { return Pull(command, shared).run_quietly(std::move(dataset)); }

Exit pull(const PullCommand& command) {
  check_command(command);
  const std::string address = source_address(command);
  const bool named = is_hub_address(address) && !is_hub_address(command.source);
  const auto shared = remote_access(command.remote);
  RemoteDataset dataset;
  if (named) {  // OWNER/NAME may be NAME alone, which no address can be
    HubAddress hub{command.source, command.revision.empty() ? "main" : command.revision, cleaned_path(command.path)};
    dataset = find_on_hub(*shared, hub);
  } else {
    dataset = find_remote(*shared, address);
  }
  if (command.list) {
    print_list(command, *shared, dataset);
    return Exit::ok;
  }
  if (!command.output.empty()) return pull_records(command, *shared, dataset);
  return Pull(command, *shared).run(std::move(dataset));
}

Run declare_pull(CLI::App& app) {
  auto o = std::make_shared<PullCommand>();
  app.add_option("REPO", o->source, "a dataset repository OWNER/NAME, an address hf://OWNER/NAME[@REVISION]/PATH, or https:// of an .atp file or manifest.json")
      ->required()
      ->type_name("REPO");
  app.add_option("PATH", o->path, "a file or folder in the repository")->type_name("REPO_PATH");
  app.add_option("--revision", o->revision, "a branch, tag, refs/pr/N or commit (default: main)")->type_name("REVISION")->group("What to pull");
  app.add_option("--include", o->include, "pull the files that match GLOB instead of all .atp files and manifests; may be given several times")
      ->type_name("GLOB")
      ->group("What to pull");
  app.add_option("--exclude", o->exclude, "leave out the files that match GLOB; may be given several times")->type_name("GLOB")->group("What to pull");
  app.add_flag("--list", o->list, "show the datasets of the repository, with shards and sizes, instead")->group("What to pull");
  app.add_flag("--inspect", o->inspect, "with --list: also records and codecs, by a few small requests a shard")->group("What to pull");
  add_selection(app, "--records", o->records, "fetch these records only, into --output: 0,5,10:20,-1, as Python slices")->group("Some records");
  add_count(app, "--sample", o->sample, "fetch N records drawn at random, in their order, into --output")->group("Some records");
  app.add_option("--seed", o->seed, "draw others (default: 0)")->type_name("N")->group("Some records");
  app.add_option("-o,--output", o->output, "the new .atp file for --records and --sample")->type_name("OUTPUT")->group("Some records");
  app.add_flag("-f,--force", o->force, "replace --output, or what lies where files of an https:// address go")->group("Where to and how");
  app.add_option_function<std::string>(
         "--gap", [o](const std::string& text) { o->gap = parse_size(text); },
         "fetch up to SIZE bytes that nobody asked for rather than make another request (default: by what a request costs)")
      ->type_name("SIZE")
      ->group("Some records");
  app.add_option("--local-dir", o->local_dir, "write plain files into DIR instead of the cache (default for https:// addresses: the current folder)")
      ->type_name("DIR")
      ->group("Where to and how");
  app.add_flag("--dry-run", o->dry_run, "show what would be fetched, and fetch nothing")->group("Where to and how");
  add_choice(app, "--verify", o->verify, {"full", "quick", "none"},
             "check each .atp file as atp verify does; quick is the default, full where the server states no hash")
      ->group("Where to and how");
  add_size(app, "--limit-rate", o->remote.limit_rate, "fetch at most SIZE bytes a second, all connections together")->group("Where to and how");
  app.add_option("--token", o->remote.token_file, "read the token from FILE, or from stdin for -, instead of the environment")->type_name("FILE")->group("Access");
  app.add_option("--ca-file", o->remote.ca_file, "trust the certificate authorities in FILE (PEM) instead of the system's")->type_name("FILE")->group("Access");
  app.add_flag("--json", o->json, "print the result as one JSON object")->group("Output");
  return [o] {
    while (o->local_dir.size() > 1 && o->local_dir.ends_with('/')) o->local_dir.pop_back();
    return pull(*o);
  };
}

}  // namespace atp
