#include "core/io/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/io/fd.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

void sync_folder(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) fail_system(path, "cannot open", errno);
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_system(path, "cannot sync", errno);
}

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent;
}

void write_all(const Fd& fd, Bytes bytes, const std::string& path) {
  while (!bytes.empty()) {
    throw_if_interrupted();
    const ssize_t n = ::write(fd.get(), bytes.data(), std::min(bytes.size(), std::size_t{16} << 20));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_system(path, "cannot write", n < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void fail_exists(const std::string& path) {
  throw Error(Exit::system, path, "exists already", "pass --force to replace it");
}

void check_replaceable(const std::string& target, const std::function<bool(std::string_view)>& may_replace) {
  std::error_code error;
  if (!fs::is_directory(target, error)) throw Error(Exit::system, target, "is not a folder", "choose another name");
  for (fs::recursive_directory_iterator at(target, error), end; !error && at != end; at.increment(error)) {
    if (may_replace(at->path().filename().string())) continue;
    throw Error(Exit::system, target, fmt::format("holds '{}', which no plan has: it is not replaced", at->path().filename().string()),
                "choose another name or remove it yourself");
  }
  if (error) fail_system(target, "cannot list", error.value());
}

}  // namespace

OutputFolder::OutputFolder(std::string target) : target_(std::move(target)) {
  while (target_.size() > 1 && target_.ends_with('/')) target_.pop_back();
  for (unsigned attempt = 0; attempt < 1000; ++attempt) {
    path_ = fmt::format("{}.tmp-{}-{}", target_, ::getpid(), attempt);
    if (::mkdir(path_.c_str(), 0777) == 0) return;
    if (errno == EEXIST) continue;
    const int code = errno;
    path_.clear();
    if (code == ENOENT) throw Error(Exit::system, target_, "cannot create: the folder it belongs in does not exist", "make it with mkdir -p");
    fail_system(target_, "cannot create a temporary folder beside it", code);
  }
  fail_system(target_, "cannot create a temporary folder beside it", EEXIST);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void OutputFolder::make_folder(const std::string& name) {
  const std::string path = path_ + "/" + name;
  if (::mkdir(path.c_str(), 0777) != 0) fail_system(path, "cannot create", errno);
  folders_.push_back(path);
}

void OutputFolder::write(const std::string& name, const std::vector<Bytes>& pieces) {
  const std::string path = path_ + "/" + name, shown = target_ + "/" + name;
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd) fail_system(shown, "cannot create", errno);
  for (const Bytes piece : pieces) write_all(fd, piece, shown);
  while (::fsync(fd.get()) != 0) {
    if (errno != EINTR) fail_system(shown, "cannot sync", errno);
  }
}

void OutputFolder::commit(bool replace, const std::function<bool(std::string_view)>& may_replace) {
  for (const std::string& folder : folders_) sync_folder(folder);
  sync_folder(path_);
  throw_if_interrupted();
  std::error_code error;
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) {
    path_.clear();
  } else if (errno != EEXIST && (errno != EINVAL || fs::exists(target_, error))) {
    fail_system(target_, "cannot rename onto it", errno);
  } else if (errno == EINVAL) {  // a file system without the flag
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail_system(target_, "cannot rename onto it", errno);
    path_.clear();
  } else {
    if (!replace) fail_exists(target_);
    check_replaceable(target_, may_replace);
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) fail_system(target_, "cannot replace", errno);
    // path_ is the old folder now, and goes with this object.
  }
  sync_folder(parent_of(target_));
}

}  // namespace atp
