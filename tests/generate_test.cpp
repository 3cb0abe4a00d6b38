#include "cmd/generate.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "cmd/commands.h"
#include "cmd/manual.h"
#include "cmd/options.h"
#include "cmd/usage.h"
#include "formats/field_rules.h"

using namespace atp;

namespace {

std::string checked_in(const std::string& path) {
  std::ifstream in(std::string(ATP_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void compare(const std::map<std::string, std::string>& fresh, const std::string& folder) {
  for (const auto& [name, text] : fresh) {
    const std::string page = folder + "/" + name;
    INFO(page, " has fallen behind the declarations: run atp generate ", folder, " ", folder);
    CHECK((checked_in(folder + "/" + name) == text));
  }
}

// The words of a command line up to a pipe, as a shell gives them; single quotes keep blanks.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : std::string(line) + " ") {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c != ' ' || quoted) {
      word += c;
    } else if (word == "|") {
      break;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

}  // namespace

TEST_CASE("the checked-in pages and completions are fresh") {
  compare(generate_man(), "man");
  compare(generate_completions(), "completions");
}

TEST_CASE("every command is told: summary, task, examples, details") {
  for (const Command& command : commands()) {
    CAPTURE(command.name);
    CHECK_FALSE(command.summary.empty());
    CHECK(command.summary.back() != '.');
    CHECK(command.summary[0] >= 'a');
    CHECK(command.examples.size() == 3);
    CHECK_FALSE(command.details.empty());
    for (const Example& e : command.examples) {
      CHECK(e.command.find("atp " + std::string(command.name)) != std::string_view::npos);
      CHECK_FALSE(e.meaning.empty());
    }
  }
}

TEST_CASE("the examples are command lines that parse") {
  for (const Command& command : commands()) {
    for (const Example& e : command.examples) {
      CAPTURE(e.command);
      const auto arguments = words_of(e.command.substr(e.command.find("atp ")));
      DeclaredCommand declared = declare(command);
      CHECK_NOTHROW(parse_arguments(declared, {arguments.begin() + 2, arguments.end()}));
    }
  }
  common_options() = {};
}

TEST_CASE("every option has a sentence, a value name and a group, and one meaning") {
  for (const Command& command : commands()) {
    const CommandManual manual = manual_of(command);
    std::set<std::string> names;
    for (const auto& argument : manual.arguments) {
      CAPTURE(argument.value);
      CHECK_FALSE(argument.description.empty());
      CHECK_FALSE(argument.value.empty());
    }
    for (const auto& group : manual.groups) {
      CHECK_FALSE(group.name.empty());
      for (const auto& option : group.options) {
        const std::string shown = std::string(command.name) + " " + names_of(option);
        CAPTURE(shown);
        CHECK_FALSE(option.description.empty());
        CHECK(option.description.back() != '.');
        CHECK_FALSE(option.longs.empty());
        // CLI11's own names (TEXT, UINT, FLOAT) say nothing about the value.
        for (const char* bad : {"TEXT", "INT", "UINT", "FLOAT", "BOOLEAN"})
          CHECK(option.value.find(bad) == std::string::npos);
        for (const auto& n : option.shorts) CHECK(names.insert("-" + n).second);
        for (const auto& n : option.longs) CHECK(names.insert("--" + n).second);
      }
    }
    CHECK(manual.groups.back().name == "Common options");
  }
}

TEST_CASE("help fits the screen and shows every option") {
  for (const Command& command : commands()) {
    const std::string help = command_help(command);
    for (const auto& group : manual_of(command).groups) {
      for (const auto& option : group.options) CHECK(help.find("--" + option.longs[0]) != std::string::npos);
    }
  }
}

TEST_CASE("words of a value") {
  OptionManual option;
  option.value = "none|lz4|zstd[:LEVEL]";
  CHECK(words_of(option) == std::vector<std::string>{"none", "lz4", "zstd"});
  option.value = "FILE";
  CHECK(words_of(option).empty());
  CHECK(wrapped("aa bb cc dd", 8, 2) == "aa bb\n  cc dd");
  CHECK(wrapped("averylongword b", 5, 0) == "averylongword\nb");
}

TEST_CASE("what a value is completed with") {
  const auto completion = [](const char* command, const char* name) {
    const CommandManual manual = manual_of(*find_command(command));
    for (const auto& group : manual.groups) {
      for (const auto& option : group.options) {
        if (option.longs[0] == name) return completion_of(option, manual);
      }
    }
    return completion_of(manual.arguments.at(0), manual);
  };
  CHECK(completion("pack", "output") == Completion::path);
  CHECK(completion("plan-batches", "verify") == Completion::path);
  CHECK(completion("verify", "") == Completion::dataset);
  CHECK(completion("shard", "drop") == Completion::field);
  CHECK(completion("shard", "by") == Completion::field);
  CHECK(completion("pull", "include") == Completion::nothing);  // globs of file names on a server
  CHECK(completion("pack", "limit") == Completion::nothing);
}

TEST_CASE("man atp-fields names what the readers know") {
  const FieldRules rules{ReadOptions{}};
  std::istringstream page(checked_in("man/atp-fields.7"));
  std::string field, line;
  int names = 0;
  while (std::getline(page, line) && line != ".SH UNITS AND SIGNS") {
    if (line.starts_with(".B ")) field = line.substr(3, line.find(',') - 3);
    if (line == ".PP") field.clear();
    if (field.empty() || line.starts_with('.')) continue;
    if (const auto never = line.find("never"); never != std::string::npos) line.resize(never);
    for (std::size_t at = 0; (at = line.find("\\fB", at)) != std::string::npos;) {
      at += 3;
      const std::string name = line.substr(at, line.find("\\fR", at) - at);
      auto claim = rules.of_frame_value(name);
      for (const std::size_t width : {3u, 1u}) {
        if (!claim) claim = rules.of_atom_array(name, true, width);
      }
      CAPTURE(name);
      REQUIRE(claim);
      CHECK((field_name(claim->field) == field || (field == "cell" && name == "pbc")));
      ++names;
    }
  }
  CHECK(names > 40);
}
