#include "cmd/schema_table.h"

#include "cmd/terminal.h"

namespace atp {
namespace {

// fn(kind, key, entry) for positions, then every entry.
template <class Fn>
void for_each_field(const Schema& schema, Fn&& fn) {
  if (schema.positions) fn(Kind::builtin, "positions", SchemaEntry{*schema.positions, true, type_info(*schema.positions).element, 0});
  for (const auto& [key, entry] : schema.entries) fn(key.first, key.second, entry);
}

}  // namespace

std::string_view scope_name(Kind kind) {
  switch (kind) {
    case Kind::builtin: return "builtin";
    case Kind::atom: return "atom";
    case Kind::molecule: break;
  }
  return "molecule";
}

std::string schema_table(const Schema& schema) {
  std::vector<std::vector<std::string>> rows{{"field", "scope", "dtype", "shape"}};
  for_each_field(schema, [&](Kind kind, const std::string& key, const SchemaEntry& e) {
    rows.push_back({printable(key), std::string(scope_name(kind)), std::string(scalar_name(type_info(e.type).scalar)), describe_shape(kind, e)});
  });
  return table(rows, {});
}

void write_schema_json(JsonWriter& w, const Schema& schema) {
  w.begin_array();
  for_each_field(schema, [&](Kind kind, const std::string& key, const SchemaEntry& e) {
    const TypeInfo& info = type_info(e.type);
    w.begin_object().key("scope").string(scope_name(kind)).key("key").string(key).key("dtype").string(scalar_name(info.scalar));
    w.key("type").string(info.name).key("shape").string(describe_shape(kind, e)).end_object();
  });
  w.end_array();
}

}  // namespace atp
