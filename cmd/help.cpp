// The help screens (manual.h).
#include <fmt/format.h>

#include <algorithm>

#include "cmd/manual.h"
#include "cmd/options.h"
#include "cmd/terminal.h"

namespace atp {
namespace {

// Wider lines are hard to read; what is narrower than the words is wrapped by the terminal.
std::size_t text_width() { return static_cast<std::size_t>(std::clamp(terminal_width(), 30, 100)); }

// "  NAMES    text", the text wrapped in its column; names too long for theirs get a line of their own.
std::string entry(const std::string& names, std::string_view text, std::size_t column) {
  std::string out = "  " + styled(names, Style::bold);
  const std::size_t taken = 2 + display_width(names);
  if (taken + 2 > column) {
    out += "\n" + std::string(column, ' ');
  } else {
    out += std::string(column - taken, ' ');
  }
  return out + wrapped(text, text_width(), column) + "\n";
}

std::string heading(std::string_view text) { return "\n" + styled(fmt::format("{}:", text), Style::bold) + "\n"; }

std::size_t column_for(const CommandManual& manual) {
  std::size_t widest = 0;
  for (const auto& group : manual.groups) {
    for (const auto& option : group.options) {
      const std::size_t width = display_width(names_of(option));
      if (width <= 30) widest = std::max(widest, width);
    }
  }
  constexpr std::size_t kLeast = 20;  // of the text beside the names; else it stands below them
  return widest + 4 + kLeast <= text_width() ? widest + 4 : 6;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const std::size_t wide = display_width(word);
    if (column > indent && column + 1 + wide > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += wide;
  }
  return out;
}

std::string command_help(const Command& command) {
  const CommandManual manual = manual_of(command);
  const std::size_t column = column_for(manual);
  const std::size_t before = std::string_view("atp : ").size() + command.name.size();
  std::string out = fmt::format("atp {}: {}\n", command.name, wrapped(command.summary, text_width() - before, 2));
  out += heading("Usage") + "  " + wrapped(usage_of(manual), text_width(), 6) + "\n";
  out += heading("Examples");
  std::size_t widest = 0;
  for (const Example& e : command.examples) widest = std::max(widest, e.command.size());
  for (const Example& e : command.examples) {
    // Commands are there to be copied: they are never broken, and their meaning moves down instead.
    if (widest + 30 <= text_width()) {
      out += entry(std::string(e.command), e.meaning, widest + 4);
    } else {
      out += fmt::format("  {}\n      {}\n", styled(e.command, Style::bold), wrapped(e.meaning, text_width(), 6));
    }
  }
  if (!manual.arguments.empty()) {
    out += heading("Arguments");
    for (const auto& argument : manual.arguments) out += entry(names_of(argument), argument.description, column);
  }
  for (const auto& group : manual.groups) {
    out += heading(group.name);
    for (const auto& option : group.options) out += entry(names_of(option), option.description, column);
  }
  return out;
}

std::string overview() {
  std::string out = "atp packs atomistic datasets into .atp files and reads them.\n" + heading("Usage") +
                    "  atp COMMAND [OPTIONS] ...\n";
  std::vector<std::string_view> tasks;
  for (const Command& command : commands()) {
    if (!command.task.empty() && std::find(tasks.begin(), tasks.end(), command.task) == tasks.end()) {
      tasks.push_back(command.task);
    }
  }
  constexpr std::size_t kColumn = 16;
  for (const auto task : tasks) {
    out += heading(task);
    for (const Command& command : commands()) {
      if (command.task == task) out += entry(std::string(command.name), command.summary, kColumn);
    }
  }
  out += heading("More");
  out += entry("help COMMAND", "what a command does, with examples; also COMMAND --help and man atp-COMMAND", kColumn);
  out += entry("--version", "the version, and the codecs and formats in this build", kColumn);
  return out;
}

}  // namespace atp
