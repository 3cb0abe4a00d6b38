#include "core/bench/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/bench/store.h"

namespace atp {
namespace {

constexpr int kLookForSignals = 100;  // milliseconds
constexpr std::size_t kLongestLine = std::size_t{1} << 20;

struct Sockets {
  int parent = -1, child = -1;
};

Sockets connected() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail_system("", "make a socket", errno);
  return {ends[0], ends[1]};
}

pid_t fork_or_fail(Sockets& s) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int code = errno;
    ::close(s.parent);
    ::close(s.child);
    fail_system("", "start a process", code);
  }
  if (pid != 0) {
    ::close(s.child);
    return pid;
  }
  ::close(s.parent);
  // A Ctrl-C is for the parent, which stops us; and without it nobody needs us.
  (void)::setpgid(0, 0);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  return 0;
}

// False when nobody is there any more.
bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

// ---- answers ------------------------------------------------------------------------------------

Answer::Answer(const std::string& line) {
  if (line.starts_with("error ")) throw Error(Exit::system, "", line.substr(6));
  std::istringstream words(line);
  std::string word, value;
  words >> word;
  if (word == kBadInput) throw Error(Exit::input, "", line.substr(word.size() + 1));
  if (word != "ok") throw Error(Exit::system, "", fmt::format("a measuring process answered '{}'", line.substr(0, 100)));
  while (words >> word >> value) values_[word] = value;
}

const std::string& Answer::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Error(Exit::system, "", fmt::format("a measuring process did not say '{}'", name));
  return found->second;
}

double Answer::real(const std::string& name) const {
  const std::string& t = text(name);
  double value = 0;
  const auto [end, code] = std::from_chars(t.data(), t.data() + t.size(), value);
  if (code != std::errc() || end != t.data() + t.size()) throw Error(Exit::system, "", fmt::format("a measuring process said {} is '{}'", name, t));
  return value;
}

std::uint64_t Answer::count(const std::string& name) const {
  const std::string& t = text(name);
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(t.data(), t.data() + t.size(), value);
  if (code != std::errc() || end != t.data() + t.size()) throw Error(Exit::system, "", fmt::format("a measuring process said {} is '{}'", name, t));
  return value;
}

// ---- processes ----------------------------------------------------------------------------------

Child Child::fork(const std::function<void(int)>& serve) {
  Sockets s = connected();
  const pid_t pid = fork_or_fail(s);
  if (pid == 0) {
    try {
      serve(s.child);
    } catch (...) {  // nobody to tell
    }
    ::_exit(0);
  }
  return Child(pid, s.parent);
}

Child Child::exec(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  Sockets s = connected();
  const pid_t pid = fork_or_fail(s);
  if (pid == 0) {
    ::dup2(s.child, 0);
    ::dup2(s.child, 1);
    const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) ::dup2(nothing, 2);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  return Child(pid, s.parent);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::exchange(other.socket_, -1)), rest_(std::move(other.rest_)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(socket_, other.socket_);
  std::swap(rest_, other.rest_);
  return *this;
}

Child::~Child() { stop(); }

void Child::stop() noexcept {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (socket_ >= 0) ::close(socket_);
  pid_ = socket_ = -1;
}

void Child::fail_ended() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    throw Error(Exit::system, "", fmt::format("its process was killed by signal {}{}", signal, signal == SIGKILL ? ", as the system does when memory is short" : ""));
  }
  throw Error(Exit::system, "", fmt::format("its process ended with exit code {}", WEXITSTATUS(status)));
}

void Child::send(std::string_view line) {
  if (!send_all(socket_, fmt::format("{}\n", line))) fail_ended();
}

Answer Child::receive(double seconds) {
  const double end = now_seconds() + seconds;
  for (;;) {
    throw_if_interrupted();
    if (const auto newline = rest_.find('\n'); newline != std::string::npos) {
      const std::string line = rest_.substr(0, newline);
      rest_.erase(0, newline + 1);
      return Answer(line);
    }
    if (now_seconds() > end) {
      stop();
      throw Error(Exit::system, "", fmt::format("no answer within {:.0f} s", seconds));
    }
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, kLookForSignals) <= 0) continue;
    char buffer[4096];
    const ssize_t n = ::read(socket_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_ended();
    rest_.append(buffer, static_cast<std::size_t>(n));
    if (rest_.size() > kLongestLine) throw Error(Exit::system, "", "a measuring process said too much");
  }
}

// ---- the child's side ---------------------------------------------------------------------------

bool Commands::next(std::vector<std::string>& words) {
  for (;;) {
    if (const auto newline = rest_.find('\n'); newline != std::string::npos) {
      std::istringstream line(rest_.substr(0, newline));
      rest_.erase(0, newline + 1);
      words.clear();
      for (std::string word; line >> word;) words.push_back(word);
      return true;
    }
    char buffer[4096];
    const ssize_t n = ::read(socket_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) {
      throw_if_interrupted();
      continue;
    }
    if (n <= 0) return false;
    rest_.append(buffer, static_cast<std::size_t>(n));
  }
}

void Commands::answer(std::string line) {
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  if (!send_all(socket_, line + "\n")) throw Error(Exit::system, "", "nobody waits for an answer");
}

}  // namespace atp
