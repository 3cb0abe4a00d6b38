// Completions for bash, zsh and fish (generate.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "cmd/generate.h"
#include "cmd/manual.h"

namespace atp {
namespace {

constexpr std::string_view kMark = "Written by \"atp generate completions\". Do not edit.";

std::vector<CommandManual> shown_commands() {
  std::vector<CommandManual> manuals;
  for (const Command& command : commands()) {
    if (!command.task.empty()) manuals.push_back(manual_of(command));
  }
  return manuals;
}

std::vector<std::string> dashed(const OptionManual& option) {
  std::vector<std::string> names;
  for (const auto& s : option.shorts) names.push_back("-" + s);
  for (const auto& l : option.longs) names.push_back("--" + l);
  return names;
}

bool arguments_are_paths(const CommandManual& manual) {
  for (const auto& argument : manual.arguments) {
    if (takes_path(argument)) return true;
  }
  return false;
}

// ---- bash ---------------------------------------------------------------------------------------

// A case per command: the values behind an option, then options or file names.
std::string bash_case(const CommandManual& manual) {
  std::string values, without_completion, all;
  for (const auto& group : manual.groups) {
    for (const auto& option : group.options) {
      const auto names = dashed(option);
      for (const auto& name : names) all += (all.empty() ? "" : " ") + name;
      if (option.value.empty()) continue;
      const std::string pattern = fmt::format("{}", fmt::join(names, "|"));
      const auto words = words_of(option);
      if (!words.empty()) {
        values +=
            fmt::format("        {})\n          COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n          return ;;\n",
                        pattern, fmt::join(words, " "));
      } else if (takes_path(option)) {
        values += fmt::format("        {})\n          _atp_files\n          return ;;\n", pattern);
      } else {
        without_completion += (without_completion.empty() ? "" : "|") + pattern;
      }
    }
  }
  if (!without_completion.empty()) values += fmt::format("        {}) return ;;\n", without_completion);
  std::string out = fmt::format("    {})\n      case $prev in\n{}      esac\n", manual.command->name, values);
  out += fmt::format("      if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n", all);
  if (arguments_are_paths(manual)) out += "      else\n        _atp_files\n";
  return out + "      fi ;;\n";
}

std::string bash() {
  std::string out = fmt::format("# bash completion for atp. {}\n\n", kMark);
  out +=
      "_atp_files() {\n"
      "  compopt -o filenames 2>/dev/null\n"
      "  local IFS=$'\\n'\n"
      "  COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "}\n\n"
      "_atp() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  COMPREPLY=()\n"
      "  # --option=value comes as three words.\n"
      "  if [[ $cur == = ]]; then\n"
      "    cur=\n"
      "  elif [[ $prev == = ]]; then\n"
      "    prev=${COMP_WORDS[COMP_CWORD-2]}\n"
      "  fi\n";
  out += fmt::format(
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$cur\"))\n"
      "    return\n  fi\n  case ${{COMP_WORDS[1]}} in\n",
      fmt::join(command_names(), " "));
  for (const auto& manual : shown_commands()) out += bash_case(manual);
  out += fmt::format("    help) ((COMP_CWORD == 2)) && COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n",
                     fmt::join(command_names(), " "));
  return out + "  esac\n}\n\ncomplete -F _atp atp\n";
}

// ---- zsh ----------------------------------------------------------------------------------------

std::string replaced(std::string_view text, std::string_view special, std::string_view before) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += before;
    out += c;
  }
  return out;
}

// Inside '...' of an _arguments specification.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : replaced(text, "[]:\\", "\\")) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out;
}

std::string zsh_action(const OptionManual& option) {
  const auto words = words_of(option);
  if (!words.empty()) return fmt::format(":{}:({})", zsh_text(option.value), fmt::join(words, " "));
  return fmt::format(":{}:{}", zsh_text(option.value), takes_path(option) ? "_files" : " ");
}

std::string zsh_option(const OptionManual& option) {
  const auto names = dashed(option);
  // Names in parentheses are not offered again once one of them is there.
  const std::string excluded = option.repeated ? "'*'" : fmt::format("'({})'", fmt::join(names, " "));
  std::vector<std::string> shown;
  for (const auto& name : names) {
    const bool is_long = name.starts_with("--");
    shown.push_back(option.value.empty() ? name : name + (is_long ? "=" : "+"));
  }
  const std::string spelled = shown.size() == 1 ? shown[0] : fmt::format("{{{}}}", fmt::join(shown, ","));
  const std::string action = option.value.empty() ? "" : zsh_action(option);
  return fmt::format("        {}{}'[{}]{}' \\\n", excluded, spelled, zsh_text(option.description), action);
}

std::string zsh() {
  std::string out = fmt::format("#compdef atp\n# {}\n\n_atp() {{\n  local -a commands\n  commands=(\n", kMark);
  for (const auto& manual : shown_commands()) {
    out += fmt::format("    '{}:{}'\n", manual.command->name, zsh_text(manual.command->summary));
  }
  out +=
      "    'help:show what a command does'\n  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe -t commands command commands\n"
      "    _arguments '--help[show the commands]' '--version[show the version]'\n"
      "    return\n  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n";
  for (const auto& manual : shown_commands()) {
    out += fmt::format("    {})\n      _arguments -s \\\n", manual.command->name);
    for (const auto& group : manual.groups) {
      for (const auto& option : group.options) out += zsh_option(option);
    }
    for (const auto& argument : manual.arguments) {
      out += fmt::format("        '{}{}' \\\n", argument.repeated ? "*" : "", zsh_action(argument));
    }
    out.erase(out.size() - 3);  // the last " \"
    out += " ;;\n";
  }
  return out + "    help) ((CURRENT == 2)) && _describe -t commands command commands ;;\n  esac\n}\n\n_atp \"$@\"\n";
}

// ---- fish ---------------------------------------------------------------------------------------

std::string fish_text(std::string_view text) { return "'" + replaced(text, "'\\", "\\") + "'"; }

std::string fish() {
  std::string out = fmt::format("# fish completion for atp. {}\n\ncomplete -c atp -f\n", kMark);
  const auto add = [&](std::string_view condition, std::string_view rest) {
    out += fmt::format("complete -c atp -n '{}' {}\n", condition, rest);
  };
  for (const auto& manual : shown_commands()) {
    add("__fish_use_subcommand", fmt::format("-a {} -d {}", manual.command->name, fish_text(manual.command->summary)));
  }
  add("__fish_use_subcommand", "-a help -d 'show what a command does'");
  add("__fish_use_subcommand", "-l help -d 'show the commands'");
  add("__fish_use_subcommand", "-l version -d 'show the version'");
  add("__fish_seen_subcommand_from help", fmt::format("-a '{}'", fmt::join(command_names(), " ")));
  for (const auto& manual : shown_commands()) {
    const std::string here = fmt::format("__fish_seen_subcommand_from {}", manual.command->name);
    if (arguments_are_paths(manual)) add(here, "-F");
    for (const auto& group : manual.groups) {
      for (const auto& option : group.options) {
        std::string spec;
        for (const auto& s : option.shorts) spec += "-s " + s + " ";
        for (const auto& l : option.longs) spec += "-l " + l + " ";
        if (const auto words = words_of(option); !words.empty()) {
          spec += fmt::format("-x -a '{}' ", fmt::join(words, " "));
        } else if (!option.value.empty()) {
          spec += takes_path(option) ? "-r -F " : "-x ";
        }
        add(here, spec + "-d " + fish_text(option.description));
      }
    }
  }
  return out;
}

}  // namespace

std::map<std::string, std::string> generate_completions() {
  return {{"atp.bash", bash()}, {"_atp", zsh()}, {"atp.fish", fish()}};
}

}  // namespace atp
