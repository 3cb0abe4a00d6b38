#include "formats/extxyz_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/number.h"
#include "formats/utf8.h"

namespace atp {

namespace {

using Use = Column::Use;

constexpr std::size_t kMostColumns = 4096;
constexpr std::size_t kWidestLine = std::size_t{1} << 20;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

const char* skip_blanks(const char* p, const char* end) {
  if (end - p >= 8) {  // aligned columns: several blanks at once, without a branch on how many
    std::uint64_t v;
    std::memcpy(&v, p, 8);
    v ^= 0x2020202020202020;
    p += v == 0 ? 8 : std::countr_zero(v) / 8;
  }
  while (p != end && is_blank(*p)) ++p;
  return p;
}

bool word_ends(const char* p, const char* end) { return p == end || is_blank(*p) || *p == '\n'; }

std::string_view word(const char* p, const char* end) {
  const char* q = p;
  while (!word_ends(q, end)) ++q;
  return {p, static_cast<std::size_t>(q - p)};
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// ---- Properties ---------------------------------------------------------------------------------

[[noreturn]] void fail_properties(std::string problem) {
  fail_input("", "Properties " + std::move(problem), "it is name:type:width, with types S, I, R and L");
}

Use use_of(const Column& c) {
  switch (c.type) {
    case 'S': return Use::texts;
    case 'I': return Use::integers;
    case 'L': return Use::logicals;
    default: return Use::reals;
  }
}

std::string_view next_part(std::string_view& rest) {
  const std::size_t colon = rest.find(':');
  const std::string_view part = rest.substr(0, colon);
  rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  return part;
}

Column parse_column(std::string_view& rest) {
  Column c;
  c.name = next_part(rest);
  const std::string_view type = next_part(rest);
  const std::string_view width = next_part(rest);
  const std::string shown = excerpt(c.name);
  if (type.size() != 1 || !is_one_of(type, {"S", "I", "R", "L"})) {
    fail_properties(fmt::format("gives the column '{}' the type '{}'", shown, excerpt(type)));
  }
  std::int64_t n = 0;
  if (!parse_integer(width, n) || n < 1 || n > static_cast<std::int64_t>(kWidestLine)) {
    fail_properties(fmt::format("gives the column '{}' the width '{}'", shown, excerpt(width)));
  }
  if (c.name.empty()) fail_properties("has a column without a name");
  if (c.name.size() > kLongestKey)
    fail_properties(fmt::format("has a name of more than {} bytes, '{}'", kLongestKey, shown));
  c.type = type[0];
  c.width = static_cast<std::size_t>(n);
  c.use = use_of(c);
  return c;
}

// Exactly one column of positions and one of species, or of atomic numbers in its place.
void assign_required(std::vector<Column>& columns) {
  Column *species = nullptr, *numbers = nullptr, *positions = nullptr;
  const auto claim = [](Column*& place, Column& c) {
    if (place != nullptr) fail_properties(fmt::format("has both '{}' and '{}'", place->name, c.name));
    place = &c;
  };
  for (Column& c : columns) {
    if (c.type == 'S' && c.width == 1 && is_one_of(c.name, {"species", "symbols", "symbol", "element", "elements"})) {
      claim(species, c);
    } else if (c.type == 'R' && c.width == 3 && is_one_of(c.name, {"pos", "positions", "position"})) {
      claim(positions, c);
    } else if (c.type == 'I' && c.width == 1 && numbers == nullptr &&
               is_one_of(c.name, {"Z", "atomic_numbers", "numbers"})) {
      numbers = &c;
    }
  }
  if (positions == nullptr) fail_properties("has no positions (pos:R:3)");
  if (species == nullptr && numbers == nullptr) fail_properties("has no species (species:S:1 or Z:I:1)");
  positions->use = Use::positions;
  if (species != nullptr) {
    species->use = Use::species;
  } else {
    numbers->use = Use::numbers;
  }
}

void assign_fields(std::vector<Column>& columns, const FieldRules& rules) {
  std::array<Column*, kFields> preferred = {};
  for (Column& c : columns) {
    if (c.use == Use::species || c.use == Use::numbers || c.use == Use::positions) continue;
    c.claim = rules.of_atom_array(c.name, c.use == Use::reals, c.width);
    if (!c.claim) continue;
    Column*& best = preferred[static_cast<std::size_t>(c.claim->field)];
    if (best == nullptr || c.claim->rank < best->claim->rank) best = &c;
  }
  for (Column* c : preferred) {
    if (c != nullptr) c->fills_field = true;
  }
}

}  // namespace

ColumnLayout ColumnLayout::parse(std::string_view properties, const FieldRules& rules) {
  ColumnLayout layout;
  if (properties.empty()) fail_properties("is empty");
  const auto colons = static_cast<std::size_t>(std::count(properties.begin(), properties.end(), ':'));
  if (colons % 3 != 2) fail_properties(fmt::format("has {} parts, which is no multiple of 3", colons + 1));
  if (colons / 3 >= kMostColumns) fail_properties(fmt::format("has more than {} columns", kMostColumns));
  for (std::string_view rest = properties; !rest.empty();) {
    Column c = parse_column(rest);
    for (const Column& before : layout.columns) {
      if (before.name == c.name) fail_properties(fmt::format("names the column '{}' twice", excerpt(c.name)));
    }
    layout.width += c.width;
    if (layout.width > kWidestLine) fail_properties("asks for more than a million columns");
    layout.columns.push_back(std::move(c));
  }
  assign_required(layout.columns);
  assign_fields(layout.columns, rules);
  return layout;
}

ColumnLayout ColumnLayout::plain() {
  ColumnLayout layout;
  layout.columns = {{"species", 'S', 1, Use::species, {}, false}, {"pos", 'R', 3, Use::positions, {}, false}};
  layout.width = 4;
  layout.more_allowed = true;
  return layout;
}

// ---- atom lines ---------------------------------------------------------------------------------

namespace {

[[noreturn]] void fail_species(std::string_view text) {
  throw AtomLineError{0, fmt::format("'{}' is no chemical element", excerpt(text))};
}

// Species that are not written as in the periodic table.
int odd_species(std::string_view text, AtomLineNotes& notes) {
  std::int64_t z = 0;
  if (parse_integer(text, z)) {
    if (z < 0 || z > kElements) fail_species(text);
    return static_cast<int>(z);
  }
  if (text == "D" || text == "T") return notes.isotopes = true, 1;
  if (text == "Xx" || text == "XX" || text == "xx") return 0;
  if (text.size() <= 2) {
    std::string title(text);
    title[0] = static_cast<char>(title[0] & ~0x20);
    if (title.size() == 2) title[1] = static_cast<char>(title[1] | 0x20);
    // Only letters have a case: the bits of other characters would make letters of them.
    const bool letters =
        std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
    if (const auto found = letters ? atomic_number_of(title) : std::nullopt) return *found;
  }
  fail_species(text);
}

// In a column that is declared logical nothing else can be meant: any case, and digits.
bool parse_flag(std::string_view text, bool& value) {
  const auto is = [&](std::string_view word) {
    return text.size() == word.size() &&
           std::equal(text.begin(), text.end(), word.begin(), [](char a, char b) { return (a | 0x20) == b; });
  };
  value = text == "1" || is("t") || is("true");
  return value || text == "0" || is("f") || is("false");
}

std::string_view type_in_words(Use use) {
  switch (use) {
    case Use::numbers: return "an atomic number (0 to 255)";
    case Use::integers: return "an integer";
    case Use::logicals: return "T or F";
    default: return "a real number";
  }
}

std::size_t count_words(std::string_view line) {
  const char* p = line.data();
  const char* const end = p + line.size();
  std::size_t n = 0;
  for (p = skip_blanks(p, end); p != end; p = skip_blanks(p, end)) {
    p += word(p, end).size();
    ++n;
  }
  return n;
}

std::string_view line_at(const char* p, const char* end) {
  const void* newline = std::memchr(p, '\n', static_cast<std::size_t>(end - p));
  const char* const stop = newline == nullptr ? end : static_cast<const char*>(newline);
  return {p, static_cast<std::size_t>(stop - p)};
}

[[noreturn]] void fail_width(std::size_t words, const ColumnLayout& layout) {
  const char* const who = layout.more_allowed ? "species x y z are" : "Properties asks for";
  throw AtomLineError{0, fmt::format("has {} column{}, {} {}", words, words == 1 ? "" : "s", who, layout.width)};
}

const char* const kBadValue = nullptr;

}  // namespace

std::byte* ColumnReader::prepare_array(const Column& column, Type plain, Type vectors, Type tensor, std::size_t n,
                                       Structure& structure) {
  const std::size_t values = n * column.width * 8;
  const Kind kind = column.fills_field ? Kind::builtin : Kind::atom;
  const std::string_view key = column.fills_field ? field_name(column.claim->field) : std::string_view(column.name);
  if (column.width == 1 || (column.width == 3 && vectors != tensor)) {
    auto& payload = structure.put(kind, key, column.width == 1 ? plain : vectors);
    payload.resize(values);
    return payload.data();
  }
  const std::uint32_t shape[] = {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(column.width)};
  structure.put_tensor(kind, key, tensor, shape, {});
  auto& payload = structure.sections().back().payload;
  const std::size_t head = payload.size();
  payload.resize(head + values);
  return payload.data() + head;
}

// Makes room for all values. A payload stays where it is when further sections are put.
void ColumnReader::prepare(const ColumnLayout& layout, std::size_t n, Structure& structure) {
  targets_.clear();
  std::size_t texts = 0;
  for (const Column& c : layout.columns) {
    Target t{&c, nullptr, 0};
    switch (c.use) {
      case Use::species:
      case Use::numbers:
        structure.atomic_numbers.resize(n);
        t.out = reinterpret_cast<std::byte*>(structure.atomic_numbers.data());
        break;
      case Use::positions:
        structure.positions_type = Type::vec3_f64;
        structure.positions.resize(n * 24);
        t.out = structure.positions.data();
        break;
      case Use::reals: t.out = prepare_array(c, Type::f64_array, Type::vec3_f64, Type::tensor_f64, n, structure); break;
      case Use::integers:
      case Use::logicals:
        t.out = prepare_array(c, Type::i64_array, Type::tensor_i64, Type::tensor_i64, n, structure);
        break;
      case Use::texts:
        t.first_text = texts;
        texts += n * c.width;
        break;
    }
    targets_.push_back(t);
  }
  texts_.resize(texts);
}

const char* ColumnReader::read_species(const char* p, const char* end, std::byte& number, AtomLineNotes& notes) {
  p = skip_blanks(p, end);
  const std::string_view text = word(p, end);
  if (text.empty()) return kBadValue;
  const auto z = atomic_number_of(text);
  number = static_cast<std::byte>(z ? *z : odd_species(text, notes));
  return p + text.size();
}

// Returns where the column ends, or kBadValue.
const char* ColumnReader::read_column(Target& t, const char* p, const char* end, AtomLineNotes& notes) {
  const std::size_t width = t.column->width;
  switch (t.column->use) {
    case Use::species: return read_species(p, end, *t.out++, notes);
    case Use::positions:
    case Use::reals:
      for (std::size_t k = 0; k < width; ++k, t.out += 8) {
        double v;
        p = read_real(skip_blanks(p, end), end, v);
        if (p == nullptr || !word_ends(p, end)) return kBadValue;
        store(t.out, v);
      }
      return p;
    case Use::integers:
      for (std::size_t k = 0; k < width; ++k, t.out += 8) {
        std::int64_t v;
        p = read_integer(skip_blanks(p, end), end, v);
        if (p == nullptr || !word_ends(p, end)) return kBadValue;
        store(t.out, v);
      }
      return p;
    case Use::numbers: {
      std::int64_t z;
      p = read_integer(skip_blanks(p, end), end, z);
      if (p == nullptr || !word_ends(p, end) || z < 0 || z > 255) return kBadValue;
      *t.out++ = static_cast<std::byte>(z);
      return p;
    }
    case Use::logicals:
      for (std::size_t k = 0; k < width; ++k, t.out += 8) {
        p = skip_blanks(p, end);
        const std::string_view text = word(p, end);
        bool b;
        if (!parse_flag(text, b)) return kBadValue;
        store(t.out, static_cast<std::int64_t>(b));
        p += text.size();
      }
      return p;
    case Use::texts:
      for (std::size_t k = 0; k < width; ++k) {
        p = skip_blanks(p, end);
        const std::string_view text = word(p, end);
        if (text.empty()) return kBadValue;
        texts_[t.first_text++] = text;
        p += text.size();
      }
      return p;
  }
  return kBadValue;
}

namespace {

// Says what is wrong with a line whose column `bad` could not be read.
[[noreturn]] void fail_line(std::string_view line, const ColumnLayout& layout, const Column& bad) {
  const std::size_t words = count_words(line);
  if (words < layout.width) fail_width(words, layout);
  std::size_t skip = 0;
  for (const Column* c = layout.columns.data(); c != &bad; ++c) skip += c->width;
  const char* p = line.data();
  const char* const end = p + line.size();
  for (std::size_t i = 0; i < skip + bad.width; ++i) {
    p = skip_blanks(p, end);
    const std::string_view text = word(p, end);
    p += text.size();
    double v;
    std::int64_t n;
    bool b;
    const bool good = bad.use == Use::integers || bad.use == Use::numbers
                          ? parse_integer(text, n) && (bad.use == Use::integers || (n >= 0 && n <= 255))
                      : bad.use == Use::logicals ? parse_flag(text, b)
                                                 : parse_real(text, v);
    if (i < skip || good) continue;
    throw AtomLineError{0, fmt::format("column {} ({}) is '{}', not {}", i + 1, excerpt(bad.name), excerpt(text),
                                       type_in_words(bad.use))};
  }
  throw AtomLineError{0, fmt::format("the column '{}' cannot be read", excerpt(bad.name))};
}

}  // namespace

AtomLineNotes ColumnReader::read(std::string_view text, std::size_t n, const ColumnLayout& layout,
                                 Structure& structure) {
  AtomLineNotes notes;
  const char* p = text.data();
  const char* const end = p + text.size();
  std::size_t atom = 0;
  try {
    // A word takes two bytes with the blank behind it. Nothing is reserved for columns that cannot be there.
    if (n > 0 && (text.size() + 1) / 2 / n < layout.width) {
      for (const char* q = p; q != end && atom < n; ++atom) {
        const std::string_view line = line_at(q, end);
        const std::size_t words = count_words(line);
        if (words < layout.width) fail_width(words, layout);
        q = line.data() + line.size() + (line.data() + line.size() != end);
      }
      atom = 0;
    }
    prepare(layout, n, structure);
    for (; atom < n; ++atom) {
      const char* const begin = p;
      for (Target& t : targets_) {
        p = read_column(t, p, end, notes);
        if (p == kBadValue) fail_line(line_at(begin, end), layout, *t.column);
      }
      p = skip_blanks(p, end);
      if (p != end && *p != '\n') {
        const std::string_view line = line_at(begin, end);
        if (!layout.more_allowed) fail_width(count_words(line), layout);
        notes.more_columns = true;
        p = line.data() + line.size();
      }
      if (p != end) ++p;
    }
  } catch (AtomLineError& e) {
    e.atom = atom;
    throw;
  }
  put_texts(layout, n, structure, notes);
  return notes;
}

// A per-atom string has no place in .atp: the column becomes one string, a JSON list.
void ColumnReader::put_texts(const ColumnLayout& layout, std::size_t n, Structure& structure, AtomLineNotes& notes) {
  std::size_t next = 0;
  for (const Column& c : layout.columns) {
    if (c.use != Use::texts) continue;
    notes.texts = true;
    JsonWriter json;
    json.begin_array();
    for (std::size_t i = 0; i < n; ++i) {
      if (c.width > 1) json.begin_array();
      for (std::size_t k = 0; k < c.width; ++k) {
        notes.bad_utf8 |= !is_utf8(texts_[next]);  // the writer puts U+FFFD there
        json.string(texts_[next++]);
      }
      if (c.width > 1) json.end_array();
    }
    json.end_array();
    structure.put_string(Kind::molecule, c.name, json.text());
  }
}

}  // namespace atp
