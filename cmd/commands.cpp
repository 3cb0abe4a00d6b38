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
    "not by its name; compressed inputs (gzip, xz, zstd, bzip2) are decompressed on the way. Inputs follow each other "
    "in the order given, folders in bytewise path order. Memory is bounded, whatever the size of the inputs.\n"
    "\n"
    "Energy, forces, stress, virial, cell, charges, velocities, name and pbc are found under their usual names "
    "(energy, REF_energy, dft_energy ...; man atp-inspect shows how to look first). What was taken for what is printed "
    "and stored in the metadata. Two keys that could be the same field and differ are an error; --map energy=KEY "
    "chooses, --map energy=none leaves the field empty. Everything else is kept as a property of its own type; --keep "
    "and --drop choose among these properties by shell patterns, and --drop NAME without wildcards also drops the "
    "field of that name.\n"
    "\n"
    "Stored units are Å, eV, eV/Å and eV/Å³. Stress is a 3x3 tensor, positive when the cell wants to shrink. 6 numbers "
    "are read as xx yy zz yz xz xy, 9 as a matrix column by column; a virial becomes -virial/volume. Without --dtype, "
    "positions, forces and velocities are f32, energy, cell, stress and charges f64, and other properties as they are "
    "in the source; under --append the file's own types count.\n"
    "\n"
    "A key has one type in the whole file. Integers that become floats, and arrays whose length varies, are widened "
    "where that loses nothing; any other change of type is an error that names both frames. With --on-error skip such "
    "frames, frames that cannot be read and inputs that cannot be read are left out and counted, and the first ten "
    "reasons are printed. Frames are counted from 0 and lines from 1. --limit and --records count the frames of all "
    "inputs taken together, bad ones included.\n"
    "\n"
    "The output is written beside its final name and put in place when it is complete and on the disk. A run that "
    "fails or is interrupted leaves no half-written output. --append reads everything first and then commits it as a "
    "new generation; the old one stays readable meanwhile and when it is interrupted. --append --force also appends to a file "
    "with a damaged header slot and bytes behind its last readable commit, which are cut off. The same inputs and "
    "options give the same bytes, whatever the number of threads.\n"
    "\n"
    "--json prints one object: output, dry_run, codec, records, atoms, skipped, bytes {input, stored, raw, file}, "
    "seconds, mapping {field: how}, errors [reason] and schema [{scope, key, dtype, type, shape}].";

constexpr Example kInspectExamples[] = {
    {"atp inspect train.atp", "what is in a dataset, at once for any size"},
    {"atp inspect train.extxyz --stats --cutoff 5", "what a trainer needs to know, before packing, with neighbours within 5 Å"},
    {"atp inspect shards/ --record 0,-1 --json", "the first and last record of a folder of .atp files, for programs"},
};

constexpr std::string_view kInspectDetails =
    "Shows what a dataset holds: records, atoms, bytes, the schema with units, how many atoms the records have, and "
    "the metadata. For .atp files this comes from header, schema and index alone; other formats that pack reads are "
    "read to their end and shown as pack would see them. Nothing is written and nothing is changed.\n"
    "\n"
    "--stats reads every record once, with bounded memory, and the numbers do not depend on --jobs. It shows how many "
    "records have each field; elements; minimum, mean, maximum and standard deviation (of the population) of energies "
    "per atom, force components and norms, stress components, pressures (-trace/3), cell volumes; and what a trainer "
    "needs before it starts: the RMS force (root of the mean squared component), reference energies of the elements "
    "(E0s, by least squares of total energies over compositions; of least norm where compositions do not determine "
    "them), and what energies per atom are like after removing them. NaN and infinities are counted and left out.\n"
    "\n"
    "--cutoff counts directed edges i to j shorter than R, as ASE's neighbor_list does: all periodic images, whatever "
    "the size of the cell; an atom's own images count. A record with a cell and no pbc is periodic in all directions.\n"
    "\n"
    "--json prints one object: format, records, atoms {total, min, mean, median, max}, bytes {file, stored, raw}, "
    "codec, record_format, generation (these three null where files differ and for other formats), shards [{path, "
    "records, atoms, bytes and, for .atp files, stored, raw, codec, record_format, generation, slot, "
    "other_slot_problem, uncommitted_bytes, record_checksums}], schema [{scope, key, dtype, type, shape, unit, "
    "unit_assumed}], histogram [{from, to, records}], metadata, and stats (null without --stats). Other formats add "
    "mapping {field: how}, notes, bad_frames and errors.\n"
    "\n"
    "stats holds records, empty_records, coverage {field: fraction}, elements {symbol: {atoms, records}}, "
    "energy_per_atom (eV), force_components, force_norms, rms_force (eV/Å), stress, pressure (eV/Å³), volume, "
    "volume_per_atom (Å³), zero_volume_cells, nan and inf {field: count}, e0 {symbol: eV}, e0_rank, "
    "residual_energy_per_atom {mean, std, count}, and neighbours {cutoff, edges, atoms, records, skipped_records, "
    "mean}. Distributions are {min, mean, max, std, count}. What is not defined is null. A property named like a "
    "builtin field is written atom:NAME or molecule:NAME.\n"
    "\n"
    "With --record, --json prints one object a line: record, n_atoms, positions, atomic_numbers, energy, forces, "
    "charges, velocities, cell, stress, pbc, name (null where missing), atom_properties and properties. Floats have "
    "all their digits; NaN and infinities are the strings NaN, inf and -inf.\n"
    "\n"
    "Exit code 3 also says that some frames of an input could not be read; they are listed on stderr.";

constexpr Example kVerifyExamples[] = {
    {"atp verify train.atp", "read every record and hold it against its checksum"},
    {"atp verify --quick shards/", "headers, indexes and manifest of a folder, at once for any size"},
    {"atp verify --salvage saved.atp broken.atp", "save what can be saved of a file that cannot be opened"},
};

constexpr std::string_view kVerifyDetails = "TODO";

constexpr Example kGenerateExamples[] = {
    {"atp generate man man", "rewrite the man pages of the commands"},
    {"atp generate completions completions", "rewrite the shell completions"},
    {"atp generate man /tmp/man", "look at them elsewhere first"},
};

constexpr Command kCommands[] = {
    // the only list; headings appear in the order of their first command
    {"pack", "Make", "turn datasets into one .atp file", declare_pack, kPackExamples, kPackDetails},
    {"inspect", "Look", "show what a dataset holds", declare_inspect, kInspectExamples, kInspectDetails},
    {"verify", "Look", "check every byte of .atp datasets, and mend them", declare_verify, kVerifyExamples, kVerifyDetails},
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
