// `atp pack`: input files to one .atp file, or a folder of shards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace atp {

struct PackOptions {
  std::vector<std::string> inputs;
  std::string output;
  std::optional<std::uint64_t> shards;  // a folder of so many, instead of one file
  std::string from;
  std::string codec;                // empty: none, or the file's own under --append
  std::string dtype;                // empty: standard, or the file's own under --append
  bool append = false;
  bool force = false;
  bool dry_run = false;
  bool json = false;
  std::vector<std::string> map;     // FIELD=KEY
  std::string units;                // QUANTITY=UNIT,...
  bool adsorption_energy = false;   // of OC20's S2EF pairs
  std::vector<std::string> keep, drop;
  std::string npz_map, hdf5_map;    // WHAT=ARRAY,...
  std::vector<std::string> scopes;  // NAME=atom|molecule
  bool keep_source = false;
  std::string on_error = "stop";
  std::string unconverged = "keep";
  std::vector<std::string> meta;    // KEY=VALUE
  std::optional<std::uint64_t> limit;
  std::string records;              // a Selection
};

// Throws Error.
Exit pack(const PackOptions& options);

}  // namespace atp
