// Preloaded into atp: lets system calls that write fail, stop short or be the moment of a signal.
//   FAULT_AT=N        the Nth of these calls (from 1), counted over all threads; 0: every one
//   FAULT_DO=ENOSPC   fail with that error (EIO, EDQUOT, EFBIG ...); "EIO+" fails at all later calls too
//   FAULT_DO=short    write only a part; FAULT_DO=EINTR fails once at each call
//   FAULT_DO=KILL     raise that signal before the call (KILL, INT, TERM, HUP)
//   FAULT_SET=read    it is large reads that count, not the calls that write
//   FAULT_COUNT=FILE  at exit, write how many calls there were
//   FAULT_CUT=FILE    cut this file to 8192 bytes as soon as a file has been mapped
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> g_calls{0};
thread_local bool t_interrupted = false;

template <class Fn>
Fn real(const char* name) {
  return reinterpret_cast<Fn>(dlsym(RTLD_NEXT, name));
}

const char* wish() {
  const char* text = std::getenv("FAULT_DO");
  return text == nullptr ? "" : text;
}

bool wished(const char* what) { return std::strncmp(wish(), what, std::strlen(what)) == 0; }

int wished_error() {
  struct Row {
    const char* name;
    int value;
  };
  constexpr Row rows[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EFBIG", EFBIG}, {"EROFS", EROFS}};
  for (const Row& r : rows) {
    if (wished(r.name)) return r.value;
  }
  return 0;
}

int wished_signal() {
  if (wished("KILL")) return SIGKILL;
  if (wished("INT")) return SIGINT;
  if (wished("TERM")) return SIGTERM;
  if (wished("HUP")) return SIGHUP;
  return 0;
}

bool reads_count() { return std::getenv("FAULT_SET") != nullptr; }

// Counts the call; whether it is to fail.
bool fails(bool& cut_short, bool reading = false) {
  cut_short = false;
  if (reading != reads_count()) return false;
  const long now = ++g_calls;
  cut_short = wished("short");
  const char* at_text = std::getenv("FAULT_AT");
  const long at = at_text == nullptr ? -1 : std::atol(at_text);
  if (wished("EINTR")) {
    t_interrupted = !t_interrupted;
    errno = EINTR;
    return t_interrupted;
  }
  const bool on = at == 0 || now == at || (at > 0 && now > at && std::strchr(wish(), '+') != nullptr);
  if (!on) return false;
  if (const int signal = wished_signal(); signal != 0) raise(signal);
  const int error = wished_error();
  if (error != 0) errno = error;
  return error != 0;
}

bool fails() {
  bool cut_short;
  return fails(cut_short);
}

struct Report {
  ~Report() {
    const char* path = std::getenv("FAULT_COUNT");
    if (path == nullptr) return;
    if (std::FILE* f = std::fopen(path, "w")) {
      std::fprintf(f, "%ld\n", g_calls.load());
      std::fclose(f);
    }
  }
} g_report;

ssize_t any_pwrite(const char* name, int fd, const void* bytes, size_t n, off_t at) {
  bool cut_short;
  if (fails(cut_short)) return -1;
  if (cut_short && n > 1) n = n > 100 ? n * 2 / 3 : 1;
  return real<ssize_t (*)(int, const void*, size_t, off_t)>(name)(fd, bytes, n, at);
}

int any_open(const char* name, const char* path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0 && fails() && errno != EINTR) return -1;
  return real<int (*)(const char*, int, ...)>(name)(path, flags, mode);
}

void* any_mmap(const char* name, void* p, size_t n, int protection, int flags, int fd, off_t at) {
  void* map = real<void* (*)(void*, size_t, int, int, int, off_t)>(name)(p, n, protection, flags, fd, at);
  const char* path = std::getenv("FAULT_CUT");
  if (path != nullptr && fd >= 0 && (flags & MAP_SHARED) != 0 && truncate(path, 8192) != 0) std::abort();
  return map;
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t n, off_t at) { return any_pwrite("pwrite", fd, bytes, n, at); }
ssize_t pwrite64(int fd, const void* bytes, size_t n, off_t at) { return any_pwrite("pwrite64", fd, bytes, n, at); }

int fdatasync(int fd) { return fails() ? -1 : real<int (*)(int)>("fdatasync")(fd); }
int fsync(int fd) { return fails() ? -1 : real<int (*)(int)>("fsync")(fd); }
int ftruncate(int fd, off_t size) noexcept { return fails() ? -1 : real<int (*)(int, off_t)>("ftruncate")(fd, size); }
int ftruncate64(int fd, off_t size) noexcept { return fails() ? -1 : real<int (*)(int, off_t)>("ftruncate64")(fd, size); }

int rename(const char* from, const char* to) noexcept {
  if (fails() && errno != EINTR) return -1;
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}
int link(const char* from, const char* to) noexcept {
  if (fails() && errno != EINTR) return -1;
  return real<int (*)(const char*, const char*)>("link")(from, to);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return any_open("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return any_open("open64", path, flags, mode);
}

ssize_t read(int fd, void* bytes, size_t n) {
  bool cut_short = false;
  if (n >= 65536 && fails(cut_short, true)) return -1;  // smaller ones are the libraries' own
  return real<ssize_t (*)(int, void*, size_t)>("read")(fd, bytes, cut_short ? n / 3 : n);
}

void* mmap(void* p, size_t n, int protection, int flags, int fd, off_t at) noexcept {
  return any_mmap("mmap", p, n, protection, flags, fd, at);
}
void* mmap64(void* p, size_t n, int protection, int flags, int fd, off_t at) noexcept {
  return any_mmap("mmap64", p, n, protection, flags, fd, at);
}

}  // extern "C"
