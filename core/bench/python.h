// Measuring processes in Python, for what Python users use.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bench/child.h"
#include "core/bench/load.h"

namespace atp {

// The Pythons of this machine, and what is known of them: none is asked twice for what it has not got, and one that hangs
// is not asked again. One thread.
class Pythons {
 public:
  // python3 of PATH, and /usr/bin/python3, which may have what the first lacks; ten seconds to import modules.
  Pythons() : Pythons({"python3", "/usr/bin/python3"}, 10) {}
  Pythons(std::vector<std::string> programs, double patience) : programs_(std::move(programs)), patience_(patience) {}

  // One that has the modules the backend needs. It understands the commands of serve.h and takes the molecules it writes
  // from `raw`. Throws Error (exit 4) saying which module is missing where, or which Python does not answer.
  // `versions` gets those of Python and the modules, by name, where they are not in it yet.
  Child start(std::string_view backend, const std::string& folder, const std::string& raw, bool custom, std::vector<std::pair<std::string, std::string>>& versions);

 private:
  // Its answer after it has imported the modules, or nothing, with the reason in one of the maps.
  std::optional<Child> ask(const std::string& program, const std::vector<std::string>& arguments, std::vector<std::pair<std::string, std::string>>& versions);

  std::vector<std::string> programs_;
  double patience_;  // seconds
  std::map<std::string, std::string> hanging_;                              // program: why it is not asked any more
  std::map<std::pair<std::string, std::string>, std::string> lacking_;  // backend and program: what it lacks
};

// Packed molecules one after the other, in a file of `folder`, at most kMostRaw bytes. Returns its name. Throws Error (exit 4).
std::string write_raw_file(const Load& load, const std::string& folder);

}  // namespace atp
