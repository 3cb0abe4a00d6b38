#include "core/stats/field_table.h"

#include <algorithm>

#include "core/atp/convert.h"

namespace atp {

// Records of a dataset have their fields in the same order nearly always: the slot after the
// previous one is tried before the map.
std::size_t FieldTable::slot_of(Kind kind, std::string_view key, std::size_t guess) {
  if (guess < fields_.size() && fields_[guess].kind == kind && fields_[guess].key == key) return guess;
  Schema::Key wanted{kind, std::string(key)};
  const auto known = slots_.find(wanted);
  if (known != slots_.end()) return known->second;
  const std::size_t slot = fields_.size();
  Field field;
  field.kind = kind;
  field.key = wanted.second;
  fields_.push_back(std::move(field));
  place_.push_back(0);
  slots_.emplace(std::move(wanted), slot);
  return slot;
}

void FieldTable::hold_against(Field& field, const SchemaEntry& entry) {
  if (field.entry == entry) return;
  if (const auto both = widen_ ? join(field.kind, field.entry, entry) : std::nullopt) {
    field.entry = *both;
  } else if (field.entry.type != entry.type || field.entry.per_atom != entry.per_atom) {
    field.mixed_type = true;
  } else if (field.entry.slot != entry.slot) {
    field.mixed_shape = true;
    field.entry.slot = 0;
  }
}

void FieldTable::add(const Sample& sample) {
  found_.clear();
  std::size_t guess = 0;
  for (const SectionView& section : sample.sections) {
    const std::size_t before = fields_.size();
    const std::size_t slot = slot_of(section.kind, section.key, guess);
    guess = slot + 1;
    const SchemaEntry entry = schema_entry_of(section);
    Field& field = fields_[slot];
    if (slot == before) field.entry = entry;
    hold_against(field, entry);
    if (place_[slot] < found_.size() && found_[place_[slot]].field == slot) {
      found_[place_[slot]].section = section;
      continue;
    }
    place_[slot] = found_.size();
    found_.push_back({slot, section});
    ++field.records;
  }
}

void FieldTable::declare(Kind kind, const std::string& key, const SchemaEntry& entry) {
  const std::size_t before = fields_.size();
  const std::size_t slot = slot_of(kind, key, before);
  if (slot == before) fields_[slot].entry = entry;
  hold_against(fields_[slot], entry);
}

void FieldTable::merge(const FieldTable& other) {
  std::size_t guess = 0;
  for (const Field& theirs : other.fields_) {
    const std::size_t before = fields_.size();
    const std::size_t slot = slot_of(theirs.kind, theirs.key, guess);
    guess = slot + 1;
    Field& mine = fields_[slot];
    if (slot == before) {
      mine = theirs;
      continue;
    }
    hold_against(mine, theirs.entry);
    mine.mixed_type |= theirs.mixed_type;
    mine.mixed_shape |= theirs.mixed_shape;
    if (mine.mixed_shape) mine.entry.slot = 0;
    mine.records += theirs.records;
    mine.nan += theirs.nan;
    mine.inf += theirs.inf;
  }
}

std::vector<Field> FieldTable::sorted() const {
  std::vector<Field> fields = fields_;
  std::ranges::sort(fields, {}, [](const Field& f) { return std::pair<Kind, std::string_view>(f.kind, f.key); });
  return fields;
}

std::string unique_name(Kind kind, std::string_view key) {
  if (kind == Kind::builtin) return std::string(key);
  const bool taken = builtin_info(key) != nullptr || key == "positions" || key == "atomic_numbers";
  if (!taken) return std::string(key);
  return (kind == Kind::atom ? "atom:" : "molecule:") + std::string(key);
}

}  // namespace atp
