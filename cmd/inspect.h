// What the parts of `atp inspect` share. Private to cmd/inspect*.cpp and their tests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/dataset.h"
#include "core/atp/metadata.h"
#include "core/base/json_writer.h"
#include "core/stats/atom_counts.h"
#include "core/stats/dataset_stats.h"
#include "formats/format.h"

namespace atp {

struct InspectOptions {
  std::vector<std::string> inputs;
  bool stats = false;
  bool json = false;
  std::optional<double> cutoff;  // Å; wants stats
  std::string records;           // a Selection; empty: the summary
  std::string from;              // a format's name; empty: the content decides
  std::vector<std::string> map;  // FIELD=KEY
  std::string units;             // QUANTITY=UNIT,...
  std::string npz_map, hdf5_map; // WHAT=ARRAY,...
  std::string sql;               // a SELECT; empty: none
  bool csv = false;              // its rows as CSV
};

// The command. Returns ok; throws Error.
Exit inspect(const InspectOptions& options);

// ---- findings -----------------------------------------------------------------------------------

// What only .atp files have.
struct AtpFacts {
  Codec codec;
  std::uint32_t record_format;
  std::uint64_t generation;
  char slot;
  std::string other_slot_problem;  // empty when the other slot is valid
  std::uint64_t stored, raw;       // bytes of all records, compressed and not
  std::uint64_t uncommitted;       // bytes behind the committed end
  bool checksums;
  std::optional<std::uint32_t> unknown_extension;
  std::string metadata;  // JSON; empty when there is none
};

struct FileFacts {
  std::string path;
  std::uint64_t records = 0, atoms = 0;
  std::optional<std::uint64_t> bytes;  // nothing for streams
  std::optional<AtpFacts> atp;
};

struct Findings {
  std::string format;  // "atp", or the input formats' name, "mixed" for several
  std::vector<FileFacts> files;
  AtomCounts counts;
  FieldTable fields;  // of .atp files from the schema block: no record counted
  std::optional<Type> positions;
  bool mixed_positions = false;
  std::optional<DatasetStats> stats;

  // Input formats only. What was taken for what: field -> how -> frames.
  std::map<std::string, std::map<std::string, std::uint64_t>> mapping;
  std::vector<std::string> notes;  // each once
  std::uint64_t bad_frames = 0;
  std::vector<std::string> errors;  // the first kMostErrors
  static constexpr std::size_t kMostErrors = 10;

  // Nothing but headers and schemas was read: atoms and the sizes of records are not known.
  bool header_only = false;
  bool remote = false;  // on a server, where nothing can be mended

  std::uint64_t records() const;
};

// What a file says of itself, and what its schema adds to the fields.
FileFacts facts_of(const Reader& reader);
void add_schema(const Schema& schema, Findings& findings);
// What the index says: atoms, and the bytes of the records. Of `findings.files[file]`.
void add_index(const Reader& reader, std::size_t file, Findings& findings);

// From header, schema and index; with options.stats in a pass over the records.
Findings inspect_dataset(const Dataset& dataset, const InspectOptions& options);
// Reads inputs from beginning to end.
Findings inspect_inputs(const std::vector<std::string>& files, const InspectOptions& options);

// The metadata block taken apart; nothing when there is none or it is no JSON object.
std::optional<Metadata> metadata_of(const FileFacts& file);

// ---- units --------------------------------------------------------------------------------------

struct Unit {
  std::string text;      // empty: none, or not known
  bool assumed = false;  // the file does not say so
};

// The units of builtins and of what is derived from them: as the metadata block states them, else the
// defaults of FORMAT.md.
class Units {
 public:
  explicit Units(const Findings& findings);
  Unit of(Kind kind, const std::string& key) const;

 private:
  std::map<std::string, std::string> stated_;
};

// The field's shape as shown: describe_shape(), with "*" where records disagree.
std::string field_shape(const Field& field);
// "H" ... "Og", "X" for 0, "Z119" and so on beyond, so that no two are alike.
std::string element_name(int atomic_number);

// ---- output -------------------------------------------------------------------------------------

std::string summary_text(const Findings& findings, int width);
std::string stats_text(const Findings& findings, int width);
std::string summary_json(const Findings& findings);

// {"min", "mean", "max", "std", "count"}; null but for the count when there is nothing.
void write_moments(JsonWriter& w, const Moments& m);
void write_stats_json(JsonWriter& w, const DatasetStats& stats);

// One record as JSON (one line) or readably. `at` is its index in the dataset.
std::string record_json(const Sample& sample, std::uint64_t at);
std::string record_text(const Sample& sample, std::uint64_t at, bool all_atoms);

// Runs options.sql and prints its rows as a table, CSV or JSON lines.
void print_query(const Dataset& dataset, const InspectOptions& options);

// Prints the selected records.
void print_dataset_records(const Dataset& dataset, const InspectOptions& options);
// Returns how many selected frames could not be read; each was warned of.
std::uint64_t print_input_records(const std::vector<std::string>& files, const InspectOptions& options);

}  // namespace atp
