#include "cmd/commands.h"

#include "cmd/options.h"

namespace atp {
namespace {

constexpr Example kPackExamples[] = {
    {"atp pack train.extxyz -o train.atp", "pack one file"},
    {"atp pack runs/ -o runs.atp --codec zstd -j 8", "pack every dataset below a folder, compressed, with 8 threads"},
    {"zcat train.extxyz.gz | atp pack - -o train.atp", "pack what comes through a pipe"},
};

constexpr std::string_view kPackDetails =
    "Reads atomistic datasets (atoms, cells, energies, forces, stresses and any further property) and writes them "
    "into one .atp file, which gives random access to every record. What format an input has is told by its content, "
    "not by its name; compressed inputs are decompressed on the way.\n"
    "\n"
    "The output is written beside its final name and put in place when it is complete and on the disk. A run that "
    "fails or is interrupted leaves no half-written output. The same inputs and options give the same bytes, whatever "
    "the number of threads.";

constexpr Example kInspectExamples[] = {
    {"atp inspect train.atp", "what is in a dataset"},
    {"atp inspect train.atp --json | jq .records", "the same for programs"},
    {"atp inspect shards/", "a folder of .atp files as one dataset"},
};

constexpr std::string_view kInspectDetails =
    "Shows what a dataset holds: records and atoms, properties with their types, codec, checksums and metadata. "
    "Nothing is written and nothing is changed.";

constexpr Example kGenerateExamples[] = {
    {"atp generate man man", "rewrite the man pages of the commands"},
    {"atp generate completions completions", "rewrite the shell completions"},
    {"atp generate man /tmp/man", "look at them elsewhere first"},
};

constexpr Command kCommands[] = {
    // the only list; headings appear in the order of their first command
    {"pack", "Make", "turn datasets into one .atp file", declare_pack, kPackExamples, kPackDetails},
    {"inspect", "Look", "show what an .atp dataset holds", declare_inspect, kInspectExamples, kInspectDetails},
    {"generate", "", "write man pages and completions, for atp's own developers", declare_generate, kGenerateExamples,
     "Writes what is printed from the declarations of the commands. The results are checked in."},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (!command.task.empty()) names.emplace_back(command.name);
  }
  names.emplace_back("help");
  return names;
}

DeclaredCommand declare(const Command& command) {
  DeclaredCommand declared{&command, std::make_unique<CLI::App>(std::string(command.summary)), {}};
  CLI::App& app = *declared.app;
  app.name(std::string(command.name));
  app.set_help_flag();  // declare_common() adds ours, after the command's own options
  declared.run = command.declare(app);
  declare_common(app);
  for (CLI::Option* option : app.get_options({})) {
    if (option->get_positional()) continue;
    // CLI11 lets `--map a b` take both, and with them the input behind the value.
    option->allow_extra_args(false);
    if (option->get_items_expected_max() == 0) option->disable_flag_override();  // --quiet=false
  }
  return declared;
}

}  // namespace atp
