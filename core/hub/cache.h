// The folder that huggingface_hub keeps datasets in, and folders of plain files with its bookkeeping: both are read
// and written as it does, so that either program finds what the other has pulled.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hub/hub.h"
#include "core/io/fd.h"

namespace atp {

// A lock file, held (flock) until the object goes; the file stays.
class FileLock {
 public:
  FileLock() = default;
  // Waits until it is free. `waiting` is called once when another process holds it. Throws Error (exit 4), Interrupted.
  FileLock(const std::string& path, const std::function<void()>& waiting);

 private:
  Fd fd_;
};

// Where a pulled file goes. The functions are called with `lock` held; they throw Error (exit 4).
struct PullTarget {
  std::string path;     // what the user is told
  std::string partial;  // where its bytes gather
  std::string lock;
  std::function<bool()> current;  // whether it is there now; needs no lock, changes nothing
  std::function<bool()> present;  // whether it is there now, or can be put there without the network
  std::function<void()> publish;  // puts the finished partial in place
};

// Any thread.
class HubCache {
 public:
  explicit HubCache(std::string root, bool symlinks) : root_(std::move(root)), symlinks_(symlinks) {}

  const std::string& root() const { return root_; }

  // The commit that a revision stands for, as the last pull saw it.
  std::optional<std::string> commit_of(const std::string& repo, const std::string& revision) const;
  // The file list of a commit, where a complete one has been kept.
  std::optional<std::vector<RemoteFile>> tree_of(const std::string& repo, const std::string& commit) const;
  // "<root>/datasets--owner--name/snapshots/<commit>".
  std::string snapshot(const std::string& repo, const std::string& commit) const;
  // Whether a file of a commit is there, not only a link to what is gone.
  bool has(const std::string& repo, const std::string& commit, const std::string& path) const;
  // The path of a whole blob, where it is.
  std::optional<std::string> blob(const RemoteFile& file) const;

  // Where a file of the repository goes; file.hub.revision is the commit.
  PullTarget target(const RemoteFile& file) const;

  // After the files: what revision stands for, so that an offline lookup finds it. Nothing for a commit.
  void write_ref(const std::string& repo, const std::string& revision, const std::string& commit) const;
  // `files` is the complete list of the commit.
  void write_tree(const std::string& repo, const std::string& commit, const std::vector<RemoteFile>& files) const;
  // The folder and the snapshot of a commit.
  void prepare(const std::string& repo, const std::string& commit) const;

 private:
  std::string folder(const std::string& repo) const { return root_ + "/" + cache_folder_name(repo); }
  void link(const RemoteFile& file) const;

  std::string root_;
  bool symlinks_;
};

// A folder of plain files with .cache/huggingface inside. Any thread.
class LocalFolder {
 public:
  // `cache`: looked at for files that are there already; may be nullptr.
  LocalFolder(std::string root, const HubCache* cache) : root_(std::move(root)), cache_(cache) {}

  void prepare() const;
  PullTarget target(const RemoteFile& file) const;

 private:
  bool is_current(const RemoteFile& file) const;
  bool adopt(const RemoteFile& file) const;
  void write_metadata(const RemoteFile& file) const;
  std::string path_of(const RemoteFile& file) const { return root_ + "/" + file.path; }
  std::string note_of(const RemoteFile& file) const { return root_ + "/.cache/huggingface/download/" + file.path; }

  std::string root_;
  const HubCache* cache_;
};

// Where a file from a plain address goes: into `folder`, without any bookkeeping. A file that is there with the right
// size, and the right hash where one is known, is taken for it. Anything else that is there under its name is somebody's:
// present() replaces it only when `replace` says so, else throws.
PullTarget plain_target(const std::string& folder, const RemoteFile& file, bool replace);
// Throws Error (exit 4): the file at `path` is not what would be put there.
[[noreturn]] void refuse_to_replace(const std::string& path);

// The text of a trees/ file. Pure.
std::string tree_json(const std::vector<RemoteFile>& files);
// Throws Error (exit 3).
std::vector<RemoteFile> parse_tree_json(const std::string& json, const std::string& where);

// "../../../../blobs/<etag>": from a file of a snapshot to its blob.
std::string link_target(std::string_view path, std::string_view etag);

// Free bytes for this user where `folder`, or the nearest folder above it that is there, lies.
std::uint64_t free_space(const std::string& folder);

}  // namespace atp
