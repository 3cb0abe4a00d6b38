#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/nearest_name.h"
#include "formats/archive.h"
#include "formats/atp_input.h"
#include "formats/ase_db.h"
#include "formats/ase_json.h"
#include "formats/byte_source.h"
#include "formats/cif.h"
#include "formats/cube.h"
#include "formats/deepmd.h"
#include "formats/excerpt.h"
#include "formats/extxyz.h"
#include "formats/foreign.h"
#include "formats/format.h"
#include "formats/hdf5.h"
#include "formats/npz.h"
#include "formats/vasp.h"
#include "formats/json.h"
#include "formats/lmdb_pickle.h"
#include "formats/spooled_input.h"

namespace atp {

namespace {

// The only list of formats.
constexpr Format kFormats[] = {
    {"extxyz", "extxyz, xyz", "extended XYZ of ASE, QUIP, MACE, NequIP and others, plain frames too", sniff_extxyz,
     open_extxyz, ""},
    {"xyz", "xyz", "plain XYZ: species x y z, the comment kept as text", sniff_xyz, open_xyz, ""},
#ifdef ATP_HAVE_SQLITE
    {.name = "ase-db", .extensions = "db", .summary = "ASE's SQLite database, also SchNetPack's, with its units", .sniff = sniff_ase_db,
     .open_path = open_ase_db},
#else
    {.name = "ase-db", .extensions = "db", .summary = "ASE's SQLite database, also SchNetPack's, with its units", .sniff = sniff_ase_db,
     .missing = "it was built without SQLite (Debian: libsqlite3-dev)"},
#endif
    {.name = "ase-json", .extensions = "json", .summary = "ASE's JSON database", .sniff = sniff_ase_json, .open = open_ase_json},
    {.name = "json", .extensions = "json, jsonl", .summary = "pymatgen, MPtrj, MatPES, maml, ALIGNN, trajectories, task documents",
     .sniff = sniff_json, .open = open_json},
    {.name = "aselmdb", .extensions = "aselmdb", .summary = "ASE's LMDB files: OMat24, OMol25, ODAC25, OC25", .sniff = sniff_aselmdb,
     .open_path = open_aselmdb, .sniff_path = sniff_aselmdb_path, .claims_folder = is_aselmdb_folder},
    {.name = "lmdb-pickle", .extensions = "lmdb, pkl, pt", .summary = "pickled PyG Data or dicts: OC20, OC22 and matsciml LMDBs, torch.save; nothing in them is run",
     .sniff = sniff_lmdb_pickle, .open_path = open_lmdb_pickle, .sniff_path = sniff_lmdb_pickle_path, .claims_folder = is_lmdb_pickle_folder},
    {.name = "vasp", .extensions = "poscar, POSCAR, vasp, xml", .summary = "VASP: POSCAR, CONTCAR, XDATCAR, OUTCAR, vasprun.xml", .sniff = sniff_vasp,
     .open = open_vasp, .file_names = "POSCAR*, CONTCAR*, OUTCAR*, XDATCAR*, *vasprun*, *POSCAR*"},
    {.name = "chgcar", .extensions = "chgcar", .summary = "structures of CHGCAR and the like; the grid is left out", .sniff = sniff_chgcar, .open = open_vasp,
     .file_names = "CHGCAR*, AECCAR*, LOCPOT*, ELFCAR*, PARCHG*"},
    {.name = "cube", .extensions = "cube, cub", .summary = "structures of Gaussian cube files; the grid is left out", .sniff = sniff_cube, .open = open_cube},
    {.name = "hdf5", .extensions = "h5, hdf5, hdf", .summary = "ANI-1x, ANI-2x, SPICE, AIMNet, QM7-X, modelforge, MACE's own; others by --hdf5-map", .sniff = sniff_hdf5,
     .missing = kHdf5Missing, .open_path = open_hdf5},
    {.name = "deepmd", .extensions = "mdb", .summary = "DeePMD: folders of systems (npy and raw, mixed types), LMDB files", .sniff = sniff_nothing, .open_path = open_deepmd,
     .sniff_path = sniff_deepmd_path, .claims_folder = is_deepmd_folder},
    {.name = "cif", .extensions = "cif", .summary = "structures of CIF files, symmetry expanded", .sniff = sniff_cif, .open = open_cif, .missing = kCifMissing},
    {.name = "atp", .extensions = "atp", .summary = "files of atp itself, for merging and packing anew", .sniff = sniff_atp, .open_path = open_atp},
    {.name = "archive", .extensions = "tar, tgz, zip", .summary = "tar and zip archives of any format", .sniff = sniff_archive,
     .open = open_archive, .missing = kArchiveMissing},
    {.name = "npz", .extensions = "npz", .summary = "NumPy archives: MD17, rMD17, sGDML, SO3LR, others by --npz-map", .sniff = sniff_npz, .open_path = open_npz},
};


std::string names_of_formats() {
  std::string names;
  for (const Format& f : kFormats) {
    if (!names.empty()) names += ", ";
    names += f.name;
  }
  return names;
}

[[noreturn]] void fail_unknown(const std::string& name, std::string_view head) {
  const Foreign foreign = recognise_foreign(head);
  const std::string reads = "atp formats lists what it reads";
  if (foreign.looks_like.empty()) {
    const std::string_view line = head.substr(0, head.find('\n'));
    fail_input(name, fmt::format("is of no format atp knows (it begins with '{}')", excerpt(line)),
               "pass --from NAME if you know better; " + reads);
  }
  fail_input(name, fmt::format("looks like {}", foreign.looks_like),
             foreign.advice.empty() ? reads : fmt::format("{} ({})", reads, foreign.advice));
}

// What opens by path needs a file that is there as a whole.
bool is_plain_file(const std::string& path, const ByteSource& source) {
  std::error_code error;
  return path != "-" && !source.compressed() && std::filesystem::is_regular_file(path, error);
}

const Format* best_format(const std::string& path, const ByteSource& source, std::string_view head) {
  const bool plain = is_plain_file(path, source);
  const Format* best = nullptr;
  int certainty = 0;
  for (const Format& f : kFormats) {
    const int c = plain && f.sniff_path != nullptr ? f.sniff_path(path, head) : f.sniff(head);
    if (c > certainty) {
      certainty = c;
      best = &f;
    }
  }
  return best;
}

const Format& recognise(const std::string& path, const ByteSource& source, std::string_view head) {
  const Format* const best = best_format(path, source, head);
  if (best == nullptr) fail_unknown(source.name(), head);
  return *best;
}

void check_in_build(const Format& format, const std::string& name) {
  if (format.open != nullptr || format.open_path != nullptr) return;
  fail_input(name, fmt::format("is {}, which this build of atp cannot read", format.name), std::string(format.missing));
}

std::unique_ptr<FormatReader> named(std::unique_ptr<FormatReader> reader, const Format& format) {
  reader->set_format(format.name);
  return reader;
}

std::unique_ptr<FormatReader> open_folder(const std::string& path, std::string_view from, const ReadOptions& options) {
  for (const Format& f : kFormats) {
    if (f.claims_folder == nullptr || (!from.empty() && f.name != from) || !f.claims_folder(path)) continue;
    check_in_build(f, path);
    return named(f.open_path(path, options), f);
  }
  fail_input(path, from.empty() ? "is a folder that is no input by itself" : fmt::format("is a folder, and not one of {}", format_named(from).name),
             "name the files in it");
}

}  // namespace

std::span<const Format> formats() { return kFormats; }

const Format& format_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Format& f : kFormats) {
    if (f.name == name) return f;
    names.emplace_back(f.name);
  }
  const std::string fix = did_you_mean(name, names);
  throw Error(Exit::usage, "", fmt::format("unknown format '{}'", excerpt(name)), fix.empty() ? "formats are " + names_of_formats() : fix);
}

std::unique_ptr<FormatReader> open_input(const std::string& path, std::string_view from, const ReadOptions& options) {
  if (!from.empty()) format_named(from);
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) return open_folder(path, from, options);
  auto source = std::make_unique<ByteSource>(path);
  const std::string_view head = source->peek();
  if (head.empty()) fail_input(source->name(), "is empty");
  const Format& format = from.empty() ? recognise(path, *source, head) : format_named(from);
  check_in_build(format, source->name());
  if (format.open_path == nullptr) return named(format.open(std::move(source), options), format);
  if (is_plain_file(path, *source)) return named(format.open_path(path, options), format);
  if (format.open != nullptr) return named(format.open(std::move(source), options), format);
  if (source->compressed()) return open_spooled(*source, from, options);
  fail_input(source->name(), fmt::format("is {}, which cannot be read from a pipe", format.name), "save it as a file first");
}

std::string_view recognised_format(const std::string& path) {
  try {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return is_input_folder(path) ? "folder" : "";
    ByteSource source(path);
    const Format* const best = best_format(path, source, source.peek());
    return best == nullptr ? std::string_view() : best->name;
  } catch (const Error&) {
    return {};
  }
}

std::unique_ptr<FormatReader> open_source(std::unique_ptr<ByteSource> source, const ReadOptions& options) {
  const std::string_view head = source->peek();
  const Format* best = nullptr;
  int certainty = 0;
  for (const Format& f : kFormats) {
    const int c = head.empty() ? 0 : f.sniff(head);
    if (c > certainty) certainty = c, best = &f;
  }
  if (best == nullptr) return nullptr;
  if (best->name == "archive") fail_input(source->name(), "is an archive within an archive", "unpack it and name it by itself");
  check_in_build(*best, source->name());
  if (best->open == nullptr) return open_spooled(*source, "", options);
  return named(best->open(std::move(source), options), *best);
}

std::uint64_t count_frames(const std::vector<std::string>& paths, std::string_view from, const ReadOptions& options, bool skip_bad) {
  std::uint64_t frames = 0;
  for (const std::string& path : paths) {
    if (path == "-" || !input_bytes(path)) {
      throw Error(Exit::usage, path == "-" ? "<stdin>" : path, "records of a stream cannot be counted from its end",
                  "name the records from the beginning");
    }
    try {
      const auto reader = open_input(path, from, options);
      while (const auto batch = reader->next()) {
        throw_if_interrupted();
        frames += batch->frames();
      }
    } catch (const Error&) {
      if (!skip_bad) throw;
    }
  }
  return frames;
}

}  // namespace atp
