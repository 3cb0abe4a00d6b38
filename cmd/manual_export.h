// The man page text of `atp export`. Private to cmd/commands.cpp.
#pragma once

#include "cmd/commands.h"

namespace atp {

inline constexpr Example kExportExamples[] = {
    {"atp export train.atp > train.extxyz", "all records as extended XYZ"},
    {"atp export shards/ -o small.db --where \"n_atoms <= 20\"", "an ASE database of the small ones"},
    {"atp export train.atp --records ::10 --keys mace -o tenth.extxyz", "every tenth record, with the names MACE looks for"},
};

inline constexpr std::string_view kExportDetails =
    "Writes records of .atp datasets, in their order or the order of --records, to stdout or to a file or folder that appears "
    "complete or not at all. Records are held against their checksums, encoded on all threads and written as they "
    "come, so memory is bounded; the bytes do not depend on the number of threads. Units are those of .atp files: Å, eV, "
    "eV/Å, eV/Å³ (stress positive when the cell wants to shrink), e, and sqrt(eV/u) for velocities, as in ASE; values are written as stored, none is converted.\n"
    "\n"
    "extxyz, the default: floats of either width are written with the fewest digits that read back as exactly the same "
    "number, so atp pack gives the record again (with --dtype keep or f64 where positions or forces are f64). What the format "
    "itself cannot say changes, and each such field is named in a note: integers of 32 bits come back as 64 bits, custom f32 values as f64 of the same digits, and "
    "so on. Velocities are written as ASE's momenta (times the masses of the column masses, else the standard ones), and as velocities besides where the "
    "momenta do not give their last digit again; move_mask as ASE's logicals, one for each atom, or three where directions differ. Stress is written as 9 numbers in the order of ASE. Texts that would be read as numbers are "
    "written as ASE writes JSON. --keys mace, for extxyz, writes REF_energy, REF_forces, REF_stress and REF_charges, the names MACE looks for unless told otherwise. A property whose name is "
    "taken by another field, or cannot stand in a file of this format, is an error that names it.\n"
    "\n"
    "ase-db: a database of ASE in SQLite, schema version 9: energy, forces, stress (6 numbers; the symmetric part), charges, magmoms, tags, "
    "velocities as momenta and the like in its columns, other numbers and texts as key-value pairs where ASE allows their names, arrays in data (also an energy that is NaN, which "
    "a column of SQLite cannot be, and velocities of which the momenta lose the last digit), what "
    "move_mask fixes as constraints (FixAtoms, FixCartesian, FixScaled). aselmdb: the same rows as zlib-compressed JSON in one LMDB file, as fairchem and ase-db-backends read it, floats of either "
    "width with their type. Both give each row a unique_id, unless the record has one, and say beside the rows which fields have which type (the entry atp_types of the table information, or "
    "of each row, which ASE does not look at), so that atp pack gives the records again.\n"
    "\n"
    "npz: a NumPy archive (stored, zip64) that numpy.load reads and atp pack turns into the same records. When all records have the same number of atoms, "
    "positions are [records, atoms, 3] and so on for everything that belongs to atoms; else the atoms of all records follow each other and "
    "atom_offsets [records + 1] says where each record's begin. What belongs to a record is [records, ...]; arrays whose shapes differ follow each other in one "
    "dimension, with NAME.shapes and NAME.begins, and so do tensors of atoms whose shapes differ by more than their number ([n, n]). "
    "A property whose name is another array's lies in KIND.NAME (molecule.stress). Where not every record has a field, NAME.present says which do, and the others hold NaN, 0 or an empty text. Texts are "
    "NumPy texts, or with one beyond 256 characters bytes with NAME.begins. __atp__ is a JSON text with units, kinds and types. Columns wait in a file without a "
    "name beside the output, which takes its size once more on the disk; memory is bounded. A field that is a number in one record and a text in another, or has "
    "another number of dimensions, is an error.\n"
    "\n"
    "poscar: a folder with 000000.poscar and so on: atoms, those of one element together, cell, velocities in Å/fs and move_mask as selective dynamics (a note where x, y and z are meant and the cell has other directions); a note names the fields that are left out. --force replaces a folder "
    "that holds nothing but such files.\n"
    "\n"
    "jsonl: one object a line with numbers, positions, energy, forces, stress, cell, pbc and so on as plain (nested) lists, and "
    "the other properties in atom_properties and properties; numbers have the shortest digits as above, and \"NaN\", \"inf\", \"-inf\" "
    "are strings. atp_types names the types that the values do not show (f32, 32 bits, tensors), so that atp pack gives the record again.\n"
    "\n"
    "--where EXPR chooses, of the records that --records chooses, those of which EXPR is true; man atp-inspect lists columns and "
    "functions under --sql. A damaged record stops the run; --on-error skip leaves it out, says so, and goes on.";

}  // namespace atp
