// The one exception type of atp, and the exit codes of CLI.md.
#pragma once

#include <exception>
#include <string>

namespace atp {

// Process exit codes, as documented in `man atp`. Frozen: scripts depend on them.
enum class Exit : int {
  ok = 0,
  no = 1,        // the answer is no: damage found, a bar missed
  usage = 2,     // the command line is wrong
  input = 3,     // an input cannot be read as what it should be
  system = 4,    // the system refused: space, permission, I/O
  network = 5,   // the network or the hub refused
};

// What went wrong. Printed by main alone, as
// `atp: <command>: <where>: <what>; <fix>` on one line.
class Error : public std::exception {
 public:
  Error(Exit exit, std::string where, std::string what, std::string fix = {});

  const char* what() const noexcept override { return line_.c_str(); }

  Exit exit() const { return exit_; }
  const std::string& where() const { return where_; }    // file, record or line; may be empty
  const std::string& problem() const { return problem_; }
  const std::string& fix() const { return fix_; }        // what to do; may be empty

  // The same error with `where` put before what is already there ("file" + "record 3").
  Error within(const std::string& where) const;

 private:
  Exit exit_;
  std::string where_, problem_, fix_, line_;
};

// An input that is not what it should be (exit 3).
[[noreturn]] void fail_input(std::string where, std::string what, std::string fix = {});

// A refused system call (exit 4): "<operation>: <strerror(code)>", with advice where there is some.
[[noreturn]] void fail_system(std::string where, const std::string& operation, int code);

}  // namespace atp
