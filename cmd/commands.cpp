#include "cmd/commands.h"

#include "cmd/manual_bench.h"
#include "cmd/manual_doctor.h"
#include "cmd/manual_export.h"
#include "cmd/manual_pull.h"
#include "cmd/manual_shard.h"
#include "cmd/options.h"

namespace atp {
namespace {

constexpr Example kPackExamples[] = {
    {"atp pack train.extxyz -o train.atp", "pack one file"},
    {"atp pack runs/ -o shards --shards 64 --codec zstd --on-error skip", "a whole folder as 64 equal shards, compressed; bad frames are left out"},
    {"zcat old.xyz.gz | atp pack - -o new.atp --map energy=E0", "from a pipe, with the energy under another name"},
};

constexpr std::string_view kPackDetails =
    "Reads atomistic datasets (atoms, cells, energies, forces, stresses and any further property) and writes them "
    "into one .atp file, which gives random access to every record. What format an input has is told by its content, "
    "not by its name; compressed inputs (gzip, xz, zstd, bzip2) are decompressed on the way. Inputs follow each other "
    "in the order given, folders in bytewise path order. Memory is bounded, whatever the size of the inputs.\n"
    "\n"
    "VASP: a vasprun.xml or OUTCAR that is cut off gives its whole steps, with a note; energy is the one for sigma to 0, free_energy is kept "
    "as a property, stress is turned to eV/Å³ and the sign of this program, selective dynamics becomes the property move_mask (1: free). "
    "A step whose electronic loop ended without EDIFF (in vasprun.xml: with as many cycles as NELM; in OUTCAR: where it says so, or NELM is reached and the "
    "last changes of energy and eigenvalues are not below EDIFF) has the property scf_unconverged = 1 and is counted in a note: its energy and forces are not to be "
    "trained on. --unconverged skip leaves such records out, whatever the input's format. ALGO = None, Eigenval and Subrot, and Exact with NELM = 1, are no such loops. "
    "In .npz and HDF5 files arrays are found by the names of known layouts; --npz-map and --hdf5-map WHAT=ARRAY,... say it for others, "
    "WHAT being positions, numbers, natoms, offsets, cell, pbc, mask, energy, forces, gradient (forces with the sign turned), stress, virial, charges or "
    "velocities. Arrays that are not one value for each frame are left out with a note. Atoms with the number 0 or -1, or a mask of 0, are padding. "
    "Positions [atoms, 3] are one frame, or frames of any sizes one after the other where an array says how many atoms each has (natoms, n_atoms, num_atoms, "
    "atom_counts, N ...) or where each begins or ends (ptr, offsets, atom_offsets, natoms_cumsum ...; with or without the 0 and the end); then arrays with a row for each atom are the "
    "atoms', and arrays with a row for each frame the frames'. Sizes that do not add up to the rows, or arrays of them that contradict each other, are refused, "
    "and so are several energies beside positions that nothing divides; natoms=none and offsets=none leave such arrays alone. "
    "An HDF5 file may not lead out of itself: links and data in other files are refused. The property group is the group of a record. Members of tar and zip archives are "
    "read in their order, without unpacking; what needs a file of its own (npz, HDF5, databases) there, or compressed by itself, is unpacked to TMPDIR, up to 16 GiB; links there are named and not followed. "
    "--keep-source stores the property source, FILE:FRAME (of archives ARCHIVE:FILE:FRAME), frames counted from 0.\n"
    "\n"
    "Energy, forces, stress, virial, cell, charges, velocities, name and pbc are found under their usual names "
    "(energy, REF_energy, dft_energy ...; man atp-inspect shows how to look first). What was taken for what is printed "
    "and stored in the metadata. Two keys that could be the same field and differ are an error; --map energy=KEY "
    "chooses, --map energy=none leaves the field empty. Everything else is kept as a property of its own type; --keep "
    "and --drop choose among these properties by shell patterns, and --drop NAME without wildcards also drops the "
    "field of that name.\n"
    "\n"
    "JSON tables (a list of structures with lists of energies, forces and more beside it, as long, and what pandas writes with orient='columns' and 'split') are "
    "read as a whole, up to 64 MB; columns of other lengths are refused by name. Where the structure of a JSON record lies deeper, as in {\"id\": 7, \"entry\": {...}}, "
    "the values around it are the frame's, too; beside several structures they are left out with a note.\n"
    "\n"
    "Where an input does not say whose a property is (databases, JSON, pickles, .npz), one with a row for each atom in every frame of all inputs "
    "is taken as the atoms', and any other, or one of a known name as dipole, as the molecule's; in frames of one size alone that is a guess, and a note says so. "
    "--scope NAME=atom or NAME=molecule decides: then frames that contradict it are refused. MPtrj's magmom, of the atoms, becomes magmoms beside ASE's "
    "magmom, a number of the molecule.\n"
    "\n"
    "Stored units are Å, eV, eV/Å, eV/Å³, e, and sqrt(eV/u) for velocities, as in ASE. What an input or its layout says to be in other units is converted; what was "
    "converted, and on whose word, is printed and stored in the metadata. --units energy=hartree,length=bohr,forces=kcal/mol/A,stress=GPa "
    "counts before the input's own word; forces and stress follow from energy and length when they are not named. An input whose units "
    "nothing tells is refused until they are named: units are never guessed. Stress is a 3x3 tensor, positive when the cell wants to shrink. 6 numbers "
    "are read as xx yy zz yz xz xy, 9 as a matrix column by column; a virial becomes -virial/volume. Without --dtype, "
    "positions, forces and velocities are f32, energy, cell, stress and charges f64, and other properties as they are "
    "in the source; under --append the file's own types count.\n"
    "\n"
    "OC20's S2EF files come in pairs: beside N.extxyz.xz lies N.txt.xz with a line for each frame, from which system_id, frame and "
    "reference_energy are taken as properties; beside relaxation trajectories a system.txt names the reference energy of each. "
    "--adsorption-energy subtracts it from the energy. Frames and lines that do not go together are an error.\n"
    "\n"
    "A key has one type in the whole file. Integers that become floats, and arrays whose length varies, are widened "
    "where that loses nothing; any other change of type is an error that names both frames. With --on-error skip such "
    "frames, frames that cannot be read and inputs that cannot be read are left out and counted, and the first 50 "
    "reasons are printed, the first 1,000 with --verbose or --json. Frames are counted from 0 and lines from 1. --limit and --records count the frames of all "
    "inputs taken together, bad ones included.\n"
    "\n"
    "The output is written beside its final name and put in place when it is complete and on the disk. A run that "
    "fails or is interrupted leaves no half-written output. --append reads everything first and then commits it as a "
    "new generation; the old one stays readable meanwhile and when it is interrupted. --append --force also appends to a file "
    "with a damaged header slot and bytes behind its last readable commit, which are cut off. The same inputs and "
    "options give the same bytes, whatever the number of threads.\n"
    "\n"
    "--shards N makes PATH a folder: part_0000.atp, part_0001.atp and so on with a manifest.json, as atp shard --shards N would make "
    "of the one file: N runs of the same order, cut where the largest becomes as small as it can, by bytes of stored records. Every shard's metadata "
    "names all inputs; the manifest's sources are the inputs with the frames taken from each. The inputs "
    "are packed into a temporary file in the folder first, so it needs room for the records twice; space is checked before the first shard. "
    "A folder that holds anything is refused without --force, which replaces shards and manifests of earlier runs as atp shard "
    "--force does. A run that fails or is interrupted removes its temporary files; when it was already writing shards, those that are "
    "complete stay beside unfinished.json, and the command with --force begins anew. --append and --dry-run are for one file.\n"
    "\n"
    "Started by mpirun or srun (a build with -DATP_WITH_MPI=ON, which atp --version says), atp pack --shards shares the work: the list of "
    "inputs, which all processes must see under the same names, is cut into one run a process, as equal in bytes as whole inputs "
    "allow; each packs its run, they agree on fields, types and metadata, and each writes every Nth shard, reading records that "
    "another process has packed from the folder, which all share. The bytes are those of one process, whatever the number. What only one process can do "
    "is refused: stdin, --limit and --records (they count the frames of all inputs), and inputs that disagree about a type where no "
    "wider one holds both: which frames are left out with --on-error skip would depend on the order of all. The first to fail says why, and the launcher ends "
    "the job. --jobs is for each process. Without --shards processes know nothing of each other.\n"
    "\n"
    "--json prints one object; with --shards that of atp shard --json, else: output, dry_run, codec, records, atoms, skipped, bytes {input, stored, raw, file}, "
    "seconds, mapping {field: how}, errors [reason] and schema [{scope, key, dtype, type, shape}].";

constexpr Example kInspectExamples[] = {
    {"atp inspect train.atp", "what is in a dataset, at once for any size"},
    {"atp inspect train.extxyz --stats --cutoff 5", "what a trainer needs to know, before packing, with neighbours within 5 Å"},
    {"atp inspect train.atp --sql 'SELECT formula, count(*) FROM records GROUP BY 1'", "any question about the records, in SQL"},
};

constexpr std::string_view kInspectDetails =
    "Shows what a dataset holds: records, atoms, bytes, the schema with units, how many atoms the records have, and "
    "the metadata. For .atp files this comes from header, schema and index alone; other formats that pack reads are "
    "read to their end and shown as pack would see them. Nothing is written and nothing is changed.\n"
    "\n"
    "Of a dataset on a server (hf://OWNER/NAME[@REVISION]/PATH, or https:// of an .atp file or a manifest.json) only headers and schemas "
    "are fetched, a few requests a shard, or with --record the index entries and the records asked for. Indexes are fetched, too, where "
    "those of all shards have at most 512 KiB; else atoms, stored sizes and the histogram are not known, and null in JSON. Of a large file without "
    "a schema block the fields are those of 64 records. --stats and --sql need the dataset here (atp pull).\n"
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
    "--sql runs one SELECT of SQLite (its language, operators and functions: https://sqlite.org/lang.html) over the table "
    "records, which has a row for each record of the dataset and these columns:\n"
    "\n"
    "  record           INTEGER  its number in the dataset, from 0\n"
    "  shard            TEXT     the file it is in\n"
    "  n_atoms          INTEGER\n"
    "  formula          TEXT     Hill order: C, H, then by symbol (C2H6O); without C\n"
    "                            all by symbol (ClNa); X is atomic number 0, [119]\n"
    "                            one beyond the periodic table\n"
    "  n_elements       INTEGER  different elements\n"
    "  energy           REAL     eV\n"
    "  energy_per_atom  REAL     eV\n"
    "  max_force        REAL     length of the longest force, eV/Å\n"
    "  rms_force        REAL     root of the mean squared component, eV/Å\n"
    "  volume           REAL     of the cell, Å³; 0 when it is flat\n"
    "  pressure         REAL     -trace(stress)/3, eV/Å³: positive when the cell\n"
    "                            wants to grow\n"
    "  pbc              TEXT     TTT, TTF ...\n"
    "  name             TEXT\n"
    "  KEY                       each property of records that is one number (REAL,\n"
    "                            INTEGER) or a text (TEXT)\n"
    "\n"
    "Units are those of the file where its metadata states others. What a record does not have, NaN, and an energy per atom "
    "of no atoms are NULL; one NaN among the forces makes max_force and rms_force NULL. SQL does not tell capitals apart in "
    "names: a property whose name is taken (by a column above, rowid, or a property before it in bytewise order) is "
    "called \"molecule:KEY\". Names that are no plain words stand in double quotes, text in single quotes. Where shards "
    "disagree about a property's type its values have the type they have; one that is an array in some shard is an "
    "error where it is read.\n"
    "\n"
    "Beside SQLite's own functions there are\n"
    "\n"
    "  only_elements('H C N O')   1 when the record has no other elements, else 0\n"
    "  has_element('Fe')          1 when it has an atom of it, else 0\n"
    "  count_element('O')         how many atoms of it\n"
    "\n"
    "which take the record of the row. In joins, subqueries, windows, and in aggregates or results of GROUP BY it is not clear "
    "which record that is, and they are refused: give them the formula first, as in only_elements(formula, 'H C N O'), which "
    "works everywhere.\n"
    "\n"
    "A condition on record, shard and n_atoms alone reads the index and no record; conditions on record visit only these "
    "records, and n_atoms beside a number is held against the index before anything is read. Everything else reads and verifies the records it looks at, and computes the columns that are used. A damaged "
    "record ends the query with its file and number. The dataset cannot be changed: only SELECT is possible, in an "
    "empty database in memory, without ATTACH, PRAGMA or extensions; a text has at most 256 MiB. Large sorts use "
    "temporary files (SQLITE_TMPDIR, TMPDIR). Text is shown with all digits of numbers, null for NULL and control "
    "characters escaped, in tables of 1000 rows; --csv prints a head line and rows as RFC 4180 has them, NULL as nothing and empty "
    "text as \"\"; --json an object a line, in which a repeated name becomes NAME:2 and infinities are strings. Bytes are "
    "written in hexadecimal.\n"
    "\n"
    "Exit code 3 also says that some frames of an input could not be read; they are listed on stderr.";

constexpr Example kVerifyExamples[] = {
    {"atp verify train.atp", "read every record and hold it against its checksum"},
    {"atp verify --quick shards/", "headers, indexes and manifest of a folder, at once for any size"},
    {"atp verify --salvage saved.atp broken.atp", "save what can be saved of a file that cannot be opened"},
};

constexpr std::string_view kVerifyDetails =
    "Reads with plain reads, one file after the other on all cores, in bounded memory, and trusts nothing that a file "
    "says. A bad disk is reported as damage to the records it holds. A folder stands for every .atp file below it; a "
    "manifest.json in it is checked, too (names, counts, sizes, codec). What of a file was not in the page cache leaves it "
    "again.\n"
    "\n"
    "What --quick proves: both header slots are whole; the schema, checksum, metadata and index blocks of the newest "
    "generation are what was written (files without our extension have no hashes: their blocks decode and agree with "
    "each other); every index entry lies inside the data region, overlaps nothing and gives sizes that can be. No record "
    "is read, so nothing is known of their bytes.\n"
    "\n"
    "What a full run, the default, proves in addition, of every record of the newest generation: its stored bytes are "
    "those that were written, as far as XXH3-64 tells (a chance of 1 in 2^64 for accidental damage; it is no protection "
    "against forgery); it decompresses to exactly the size that the index gives; all of it decodes; its atom count is "
    "the index's; its fields have the types and sizes of the schema. Files written without record checksums, as the "
    "reference implementation writes them, get all of this but the first, and are said to have none: a changed "
    "coordinate cannot be seen there. Dead bytes between records, older generations, and bytes behind the last commit (an "
    "uncommitted tail, which is a note and no damage) are not looked at. Whatever else the format allows is sound, "
    "however odd (man 5 atp).\n"
    "\n"
    "--values also looks at the numbers. Its findings are about science, not damage, and leave the exit code 0 unless "
    "--strict: atomic_number (above 118), not_finite (NaN or an infinity in any field), zero_volume (a periodic cell "
    "that spans nothing), coincident_atoms (closer than 0.1 Å, periodic images included), large_force (a force above "
    "--max-force, in the file's unit), duplicate (species, cell and positions of an earlier record of this run, bit by "
    "bit; looked for among the first 67,108,864 different structures, with 24 to 64 bytes of memory for each).\n"
    "\n"
    "--manifest checks only folders against their manifest.json, and also compares hashes where it has some: n_samples, "
    "n_files, max_samples_per_file, compression, compression_level, output_files, and files [{path, records, atoms, "
    "bytes, xxh3_128, sha256}]. .atp files that it does not name are reported.\n"
    "\n"
    "--sums prints two lines a file, 'XXH128 (NAME) = HASH' and 'SHA-256  NAME'. sha256sum --check and xxhsum --check "
    "each take their own and pass over the other's; --check (- is stdin) takes both, and lists of sha256sum. SHA-256 "
    "from a source you trust is what protects against forgery.\n"
    "\n"
    "--repair mends in place and keeps all that could be read. It fills in record checksums that a file never had (of "
    "records that decode), adds missing metadata and block hashes, restores a damaged header slot, makes damaged schema, "
    "metadata and checksum blocks anew from the records or the older generation, and puts a damaged index together from "
    "its sound entries and those of the older generation; it says which records that loses. It reads every record, and "
    "gives none a new checksum where the file had one: a damaged record stays, with its checksum, and stays reported. All "
    "of this is a new generation behind the bytes that are there, committed by one header slot while the other still "
    "holds the old one, so an interrupted repair changes nothing. An uncommitted tail is cut off, but never beside a "
    "damaged header slot, where it may be records: it is then kept inside the file. Where the slot that is left knows no "
    "records at all, or where lost checksums are all that could prove the records, nothing is changed; --salvage is then "
    "what helps. --dry-run says what would be done.\n"
    "\n"
    "--salvage reads FILE without trusting any header, follows every index block that can be found anywhere in it, looks "
    "for whole records between, and writes what decodes and passes to the new file OUT, with a list of the bytes that "
    "were left behind. Stored bytes stay as they are, and record checksums are used where they can be found. Records in lz4 "
    "can be found only through an index; other records without an index only up to 32 MiB.\n"
    "\n"
    "Kinds of damage: slot, extension, index, index_entry, overlap, schema, checksum_block, metadata (header and blocks); "
    "checksum, decompress, record, atom_count, schema_lock (records: bytes differ, do not decompress, do not decode, disagree with "
    "index or schema); io_error (the disk refused); manifest; not_atp, unreadable (the file cannot be checked at all).\n"
    "\n"
    "--json prints {sound, level, files: [{path, sound, records, atoms, bytes, checksums: all|some|none, generation, slot, damage: "
    "[{record, offset, length, kind, message}], damage_count, findings: [{record, kind, message}], finding_counts, notes}], "
    "records, bytes_read, seconds}; record is null where no record is meant; of one file at most 10,000 problems and findings are listed, "
    "and all are counted. --format github prints annotations that GitHub workflows show.\n"
    "\n"
    "Exit code: 0 sound, 1 damaged (or findings with --strict, or records that repair could not keep), 3 a file is not what "
    "it should be, 4 the system refused. Of several files all are checked or repaired; damage in one decides the code. "
    "--salvage exits 0 when it saved records, and lists what it left behind.";

constexpr Example kShardExamples[] = {
    {"atp shard parts/ -o train --shards 8 --order shuffle", "20 uneven files become 8 equal, shuffled, verified shards"},
    {"atp shard parts/ -o merged --shards 1", "one file"},
    {"atp shard big.atp -o small --shard-size 10Gi --codec zstd", "pieces that can be moved, compressed on the way"},
};

constexpr Example kPlanExamples[] = {
    {"atp plan-batches train.atp -o plan --max-atoms 3072 --gpus 8", "batches of equal size for 8 GPUs"},
    {"atp plan-batches a.atp b.atp -o plan --max-atoms 3072 --cutoff 5 --gpus 64 --epochs 10", "two datasets, atoms and edges level, ten epochs"},
    {"atp plan-batches --verify plan train.atp", "check that each graph is in it exactly once"},
};

constexpr std::string_view kPlanDetails =
    "Training waits in every step for the GPU with the most work. plan-batches divides the graphs of datasets into batches "
    "that are equally full, for any number of GPUs and anew for every epoch. Sizes come from the index alone: no record is "
    "read. Several datasets form one index space in the order given. --sizes takes plain counts instead: an .npy file of "
    "integers, or the array natoms of an .npz file (nedges for --edges).\n"
    "\n"
    "--max-atoms, --max-edges and --max-graphs are hard limits, any of them together: every batch of every strategy keeps "
    "them. They take K, M, G, T (powers of 1000) and Ki, Mi, Gi, Ti (of 1024). Only a graph that is beyond a limit alone can be above it, and only with --oversize single, in a batch of its "
    "own; skip leaves it out, and without either it is an error that names the record.\n"
    "\n"
    "--cutoff R counts the directed edges shorter than R in each record, as ASE's neighbor_list does: all periodic images, "
    "whatever the size of the cell. A record with a cell and no pbc is periodic in all directions. The counts are kept beside "
    "each file as NAME.atp.edges-R.npy: an array of u4 that numpy.load reads, followed by 32 bytes that it does not look "
    "at: ATPEDGES, the XXH3-64 of the index (u64), the cutoff (f64), and the XXH3-64 of all bytes before. A file that belongs to "
    "another state of the dataset is refused. A cutoff so large that a record would have over 2^32 edges, or 20 billion pairs to compare, is refused at once.\n"
    "\n"
    "Strategies: deal (the default) packs sizes on their histogram: large ones by best fit where that is needed, the others "
    "longest first, until batches differ by one atom where the sizes allow it; then it deals random graphs of each size into "
    "these places, so that of 16 places the batch with the fewest edges gets the graph with the most. Where --max-edges asks "
    "for more batches than --max-atoms, both change roles; and where both are so tight that Algorithm 1 or best fit needs fewer "
    "batches, theirs are taken. Where nearly every graph has a size of its own there is little to deal, and sizes are packed in another random order every epoch, which levels them "
    "to about a thousandth instead of one atom. Only where batches must be full to within a thousandth of the limit may one epoch "
    "resemble the next: --compare shows under repeats how much. mace is Algorithm 1 of the MACE load balancing paper "
    "(Optimizing Data Distribution and Kernel Performance for Efficient Training of Chemistry Foundation Models), mace-shuffled "
    "the same with equal sizes shuffled; next-fit fills one batch after the other with shuffled graphs; fixed:N puts N graphs "
    "into each, fewer where a limit would be broken; ffd, bfd and lpt are first-fit and best-fit decreasing and "
    "longest-processing-time first. Of several limits these look at the one that asks for the most batches. --cost says what "
    "deal makes equal within a step.\n"
    "\n"
    "A step has one batch for each GPU. When batches run out in the last step, --tail pad adds empty ones, drop leaves the step "
    "out, repeat trains the first batches again. deal only comes to this when there are fewer graphs than batches.\n"
    "\n"
    "To go on in mid-epoch nothing is planned twice: a sampler that reads the same plan begins with row T of schedule.npy. Where the folder is gone, the same "
    "command with --start T writes the steps from T on, whose row 0 is step T (first_step in plan.json); --step T writes step T alone.\n"
    "\n"
    "--mix gives each dataset a factor: A=2 trains each of its records twice an epoch, B=0.5 a random half of them, another "
    "one every epoch. A is the file's name without .atp. balanced gives all datasets equally many graphs, "
    "temperature:T shares proportional to counts^(1/T); neither changes the sum, to the graph. Counts are of the records that are left after "
    "--records, --min-atoms and --oversize. Copies of a record come into different batches where that can be done.\n"
    "\n"
    "The output is a folder that appears complete or not at all: indices.npy (u4 [graphs]), offsets.npy (i8 [batches + 1]), "
    "schedule.npy (u4 [steps, GPUs]: which batch), atoms.npy, edges.npy (where known) and graphs.npy (i8 [batches]), and "
    "plan.json. Batch b is indices[offsets[b]:offsets[b+1]]. With --epochs N each epoch has a folder epoch-E. The same "
    "seed gives the same bytes on every machine with any --jobs; only seconds in plan.json differ. --per-rank writes a folder rank-R for each GPU without a schedule: its batches in the order of its "
    "steps. --format npz writes plan.npz, which holds the same arrays, jsonl batches.jsonl, a line for each step and rank: step, rank, atoms, "
    "edges, graphs, shape (with --static-shapes), indices. What a run that was killed left behind (PLANDIR.tmp-PID-N) the next one names.\n"
    "\n"
    "--static-shapes N finds at most N shapes to pad batches to, one for all GPUs of a step, so that a compiled model sees few. "
    "n_node and n_graph are one more than the largest batch has, for the graph that jraph.pad_with_graphs adds. shapes.npy (u4 "
    "[steps]) says which, plan.json has shapes [{n_node, n_edge, n_graph, steps}], padding_nodes and padding_edges.\n"
    "\n"
    "plan.json: format, version, atp (the program's version), files (--format), per_rank, strategy, seed, epoch, gpus, graphs, batches, lower_bound (the fewest batches that could be enough: the limit that asks for the most, and one for each graph of --oversize single, "
    "rounded up to a multiple of the GPUs), "
    "steps, first_step, epoch_steps, atoms, atoms_min, atoms_max, edges, edges_min, edges_max (with edges known), graphs_min, graphs_max, "
    "padding (share of the room that stays empty), padding_of (atoms, edges or graphs: padding counts what the limit that asks for the most "
    "batches is about; the room of a batch is that limit, of a graph that is above it alone what it holds), straggler_atoms, straggler_edges (mean over steps of the largest load of a GPU "
    "over the mean), mix (mean over steps of the total-variation distance between the step's share of each dataset and the "
    "whole's), too_large, too_small and dropped (left out), max_atoms, max_edges, max_graphs, cost, tail, drop_last, oversize, "
    "min_atoms, records, weights (--mix), cutoff, datasets [{path, name, records, weight, hash}], sizes_hash, edges_hash, seconds.\n"
    "\n"
    "--verify reads a plan of any --format, with --per-rank or without, also a part of an epoch or a folder of epochs, and counts it anew: that each "
    "graph is there as often as it should be, limits, what each batch and plan.json say of atoms, edges, graphs and shapes, bounds, padding, "
    "stragglers and mix, the schedule, the hashes of sizes, edges and datasets, the types of the arrays, and that no file is missing or one too many. "
    "Where the same version of atp made it, the epoch is planned again, and its steps must be those: so seed, epoch and strategy are true, too. "
    "seconds and the paths of datasets may differ. With --sizes and --edges pass them again; a plan made with --cutoff counts its edges as "
    "planning does. It exits 1 with what is wrong, and 3 when plan.json has a value that no plan has. Other options are refused. --report shows the loads of GPUs over three steps with fixed:N (the most graphs that "
    "always fit) before and the strategy after, and how full batches are; --per-node shows the mean over the GPUs of each node. --compare plans "
    "with every strategy; repeats is the share of pairs in one batch that meet again in the next epoch.\n"
    "\n"
    "--simulate estimates epochs. A step takes max over GPUs (token * max(atoms, saturation) + edge * edges) + step + 2 (G-1)/G * "
    "reduce + latency * log2(G) seconds: a GPU is not busy with fewer atoms than saturation (400 to 800 in the MACE paper), and the "
    "last two are a ring all-reduce (Patarasuk and Yuan, 2009). Defaults: token 2e-4, saturation 400, edge 4e-6, step 0.01, "
    "reduce 0.02, latency 1e-4, which give steps of the length that the MACE paper reports; --model changes them. Strong scaling divides "
    "all graphs among 1 to G GPUs; weak scaling gives each GPU as many as G GPUs have of all.\n"
    "\n"
    "Limits: 2^32 - 1 graphs. Atoms or edges above 8191 are packed in steps of 1/4096, rounded up. Exit code: 0 done, 1 --verify "
    "found something, 2 a wrong option, 3 an input is not what it should be, 4 the system refused.";

constexpr Example kPullExamples[] = {
    {"atp pull LeMaterial/Atompack omat/train", "a dataset into the cache; prints where it is"},
    {"atp pull LeMaterial/Atompack omat/train --sample 10000 -o sample.atp", "10,000 records of it, without the rest"},
    {"atp pull https://data.example.org/train/manifest.json --local-dir train", "shards from a web server"},
};

constexpr Example kFormatsExamples[] = {
    {"atp formats", "what this build reads, and what it was built without"},
    {"atp formats --json | jq -r .name", "the names that --from takes"},
    {"atp formats --json --quiet", "the same for programs, with the reason for what is missing"},
};

constexpr std::string_view kFormatsDetails =
    "Lists the formats that atp pack and atp inspect read: the name that --from takes, the file names by which "
    "files of a folder are found, and what is read. A file that is named outright is told by its content, whatever its name. "
    "A format whose library was missing when atp was built stays in the list and says which.\n"
    "\n"
    "--json prints one object a line: name, extensions, file_names (shell patterns), reads, folders (whether a folder can be one input), "
    "streams (whether compressed files and pipes can be read), built_in, and missing (why it is not, else empty).";

constexpr Example kGenerateExamples[] = {
    {"atp generate man man", "rewrite the man pages of the commands"},
    {"atp generate completions completions", "rewrite the shell completions"},
    {"atp generate man /tmp/man", "look at them elsewhere first"},
};

constexpr Example kBenchExamples[] = {
    {"atp bench --dir /scratch --dir . --html bench.html", "what two mounts give, as a table and a page to show"},
    {"atp bench train.atp", "read a dataset where it lies, changing nothing"},
    {"atp bench --backends atp,lmdb --atoms 64 --require 'atp/lmdb shuffled 64 >= 3'", "fail a build when reading has become slower"},
};

constexpr Command kCommands[] = {
    // the only list; headings appear in the order of their first command
    {"pack", "Make", "turn datasets into one .atp file, or a folder of equal shards", declare_pack, kPackExamples, kPackDetails},
    {"shard", "Make", "split, merge, shuffle and balance .atp datasets", declare_shard, kShardExamples, kShardDetails},
    {"export", "Make", "write records in the formats of other programs", declare_export, kExportExamples, kExportDetails},
    {"inspect", "Look", "show what a dataset holds", declare_inspect, kInspectExamples, kInspectDetails},
    {"verify", "Look", "check every byte of .atp datasets, and mend them", declare_verify, kVerifyExamples, kVerifyDetails},
    {"formats", "Look", "list the formats that can be read", declare_formats, kFormatsExamples, kFormatsDetails},
    {"plan-batches", "Train", "plan mini-batches of equal size for many GPUs", declare_plan_batches, kPlanExamples, kPlanDetails},
    {"bench", "Look", "measure what a file system gives, against other formats", declare_bench, kBenchExamples, kBenchDetails},
    {"doctor", "Look", "print what a bug report needs, and the traps of a file system", declare_doctor, kDoctorExamples, kDoctorDetails},
    {"pull", "Fetch", "fetch datasets from the Hugging Face Hub or a web server", declare_pull, kPullExamples, kPullDetails},
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
