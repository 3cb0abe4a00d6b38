// Measuring processes in Python, for what Python users use.
#pragma once

#include <string>
#include <string_view>

#include "core/bench/child.h"
#include "core/bench/load.h"

namespace atp {

// A Python that has the modules the backend needs: python3 of PATH, or /usr/bin/python3. It understands the commands of
// serve.h and takes the molecules it writes from `raw`. Throws Error (exit 4) saying which module is missing where.
// `versions` gets those of Python and the modules, by name, where they are not in it yet.
Child start_python(std::string_view backend, const std::string& folder, const std::string& raw, bool custom, std::vector<std::pair<std::string, std::string>>& versions);

// Packed molecules one after the other, in a file of `folder`, at most kMostRaw bytes. Returns its name. Throws Error (exit 4).
std::string write_raw_file(const Load& load, const std::string& folder);

}  // namespace atp
