#include "cmd/manual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "cmd/map_option.h"
#include "cmd/options.h"
#include "core/atp/codec.h"
#include "formats/format.h"

namespace atp {
namespace {

OptionManual manual_of(const CLI::Option& option) {
  OptionManual m;
  m.shorts = option.get_snames();
  m.longs = option.get_lnames();
  m.description = option.get_description();
  m.choices = choices_of(option);
  m.required = option.get_required();
  if (option.get_items_expected_max() > 0) {
    m.repeated = option.get_items_expected_max() > 1;
    m.value = option.get_type_name();
    // A positional argument is called by its name: INPUT.
    if (option.get_positional() && !option.nonpositional()) m.value = option.get_name(true);
  }
  // Some kinds of value have a table of their own.
  if (m.value == "FORMAT") {
    for (const Format& format : formats()) m.choices.emplace_back(format.name);
  } else if (m.value == "CODEC") {
    m.choices.assign(codec_names().begin(), codec_names().end());
  } else if (m.value == "FIELD=KEY") {
    for (const std::string_view field : mapped_fields()) m.choices.push_back(fmt::format("{}=", field));
  }
  return m;
}

bool is_word(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

CommandManual manual_of(const Command& command) {
  CommandManual manual{&command, {}, {}};
  const DeclaredCommand declared = declare(command);
  for (const CLI::Option* option : std::as_const(*declared.app).get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    if (!option->nonpositional()) {
      manual.arguments.push_back(manual_of(*option));
      continue;
    }
    const std::string& name = option->get_group();
    auto group = std::find_if(manual.groups.begin(), manual.groups.end(), [&](auto& g) { return g.name == name; });
    if (group == manual.groups.end()) group = manual.groups.insert(group, OptionGroup{name, {}});
    group->options.push_back(manual_of(*option));
  }
  std::stable_partition(manual.groups.begin(), manual.groups.end(),
                        [](const OptionGroup& g) { return g.name != kCommonGroup; });
  return manual;
}

std::string usage_of(const CommandManual& manual) {
  std::string usage = fmt::format("atp {} [OPTIONS]", manual.command->name);
  for (const auto& argument : manual.arguments) {
    const std::string name = argument.value + (argument.repeated ? "..." : "");
    usage += argument.required ? " " + name : fmt::format(" [{}]", name);
  }
  for (const auto& group : manual.groups) {
    for (const auto& option : group.options) {
      if (!option.required) continue;
      usage += option.shorts.empty() ? fmt::format(" --{}", option.longs[0]) : fmt::format(" -{}", option.shorts[0]);
      usage += " " + option.value;
    }
  }
  return usage;
}

std::string names_of(const OptionManual& option) {
  std::vector<std::string> names;
  for (const auto& s : option.shorts) names.push_back("-" + s);
  for (const auto& l : option.longs) names.push_back("--" + l);
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (!option.value.empty()) text += (text.empty() ? "" : " ") + option.value;
  if (names.empty() && option.repeated) text += "...";
  return text;
}

std::vector<std::string> words_of(const OptionManual& option) {
  if (!option.choices.empty()) return option.choices;
  if (option.value.find('|') == std::string::npos) return {};
  std::vector<std::string> words;
  for (const std::string& part : CLI::detail::split(option.value, '|')) {
    const std::string word = part.substr(0, part.find_first_of("[:="));
    if (is_word(word)) words.push_back(word);
  }
  return words;
}

Completion completion_of(const OptionManual& option, const CommandManual& manual) {
  static constexpr std::array kPaths = {"FILE", "DIR", "PATH", "INPUT", "OUTPUT", "PLANDIR"};
  static constexpr std::array kFields = {"GLOB", "exact|KEY", "record|formula|KEY"};
  if (option.value == "DATASET") return Completion::dataset;
  if (std::find(kPaths.begin(), kPaths.end(), option.value) != kPaths.end()) return Completion::path;
  const bool has_dataset = std::any_of(manual.arguments.begin(), manual.arguments.end(), [](const OptionManual& a) { return a.value == "DATASET" || a.value == "INPUT"; });
  return has_dataset && std::find(kFields.begin(), kFields.end(), option.value) != kFields.end() ? Completion::field : Completion::nothing;
}

}  // namespace atp
