#include "formats/json_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/json_sites.h"

namespace atp {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using Layout = JsonFrame::Layout;

struct Column {
  std::string_view name;
  std::vector<element> cells;
  std::vector<std::string_view> keys;  // of the rows; none in lists

  bool is_structures() const {
    const auto first = std::ranges::find_if(cells, [](const element& cell) { return !cell.is_null(); });
    return first != cells.end() && is_json_sites(*first);
  }
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::pair<std::string_view, element>> of_all;  // what every row has
  std::vector<std::string_view> keys;                        // of the rows
};

bool is_structure_name(std::string_view name) { return name == "structure" || name == "structures"; }

bool is_named_for_a_field(std::string_view name) {
  static constexpr std::string_view kParts[] = {"energ", "force", "stress", "virial"};
  return std::ranges::any_of(kParts, [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

// {"columns": [...], "index": [...], "data": [[...], ...]}
std::optional<Table> split_table(object o) {
  array names, rows, index;
  if (o.at_key("columns").get(names) != simdjson::SUCCESS || o.at_key("data").get(rows) != simdjson::SUCCESS) return std::nullopt;
  Table t;
  for (const element e : names) {
    std::string_view name;
    if (e.is_number()) fail_input("", "is a table whose columns have numbers for names: what they hold is not known", "name the columns before it is written, such as structure, energy, forces");
    if (e.get(name) != simdjson::SUCCESS) return std::nullopt;
    t.columns.push_back({name, {}, {}});
  }
  std::size_t i = 0;
  for (const element e : rows) {
    array cells;
    if (e.get(cells) != simdjson::SUCCESS) return std::nullopt;
    if (cells.size() != t.columns.size()) fail_input("", fmt::format("is a table of {} columns with {} values in row {}", t.columns.size(), cells.size(), i));
    auto column = t.columns.begin();
    for (const element cell : cells) (column++)->cells.push_back(cell);
    ++i;
  }
  if (o.at_key("index").get(index) != simdjson::SUCCESS || index.size() != i) return t;
  for (const element e : index) {
    std::string_view key;
    if (e.get(key) != simdjson::SUCCESS) break;
    t.keys.push_back(key);
  }
  return t;
}

// {"structures": [...], "labels": {"energies": [...]}}: an object with a list as long as that of the structures.
bool holds_columns(const object& o, std::size_t rows) {
  return std::ranges::any_of(o, [rows](const auto& field) {
    const auto list = json_list(field.value);
    return list && list->size() == rows;
  });
}

// The columns of one length as the structures (`rows`, for lists); the others are named.
void add_columns(const object& o, bool of_objects, std::size_t rows, Table& t) {
  for (const auto field : o) {
    Column c{field.key, {}, {}};
    object inner;
    const auto list = json_list(field.value);
    const bool is_object = !list && field.value.get(inner) == simdjson::SUCCESS;
    if (of_objects && is_object) {
      for (const auto row : inner) c.keys.push_back(row.key), c.cells.push_back(row.value);
      t.columns.push_back(std::move(c));
    } else if (!of_objects && list) {
      c.cells.assign(list->begin(), list->end());
      t.columns.push_back(std::move(c));
    } else if (!of_objects && is_object && !is_json_sites(field.value) && holds_columns(inner, rows)) {
      add_columns(inner, false, rows, t);
    } else {
      t.of_all.emplace_back(field.key, field.value);
    }
  }
}

// One of two values of a name would replace the other.
void check_names(const Table& t) {
  std::vector<std::string_view> names;
  for (const Column& c : t.columns) names.push_back(c.name);
  for (const auto& [name, value] : t.of_all) names.push_back(name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (names[j] == names[i]) fail_input("", fmt::format("is a table with two columns '{}'", excerpt(names[i])));
      if (name_of_table_cell(names[j]) == name_of_table_cell(names[i])) {
        fail_input("", fmt::format("is a table with a column '{}' and a column '{}', which mean the same", excerpt(names[j]), excerpt(names[i])));
      }
    }
  }
}

void check_lengths(const Table& t, const Column& structures, bool of_objects) {
  std::string others;
  for (const Column& c : t.columns) {
    if (c.cells.size() == structures.cells.size() && (!of_objects || c.keys == structures.keys)) continue;
    others += fmt::format("{}'{}' has {}", others.empty() ? "" : ", ", excerpt(c.name), c.cells.size());
  }
  if (others.empty()) return;
  fail_input("", fmt::format("is a table whose columns do not fit: '{}' has {} structures, {}{}", structures.name, structures.cells.size(), others,
                             of_objects ? " or other rows" : ""),
             "write a list of records, each with one structure and what belongs to it");
}

Layout layout_of(const Table& t) {
  const auto has = [&](std::string_view name) { return std::ranges::find(t.columns, name, &Column::name) != t.columns.end(); };
  return has("uncorrected_total_energy") ? Layout::mptrj : has("matpes_id") ? Layout::matpes : Layout::structure;
}

}  // namespace

std::string_view name_of_table_cell(std::string_view column) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"energies", "energy"}, {"total_energies", "total_energy"}, {"stresses", "stress"}, {"virials", "virial"}};
  const auto* const found = std::ranges::find(kNames, column, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kNames) ? column : found->second;
}

bool add_table(element e, std::vector<JsonFrame>& out) {
  object o;
  if (e.get(o) != simdjson::SUCCESS) return false;
  auto t = split_table(o);
  const bool split = t.has_value();
  bool of_objects = false;
  if (!split) {
    element structures;
    if (o.at_key("structures").get(structures) != simdjson::SUCCESS && o.at_key("structure").get(structures) != simdjson::SUCCESS) return false;
    of_objects = structures.is_object();
    if (of_objects && is_json_sites(structures)) return false;
    const auto list = json_list(structures);
    t.emplace();
    add_columns(o, of_objects, list ? list->size() : 0, *t);
  }
  const auto structures = std::ranges::find_if(t->columns, [&](const Column& c) { return (split || is_structure_name(c.name)) && c.is_structures(); });
  if (structures == t->columns.end()) return false;
  // What belongs to the rows; beside structures that are alone there may be anything.
  const auto belongs = [&](const Column& c) {
    return !c.is_structures() && (split || is_named_for_a_field(c.name) || (of_objects && c.cells.size() == structures->cells.size()));
  };
  if (std::ranges::none_of(t->columns, belongs)) return false;
  if (std::ranges::count_if(t->columns, &Column::is_structures) != 1) {
    fail_input("", "is a table with several columns of structures: which of them the other values belong to is not known",
               "write a list of records, each with one structure and what belongs to it");
  }
  check_names(*t);
  check_lengths(*t, *structures, of_objects);
  const auto& keys = split ? t->keys : structures->keys;
  const Layout layout = layout_of(*t);
  for (std::size_t i = 0; i < structures->cells.size(); ++i) {
    JsonFrame frame{layout, structures->cells[i], e, i};
    for (const Column& c : t->columns) {
      if (&c != &*structures) frame.cells.emplace_back(c.name, c.cells[i]);
    }
    frame.cells.insert(frame.cells.end(), t->of_all.begin(), t->of_all.end());
    if (i < keys.size() && keys[i] != fmt::format("{}", i)) frame.row = keys[i];
    out.push_back(std::move(frame));
  }
  return true;
}

}  // namespace atp
