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

// What the arguments of a command are completed with: the first kind that can be.
Completion completion_of_arguments(const CommandManual& manual) {
  for (const auto& argument : manual.arguments) {
    const Completion completion = completion_of(argument, manual);
    if (completion != Completion::nothing) return completion;
  }
  return Completion::nothing;
}

// ---- bash ---------------------------------------------------------------------------------------

// The call that fills COMPREPLY; empty for what cannot be completed.
std::string bash_call(Completion completion, const std::vector<std::string>& words) {
  switch (completion) {
    case Completion::path: return "_atp_files";
    case Completion::dataset: return "_atp_datasets";
    case Completion::field: return fmt::format("_atp_fields \"{}\"", fmt::join(words, " "));
    case Completion::nothing: break;
  }
  return words.empty() ? "" : fmt::format("_atp_words \"{}\"", fmt::join(words, " "));
}

// A case per command: the values behind an option, then options or file names.
std::string bash_case(const CommandManual& manual) {
  std::string values, without_completion, all;
  for (const auto& group : manual.groups) {
    for (const auto& option : group.options) {
      const auto names = dashed(option);
      for (const auto& name : names) all += (all.empty() ? "" : " ") + name;
      if (option.value.empty()) continue;
      const std::string pattern = fmt::format("{}", fmt::join(names, "|"));
      const std::string call = bash_call(completion_of(option, manual), words_of(option));
      if (!call.empty()) {
        values += fmt::format("        {})\n          {}\n          return ;;\n", pattern, call);
      } else {
        without_completion += (without_completion.empty() ? "" : "|") + pattern;
      }
    }
  }
  if (!without_completion.empty()) values += fmt::format("        {}) return ;;\n", without_completion);
  std::string out = fmt::format("    {})\n      case $prev in\n{}      esac\n", manual.command->name, values);
  out += fmt::format("      if [[ $cur == -* ]]; then\n        _atp_words \"{}\"\n", all);
  const std::string call = bash_call(completion_of_arguments(manual), {});
  if (!call.empty()) out += fmt::format("      else\n        {}\n", call);
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
      "# .atp files and folders; where there are none, anything.\n"
      "_atp_datasets() {\n"
      "  compopt -o filenames 2>/dev/null\n"
      "  local IFS=$'\\n'\n"
      "  COMPREPLY=($(compgen -d -- \"$cur\") $(compgen -f -X '!*.atp' -- \"$cur\"))\n"
      "  ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "}\n\n"
      "_atp_words() {\n"
      "  COMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n"
      "  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
      "}\n\n"
      "# The given words, and the fields of the datasets that stand on the command line.\n"
      "_atp_fields() {\n"
      "  local word field\n"
      "  _atp_words \"$1\"\n"
      "  for word in \"${COMP_WORDS[@]:2}\"; do\n"
      "    [[ $word == *.atp || -d $word ]] || continue\n"
      "    while IFS= read -r field; do\n"
      "      [[ $field == \"$cur\"* ]] && COMPREPLY+=(\"$field\")\n"
      "    done < <(\"${COMP_WORDS[0]}\" generate fields \"$word\" 2>/dev/null)\n"
      "  done\n"
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

std::string zsh_action(const OptionManual& option, const CommandManual& manual) {
  const auto words = words_of(option);
  std::string action = words.empty() ? " " : fmt::format("({})", fmt::join(words, " "));
  switch (completion_of(option, manual)) {
    case Completion::path: action = "_files"; break;
    case Completion::dataset: action = "_files -g \"*.atp\""; break;
    case Completion::field: action = fmt::format("_atp_fields {}", fmt::join(words, " ")); break;
    case Completion::nothing:
      if (!words.empty() && words[0].ends_with('=')) action = fmt::format("_atp_prefixes {}", fmt::join(words, " "));
  }
  return fmt::format(":{}:{}", zsh_text(option.value), action);
}

std::string zsh_option(const OptionManual& option, const CommandManual& manual) {
  const auto names = dashed(option);
  // Names in parentheses are not offered again once one of them is there.
  const std::string excluded = option.repeated ? "'*'" : fmt::format("'({})'", fmt::join(names, " "));
  std::vector<std::string> shown;
  for (const auto& name : names) {
    const bool is_long = name.starts_with("--");
    shown.push_back(option.value.empty() ? name : name + (is_long ? "=" : "+"));
  }
  const std::string spelled = shown.size() == 1 ? shown[0] : fmt::format("{{{}}}", fmt::join(shown, ","));
  const std::string action = option.value.empty() ? "" : zsh_action(option, manual);
  return fmt::format("        {}{}'[{}]{}' \\\n", excluded, spelled, zsh_text(option.description), action);
}

std::string zsh() {
  std::string out = fmt::format("#compdef atp\n# {}\n\n", kMark);
  out +=
      "# The given words, and the fields of the datasets that stand on the command line.\n"
      "_atp_fields() {\n"
      "  local word\n"
      "  local -a fields=($@)\n"
      "  for word in ${(Q)words[2,-1]}; do\n"
      "    [[ $word == *.atp || -d $word ]] || continue\n"
      "    fields+=(${(f)\"$($program generate fields $word 2>/dev/null)\"})\n"
      "  done\n"
      "  compadd -- $fields\n"
      "}\n\n"
      "_atp_prefixes() { compadd -S '' -- $@ }\n\n"
      "_atp() {\n  local -a commands\n  local program=${(Q)words[1]}\n  commands=(\n";
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
      for (const auto& option : group.options) out += zsh_option(option, manual);
    }
    for (const auto& argument : manual.arguments) {
      out += fmt::format("        '{}{}' \\\n", argument.repeated ? "*" : "", zsh_action(argument, manual));
    }
    out.erase(out.size() - 3);  // the last " \"
    out += " ;;\n";
  }
  return out + "    help) ((CURRENT == 2)) && _describe -t commands command commands ;;\n  esac\n}\n\n_atp \"$@\"\n";
}

// ---- fish ---------------------------------------------------------------------------------------

std::string fish_text(std::string_view text) { return "'" + replaced(text, "'\\", "\\") + "'"; }

// What follows an option or a command, as arguments of fish's `complete`.
std::string fish_fill(Completion completion, std::vector<std::string> words) {
  switch (completion) {
    case Completion::path: return "-F";
    case Completion::dataset: return "-k -a '(__fish_complete_suffix .atp)'";  // those first
    case Completion::field: words.emplace_back("(__atp_fields)"); break;
    case Completion::nothing: break;
  }
  return words.empty() ? "" : fmt::format("-a '{}'", fmt::join(words, " "));
}

std::string fish_value(Completion completion, const std::vector<std::string>& words) {
  const std::string fill = fish_fill(completion, words);
  return fmt::format("{} {}{}", completion == Completion::path ? "-r" : "-x", fill, fill.empty() ? "" : " ");
}

std::string fish() {
  std::string out = fmt::format("# fish completion for atp. {}\n\n", kMark);
  out +=
      "# The fields of the datasets that stand on the command line.\n"
      "function __atp_fields\n"
      "    set -l words (commandline -opc)\n"
      "    for word in $words[3..-1]\n"
      "        if string match -q '*.atp' -- $word; or test -d \"$word\"\n"
      "            $words[1] generate fields $word 2>/dev/null\n"
      "        end\n"
      "    end\n"
      "end\n\n"
      "complete -c atp -f\n";
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
    if (const auto fill = fish_fill(completion_of_arguments(manual), {}); !fill.empty()) add(here, fill);
    for (const auto& group : manual.groups) {
      for (const auto& option : group.options) {
        std::string spec;
        for (const auto& s : option.shorts) spec += "-s " + s + " ";
        for (const auto& l : option.longs) spec += "-l " + l + " ";
        if (!option.value.empty()) spec += fish_value(completion_of(option, manual), words_of(option));
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
