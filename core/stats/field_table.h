// Which fields the records have: type, shape and how many records have them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/atp/schema.h"
#include "core/stats/sample.h"

namespace atp {

struct Field {
  Kind kind;
  std::string key;
  SchemaEntry entry;         // of the first record that has it; slot is 0 once sizes differ
  bool mixed_type = false;   // records disagree: no single file could hold them as they are
  bool mixed_shape = false;  // sizes differ where the file wants one size
  std::uint64_t records = 0;
  std::uint64_t nan = 0, inf = 0;  // counted by DatasetStats
};

// One thread. Fields are kept in the order of appearance; sorted() brings them into file order.
//
// Where records disagree about a field's type or size it is mixed; with `widen` it first becomes what
// can hold both, as `atp pack` does (convert.h).
class FieldTable {
 public:
  explicit FieldTable(bool widen = false) : widen_(widen) {}

  // Counts the fields of a sample; payloads are not checked. The slots of the sample's
  // distinct fields, and for each its last section, can be asked for until the next call.
  void add(const Sample& sample);
  struct Found {
    std::size_t field;
    SectionView section;
  };
  const std::vector<Found>& found() const { return found_; }

  // A field known from a schema block, with no record counted.
  void declare(Kind kind, const std::string& key, const SchemaEntry& entry);
  void merge(const FieldTable& other);

  Field& operator[](std::size_t field) { return fields_[field]; }
  const std::vector<Field>& fields() const { return fields_; }
  std::vector<Field> sorted() const;  // by kind and key, as in the schema block

 private:
  std::size_t slot_of(Kind kind, std::string_view key, std::size_t guess);
  void hold_against(Field& field, const SchemaEntry& entry);

  bool widen_;
  std::vector<Field> fields_;
  std::map<Schema::Key, std::size_t, std::less<>> slots_;
  std::vector<Found> found_;
  std::vector<std::size_t> place_;  // by field: its index in found_, if that entry is the field's
};

// The field's name where all fields share one name space (JSON): its key, with "atom:" or "molecule:"
// before it when the key is also the name of a builtin, so that no two are alike.
std::string unique_name(Kind kind, std::string_view key);

}  // namespace atp
