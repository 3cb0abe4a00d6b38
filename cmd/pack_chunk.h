// One piece of input turned into records under the schema lock of `atp pack`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cmd/pack_source.h"
#include "core/atp/convert.h"
#include "core/atp/writer.h"

namespace atp {

struct PackRules {
  Codec codec;
  DtypePolicy dtype = DtypePolicy::standard;
  bool append = false;
  bool narrow_to_lock = false;          // append without --dtype: f64 becomes f32 where the file has f32
  std::vector<std::string> keep, drop;  // globs over properties
  bool skip_errors = false;             // --on-error skip
  bool skip_unconverged = false;        // --unconverged skip
  bool keep_source = false;             // --keep-source: each record says where it comes from
  std::set<std::string> scoped;         // --scope: the names
  Schema fixed;                         // append: the file's own schema, which cannot widen
};

// A property that some frames have as one of the atoms for its shape alone: it has as many rows as there are atoms.
struct ScopeGuess {
  std::string origin;       // the first of these frames
  std::uint64_t atoms = 0;  // of all of them; 0 when their numbers differ
  bool column = false;      // it was [n, 1] in one of them
  bool plain = false;       // it was anything else, above all [n]

  void join(const ScopeGuess& later) {
    if (atoms != later.atoms) atoms = 0;
    column |= later.column;
    plain |= later.plain;
  }
  // [n] and [n, 1] are stored alike while the atoms have them, so what the molecule's was cannot be told any more.
  bool mixed() const { return column && plain; }
  // The atoms, for as_of_molecule(): [n, 1] is a tensor there.
  std::uint64_t rows() const { return column ? 0 : atoms; }
};
using ScopeGuesses = std::map<std::string, ScopeGuess, std::less<>>;

// What is locked so far, and which frame brought each field. Immutable once shared.
struct Lock {
  Schema schema;
  std::map<Schema::Key, std::string, Schema::KeyOrder> origins;  // "frame 3 of train.xyz (line 271)"
  std::set<Schema::Key> exact;  // integer fields with values beyond 2^53, which cannot become floats; in both scopes
  bool both_moments = false;    // a frame's atoms have magmom and magmoms, so the one cannot become the other
  // Of the atom properties those that may still turn out to be the molecule's, and those that have.
  ScopeGuesses unsettled;
  std::uint64_t version = 0;

  // Takes over what a chunk, or the next part, found out; `joined` is the schema of both. Whether something changed.
  bool settle(const ScopeGuesses& guesses, const std::set<std::string, std::less<>>& known);
};

struct PackedChunk {
  std::unique_ptr<FrameWork> work;   // kept: the chunk may have to be encoded again
  EncodedRecords records;            // its schema is the lock's, widened and with new fields
  std::map<Schema::Key, std::string, Schema::KeyOrder> origins;  // of the new fields
  std::set<Schema::Key> exact;       // as in the lock, of these records
  bool both_moments = false;         // likewise
  ScopeGuesses guesses;              // in these records
  std::set<std::string, std::less<>> known_atoms;  // atom properties that the input says to be that
  std::uint64_t lock_version = 0;    // of the lock it was made under
  std::uint64_t atoms = 0;
  std::vector<Error> skipped;        // the first few
  std::uint64_t skipped_count = 0;
  std::optional<Error> failure;      // without skip_errors: the first
  bool refused_by_lock = false;      // a frame failed because of the lock, so another lock may judge otherwise
  std::map<std::string, std::set<std::string>> mapped;  // field -> how
  std::set<std::string> notes;
  std::set<std::string> patterns;    // of keep and drop, those that matched something
  std::array<std::uint64_t, kBuiltins.size()> with_builtin = {};  // records that have each builtin
};

// How many reasons for frames left out are kept for the report.
inline constexpr std::size_t kReasonsKept = 1000;

// Whether `key` became the molecule's although frames had it as one of the atoms, and not because of its name (rename_moments()).
bool became_of_molecule(const Schema& schema, std::string_view key);

// Throws Error (exit 3) when that cannot be: `guess` is mixed().
void check_not_mixed(const Schema& schema, std::string_view key, const ScopeGuess& guess);

// What two guesses are as the molecule's; nothing where they go together as the atoms', or not at all.
std::optional<SchemaEntry> join_as_of_molecule(const SchemaEntry& a, const ScopeGuess& of_a, const SchemaEntry& b, const ScopeGuess& of_b);

// Decodes and encodes on the calling thread. The result depends on the work, the lock and the rules
// alone, so any number of threads gives the same bytes. Throws Error only for the system (exit 4).
PackedChunk pack_chunk(std::unique_ptr<FrameWork> work, const std::string& input, const Lock& lock, const PackRules& rules);

}  // namespace atp
