// Changes of type that lose nothing, or only what the user asked to lose: the packer's schema lock
// widens where the format's lock would refuse.
#pragma once

#include <optional>
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
