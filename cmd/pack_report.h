// What `atp pack` says about its work.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cmd/pack_chunk.h"

namespace atp {

struct PackReport {
  std::uint64_t records = 0, atoms = 0;
  std::uint64_t raw_bytes = 0, stored_bytes = 0;  // of the records
  std::uint64_t records_before = 0;               // in a file appended to
  std::array<std::uint64_t, kBuiltins.size()> with_builtin = {};
  std::uint64_t bytes_in = 0;
  double seconds = 0;
  bool dry_run = false;
  std::string output;
  Codec codec;
  Schema schema;
  std::map<std::string, std::set<std::string>> mapped;  // field -> how
  std::set<std::string> chosen;  // fields the user gave with --map
  std::set<std::string> patterns;  // of --keep and --drop, those that matched something
  std::set<std::string> notes;
  ScopeGuesses guesses;              // of all inputs
  std::map<std::string, std::string> contradicted;  // of these those that are the molecule's: the frame that shows it
  std::uint64_t skipped_count = 0;   // frames
  std::uint64_t bad_files = 0;
  std::vector<Error> skipped;        // the first reasons

  void add(const PackedChunk& chunk);
  // Once all has been packed.
  void settle(const Lock& lock);
  // What another process has packed behind it.
  void add(const PackReport& next);
  void add_bad_files(const std::vector<Error>& failures);

  // Patterns of --keep and --drop that matched nothing are most likely mistyped.
  void warn_of_unused(const PackRules& rules) const;

  // Notes to stderr, the result line to stdout.
  void print_text() const;
  void print_json() const;
  void print_skipped() const;  // stderr

  // What was taken for what, what is missing, what was left out: stderr.
  void print_notes() const;

 private:
  void print_mapping() const;
  void print_scopes() const;
};

}  // namespace atp
