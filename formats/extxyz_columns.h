// The atom lines of extended XYZ: `Properties` and the columns it describes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/structure.h"
#include "formats/field_rules.h"

namespace atp {

struct Column {
  enum class Use : std::uint8_t { species, numbers, positions, reals, integers, logicals, texts };

  std::string name;
  char type = 'R';  // S I R L
  std::size_t width = 1;
  Use use = Use::reals;
  std::optional<FieldClaim> claim;  // the field it may fill
  bool fills_field = false;         // the preferred column of that field
};

struct ColumnLayout {
  std::vector<Column> columns;
  std::size_t width = 0;      // numbers and words of a line
  bool more_allowed = false;  // further columns are not read: the comment has no Properties

  // Reads "species:S:1:pos:R:3". Throws Error (exit 3, no place) saying what is wrong with it.
  static ColumnLayout parse(std::string_view properties, const FieldRules& rules);
  // species x y z
  static ColumnLayout plain();
};

// A line that is not what the layout says. `atom` counts from 0.
struct AtomLineError {
  std::size_t atom;
  std::string problem;
};

// What the atom lines of a frame contained besides numbers.
struct AtomLineNotes {
  bool isotopes = false, more_columns = false, bad_utf8 = false, texts = false;
};

// Reads atom lines into structures. One thread; keeps its memory.
class ColumnReader {
 public:
  // Reads the n lines of `text` (none blank) into atomic numbers, positions, fields and per-atom
  // properties. Throws AtomLineError.
  AtomLineNotes read(std::string_view text, std::size_t n, const ColumnLayout& layout, Structure& structure);

 private:
  struct Target {
    const Column* column;
    std::byte* out;
    std::size_t first_text;
  };

  void prepare(const ColumnLayout& layout, std::size_t n, Structure& structure);
  std::byte* prepare_array(const Column& column, Type plain, Type vectors, Type tensor, std::size_t n,
                           Structure& structure);
  const char* read_column(Target& target, const char* p, const char* end, AtomLineNotes& notes);
  const char* read_species(const char* p, const char* end, std::byte& number, AtomLineNotes& notes);
  void put_texts(const ColumnLayout& layout, std::size_t n, Structure& structure, AtomLineNotes& notes);

  std::vector<Target> targets_;
  std::vector<std::string_view> texts_;  // of all text columns, column after column
};

}  // namespace atp
