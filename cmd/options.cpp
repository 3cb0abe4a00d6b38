#include "cmd/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <charconv>
#include <cmath>

#include "core/base/error.h"
#include "core/base/selection.h"
#include "core/base/parallel.h"

namespace atp {
namespace {

// A validator's name is the one place where CLI11 keeps a text of ours with an option.
constexpr std::string_view kChoicesMark = "choices:";
constexpr int kMostJobs = 4096;

int parse_jobs(const std::string& text) {
  if (text == "auto") return 0;
  int n = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 0 || n > kMostJobs) {
    throw Error(Exit::usage, "", fmt::format("'{}' is not a number of threads", text),
                fmt::format("pass --jobs with 1 to {}, or 0 for every CPU", kMostJobs));
  }
  return n;
}

std::uint64_t parse_scaled(std::string_view text, bool bytes) {
  const auto fail = [&](std::string_view what) {
    throw Error(Exit::usage, "", fmt::format("'{}' is {}", text, what), fmt::format("write {} as 4096, 10M or 1.5Gi", bytes ? "bytes" : "it"));
  };
  const std::string_view no_size = bytes ? "not a size" : "not a number", too_large = bytes ? "too large a size" : "too large a number";
  const std::string_view unit_name = bytes ? "B" : "";
  std::string_view rest = text;
  std::uint64_t whole = 0;
  double fraction = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
  if (error == std::errc::result_out_of_range) fail(too_large);
  if (error != std::errc()) fail(no_size);
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    double place = 0.1;
    if (rest.empty() || rest.front() < '0' || rest.front() > '9') fail(no_size);
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1), place /= 10) {
      fraction += place * (rest.front() - '0');
    }
  }

  std::uint64_t unit = 1;
  if (!rest.empty() && rest != unit_name) {
    const auto power = std::string_view("KMGT").find(rest.front());
    if (power == std::string_view::npos && rest.front() != 'k') fail(no_size);
    rest.remove_prefix(1);
    const bool binary = rest.starts_with('i');
    if (binary) rest.remove_prefix(1);
    for (std::size_t i = 0; i <= (power == std::string_view::npos ? 0 : power); ++i) unit *= binary ? 1024 : 1000;
  }
  if (!rest.empty() && rest != unit_name) fail(no_size);
  if (unit == 1 && fraction != 0) fail(bytes ? "not a whole number of bytes" : "not a whole number");
  // The fraction is rounded, so 1.1K is 1100 and not 1099.
  const auto part = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(unit)));
  if (whole > (UINT64_MAX - part) / unit) fail(too_large);
  return whole * unit + part;
}

}  // namespace

CommonOptions& common_options() {
  static CommonOptions options;
  return options;
}

int jobs() { return common_options().jobs > 0 ? common_options().jobs : available_cpus(); }

void declare_common(CLI::App& app) {
  auto& o = common_options();
  app.add_option_function<std::string>(
         "-j,--jobs", [&o](const std::string& text) { o.jobs = parse_jobs(text); },
         "threads to use; 0 or auto (the default) takes every CPU this process may use")
      ->type_name("N")
      ->group(kCommonGroup);
  app.add_flag("-q,--quiet", o.quiet, "say nothing but warnings and errors")->group(kCommonGroup);
  app.add_flag("-v,--verbose", o.verbose, "say more about what is done")->group(kCommonGroup);
  app.add_flag("-y,--yes", o.yes, "fetch more than 100 MB of inputs on a server (hf://, https://) without asking")->group(kCommonGroup);
  add_choice(app, "--progress", o.progress, {"auto", "always", "never"},
             "show progress on stderr; auto (the default): on a terminal, and every 30 s in a log file")
      ->group(kCommonGroup);
  add_choice(app, "--color", o.color, {"auto", "always", "never"},
             "colour the output; auto (the default) does so on a terminal unless NO_COLOR is set")
      ->group(kCommonGroup);
  app.set_help_flag("-h,--help", "show this help")->group(kCommonGroup);
}

CLI::Option* add_choice(CLI::App& app, const std::string& names, std::string& target, std::vector<std::string> choices,
                        const std::string& description, const std::string& value_name) {
  CLI::Option* option = app.add_option(names, target, description);
  const std::string mark = fmt::format("{}{}", kChoicesMark, fmt::join(choices, "|"));
  option->type_name(value_name.empty() ? mark.substr(kChoicesMark.size()) : value_name);
  const std::string name = option->get_name();
  const auto check = [choices = std::move(choices), name](std::string& value) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      std::string fix = did_you_mean(value, choices);
      if (fix.empty()) fix = fmt::format("choose from {}", fmt::join(choices, ", "));
      throw Error(Exit::usage, "", fmt::format("unknown value '{}' for '{}'", value, name), fix);
    }
    return std::string();
  };
  return option->check(CLI::Validator(check, "", mark));
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  // CLI11 2.1 has no const way to look at validators; nothing is changed here.
  auto& looked_at = const_cast<CLI::Option&>(option);
  for (int i = 0;; ++i) {
    const CLI::Validator* validator = nullptr;
    try {
      validator = looked_at.get_validator(i);
    } catch (const CLI::OptionNotFound&) {  // the only sign of the last one
      return {};
    }
    if (const std::string& name = validator->get_name(); name.starts_with(kChoicesMark)) {
      return CLI::detail::split(name.substr(kChoicesMark.size()), '|');
    }
  }
}

CLI::Option* add_count(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& target, const std::string& description) {
  const auto parse = [&target, names](const std::string& text) {
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size()) {
      throw Error(Exit::usage, "", fmt::format("'{}' is not a number for '{}'", text, names), "pass a whole number from 0 on");
    }
    target = n;
  };
  return app.add_option_function<std::string>(names, parse, description)->type_name("N");
}

CLI::Option* add_scaled_count(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& target, const std::string& description) {
  const auto parse = [&target, names](const std::string& text) {
    const std::uint64_t n = parse_scaled_count(text);
    if (n > UINT64_MAX / 2) throw Error(Exit::usage, "", fmt::format("'{}' is too large a number for '{}'", text, names), "leave the option out for no limit");
    target = n;
  };
  return app.add_option_function<std::string>(names, parse, description)->type_name("N");
}

CLI::Option* add_selection(CLI::App& app, const std::string& names, std::string& target, const std::string& description) {
  const auto parse = [&target](const std::string& text) {
    Selection::parse(text);
    target = text;
  };
  return app.add_option_function<std::string>(names, parse, description)->type_name("SPEC");
}

CLI::Option* add_size(CLI::App& app, const std::string& names, std::uint64_t& target, const std::string& description) {
  auto* option = app.add_option_function<std::string>(
      names, [&target](const std::string& text) { target = parse_size(text); }, description);
  return option->type_name("SIZE");
}

std::uint64_t parse_size(std::string_view text) { return parse_scaled(text, true); }

std::uint64_t parse_scaled_count(std::string_view text) { return parse_scaled(text, false); }

std::vector<std::string> given_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options([](const CLI::Option* o) { return o->count() > 0; })) names.push_back(option->get_name());
  return names;
}

bool glob_match(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

std::string output_target(const std::string& path, const std::string& option, std::string_view example) {
  namespace fs = std::filesystem;
  if (path == "-") {
    const std::string what = example.ends_with(".atp") ? "an .atp file cannot be written to a pipe: its header is written last" : fmt::format("{} writes a file, not to stdout", option);
    throw Error(Exit::usage, "", what, fmt::format("pass {} {}", option, example));
  }
  std::error_code error;
  // Through a symbolic link, as every other program writes: the rename would replace the link.
  const std::string target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error).string() : path;
  const auto status = fs::status(target, error);
  if (fs::is_directory(status)) throw Error(Exit::usage, target, "is a directory", fmt::format("name a file in it with {}", option));
  // A rename would put a file in the place of a device or FIFO, /dev/null among them.
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw Error(Exit::usage, target, "is not a regular file", fmt::format("pass {} {}", option, example));
  }
  return target;
}

}  // namespace atp
