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
    "eV/Å, eV/Å³ (stress positive when the cell wants to shrink), e; values are written as stored, none is converted.\n"
    "\n"
    "extxyz, the default: floats of either width are written with the fewest digits that read back as exactly the same "
    "number, so atp pack gives the record again (with --dtype keep or f64 where positions or forces are f64). What the format "
    "itself cannot say changes: integers of 32 bits come back as 64 bits, custom f32 values as f64 of the same digits, and a "
    "logical as 0 or 1. Stress is written as 9 numbers in the order of ASE. Texts that would be read as numbers are "
    "written as ASE writes JSON. --keys mace writes REF_energy, REF_forces, REF_stress and REF_charges. A property whose name is "
    "taken by another field, or cannot stand in a file of this format, is an error that names it.\n"
    "\n"
    "ase-db: a database of ASE in SQLite, schema version 9: energy, forces, stress (6 numbers; the symmetric part), charges, magmoms, tags, "
    "momenta and the like in its columns, other numbers and texts as key-value pairs where ASE allows their names, arrays in data. "
    "poscar: a folder with 000000.poscar and so on, atoms and cell alone, atoms of one element together; --force replaces a folder "
    "that holds nothing but such files.\n"
    "\n"
    "jsonl: one object a line with numbers, positions, energy, forces, stress, cell, pbc and so on as plain (nested) lists, and "
    "the other properties in atom_properties and properties; numbers have the shortest digits as above, and \"NaN\", \"inf\", \"-inf\" "
    "are strings.\n"
    "\n"
    "--where EXPR chooses, of the records that --records chooses, those of which EXPR is true; man atp-inspect lists columns and "
    "functions under --sql. A damaged record stops the run; --on-error skip leaves it out, says so, and goes on.";

}  // namespace atp
