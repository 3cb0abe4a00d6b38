// What the files of a dataset have in common, as far as records of all of them can go into one file.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/atp/convert.h"
#include "core/atp/dataset.h"
#include "core/atp/metadata.h"

namespace atp {

// What changes about records on the way; nothing, mostly.
struct Recoding {
  std::optional<DtypePolicy> dtype;
  std::set<Schema::Key, Schema::KeyOrder> dropped;  // fields left out

  bool any() const { return dtype.has_value() || !dropped.empty(); }
};

// The schema that records have after `recoding`.
Schema recoded(const Schema& schema, const Recoding& recoding);

// One lock for the records of all files, each recoded. A field may be absent in some of them. Throws
// Error (exit 3) naming field, types and both files.
Schema merged_schema(const Dataset& dataset, const Recoding& recoding);

// The codec of all files. Throws Error (exit 2) naming two files that differ.
Codec common_codec(const Dataset& dataset);

// The metadata of all files as one, without sources and generator: units, mapping, license and what users
// and other writers added. Texts that differ stand beside each other; keys of other writers must be
// equal to be kept. Throws Error (exit 3) when two files give a field different units.
Metadata merged_metadata(const Dataset& dataset);

// A path as metadata and manifests name it: an absolute one would make equal inputs give unequal files.
std::string name_in_metadata(const std::string& path);

}  // namespace atp
