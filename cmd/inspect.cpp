// `atp inspect`: what is in a dataset, before and after packing.
#include "cmd/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cmd/commands.h"
#include "cmd/dataset_warnings.h"
#include "cmd/inspect_remote.h"
#include "cmd/options.h"
#include "cmd/remote_inputs.h"
#include "cmd/terminal.h"
#include "core/base/selection.h"

namespace atp {
namespace {

// By content, so a renamed file is known; by name, so a damaged one is refused as what it is.
bool is_atp_file(const std::string& path) {
  std::error_code error;
  if (path == "-" || !std::filesystem::is_regular_file(path, error)) return false;
  if (path.ends_with(".atp")) return true;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "ATPK";
}

bool is_dataset(const std::string& argument) {
  std::error_code error;
  if (argument == "-") return false;
  if (std::filesystem::is_directory(argument, error))
    return !files_below(argument, [](const std::string& p) { return p.ends_with(".atp"); }).empty();
  if (std::filesystem::exists(argument, error)) return is_atp_file(argument);
  const auto matches = glob_files(argument);
  return !matches.empty() && is_atp_file(matches.front());
}

// Whether all arguments are datasets. Throws when some are and some are not.
bool all_datasets(const InspectOptions& options) {
  if (!options.from.empty()) return false;
  const bool first = is_dataset(options.inputs.front());
  for (const std::string& input : options.inputs)
    if (is_dataset(input) != first)
      throw Error(Exit::usage, input,
                  fmt::format("{} an .atp dataset, unlike '{}'", first ? "is not" : "is", options.inputs.front()),
                  "inspect them one after the other");
  return first;
}

// `given`: an empty query is one, too.
void check_sql_options(const InspectOptions& options, bool given) {
  const auto refuse = [](const char* what, const char* fix) { throw Error(Exit::usage, "", what, fix); };
  if (!given && options.csv) refuse("--csv is for the rows of --sql", "pass --sql QUERY as well");
  if (!given) return;
  if (options.sql.empty()) refuse("--sql is empty", "write a query, as 'SELECT count(*) FROM records'");
  if (!options.records.empty()) refuse("--sql and --record do not go together", "write WHERE record = N in the query");
  if (options.stats) refuse("--sql and --stats do not go together", "run atp inspect twice");
  if (options.csv && options.json) refuse("--csv and --json do not go together", "choose one");
}

// A word as a shell takes it.
std::string shell_word(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x80 || std::isalnum(c) != 0 || std::strchr("_-./:=,+@%", c) != nullptr; });
  if (plain && !text.empty()) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

// What to do with an input that is no .atp dataset yet.
std::string next_step(const Findings& findings, const InspectOptions& options) {
  if (findings.format == "atp" || findings.records() == 0) return {};
  std::string command = "atp pack";
  for (const std::string& input : options.inputs) command += " " + shell_word(input);
  if (!options.from.empty()) command += " --from " + options.from;
  for (const std::string& pair : options.map) command += " --map " + shell_word(pair);
  if (!options.units.empty()) command += " --units " + shell_word(options.units);
  if (!options.npz_map.empty()) command += " --npz-map " + shell_word(options.npz_map);
  if (!options.hdf5_map.empty()) command += " --hdf5-map " + shell_word(options.hdf5_map);
  if (findings.bad_frames > 0) command += " --on-error skip";
  std::filesystem::path name = std::filesystem::path(options.inputs[0]).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  std::string stem = name.stem().string();
  if (stem.empty() || stem == "-" || stem == "." || stem == ".." || stem.find_first_of("*?[") != std::string::npos) stem = "dataset";
  return fmt::format("\n{}\n  {} -o {}\n", styled("Next", Style::bold), printable(command), printable(shell_word(stem + ".atp")));
}

Exit show(const Findings& findings, const InspectOptions& options) {
  if (options.json) {
    print(summary_json(findings) + "\n");
  } else {
    print(summary_text(findings, terminal_width()));
    print(stats_text(findings, terminal_width()));
    print(next_step(findings, options));
  }
  if (findings.bad_frames == 0) return Exit::ok;
  for (const std::string& error : findings.errors) warn(error);
  if (findings.bad_frames > findings.errors.size())
    warn(fmt::format("and {} more frames that cannot be read", findings.bad_frames - findings.errors.size()));
  return Exit::input;
}

}  // namespace

namespace {

// What is in the cache is read there.
Exit inspect_addresses(InspectOptions options) {
  bool remote = false;
  for (std::string& input : options.inputs) {
    const std::string local = is_hub_address(input) ? cached_input(input) : "";
    remote |= local.empty() && is_remote(input);
    if (!local.empty()) input = local;
  }
  if (!remote) return inspect(options);
  inspect_remote(options);
  return Exit::ok;
}

}  // namespace

Exit inspect(const InspectOptions& options) {
  if (std::any_of(options.inputs.begin(), options.inputs.end(), [](const std::string& input) { return is_remote(input); })) {
    return inspect_addresses(options);
  }
  if (all_datasets(options)) {
    if (!options.map.empty()) {
      throw Error(Exit::usage, options.inputs.front(), "is an .atp dataset, whose fields --map does not change", "leave --map out");
    }
    const Dataset dataset(options.inputs);
    warn_of_missing_shards(options.inputs);
    if (!options.sql.empty() || !options.records.empty()) warn_of_older_generations(dataset);  // the summary shows it
    if (!options.sql.empty()) {
      print_query(dataset, options);
      return Exit::ok;
    }
    if (options.records.empty()) return show(inspect_dataset(dataset, options), options);
    print_dataset_records(dataset, options);
    return Exit::ok;
  }
  std::vector<std::string> files;
  for (const std::string& input : options.inputs) {
    const auto found = input_files(input);
    files.insert(files.end(), found.begin(), found.end());
  }
  if (!options.sql.empty()) {
    throw Error(Exit::usage, options.inputs.front(), "is no .atp dataset, which --sql needs", "pack it first");
  }
  if (options.records.empty()) return show(inspect_inputs(files, options), options);
  return print_input_records(files, options) == 0 ? Exit::ok : Exit::input;
}

Run declare_inspect(CLI::App& app) {
  auto o = std::make_shared<InspectOptions>();
  app.add_option("DATASET", o->inputs, "an .atp file, a folder of shards, a glob, an hf:// or https:// address, or anything pack reads; - is stdin")
      ->required()
      ->type_name("DATASET");
  app.add_flag("--stats", o->stats, "read all records: coverage, elements, energies, forces, stress, cells, E0s, NaNs")
      ->group("What to show");
  app.add_option_function<double>(
         "--cutoff",
         [o](const double& r) {
           if (!(r > 0) || !std::isfinite(r))
             throw Error(Exit::usage, "", fmt::format("the cutoff {} is no length", r),
                         "pass a radius in Å, as --cutoff 5");
           o->cutoff = r;
           o->stats = true;
         },
         "also count neighbours within R Å, periodic images included (implies --stats)")
      ->type_name("R")
      ->group("What to show");
  add_selection(app, "--record,--records", o->records, "print these records instead: 0,5,10:20,-1, as Python slices")
      ->group("What to show");
  app.add_option("--sql", o->sql, "print what a SELECT over the table records gives (man atp-inspect lists its columns)")
      ->type_name("QUERY")
      ->group("What to show");
  app.add_flag("--csv", o->csv, "print the rows of --sql as CSV")->group("What to show");
  app.add_flag("--json", o->json, "print JSON: one object, or one a line for each record or row")->group("What to show");
  app.add_option("--from", o->from, "read the input as this format instead of judging by its content")
      ->type_name("FORMAT")
      ->group("Reading other formats");
  app.add_option("--map", o->map, "take FIELD (energy, forces, stress ...) from KEY; may be given several times")
      ->type_name("FIELD=KEY")
      ->allow_extra_args(false)
      ->group("Reading other formats");
  app.add_option("--units", o->units, "the input's units, where it does not tell: energy=hartree,length=bohr")
      ->type_name("QUANTITY=UNIT,...")
      ->group("Reading other formats");
  app.add_option("--npz-map", o->npz_map, "what the arrays of .npz files hold: positions=coords,numbers=z,energy=E,forces=F")
      ->type_name("WHAT=ARRAY,...")
      ->group("Reading other formats");
  app.add_option("--hdf5-map", o->hdf5_map, "the same for the datasets of HDF5 files")
      ->type_name("WHAT=ARRAY,...")
      ->group("Reading other formats");
  CLI::Option* sql = app.get_option("--sql");
  return [o, sql] {
    check_sql_options(*o, sql->count() > 0);
    if (!o->records.empty() && o->stats)
      throw Error(Exit::usage, "", "--record and --stats do not go together", "run atp inspect twice");
    if (!o->records.empty()) Selection::parse(o->records);
    return inspect(*o);
  };
}

}  // namespace atp
