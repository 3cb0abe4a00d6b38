// Which files and folders an argument stands for (format.h).
#include <fmt/format.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <new>
#include <set>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/hub/names.h"
#include "formats/format.h"

namespace atp {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCompressions[] = {".gz", ".xz", ".zst", ".bz2"};

// Calls `use` with each of "a, b, c" until it says yes.
template <class Use>
bool any_of_list(std::string_view list, Use&& use) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view word = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (word.starts_with(' ')) word.remove_prefix(1);
    if (use(word)) return true;
  }
  return false;
}

bool has_extension(std::string_view name, std::string_view extension) {
  return name.size() > extension.size() + 1 && name.ends_with(extension) && name[name.size() - extension.size() - 1] == '.';
}

bool is_input_name(std::string_view name) {
  for (const std::string_view compression : kCompressions) {
    if (!name.ends_with(compression)) continue;
    name.remove_suffix(compression.size());
    break;
  }
  const std::string text(name);
  return std::ranges::any_of(formats(), [&](const Format& f) {
    return any_of_list(f.extensions, [&](std::string_view extension) { return has_extension(text, extension); }) ||
           any_of_list(f.file_names, [&](std::string_view pattern) { return ::fnmatch(std::string(pattern).c_str(), text.c_str(), 0) == 0; });
  });
}

// A manifest.json beside .atp files and fairchem's metadata.npz beside its databases say what they are, and are no datasets
// themselves.
void leave_out_manifests(std::vector<std::string>& files) {
  std::set<fs::path> with_shards, with_databases;
  for (const fs::path file : files) {
    if (file.extension() == ".atp") with_shards.insert(file.parent_path());
    if (file.extension() == ".lmdb" || file.extension() == ".aselmdb") with_databases.insert(file.parent_path());
  }
  std::erase_if(files, [&](const fs::path file) {
    return (file.filename() == "manifest.json" && with_shards.contains(file.parent_path())) ||
           (file.filename() == "metadata.npz" && with_databases.contains(file.parent_path()));
  });
}

// The inputs below a folder. Links are followed, also those to folders, and each folder is read once: a link may lead back.
class FilesBelow {
 public:
  void add(const std::string& folder) {
    throw_if_interrupted();
    struct stat st = {};
    if (::stat(folder.c_str(), &st) != 0 || !visited_.emplace(st.st_dev, st.st_ino).second) return;
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) entries.push_back(*it);
    if (error) fail_system(folder, "cannot read the directory", error.value());
    std::ranges::sort(entries);
    for (const fs::directory_entry& e : entries) take(e);
  }
  std::vector<std::string> found;

 private:
  void take(const fs::directory_entry& e) {
    const std::string& path = e.path().native();
    std::error_code ignored;
    if (e.is_directory(ignored)) {
      if (!is_input_folder(path)) return add(path);
      found.push_back(path);
    } else if (is_input_name(e.path().filename().native()) && (e.is_regular_file(ignored) || !e.exists(ignored))) {
      found.push_back(path);  // a link that leads nowhere is named by whoever opens it
    }
  }

  std::set<std::pair<dev_t, ino_t>> visited_;
};

std::vector<std::string> files_below(const std::string& folder) {
  FilesBelow below;
  below.add(folder);
  std::vector<std::string>& found = below.found;
  leave_out_manifests(found);
  if (found.empty()) {
    fail_input(folder, "holds no file with a name that atp knows", "atp formats lists them; a file named outright is told by its content");
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> files_matching(const std::string& pattern) {
  struct Matches {
    glob_t g = {};
    ~Matches() { ::globfree(&g); }
  } matches;
  const int code = ::glob(pattern.c_str(), 0, nullptr, &matches.g);
  if (code == GLOB_NOSPACE) throw std::bad_alloc();
  if (code != 0 || matches.g.gl_pathc == 0) fail_input(pattern, "matches no file");
  std::vector<std::string> found;
  for (std::size_t i = 0; i < matches.g.gl_pathc; ++i) {
    std::string path = matches.g.gl_pathv[i];
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored) || is_input_folder(path)) {
      found.push_back(std::move(path));
      continue;
    }
    for (std::string& below : files_below(path)) found.push_back(std::move(below));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

bool is_input_folder(const std::string& folder) {
  return std::ranges::any_of(formats(), [&](const Format& f) { return f.claims_folder != nullptr && f.claims_folder(folder); });
}

std::optional<std::uint64_t> input_bytes(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto status = fs::status(path, error);
  if (fs::is_regular_file(status)) {
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
  }
  if (!fs::is_directory(status)) return fs::exists(status) ? std::nullopt : std::optional<std::uint64_t>(0);
  std::uint64_t sum = 0;
  for (fs::recursive_directory_iterator it(path, error); !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    const auto size = it->file_size(ignored);
    if (!ignored) sum += size;
  }
  return sum;
}

std::vector<std::string> input_files(const std::string& argument) {
  if (is_remote(argument)) throw Error(Exit::usage, shown_address(argument), "is on a server, and input formats are read from files", fmt::format("fetch it first: atp pull {}", shown_address(argument)));
  if (argument == "-") return {argument};
  std::error_code error;
  const auto status = std::filesystem::status(argument, error);
  if (std::filesystem::is_directory(status)) return is_input_folder(argument) ? std::vector{argument} : files_below(argument);
  if (std::filesystem::exists(status)) return {argument};
  if (argument.find_first_of("*?[") != std::string::npos) return files_matching(argument);
  fail_system(argument, "cannot open", error ? error.value() : ENOENT);
}

}  // namespace atp
