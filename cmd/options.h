// Options that mean the same everywhere (CLI.md), and checks that read their values.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/nearest_name.h"

namespace atp {

// Options every command has. main applies them before the command runs.
struct CommonOptions {
  int jobs = 0;  // 0: available_cpus()
  bool quiet = false;
  bool verbose = false;
  bool yes = false;                // fetch without asking
  std::string progress = "auto";  // auto, always, never
  std::string color = "auto";     // auto, always, never
};
CommonOptions& common_options();
void declare_common(CLI::App& app);
int jobs();  // the number of threads to use

// The heading under which help and man pages show the common options, always last.
inline constexpr const char* kCommonGroup = "Common options";

// How options are declared:
// - The type_name() of an option is the name of its value in help, man pages and completions:
//   capitals stand for something to fill in (N, SIZE, KEY), "a|b|c" are words to choose from, and
//   FILE, DIR, PATH, INPUT, OUTPUT, DATASET are completed with file names.
// - group() is the heading it stands under.
// - An option that may be given several times takes one value each time.

// An option whose value is one of `choices`; another word is refused (exit 2) with the nearest one.
// `value_name` replaces "a|b|c" where that would be too long.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::string& target, std::vector<std::string> choices,
                        const std::string& description, const std::string& value_name = {});

// The choices of such an option; empty for any other.
std::vector<std::string> choices_of(const CLI::Option& option);

// An option that takes a whole number from 0 on; anything else is refused (exit 2).
CLI::Option* add_count(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& target, const std::string& description);

// The same with K M G T and Ki Mi Gi Ti: 3K, 4Ki, 1.5M. At most 2^63 - 1.
CLI::Option* add_scaled_count(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& target, const std::string& description);

// An option that takes a Selection; its text goes to `target` once it has been found to be one.
CLI::Option* add_selection(CLI::App& app, const std::string& names, std::string& target, const std::string& description);

// An option that takes a size as parse_size() reads it.
CLI::Option* add_size(CLI::App& app, const std::string& names, std::uint64_t& target, const std::string& description);

// 4096, 10K, 1.5Gi ... in bytes: K M G T are powers of 1000, Ki Mi Gi Ti of 1024 (a trailing B is
// allowed). Throws Error (exit 2).
std::uint64_t parse_size(std::string_view text);
// The same without the B, for what is no number of bytes. Throws Error (exit 2).
std::uint64_t parse_scaled_count(std::string_view text);

// The long names of the options that were given, positional ones by their name.
std::vector<std::string> given_options(const CLI::App& app);

// The file that `path`, given with `option`, names for writing; symbolic links are followed. Throws Error (exit 2) for
// what is there and cannot be one: a folder, a device, a FIFO, "-". `example` is a name for the message.
std::string output_target(const std::string& path, const std::string& option, std::string_view example = "FILE.atp");

// Whether `text` matches a shell-like pattern with *, ? and [...] (fnmatch).
bool glob_match(const std::string& pattern, const std::string& text);

}  // namespace atp
