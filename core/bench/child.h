// A process of its own for each store that is measured: what it maps, caches and leaks is its own, and so are its
// counters. It answers commands, a line each.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// The first word of an answer that says what is wrong with the dataset.
inline constexpr const char* kBadInput = "bad-input";

// The values of an answer by name.
class Answer {
 public:
  // "ok NAME VALUE NAME VALUE ..."; "error TEXT" throws Error (exit 4) with the text; all else throws, too.
  explicit Answer(const std::string& line);

  // Throws Error (exit 4) when there is none of that name or it is not a number.
  double real(const std::string& name) const;
  std::uint64_t count(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const std::map<std::string, std::string>& values() const { return values_; }
  bool has(const std::string& name) const { return values_.contains(name); }

 private:
  std::map<std::string, std::string> values_;
};

// One thread. Killed when the object goes; dies with the thread that made it.
class Child {
 public:
  // A copy of this process that runs `serve(socket)` and ends; `serve` catches what it can answer with.
  static Child fork(const std::function<void(int)>& serve);
  // Another program, with the socket as its stdin and stdout, and no stderr. Throws Error (exit 4).
  static Child exec(const std::vector<std::string>& arguments);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  // Throws Error (exit 4) when the process is gone.
  void send(std::string_view line);
  // The answer to the oldest command that has none yet. Throws Error: what the process says, its end, or no answer
  // within `seconds` (it is then killed); Interrupted.
  Answer receive(double seconds);
  Answer ask(std::string_view line, double seconds) {
    send(line);
    return receive(seconds);
  }
  pid_t pid() const { return pid_; }

 private:
  Child(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
  void stop() noexcept;
  [[noreturn]] void fail_ended();

  pid_t pid_ = -1;
  int socket_ = -1;
  std::string rest_;  // received, but not looked at yet
};

// The other side: lines from the socket; false when nobody is there any more.
class Commands {
 public:
  explicit Commands(int socket) : socket_(socket) {}
  bool next(std::vector<std::string>& words);
  void answer(std::string line);

 private:
  int socket_;
  std::string rest_;
};

}  // namespace atp
