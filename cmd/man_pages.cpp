// Manual pages with the man(7) macros (generate.h).
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cmd/generate.h"
#include "cmd/manual.h"
#include "cmd/options.h"
#include "cmd/version.h"
#include "formats/format.h"

namespace atp {
namespace {

// Text as roff shows it unchanged: backslashes, hyphens that are to be copied, and the characters
// that begin a request at the start of a line.
std::string escaped(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += c;
    }
    line_start = c == '\n';
  }
  return out;
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", escaped(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", escaped(text)); }

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

// The generated mark comes first, so that nobody edits the page.
std::string head(std::string_view title) {
  return fmt::format(
      ".\\\" Written by \"atp generate man\". Do not edit: change the declarations in cmd/.\n"
      ".TH {} 1 {} \"atp {}\" \"atp manual\"\n",
      escaped(upper(title)), release_date(), version());
}

std::string section(std::string_view name) { return fmt::format(".SH {}\n", name); }

// A sentence starts a line, as roff likes it, and lines are short enough to read a change of them.
std::string lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find(". "), text.size());
    const std::string_view sentence = text.substr(0, std::min(end + 1, text.size()));
    text.remove_prefix(std::min(end + 2, text.size()));
    out += escaped(wrapped(sentence, 72, 0)) + "\n";
  }
  return out;
}

// A paragraph that begins with a space is a table or a picture: its lines stay as they are.
std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find("\n\n"), text.size());
    const std::string_view paragraph = text.substr(0, end);
    const bool picture = paragraph.starts_with(' ');
    out += (out.empty() ? "" : ".PP\n") + (picture ? fmt::format(".nf\n.ft CW\n{}\n.ft\n.fi\n", escaped(paragraph)) : lines(paragraph));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

// What is a phrase on the help screen is a sentence here.
std::string sentence(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  if (!out.empty() && out.back() != '.') out += '.';
  return lines(out);
}

std::string names(const OptionManual& option) {
  std::string out;
  for (const auto& s : option.shorts) out += (out.empty() ? "" : ", ") + bold("-" + s);
  for (const auto& l : option.longs) out += (out.empty() ? "" : ", ") + bold("--" + l);
  if (!option.value.empty()) out += (out.empty() ? "" : " ") + italic(option.value);
  if (option.shorts.empty() && option.longs.empty() && option.repeated) out += "...";
  return out;
}

std::string option_entries(const std::vector<OptionManual>& options) {
  std::string out;
  for (const auto& option : options) {
    out += fmt::format(".TP\n{}\n{}", names(option), sentence(option.description));
    if (!option.choices.empty() && option.value.find('|') == std::string::npos) {
      std::string list;
      for (const auto& choice : option.choices) list += (list.empty() ? "" : ", ") + bold(choice);
      out += fmt::format("One of {}.\n", list);
    }
  }
  return out;
}

struct Row {
  std::string_view name, meaning;
};

constexpr Row kExitCodes[] = {
    {"0", "done"},
    {"1", "the answer is no: damage was found, or a bar was missed"},
    {"2", "the command line is wrong"},
    {"3", "an input cannot be read as what it should be"},
    {"4", "the system refused: no space, no permission, no memory, an I/O error"},
    {"5", "the network or the hub refused"},
    {"129, 130, 143", "interrupted by SIGHUP, SIGINT or SIGTERM"},
};

constexpr Row kEnvironment[] = {
    {"NO_COLOR", "set and not empty: no colour, unless --color always is given"},
    {"TERM", "the value dumb: neither colour nor progress, unless asked for"},
    {"COLUMNS", "the width of help where the output is no terminal"},
    {"LC_ALL, LC_CTYPE, LANG", "the first one set tells whether bars may be drawn with Unicode characters"},
};

template <std::size_t N>
std::string rows(const Row (&table)[N]) {
  std::string out;
  for (const Row& row : table) out += fmt::format(".TP\n{}\n{}", bold(row.name), sentence(row.meaning));
  return out;
}

std::string exit_status() {
  return section("EXIT STATUS") + rows(kExitCodes) +
         ".PP\nA reader that closes the pipe early (as\n.BR head (1)\ndoes) ends the program silently with status 0.\n";
}

std::string command_page(const Command& command) {
  const CommandManual manual = manual_of(command);
  std::string out = head(fmt::format("atp-{}", command.name));
  out += section("NAME") + escaped(fmt::format("atp-{}", command.name)) + " \\- " + escaped(command.summary) + "\n";
  out += section("SYNOPSIS") + ".nh\n.ad l\n" + bold(fmt::format("atp {}", command.name)) +
         escaped(usage_of(manual).substr(4 + command.name.size())) + "\n.ad\n.hy\n";
  out += section("DESCRIPTION") + paragraphs(command.details);
  if (!manual.arguments.empty()) out += section("ARGUMENTS") + option_entries(manual.arguments);
  out += section("OPTIONS");
  for (const auto& group : manual.groups)
    out += fmt::format(".SS {}\n", escaped(group.name)) + option_entries(group.options);
  out += section("EXAMPLES");
  for (const Example& e : command.examples) {
    out += fmt::format(".TP\n{}\n{}", bold(e.command), sentence(e.meaning));
  }
  out += exit_status() + section("SEE ALSO") + ".BR atp (1),\n";
  for (const Command& other : commands()) {
    if (!other.task.empty() && other.name != command.name) out += fmt::format(".BR atp\\-{} (1),\n", other.name);
  }
  return out + ".BR atp (5),\n.BR atp\\-fields (7),\n.BR atp\\-json (7)\n";
}

std::string main_page() {
  std::string out = head("atp");
  out += section("NAME") + "atp \\- pack atomistic datasets into .atp files and read them\n";
  out += section("SYNOPSIS") + bold("atp") + " " + italic("COMMAND") + " [" + italic("OPTIONS") + "] ...\n.br\n" +
         bold("atp help") + " [" + italic("COMMAND") + "]\n.br\n" + bold("atp --version") + "\n";
  out += section("DESCRIPTION") +
         paragraphs(
             "An .atp file holds structures (atoms with their cell, energy, forces, stress and any other "
             "property) as records that are read one by one, in any order, without reading the rest. atp "
             "makes such files from the formats that simulation codes and datasets come in, and looks into "
             "them. The bytes of a file are described in atp(5).\n\n"
             "Results go to standard output, progress and messages to standard error. Long options cannot be "
             "abbreviated. Both --option=value and --option value are understood; arguments behind -- are "
             "never options.");
  out += section("COMMANDS");
  for (const Command& command : commands()) {
    if (command.task.empty()) continue;
    out += fmt::format(".TP\n.BR atp\\-{} (1)\n{}", command.name, sentence(command.summary));
  }
  out += section("COMMON OPTIONS") + "Every command has these.\n";
  for (const auto& group : manual_of(commands().front()).groups) {
    if (group.name == kCommonGroup) out += option_entries(group.options);
  }
  out +=
      section("INPUT FORMATS") + "The content of an input decides which one it is, unless\n.B \\-\\-from\nsays so.\n";
  for (const Format& format : formats()) {
    out += fmt::format(".TP\n{} ({})\n{}", bold(format.name), escaped(format.extensions), sentence(format.summary));
  }
  out += exit_status();
  out += section("ENVIRONMENT") + rows(kEnvironment);
  out += section("SEE ALSO");
  for (const Command& command : commands()) {
    if (!command.task.empty()) out += fmt::format(".BR atp\\-{} (1),\n", command.name);
  }
  return out + ".BR atp (5),\n.BR atp\\-fields (7),\n.BR atp\\-json (7)\n";
}

}  // namespace

std::map<std::string, std::string> generate_man() {
  std::map<std::string, std::string> pages{{"atp.1", main_page()}};
  for (const Command& command : commands()) {
    if (!command.task.empty()) pages[fmt::format("atp-{}.1", command.name)] = command_page(command);
  }
  return pages;
}

}  // namespace atp
