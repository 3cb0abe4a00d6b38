// A command's declaration as data: what help, man pages and completions are printed from.
#pragma once

#include <string>
#include <vector>

#include "cmd/commands.h"

namespace atp {

struct OptionManual {
  std::vector<std::string> shorts, longs;  // without dashes; both empty for a positional argument
  std::string value;                       // "FILE", "auto|always|never"; empty for a flag
  std::string description;
  std::vector<std::string> choices;  // words to complete
  bool required = false;
  bool repeated = false;  // may be given several times
};

struct OptionGroup {
  std::string name;
  std::vector<OptionManual> options;
};

struct CommandManual {
  const Command* command;
  std::vector<OptionManual> arguments;  // positional
  std::vector<OptionGroup> groups;      // in the order of declaration, common options last
};

CommandManual manual_of(const Command& command);

// "atp pack [OPTIONS] INPUT... -o OUTPUT": what must be given stands outside brackets.
std::string usage_of(const CommandManual& manual);

// "-o, --output FILE".
std::string names_of(const OptionManual& option);

// The words a value can be, from its choices or its name ("none|lz4|zstd[:LEVEL]": none lz4 zstd).
std::vector<std::string> words_of(const OptionManual& option);

// What a shell can complete a value with, beside its words.
enum class Completion {
  nothing,
  path,     // files and folders
  dataset,  // .atp files and folders first
  field,    // names of the fields of the datasets on the command line
};
Completion completion_of(const OptionManual& option, const CommandManual& manual);

// Words broken into lines of at most `width` columns, each after the first begun with `indent` spaces.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

// What `atp CMD --help` shows.
std::string command_help(const Command& command);
// What `atp help` shows: the commands by task.
std::string overview();

}  // namespace atp
