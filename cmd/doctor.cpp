// `atp doctor`: what a bug report needs to say about the build, the machine and the file system.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <iterator>
#include <sstream>

#include "cmd/commands.h"
#include "cmd/doctor.h"
#include "cmd/manual.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/base/json_writer.h"
#include "core/bench/machine.h"
#include "core/bench/mount.h"
#include "core/bench/stores.h"
#include "core/io/fd.h"
#include "core/io/read_ring.h"

namespace atp {
namespace {

// ---- what is looked at ----------------------------------------------------------------------------

struct Limit {
  std::string_view name, key;
  int resource;
  bool bytes;
};
constexpr Limit kLimits[] = {
    {"open files", "open_files", RLIMIT_NOFILE, false},
    {"locked memory", "locked_memory_bytes", RLIMIT_MEMLOCK, true},
    {"address space", "address_space_bytes", RLIMIT_AS, true},
    {"file size", "file_size_bytes", RLIMIT_FSIZE, true},
    {"processes", "processes", RLIMIT_NPROC, false},
};

struct Variable {
  std::string_view name;
  bool secret = false;
};
// Those that change what atp does: its own, the Hub's, libcurl's, OpenSSL's, the terminal's, and those of job launchers.
constexpr Variable kVariables[] = {
    {"ATP_RETRY_WAIT"}, {"SOURCE_DATE_EPOCH"},
    {"HF_ENDPOINT"}, {"HF_HOME"}, {"HF_HUB_CACHE"}, {"HF_TOKEN", true}, {"HUGGING_FACE_HUB_TOKEN", true}, {"HF_TOKEN_PATH"},
    {"HF_HUB_OFFLINE"}, {"TRANSFORMERS_OFFLINE"}, {"HF_HUB_ETAG_TIMEOUT"}, {"HF_HUB_DOWNLOAD_TIMEOUT"},
    {"HF_HUB_DISABLE_IMPLICIT_TOKEN"}, {"HF_HUB_DISABLE_PROGRESS_BARS"}, {"HF_HUB_DISABLE_SYMLINKS"}, {"XDG_CACHE_HOME"},
    {"http_proxy"}, {"https_proxy"}, {"HTTPS_PROXY"}, {"all_proxy"}, {"ALL_PROXY"}, {"no_proxy"}, {"NO_PROXY"},
    {"SSL_CERT_FILE"}, {"SSL_CERT_DIR"}, {"TMPDIR"},
    {"TERM"}, {"COLUMNS"}, {"NO_COLOR"}, {"LC_ALL"}, {"LC_CTYPE"}, {"LANG"},
    {"SLURM_JOB_ID"}, {"SLURM_NTASKS"}, {"SLURM_PROCID"}, {"SLURM_CPUS_PER_TASK"}, {"OMPI_COMM_WORLD_SIZE"}, {"PMI_SIZE"},
    {"LD_PRELOAD"}, {"HDF5_USE_FILE_LOCKING"},
};

struct Feature {
  std::string_view name, flag;  // flag: as /proc/cpuinfo spells it
};
constexpr Feature kFeatures[] = {{"sse4.2", "sse4_2"}, {"avx", "avx"},     {"avx2", "avx2"},     {"bmi2", "bmi2"},
                                 {"avx512", "avx512bw"}, {"sha", "sha_ni"}, {"neon", "asimd"},    {"sve", "sve"},
                                 {"sha2", "sha2"}};

std::vector<std::string> cpu_features() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line);
    const std::vector<std::string> flags{std::istream_iterator<std::string>(words), {}};
    std::vector<std::string> found;
    for (const Feature& feature : kFeatures) {
      if (std::find(flags.begin(), flags.end(), feature.flag) != flags.end()) found.emplace_back(feature.name);
    }
    return found;
  }
  return {};
}

// What a container or a job may use; nothing without a limit.
std::optional<std::uint64_t> cgroup_memory() {
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    std::uint64_t bytes = 0;
    if (file >> bytes && bytes < (std::uint64_t{1} << 60)) return bytes;
  }
  return std::nullopt;
}

// Whether flock(2) works on a file of that folder: pack --append, shard and the Hub's cache rely on it.
std::string try_lock(const std::string& folder) {
  const std::string name = fmt::format("{}/.atp-doctor-{}", folder, ::getpid());
  int number = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (number < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
    number = ::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (number >= 0) ::unlink(name.c_str());
  }
  if (number < 0) return fmt::format("cannot be tried: {}", std::strerror(errno));
  const Fd file(number);
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 ? "work" : fmt::format("do not work: {}", std::strerror(errno));
}

// A proxy's address may hold a name and a password.
std::string without_password(const std::string& value) {
  const auto at = value.rfind('@');
  if (at == std::string::npos) return value;
  const auto scheme = value.find("://");
  return (scheme == std::string::npos || scheme > at ? "" : value.substr(0, scheme + 3)) + "(hidden)" + value.substr(at);
}

struct Setting {
  std::string name, value;
};

std::vector<Setting> settings() {
  std::vector<Setting> set;
  for (const Variable& variable : kVariables) {
    const char* value = std::getenv(std::string(variable.name).c_str());
    if (value == nullptr) continue;
    set.push_back({std::string(variable.name), variable.secret ? "(set, hidden)" : without_password(value)});
  }
  return set;
}

std::string limit_text(const Limit& limit) {
  rlimit value{};
  ::getrlimit(limit.resource, &value);
  const auto text = [&](rlim_t n) {
    if (n == RLIM_INFINITY) return std::string("unlimited");
    return limit.bytes ? human_bytes(n) : human_count(n);
  };
  return value.rlim_cur == value.rlim_max ? text(value.rlim_cur) : fmt::format("{}, at most {}", text(value.rlim_cur), text(value.rlim_max));
}

// ---- how it is shown ------------------------------------------------------------------------------

constexpr std::size_t kColumn = 18;

std::string heading(std::string_view text) { return "\n" + styled(text, Style::bold) + "\n"; }

std::string line(std::string_view label, std::string_view value) {
  const auto width = static_cast<std::size_t>(std::clamp(terminal_width(), 50, 120));
  return fmt::format("  {:<{}}{}\n", label, kColumn - 2, wrapped(value, width, kColumn));
}

std::string folder_text(const Mount& mount) {
  std::string text = heading(fmt::format("Folder {}", printable(mount.folder)));
  text += line("file system", printable(mount.describe()));
  if (!mount.options.empty()) text += line("mount options", printable(mount.options));
  text += line("free", human_bytes(mount.free_bytes));
  text += line("locks", try_lock(mount.folder));
  for (const std::string& trap : traps_of(mount)) text += line("! known trap", trap);
  return text;
}

void print_text(const std::vector<Mount>& mounts) {
  const Machine machine = this_machine();
  std::string text = version_text();
  std::string libraries;
  for (const auto& [name, number] : library_versions()) libraries += fmt::format("{}{} {}", libraries.empty() ? "" : ", ", name, number);
  text += heading("Machine") + line("CPU", fmt::format("{}, {} to use", machine.cpu, machine.cpus));
  text += line("CPU features", fmt::format("{}", fmt::join(cpu_features(), " ")));
  const auto cgroup = cgroup_memory();
  text += line("memory", human_bytes(machine.memory_bytes) + (cgroup ? fmt::format(", of which this job may use {}", human_bytes(*cgroup)) : ""));
  text += line("kernel", machine.kernel) + line("io_uring", ReadRing::available() ? "yes" : "no: not in this build, or forbidden here");
  text += line("libraries", libraries);

  text += heading("Limits");
  for (const Limit& limit : kLimits) text += line(limit.name, limit_text(limit));
  for (const Mount& mount : mounts) text += folder_text(mount);

  text += heading("Terminal") + line("stdout", ::isatty(STDOUT_FILENO) == 1 ? fmt::format("a terminal of {} columns", terminal_width()) : "no terminal");
  text += line("characters", utf8_terminal() ? "UTF-8" : "ASCII (LC_ALL, LC_CTYPE or LANG names no UTF-8)");

  text += heading("Environment");
  const auto variables = settings();
  for (const Setting& s : variables) text += fmt::format("  {}={}\n", s.name, printable(s.value));
  if (variables.empty()) text += "  nothing that counts is set\n";
  print(text);
}

void write_folder(JsonWriter& w, const Mount& mount) {
  w.begin_object().key("folder").string(mount.folder).key("file_system").string(mount.type).key("source").string(mount.source);
  w.key("mount_point").string(mount.point).key("options").string(mount.options).key("network").boolean(mount.network);
  w.key("free_bytes").count(mount.free_bytes).key("locks").string(try_lock(mount.folder)).key("traps").begin_array();
  for (const std::string& trap : traps_of(mount)) w.string(trap);
  w.end_array().end_object();
}

void print_json(const std::vector<Mount>& mounts) {
  const Machine machine = this_machine();
  JsonWriter w;
  w.begin_object().key("version").string(version()).key("build").string(version_text());
  w.key("cpu").string(machine.cpu).key("cpus").count(static_cast<std::uint64_t>(machine.cpus)).key("cpu_features").begin_array();
  for (const std::string& feature : cpu_features()) w.string(feature);
  w.end_array().key("memory_bytes").count(machine.memory_bytes).key("memory_limit_bytes");
  if (const auto cgroup = cgroup_memory()) {
    w.count(*cgroup);
  } else {
    w.null();
  }
  w.key("kernel").string(machine.kernel).key("io_uring").boolean(ReadRing::available()).key("libraries").begin_object();
  for (const auto& [name, number] : library_versions()) w.key(name).string(number);
  w.end_object().key("limits").begin_object();
  for (const Limit& limit : kLimits) {
    rlimit value{};
    ::getrlimit(limit.resource, &value);
    w.key(limit.key);
    if (value.rlim_cur == RLIM_INFINITY) {
      w.null();
    } else {
      w.count(value.rlim_cur);
    }
  }
  w.end_object().key("folders").begin_array();
  for (const Mount& mount : mounts) write_folder(w, mount);
  w.end_array().key("environment").begin_object();
  for (const Setting& s : settings()) w.key(s.name).string(s.value);
  w.end_object().end_object();
  print(w.text() + "\n");
}

}  // namespace

std::vector<std::string> traps_of(const Mount& mount) {
  const std::string_view type = mount.type;
  const auto has = [&](std::string_view option) { return (',' + mount.options + ',').find(fmt::format(",{},", option)) != std::string::npos; };
  std::vector<std::string> traps;
  if (type == "lustre") {
    if (!has("flock")) {
      traps.emplace_back(has("localflock") ? "mounted with localflock: locks hold on this node only, so let one node write a dataset"
                                           : "mounted without flock: pack --append and shard find no locks here; ask for the mount option flock");
    }
    traps.emplace_back("many small files are slow: keep datasets in shards of 1 GB and more, and stripe large ones (lfs setstripe -c 4)");
  }
  if (type.starts_with("nfs")) {
    traps.emplace_back("another node sees an append only when its attribute cache runs out (acregmax, 60 s by default)");
    if (has("nolock") || has("local_lock=all") || has("local_lock=flock")) traps.emplace_back("locks hold on this node only: let one node write a dataset");
    if (has("soft")) traps.emplace_back("mounted soft: a slow server becomes an I/O error; atp stops with exit code 4 and can be run again");
    traps.emplace_back("LMDB and SQLite are not made for NFS: pack such databases before many nodes read them");
  }
  if (type == "beegfs") traps.emplace_back("locks hold on this node only unless tuneUseGlobalFileLocks is on: let one node write a dataset");
  if (type == "gpfs") traps.emplace_back("small random reads cost a whole block (mmlsfs -B): read in batches, or copy shards to local disks first");
  if (type == "cifs" || type.starts_with("smb")) traps.emplace_back("mapped reads see changes of other machines late: do not append here while others read");
  if (type == "9p" || type == "virtiofs") traps.emplace_back("a folder of the host in a virtual machine: each small read asks the host; expect a fraction of its speed");
  if (type == "overlay") traps.emplace_back("a container's own layer: what is written here goes with the container; mount a volume for datasets");
  if (mount.in_memory) traps.emplace_back("files here are memory, which counts against the job's limit, and are gone after a restart");
  if (type.starts_with("fuse")) traps.emplace_back("a user-space file system: mapped reads can be slow; atp bench --dir shows what it gives, --io pread may be faster");
  if (has("ro")) traps.emplace_back("mounted read-only: nothing can be written here");
  if (mount.free_bytes < 1'000'000'000 && !has("ro")) traps.emplace_back("less than 1 GB is free: packing needs room for the whole output beside the inputs");
  return traps;
}

Run declare_doctor(CLI::App& app) {
  struct Options {
    std::vector<std::string> folders;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  app.add_option("DIR", o->folders, "folders whose file systems to look at; without any the current one")->type_name("DIR");
  app.add_flag("--json", o->json, "print one JSON object")->group("Output");
  return [o] {
    if (o->folders.empty()) o->folders.emplace_back(".");
    std::vector<Mount> mounts;
    std::vector<Error> failures;
    for (const std::string& folder : o->folders) {
      try {
        mounts.push_back(mount_of(folder));
      } catch (const Error& e) {
        failures.push_back(e);
      }
    }
    if (mounts.empty()) throw failures.front();
    o->json ? print_json(mounts) : print_text(mounts);
    for (const Error& e : failures) warn(e.what());
    return failures.empty() ? Exit::ok : failures.front().exit();
  };
}

}  // namespace atp
