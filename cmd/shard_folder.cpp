#include "cmd/shard_folder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>

#include "core/atp/dataset.h"
#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/io/fd.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

// The "plan" in a JSON file; empty when there is no such file or no such key.
std::string plan_in(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view plan;
  if (parser.load(path).get(root) != simdjson::SUCCESS || root["plan"].get(plan) != simdjson::SUCCESS) return {};
  return std::string(plan);
}

bool all_digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

// "part_0017.atp", and what a killed writer made of it: "part_0017.atp.tmp-4711-0".
bool is_shard_name(std::string_view name) {
  if (!name.starts_with("part_")) return false;
  const auto dot = name.find('.');
  return dot != std::string_view::npos && all_digits(name.substr(5, dot - 5)) &&
         (name.substr(dot) == ".atp" || name.substr(dot).starts_with(".atp.tmp-"));
}

bool is_list_name(std::string_view name) {
  const auto is = [&](std::string_view base) { return name == base || name.starts_with(std::string(base) + ".tmp-"); };
  return is("manifest.json") || is(kShardStateName);
}

}  // namespace

ShardFolder::ShardFolder(std::string folder, std::vector<std::string> files, std::string plan)
    : folder_(std::move(folder)), files_(std::move(files)), plan_(std::move(plan)) {}

std::string ShardFolder::path(const std::string& file) const { return (fs::path(folder_) / file).string(); }

std::vector<std::string> ShardFolder::listing() const {
  std::vector<std::string> names;
  for (const auto& path : files_below(folder_, [](const std::string&) { return true; })) {
    std::string name = fs::path(path).lexically_relative(folder_).string();
    if (!passed_over_.contains(name)) names.push_back(std::move(name));
  }
  return names;
}

// By its name a file that atp shard writes.
bool ShardFolder::is_ours(const std::string& file) const {
  const std::string name = fs::path(file).filename().string();
  return is_shard_name(name) || is_list_name(name);
}

void ShardFolder::pass_over(const std::string& path) { passed_over_.insert(fs::path(path).lexically_relative(folder_).string()); }

bool ShardFolder::has(const std::string& file) const {
  std::error_code error;
  return resuming_ && fs::is_regular_file(path(file), error);
}

void ShardFolder::check(bool resume, bool force) {
  std::error_code error;
  const auto status = fs::status(folder_, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) throw Error(Exit::usage, folder_, "is not a folder", "name a folder with -o");
  std::vector<std::string> there = listing();
  // A run killed before its state file was in place has done nothing yet.
  for (const auto& leftover : leftovers_of(path(kShardStateName))) {
    obsolete_.push_back(fs::path(leftover).lexically_relative(folder_).string());
    std::erase(there, obsolete_.back());
  }
  if (there.empty()) return;

  const bool unfinished = plan_in(path(kShardStateName)) == plan_;
  complete_ = !fs::exists(path(kShardStateName)) && std::all_of(files_.begin(), files_.end(), [&](const std::string& file) {
    return fs::path(file).filename() == "manifest.json" ? plan_in(path(file)) == plan_ : fs::is_regular_file(path(file), error);
  });
  if (resume && (unfinished || complete_)) {
    resuming_ = true;
    for (const auto& file : there) {
      const bool manifest = fs::path(file).filename() == "manifest.json";  // written last, so written anew
      if (is_ours(file) && (manifest || file.find(".tmp-") != std::string::npos)) obsolete_.push_back(file);
    }
    return;
  }
  complete_ = false;
  if (resume && !force) {
    const bool other = fs::exists(path(kShardStateName));
    throw Error(Exit::system, folder_,
                other ? "holds an unfinished run of another plan: inputs or options have changed since" : "holds no run that could be resumed",
                "pass --force to replace its shards, or name another folder");
  }
  if (!force) {
    const bool state = fs::exists(path(kShardStateName));
    throw Error(Exit::system, folder_, fmt::format("is not empty: it holds {}{}", there[0], there.size() > 1 ? fmt::format(" and {} more", there.size() - 1) : ""),
                state ? "a run has not finished: repeat atp shard with --resume, or pass --force to begin anew" : "pass --force to replace the shards in it, or name another folder");
  }
  for (const auto& file : there) {
    if (is_ours(file)) {
      obsolete_.push_back(file);
    } else if (file.ends_with(".atp")) {
      throw Error(Exit::system, path(file), "is in the way: it would become part of the dataset", "move it, or name another folder with -o");
    }
  }
}

void ShardFolder::begin() {
  std::error_code error;
  std::vector<std::string> folders{folder_};
  for (const auto& file : files_) folders.push_back(fs::path(path(file)).parent_path().string());
  for (const auto& folder : folders) {
    if (!fs::create_directories(folder, error) && error) fail_system(folder, "cannot make the folder", error.value());
  }
  // The state file comes first: whatever is removed or written after it belongs to an unfinished run.
  if (!resuming_ || !fs::exists(path(kShardStateName))) {
    JsonWriter w;
    w.begin_object().key("plan").string(plan_).key("note").string("atp is writing this folder, or was stopped: repeat atp shard with --resume, atp pack with --force");
    w.key("shards").count(static_cast<std::uint64_t>(std::count_if(files_.begin(), files_.end(), [](const auto& f) { return f.ends_with(".atp"); })));
    w.end_object();
    write_text_file(path(kShardStateName), w.text() + "\n", true);
  }
  state_ = real_disk().open_existing(path(kShardStateName));
  for (const auto& file : obsolete_) {
    if (file == kShardStateName) continue;
    real_disk().remove(path(file));
    const fs::path above = fs::path(file).parent_path();  // of a split that is no more
    if (!above.empty() && std::find(folders.begin(), folders.end(), path(above.string())) == folders.end()) fs::remove(path(above.string()), error);
  }
}

void ShardFolder::end() {
  real_disk().remove(path(kShardStateName));
  state_.reset();
}

}  // namespace atp
