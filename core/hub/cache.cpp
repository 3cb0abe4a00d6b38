#include "core/hub/cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/base/interrupt.h"
#include "core/base/json_writer.h"
#include "core/hub/content_hash.h"
#include "core/hub/partial.h"
#include "core/io/output_file.h"

namespace atp {
namespace {

namespace fs = std::filesystem;
namespace dom = simdjson::dom;

constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds files that can be fetched again.\n";
constexpr std::uintmax_t kLargestTree = std::uintmax_t{1} << 30;

void make_folders(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error && !fs::is_directory(path)) fail_system(path, "cannot make the folder", error.value());
}

void make_parents(const std::string& path) { make_folders(fs::path(path).parent_path().string()); }

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// A link counts, whatever it names.
bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

std::optional<std::uint64_t> size_of(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(size);
}

std::optional<std::string> small_text(const std::string& path, std::uintmax_t most) {
  const auto size = size_of(path);
  if (!size || *size > most) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return file.bad() ? std::nullopt : std::optional(text);
}

// Where it cannot be written (a shared cache that is read-only), nothing is lost.
void write_tag(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0) return;
  try {
    write_text_file(path, kCacheTag, true);
  } catch (const Error&) {
  }
}

void rename_onto(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_system(to, "cannot rename onto it", errno);
  const std::string folder = fs::path(to).parent_path().string();
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) (void)::fsync(fd.get());
}

// A copy that appears whole or not at all; on file systems that can, it takes no space.
void copy_onto(const std::string& from, const std::string& to) {
  const std::string temporary = fmt::format("{}.tmp-{}-{}", to, ::getpid(), std::hash<std::thread::id>()(std::this_thread::get_id()) % 100000);
  std::error_code error;
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (!error) return rename_onto(temporary, to);
  ::unlink(temporary.c_str());
  fail_system(to, "cannot copy to it", error.value());
}

bool same_file(const Fd& fd, const std::string& path) {
  struct stat named = {};
  const struct stat opened = status_of(fd, path);
  return ::stat(path.c_str(), &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

}  // namespace

FileLock::FileLock(const std::string& path, const std::function<void()>& waiting) {
  make_parents(path);
  bool said = false;
  for (;;) {
    throw_if_interrupted();
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664));
    if (!fd) fail_system(path, "cannot open the lock", errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      if (!same_file(fd, path)) continue;  // its last holder has removed it
      fd_ = std::move(fd);
      return;
    }
    if (errno == ENOSYS || errno == ENOTSUP || errno == ENOLCK) return;  // a file system without locks
    if (errno != EWOULDBLOCK && errno != EINTR) fail_system(path, "cannot lock", errno);
    if (!said && waiting) waiting();
    said = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// ---- the cache ----------------------------------------------------------------------------------

std::optional<std::string> HubCache::commit_of(const std::string& repo, const std::string& revision) const {
  if (is_commit(revision)) return revision;
  auto text = small_text(folder(repo) + "/refs/" + revision, 4096);
  if (!text) return std::nullopt;
  while (text->ends_with('\n')) text->pop_back();
  return is_commit(*text) ? text : std::nullopt;
}

std::optional<std::vector<RemoteFile>> HubCache::tree_of(const std::string& repo, const std::string& commit) const {
  const std::string path = folder(repo) + "/trees/" + commit + ".json";
  const auto text = small_text(path, kLargestTree);
  if (!text) return std::nullopt;
  try {
    auto files = parse_tree_json(*text, path);
    for (RemoteFile& file : files) file.hub = {repo, commit, file.path};
    return files;
  } catch (const Error&) {  // it can be asked for again
    return std::nullopt;
  }
}

std::string HubCache::snapshot(const std::string& repo, const std::string& commit) const { return folder(repo) + "/snapshots/" + commit; }

bool HubCache::has(const std::string& repo, const std::string& commit, const std::string& path) const {
  return is_file(snapshot(repo, commit) + "/" + path);
}

std::optional<std::string> HubCache::blob(const RemoteFile& file) const {
  std::string path = folder(file.hub.repo) + "/blobs/" + file.etag();
  // A blob of another size is none: some program died before its time.
  return size_of(path) == file.size && is_file(path) ? std::optional(path) : std::nullopt;
}

std::string link_target(std::string_view path, std::string_view etag) {
  std::string target = "../../";
  for (const char c : path) {
    if (c == '/') target += "../";
  }
  return target + "blobs/" + std::string(etag);
}

void HubCache::link(const RemoteFile& file) const {
  const std::string path = snapshot(file.hub.repo, file.hub.revision) + "/" + file.path;
  const std::string blob = folder(file.hub.repo) + "/blobs/" + file.etag();
  make_parents(path);
  if (symlinks_) {
    const std::string temporary = fmt::format("{}.tmp-{}-0", path, ::getpid());
    ::unlink(temporary.c_str());
    if (::symlink(link_target(file.path, file.etag()).c_str(), temporary.c_str()) == 0) return rename_onto(temporary, path);
    if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS) fail_system(path, "cannot make a link", errno);
  }
  // Without links the file itself lies there.
  if (::link(blob.c_str(), path.c_str()) == 0 || errno == EEXIST) return;
  copy_onto(blob, path);
}

PullTarget HubCache::target(const RemoteFile& file) const {
  PullTarget target;
  target.path = snapshot(file.hub.repo, file.hub.revision) + "/" + file.path;
  const std::string blob = folder(file.hub.repo) + "/blobs/" + file.etag();
  target.partial = blob + ".atp-partial";
  target.lock = fmt::format("{}/.locks/{}/{}.lock", root_, cache_folder_name(file.hub.repo), file.etag());
  target.current = [file, path = target.path] { return is_file(path) && size_of(path) == file.size; };
  target.present = [this, file, current = target.current] {
    if (current()) return true;
    if (!this->blob(file)) return false;
    link(file);
    return true;
  };
  target.publish = [this, file, partial = target.partial, blob] {
    rename_onto(partial, blob);
    link(file);
  };
  return target;
}

void HubCache::prepare(const std::string& repo, const std::string& commit) const {
  make_folders(root_);
  write_tag(root_ + "/CACHEDIR.TAG");
  for (const char* part : {"/blobs", "/refs"}) make_folders(folder(repo) + part);
  make_folders(snapshot(repo, commit));
}

void HubCache::write_ref(const std::string& repo, const std::string& revision, const std::string& commit) const {
  if (revision == commit || commit_of(repo, revision) == commit) return;
  const std::string path = folder(repo) + "/refs/" + revision;
  make_parents(path);
  write_text_file(path, commit, true);  // without a line end: others do not take it off
}

void HubCache::write_tree(const std::string& repo, const std::string& commit, const std::vector<RemoteFile>& files) const {
  const std::string path = folder(repo) + "/trees/" + commit + ".json";
  if (is_file(path)) return;
  make_parents(path);
  write_text_file(path, tree_json(files), true);
}

std::string tree_json(const std::vector<RemoteFile>& files) {
  JsonWriter w;
  w.begin_object().key("format_version").integer(1).key("files").begin_object();
  for (const RemoteFile& file : files) {
    w.key(file.path).begin_object().key("size").count(file.size).key("blob_id").string(file.git_sha1);
    if (!file.sha256.empty()) w.key("lfs_sha256").string(file.sha256).key("lfs_size").count(file.size);
    w.end_object();
  }
  w.end_object().end_object();
  return w.take();
}

std::vector<RemoteFile> parse_tree_json(const std::string& json, const std::string& where) {
  dom::parser parser;
  dom::element root;
  std::int64_t version = 0;
  dom::object entries;
  if (parser.parse(json).get(root) != simdjson::SUCCESS || root["format_version"].get(version) != simdjson::SUCCESS || version != 1 ||
      root["files"].get(entries) != simdjson::SUCCESS) {
    fail_input(where, "is no list of files");
  }
  std::vector<RemoteFile> files;
  for (const auto& [path, e] : entries) {
    RemoteFile file;
    file.path = std::string(path);
    std::string_view oid, sha256;
    const bool sound = path_problem(path).empty() && e["size"].get(file.size) == simdjson::SUCCESS && e["blob_id"].get(oid) == simdjson::SUCCESS && is_hex(oid, 40);
    if (!sound) fail_input(where, fmt::format("has an entry that makes no sense: '{}'", path));
    file.git_sha1 = std::string(oid);
    if (e["lfs_sha256"].get(sha256) == simdjson::SUCCESS) {
      if (!is_hex(sha256, 64)) fail_input(where, fmt::format("has no SHA-256 of '{}'", path));
      file.sha256 = std::string(sha256);
      if (e["lfs_size"].get(file.size) == simdjson::INCORRECT_TYPE) fail_input(where, fmt::format("has no size of '{}'", path));
    }
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const RemoteFile& a, const RemoteFile& b) { return a.path < b.path; });
  return files;
}

// ---- plain folders ------------------------------------------------------------------------------

void LocalFolder::prepare() const {
  const std::string own = root_ + "/.cache/huggingface";
  make_folders(own + "/download");
  write_tag(own + "/CACHEDIR.TAG");
  if (!is_file(own + "/.gitignore")) write_text_file(own + "/.gitignore", "*", true);
}

// Three lines: commit, etag, seconds since 1970. They count while the file has not been changed after them.
bool LocalFolder::is_current(const RemoteFile& file) const {
  const auto text = small_text(note_of(file) + ".metadata", 4096);
  if (!text || size_of(path_of(file)) != file.size || !is_file(path_of(file))) return false;
  const auto first = text->find('\n');
  const auto second = first == std::string::npos ? first : text->find('\n', first + 1);
  if (second == std::string::npos || text->substr(first + 1, second - first - 1) != file.etag()) return false;
  struct stat status = {};
  if (::stat(path_of(file).c_str(), &status) != 0) return false;
  return static_cast<double>(status.st_mtim.tv_sec) <= std::strtod(text->c_str() + second + 1, nullptr) + 1;
}

void LocalFolder::write_metadata(const RemoteFile& file) const {
  if (file.hub.repo.empty()) return;
  make_parents(note_of(file));
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  write_text_file(note_of(file) + ".metadata", fmt::format("{}\n{}\n{:.6f}\n", file.hub.revision, file.etag(), now), true);
}

// A file that is there without a note is ours when it has the right content; and so is what the cache has.
bool LocalFolder::adopt(const RemoteFile& file) const {
  if (size_of(path_of(file)) == file.size && is_file(path_of(file)) && has_content(path_of(file), file)) {
    write_metadata(file);
    return true;
  }
  if (!cache_ || file.hub.repo.empty()) return false;
  const auto blob = cache_->blob(file);
  if (!blob) return false;
  make_parents(path_of(file));
  copy_onto(*blob, path_of(file));
  write_metadata(file);
  return true;
}

PullTarget LocalFolder::target(const RemoteFile& file) const {
  PullTarget target;
  target.path = path_of(file);
  target.partial = note_of(file) + ".atp-partial";
  target.lock = note_of(file) + ".lock";
  target.current = [this, file] { return is_current(file); };
  target.present = [this, file] { return is_current(file) || adopt(file); };
  target.publish = [this, file, partial = target.partial] {
    make_parents(path_of(file));
    rename_onto(partial, path_of(file));
    write_metadata(file);
  };
  return target;
}

// Its lock is the partial itself, so that nothing is left beside the files.
PullTarget plain_target(const std::string& folder, const RemoteFile& file, bool replace) {
  PullTarget target;
  target.path = folder + "/" + file.path;
  target.partial = target.path + ".atp-partial";
  target.lock = target.partial;
  target.current = [file, path = target.path] { return is_file(path) && (!file.size_known || size_of(path) == file.size); };
  target.present = [file, replace, path = target.path, partial = target.partial, current = target.current] {
    if (current() && ((file.sha256.empty() && file.xxh128.empty()) || has_content(path, file))) {
      remove_partial(partial);
      return true;
    }
    if (!replace && is_there(path)) {
      if (size_of(partial) == 0) remove_partial(partial);  // only the lock
      refuse_to_replace(path);
    }
    return false;
  };
  target.publish = [path = target.path, partial = target.partial] { rename_onto(partial, path); };
  return target;
}

void refuse_to_replace(const std::string& path) {
  throw Error(Exit::system, path, "exists already, and is not what the server has", "pass --force to replace it, or name another --local-dir");
}

std::uint64_t free_space(const std::string& folder) {
  std::error_code error;
  fs::path at = fs::absolute(folder, error);
  while (!at.empty() && at != at.parent_path() && !fs::exists(at, error)) at = at.parent_path();
  struct statvfs status = {};
  if (::statvfs(at.c_str(), &status) != 0) return UINT64_MAX;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace atp
