#include "cmd/pack.h"

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/pack_run.h"
#include "cmd/pack_shards.h"

namespace atp {

Exit pack(const PackOptions& options) { return options.shards ? pack_shards(options) : PackRun(options).to_file(); }

Run declare_pack(CLI::App& app) {
  auto o = std::make_shared<PackOptions>();
  app.add_option("INPUT", o->inputs, "files, folders, globs, or - for stdin")->required()->type_name("PATH...");

  app.add_option("-o,--output", o->output, "the .atp file to write; with --shards, the folder")->type_name("PATH")->group("Output");
  app.add_flag("-f,--force", o->force, "replace an existing output file, or the shards in the folder")->group("Output");
  add_count(app, "--shards", o->shards, "write a folder of N shards of equal bytes instead of one file")->group("Output");
  app.add_flag("--append", o->append, "add to an existing .atp file as a new generation")->group("Output");
  app.add_option("--codec", o->codec, "none, lz4 or zstd[:LEVEL] (default: none)")->type_name("CODEC")->group("Output");
  add_choice(app, "--dtype", o->dtype, {"keep", "f32", "f64"},
             "floats as in the source, all f32, or all f64 (default: f32 positions, forces and velocities, f64 energy, cell and stress)")
      ->group("Output");
  app.add_option("--meta", o->meta, "store KEY=VALUE in the metadata (repeatable)")->type_name("KEY=VALUE")->group("Output");
  app.add_flag("--dry-run", o->dry_run, "parse everything and say what would be written")->group("Output");
  app.add_flag("--json", o->json, "print the result as one JSON object")->group("Output");

  app.add_option("--from", o->from, "the inputs' format (default: by content)")->type_name("FORMAT")->group("Input");
  app.add_option("--map", o->map, "take FIELD from KEY, or from nothing with KEY 'none' (repeatable)")
      ->type_name("FIELD=KEY")->group("Input");
  app.add_option("--units", o->units, "the inputs' units, where they are not Å, eV, eV/Å and eV/Å³ and say nothing about it: energy=hartree,length=bohr")
      ->type_name("QUANTITY=UNIT,...")->group("Input");
  app.add_flag("--adsorption-energy", o->adsorption_energy, "of OC20's S2EF pairs, subtract the reference energies beside the frames")->group("Input");
  app.add_option("--npz-map", o->npz_map, "what the arrays of .npz files hold: positions=coords,numbers=z,energy=E,forces=F")
      ->type_name("WHAT=ARRAY,...")->group("Input");
  app.add_option("--hdf5-map", o->hdf5_map, "the same for the datasets of HDF5 files")->type_name("WHAT=ARRAY,...")->group("Input");
  app.add_option("--scope", o->scopes, "property NAME is the atoms' or the molecule's, where the input does not say (repeatable)")
      ->type_name("NAME=atom|molecule")->group("Input");
  app.add_flag("--keep-source", o->keep_source, "store where each record comes from as property 'source' (FILE:FRAME)")->group("Input");
  app.add_option("--keep", o->keep, "of the other columns and keys, keep those that match (repeatable)")->type_name("GLOB")->group("Input");
  app.add_option("--drop", o->drop, "leave out columns and keys that match (repeatable)")->type_name("GLOB")->group("Input");
  add_choice(app, "--on-error", o->on_error, {"stop", "skip"}, "at a bad frame: stop, or leave it out and say why (default: stop)")
      ->group("Input");
  add_choice(app, "--unconverged", o->unconverged, {"keep", "skip"},
             "steps of VASP whose SCF did not converge (scf_unconverged = 1): keep them, or leave them out and say which (default: keep)")
      ->group("Input");
  add_count(app, "--limit", o->limit, "at most N frames")->group("Input");
  add_selection(app, "--records", o->records, "only these frames of the inputs taken together, in input order: 0,5,10:20,-1")
      ->group("Input");
  return [o] { return pack(*o); };
}

}  // namespace atp
