// The table of commands: main, help, man pages and completions all walk it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace atp {

// What a command does once its options are parsed. Returns ok or no; throws Error for the rest.
using Run = std::function<Exit()>;

struct Example {
  std::string_view command;  // "atp pack train.extxyz -o train.atp"
  std::string_view meaning;  // "pack with f32 positions and forces"
};

struct Command {
  std::string_view name;
  std::string_view task;              // the heading it stands under in `atp help`; empty: hidden
  std::string_view summary;           // one line, lower case, no full stop
  Run (*declare)(CLI::App& app);      // adds the options; opens nothing
  std::span<const Example> examples;  // three, real
  std::string_view details;           // paragraphs for the man page, separated by blank lines
};

std::span<const Command> commands();
// nullptr when there is none of that name.
const Command* find_command(std::string_view name);
// The names of all commands that are not hidden, and "help".
std::vector<std::string> command_names();

// A command with everything it accepts, its own options and the common ones, on an App of its own.
struct DeclaredCommand {
  const Command* command;
  std::unique_ptr<CLI::App> app;
  Run run;
};
DeclaredCommand declare(const Command& command);

// One per command, each in its own file.
Run declare_pack(CLI::App& app);
Run declare_export(CLI::App& app);
Run declare_inspect(CLI::App& app);
Run declare_verify(CLI::App& app);
Run declare_shard(CLI::App& app);
Run declare_plan_batches(CLI::App& app);
Run declare_bench(CLI::App& app);
Run declare_pull(CLI::App& app);
Run declare_formats(CLI::App& app);
Run declare_doctor(CLI::App& app);
Run declare_generate(CLI::App& app);

}  // namespace atp
