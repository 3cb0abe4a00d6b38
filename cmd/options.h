// Options that mean the same everywhere (CLI.md), and checks that read their values.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// Options every command has. main applies them before the command runs.
struct CommonOptions {
  int jobs = 0;            // 0: available_cpus()
  bool quiet = false;
  bool verbose = false;
  std::string progress = "auto";  // auto, always, never
  std::string color = "auto";     // auto, always, never
};
CommonOptions& common_options();
void declare_common(CLI::App& app);
int jobs();  // the number of threads to use

// 4096, 10K, 1.5Gi ... in bytes: K M G T are powers of 1000, Ki Mi Gi Ti of 1024 (a trailing B is
// allowed). Throws Error (exit 2).
std::uint64_t parse_size(std::string_view text);

// The candidate nearest to `word` by edit distance when it is near enough to be a slip of the
// finger, else empty.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

// Whether `text` matches a shell-like pattern with *, ? and [...] (fnmatch).
bool glob_match(const std::string& pattern, const std::string& text);

}  // namespace atp
