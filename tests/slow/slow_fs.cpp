// A file system whose reads take their time, as those over a network do:
//   slow_fs SOURCE MOUNT MILLISECONDS REPORT
// It serves one folder of files, read-only, until it is unmounted; REPORT (an absolute path) then holds the largest
// number of reads that were under way at once.
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <fcntl.h>
#include <fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace {

std::string source;
std::chrono::milliseconds delay;
std::string report;
std::atomic<int> under_way = 0, most = 0;

std::string real_path(const char* path) { return source + path; }

// As many reads at once as are asked for: a server far away has time for all of them.
void* begin(fuse_conn_info* connection, fuse_config*) {
  connection->max_background = 256;
  connection->max_readahead = 0;  // some network file systems read nothing ahead, whatever they are told
  return nullptr;
}

void end(void*) { std::ofstream(report) << most << '\n'; }

int get_attributes(const char* path, struct stat* out, fuse_file_info*) { return ::lstat(real_path(path).c_str(), out) == 0 ? 0 : -errno; }

int list(const char* path, void* to, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  DIR* folder = ::opendir(real_path(path).c_str());
  if (!folder) return -errno;
  while (const dirent* entry = ::readdir(folder)) fill(to, entry->d_name, nullptr, 0, fuse_fill_dir_flags{});
  ::closedir(folder);
  return 0;
}

int open_file(const char* path, fuse_file_info* info) {
  const int fd = ::open(real_path(path).c_str(), O_RDONLY);
  if (fd < 0) return -errno;
  info->fh = static_cast<std::uint64_t>(fd);
  return 0;
}

int close_file(const char*, fuse_file_info* info) { return ::close(static_cast<int>(info->fh)) == 0 ? 0 : -errno; }

int read_file(const char*, char* out, std::size_t size, off_t offset, fuse_file_info* info) {
  const int now = ++under_way;
  for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
  }
  std::this_thread::sleep_for(delay);
  const ssize_t got = ::pread(static_cast<int>(info->fh), out, size, offset);
  --under_way;
  return got < 0 ? -errno : static_cast<int>(got);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  source = argv[1];
  delay = std::chrono::milliseconds(std::atoi(argv[3]));
  report = argv[4];
  fuse_operations operations = {};
  operations.init = begin;
  operations.destroy = end;
  operations.getattr = get_attributes;
  operations.readdir = list;
  operations.open = open_file;
  operations.release = close_file;
  operations.read = read_file;
  std::string program = argv[0], mount = argv[2], options = "-oro";
  char* arguments[] = {program.data(), mount.data(), options.data(), nullptr};
  return fuse_main(3, arguments, &operations, nullptr);
}
