// Changes of type that lose nothing, or only what the user asked to lose: the packer's schema lock
// widens where the format's lock would refuse.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "core/atp/schema.h"
#include "core/atp/structure.h"

namespace atp {

// `--dtype`.
enum class DtypePolicy {
  standard,  // f32 positions, forces, velocities; f64 energy, cell, stress, charges; the rest as it is
  keep,      // all as the source has it
  f32,       // every float that has an f32 form (custom scalars have none)
  f64,       // every float
};

// Converts the float fields of `s`. Throws Error (exit 3) naming a finite value that is too large for f32.
void apply_dtype(Structure& s, DtypePolicy policy);

// The schema that structures of `schema` have after apply_dtype().
Schema with_dtype(const Schema& schema, DtypePolicy policy);

// The one entry that can hold the values of both without loss: i32 < i64 < f64, f32 < f64, and plain
// arrays of a molecule whose lengths differ become tensors. Nothing when there is none (a scalar and
// an array, a number and a string, columns of different width).
std::optional<SchemaEntry> join(Kind kind, const SchemaEntry& a, const SchemaEntry& b);

// Brings the fields of `s` to the types that `lock` has for them. Fields that `lock` does not know
// stay. With `narrow`, f64 may become f32. Fields that cannot be converted stay as they are: the lock
// refuses them later. Throws Error (exit 3) where a value would change: an integer beyond 2^53 that
// should become f64, a float too large for f32.
void coerce(Structure& s, const Schema& lock, bool narrow);

// ASE calls the magnetic moments of the atoms magmoms and the molecule's one number magmom; MPtrj calls those of the atoms
// magmom. The atoms' magmom becomes magmoms here, unless there are some already. Whether it did.
bool rename_moments(Structure& s);
// The same for `lock`, which has the atoms' magmom. False when its magmoms are of another type.
bool rename_moments(Schema& lock);
// Whether `schema` has magmom as that one number, beside which the atoms' cannot have the name.
bool has_total_moment(const Schema& schema);

// Atom properties that `lock` knows as the molecule's become that: what only their shape said was contradicted by another
// record. Those of them that are in `columns` were [n, 1], whatever their section says. Call coerce() afterwards.
using ColumnNames = std::set<std::string, std::less<>>;
void follow_scopes(Structure& s, const Schema& lock, const ColumnNames& columns = {});
// What such a property of the atoms is as the molecule's. `atoms`: of all records that have it, 0 when their numbers differ.
SchemaEntry as_of_molecule(const SchemaEntry& of_atoms, std::uint64_t atoms);
// Makes it that in `lock`, which has it.
void move_scope(Schema& lock, std::string_view key, std::uint64_t atoms);
// The same for one section, which keeps its shape.
void make_of_molecule(Structure::Section& section);

// Widens `lock` so that `s` fits, by join(). True when every field fits now; fields without a
// common type are left alone and make it false. `positions` f32 and f64 join to f64.
bool widen(Schema& lock, const Structure& s);

// Widens `lock` and adds fields to it, so that all structures of `other` fit. Returns the field that has no
// common type and what is wrong with it; nothing when all is well. `lock` is in a mixed state then.
struct Misfit {
  Schema::Key key;
  std::string problem;  // "forces is vec3_f64, the file has vec3_f32"
};
std::optional<Misfit> widen(Schema& lock, const Schema& other);

}  // namespace atp
