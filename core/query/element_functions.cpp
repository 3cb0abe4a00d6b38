// only_elements('H C N O'), has_element('Fe'), count_element('O'): of the row, or of a formula given
// before the element.
#include <fmt/format.h>

#include <bitset>
#include <memory>

#include "core/base/error.h"
#include "core/chem/elements.h"
#include "core/chem/formula.h"
#include "core/query/record_table.h"

namespace atp {
namespace {

using ElementSet = std::bitset<256>;

enum class Question { only, has, count };

struct ElementFunction {
  const char* name;
  Question question;
};
constexpr ElementFunction kFunctions[] = {
    {"only_elements", Question::only}, {"has_element", Question::has}, {"count_element", Question::count}};

// What a registered function knows.
struct Registered {
  const ElementFunction* function;
  RecordTable* table;
};

std::string_view text_of(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return {text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

constexpr std::string_view kBetween = " ,\t\n";

// "H C N O", also with commas. A word that is no element would silently select nothing: refused.
ElementSet parse_elements(const ElementFunction& function, std::string_view text) {
  ElementSet elements;
  for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    const std::string_view symbol = text.substr(at, end - at);
    const auto z = atomic_number_of(symbol);
    if (!z) {
      throw Error(Exit::usage, "", fmt::format("{}: '{}' is no element", function.name, symbol.substr(0, 40)),
                  "write symbols with a space between, as 'H C Cl'");
    }
    elements.set(static_cast<std::size_t>(*z));
    at = text.find_first_not_of(kBetween, end);
  }
  if (elements.none() || (function.question != Question::only && elements.count() != 1)) {
    throw Error(Exit::usage, "", fmt::format("{}: '{}' is not {}", function.name, text.substr(0, 40),
                                             function.question == Question::only ? "a list of elements" : "one element"),
                function.question == Question::only ? "write symbols with a space between, as 'H C Cl'" : "write a symbol, as 'Cl'");
  }
  return elements;
}

// The elements of argument `i`. A constant is parsed once for all rows.
ElementSet elements_of(sqlite3_context* context, const ElementFunction& function, int i, sqlite3_value* value) {
  if (const auto* known = static_cast<const ElementSet*>(sqlite3_get_auxdata(context, i))) return *known;
  const ElementSet elements = parse_elements(function, text_of(value));
  sqlite3_set_auxdata(context, i, new ElementSet(elements), [](void* p) { delete static_cast<ElementSet*>(p); });
  return elements;
}

Composition composition_of(const ElementFunction& function, std::string_view formula) {
  if (const auto composition = Composition::parse(formula)) return *composition;
  throw Error(Exit::usage, "", fmt::format("{}: '{}' is no formula", function.name, formula.substr(0, 40)),
              fmt::format("write {}(formula, ...)", function.name));
}

// How many atoms there are of the elements that were asked about, and of others.
struct Atoms {
  std::uint64_t inside = 0, outside = 0;

  void add(std::uint8_t z, std::uint64_t n, const ElementSet& elements) { (elements[z] ? inside : outside) += n; }
};

Atoms atoms_of(Bytes atomic_numbers, const ElementSet& elements) {
  Atoms atoms;
  for (const std::byte z : atomic_numbers) atoms.add(static_cast<std::uint8_t>(z), 1, elements);
  return atoms;
}

Atoms atoms_of(const Composition& composition, const ElementSet& elements) {
  Atoms atoms;
  for (int z = 0; z < 256; ++z) {
    const auto element = static_cast<std::uint8_t>(z);
    atoms.add(element, composition.of(element), elements);
  }
  return atoms;
}

std::int64_t answer(Question question, const Atoms& atoms) {
  switch (question) {
    case Question::only: return atoms.outside == 0;
    case Question::has: return atoms.inside > 0;
    case Question::count: break;
  }
  return static_cast<std::int64_t>(atoms.inside);
}

void call(sqlite3_context* context, int n, sqlite3_value** values) {
  const auto& registered = *static_cast<const Registered*>(sqlite3_user_data(context));
  const ElementFunction* const function = registered.function;  // clang 14 takes no structured bindings into lambdas
  RecordTable* const table = registered.table;
  const int code = table->guarded([&] {
    for (int i = 0; i < n; ++i)
      if (sqlite3_value_type(values[i]) == SQLITE_NULL) return;  // the result is NULL, too
    const ElementSet elements = elements_of(context, *function, n - 1, values[n - 1]);
    const Atoms atoms = n == 2 ? atoms_of(composition_of(*function, text_of(values[0])), elements)
                               : atoms_of(table->current_row(function->name).atomic_numbers(), elements);
    sqlite3_result_int64(context, answer(function->question, atoms));
  });
  if (code != SQLITE_OK) sqlite3_result_error_code(context, code);
}

void add(sqlite3* db, const ElementFunction& function, RecordTable& table, int arguments) {
  // With one argument the answer depends on the row, which SQLite cannot see: without SQLITE_DETERMINISTIC
  // it calls the function for each row.
  const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY | (arguments == 2 ? SQLITE_DETERMINISTIC : 0);
  auto registered = std::make_unique<Registered>(Registered{&function, &table});
  const int code = sqlite3_create_function_v2(db, function.name, arguments, flags, registered.release(), call, nullptr,
                                              nullptr, [](void* p) { delete static_cast<Registered*>(p); });
  if (code != SQLITE_OK) throw std::bad_alloc();
}

}  // namespace

void add_element_functions(sqlite3* db, RecordTable& table) {
  for (const ElementFunction& function : kFunctions) {
    add(db, function, table, 1);
    add(db, function, table, 2);
  }
}

}  // namespace atp
