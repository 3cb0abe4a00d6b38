#include "cmd/commands.h"

#include "cmd/options.h"

namespace atp {
namespace {

constexpr Example kPackExamples[] = {
    {"atp pack train.extxyz -o train.atp", "pack one file"},
    {"atp pack runs/ -o runs.atp --codec zstd --on-error skip", "a whole folder, compressed; bad frames are left out"},
    {"zcat old.xyz.gz | atp pack - -o new.atp --map energy=E0", "from a pipe, with the energy under another name"},
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
    {"atp inspect train.atp", "what a dataset holds"},
    {"atp inspect train.atp --stats", "coverage, distributions and suspicious values of all records"},
    {"atp inspect shards/ --record 0,-1 --json | jq .energy", "the first and the last record, for programs"},
};

constexpr std::string_view kInspectDetails =
    "Shows what a dataset holds: records and atoms, properties with their types, codec, checksums and metadata. Only "
    "the header, the schema and the index are read for that; --stats reads every record.\n"
    "\n"
    "A folder of .atp files is one dataset, in the order of their paths. Inputs in other formats are read as atp pack "
    "would read them. Nothing is written and nothing is changed.";

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
