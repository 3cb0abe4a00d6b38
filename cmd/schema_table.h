// A schema as people and programs read it.
#pragma once

#include <string>
#include <string_view>

#include "core/atp/schema.h"
#include "core/base/json_writer.h"

namespace atp {

// "builtin", "atom", "molecule".
std::string_view scope_name(Kind kind);

// field, scope, dtype, shape: one row a field, positions first.
std::string schema_table(const Schema& schema);

// [{"scope", "key", "dtype", "type", "shape"}], positions first.
void write_schema_json(JsonWriter& w, const Schema& schema);

}  // namespace atp
