#include "core/atp/schema.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace atp {
namespace {

bool builtin_per_atom(std::string_view key) {
  const BuiltinInfo* b = builtin_info(key);
  return b && b->per_atom;
}

std::string difference(Kind kind, std::string_view key, const SchemaEntry& now, const SchemaEntry& locked) {
  const std::string what = describe_key(kind, key);
  if (now.type != locked.type) {
    return fmt::format("{} is {}, before it was {}", what, type_info(now.type).name, type_info(locked.type).name);
  }
  return fmt::format("{} has shape {}, before it had {}", what, describe_shape(kind, now), describe_shape(kind, locked));
}

constexpr std::uint32_t kSchemaVersion = 1;

}  // namespace

SchemaEntry schema_entry_of(const SectionView& s) {
  const TypeInfo& info = type_info(s.type);
  SchemaEntry e{s.type, s.kind == Kind::atom || (s.kind == Kind::builtin && builtin_per_atom(s.key)), info.element, 0};
  if (info.form == Form::text || info.form == Form::null || info.form == Form::tensor) return e;
  e.slot = e.per_atom ? info.element : static_cast<std::uint32_t>(s.payload.size());
  return e;
}

// ---- the block ----------------------------------------------------------------------------------

std::vector<std::byte> Schema::encode() const {
  std::vector<std::byte> out;
  const auto append = [&](const auto& raw) {
    const Bytes bytes = std::as_bytes(std::span(&raw, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  const std::uint8_t positions_code = positions ? static_cast<std::uint8_t>(*positions) : kUnknownPositions;
  append(RawSchemaHead{kSchemaVersion, positions_code, static_cast<std::uint32_t>(entries.size())});
  for (const auto& [key, e] : entries) {
    append(RawSchemaEntry{static_cast<std::uint8_t>(key.first), static_cast<std::uint8_t>(e.type), e.per_atom,
                          static_cast<std::uint16_t>(key.second.size()), e.element, e.slot});
    const Bytes name = as_bytes(key.second);
    out.insert(out.end(), name.begin(), name.end());
  }
  return out;
}

Schema Schema::decode(Bytes block) {
  ByteReader in(block);
  const auto head = load<RawSchemaHead>(in.take(sizeof(RawSchemaHead), "the schema's head").data());
  if (head.version != kSchemaVersion) fail_input("", fmt::format("schema version {} is unknown", std::uint32_t{head.version}));
  Schema schema;
  if (head.positions != kUnknownPositions) {
    const auto type = static_cast<Type>(head.positions);
    if (type != Type::vec3_f32 && type != Type::vec3_f64) {
      fail_input("", fmt::format("the schema gives positions the type {}", head.positions));
    }
    schema.positions = type;
  }
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const auto raw = load<RawSchemaEntry>(in.take(sizeof(RawSchemaEntry), "a schema entry").data());
    const std::string_view key = as_text(in.take(raw.key_len, "a schema key"));
    const TypeInfo* info = type_info(raw.type);
    if (!info || raw.kind > 2 || raw.element != info->element || raw.per_atom > 1) {
      fail_input("", fmt::format("schema entry {} ('{}') makes no sense", i, key));
    }
    const SchemaEntry entry{info->type, raw.per_atom != 0, raw.element, raw.slot};
    if (!schema.other_kind(static_cast<Kind>(raw.kind), key).empty()) fail_input("", fmt::format("schema key '{}' is both per atom and per molecule", key));
    if (!schema.entries.emplace(Key{static_cast<Kind>(raw.kind), std::string(key)}, entry).second) {
      fail_input("", fmt::format("schema key '{}' stands twice", key));
    }
  }
  return schema;
}

// ---- the lock -----------------------------------------------------------------------------------

std::string Schema::add_positions(Type type) {
  if (!positions) positions = type;
  if (*positions == type) return {};
  return fmt::format("positions are {}, before they were {}", type_info(type).name, type_info(*positions).name);
}

std::string Schema::add(const SectionView& s) {
  const SchemaEntry now = schema_entry_of(s);
  const auto found = entries.find(std::pair<Kind, std::string_view>(s.kind, s.key));
  if (found == entries.end()) {
    entries.emplace(Key{s.kind, std::string(s.key)}, now);
    return {};
  }
  return found->second == now ? std::string() : difference(s.kind, s.key, now, found->second);
}

// A key may not be both per atom and per molecule (FORMAT.md, "Record"), nor in different records.
std::string Schema::other_kind(Kind kind, std::string_view key) const {
  if (kind == Kind::builtin) return {};
  const Kind other = kind == Kind::atom ? Kind::molecule : Kind::atom;
  if (!entries.contains(std::pair<Kind, std::string_view>(other, key))) return {};
  return fmt::format("{} was {} before", describe_key(kind, key), describe_key(other, key));
}

std::string Schema::add(const StructureView& structure) {
  const std::optional<Type> positions_before = positions;
  if (std::string problem = add_positions(structure.positions_type); !problem.empty()) return problem;
  // Sections come in nearly the order of the map, so the next entry is tried before a search: this runs
  // for every frame.
  auto hint = entries.begin();
  std::vector<Entries::iterator> added;
  for (const SectionView& s : structure.sections) {
    const SchemaEntry now = schema_entry_of(s);
    if (hint == entries.end() || hint->first.first != s.kind || hint->first.second != s.key) {
      hint = entries.find(std::pair<Kind, std::string_view>(s.kind, s.key));
    }
    if (hint == entries.end()) {
      std::string problem = other_kind(s.kind, s.key);
      if (!problem.empty()) {
        for (const auto& it : added) entries.erase(it);
        positions = positions_before;
        return problem;
      }
      hint = entries.emplace(Key{s.kind, std::string(s.key)}, now).first;
      added.push_back(hint);
    } else if (!(now == hint->second)) {
      std::string problem = difference(s.kind, s.key, now, hint->second);
      for (const auto& it : added) entries.erase(it);
      positions = positions_before;
      return problem;
    }
    ++hint;
  }
  return {};
}

std::string Schema::add(const Structure& structure) {
  std::vector<SectionView> sections;
  return add(structure.view(sections));
}

std::string Schema::add(const RecordView& record) {
  std::string problem = add_positions(record.positions_type());
  record.for_each_section([&](const SectionView& s) {
    if (problem.empty()) problem = add(s);
  });
  return problem;
}

std::string Schema::merge(const Schema& other) {
  if (other.positions) {
    if (std::string problem = add_positions(*other.positions); !problem.empty()) return problem;
  }
  for (const auto& [key, entry] : other.entries) {
    if (std::string problem = other_kind(key.first, key.second); !problem.empty()) return problem;
    const auto [found, added] = entries.try_emplace(key, entry);
    if (!added && !(found->second == entry)) return difference(key.first, key.second, entry, found->second);
  }
  return {};
}

std::uint32_t Schema::needed_record_format() const {
  if (positions == Type::vec3_f64) return 3;
  for (const auto& [key, entry] : entries) {
    const BuiltinInfo* b = key.first == Kind::builtin ? builtin_info(key.second) : nullptr;
    if (b && b->type_in_3 == entry.type) return 3;
  }
  return 2;
}

std::string describe_shape(Kind kind, const SchemaEntry& e) {
  const bool per_atom = e.per_atom || kind == Kind::atom;
  switch (type_info(e.type).form) {
    case Form::scalar: return per_atom ? "[n]" : "[]";
    case Form::array: return per_atom ? "[n]" : fmt::format("[{}]", e.slot / e.element);
    case Form::vec3: return per_atom ? "[n, 3]" : fmt::format("[{}, 3]", e.slot / e.element);
    case Form::bool3: return "[3]";
    case Form::mat3: return "[3, 3]";
    case Form::tensor: return per_atom ? "[n, *]" : "[*]";
    case Form::text:
    case Form::null: break;
  }
  return "[]";
}

}  // namespace atp
