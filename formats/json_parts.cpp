#include "formats/json_parts.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/json_values.h"

namespace atp {

using simdjson::dom::array;
using simdjson::dom::element;

std::optional<array> json_list(element e) {
  array a;
  if (e.get(a) == simdjson::SUCCESS) return a;
  const auto data = json_member(e, "data");
  if (!data || json_text(e, "@module") != "numpy" || data->get(a) != simdjson::SUCCESS) return std::nullopt;
  return a;
}

std::optional<array> json_list_at(element e, std::string_view key) {
  const auto found = json_member(e, key);
  return found ? json_list(*found) : std::nullopt;
}

bool is_sites(element e) { return json_list_at(e, "sites").has_value(); }

std::uint8_t element_of_species(std::string_view text) {
  std::string_view symbol = text;
  if (symbol.starts_with("X")) {
    const auto xenon = symbol.starts_with("Xe");
    if (!xenon) return 0;  // a dummy
  }
  while (!symbol.empty() && !((symbol.back() >= 'a' && symbol.back() <= 'z') || (symbol.back() >= 'A' && symbol.back() <= 'Z'))) symbol.remove_suffix(1);
  if (symbol == "D" || symbol == "T") return 1;
  const auto z = atomic_number_of(symbol);
  if (!z) fail_input("", fmt::format("'{}' is no element", excerpt(text)));
  return static_cast<std::uint8_t>(*z);
}

void to_cartesian(const Structure& structure, double* r) {
  const auto* cell = structure.find(Kind::builtin, "cell");
  if (cell == nullptr) return;
  const double a = r[0], b = r[1], c = r[2];
  for (std::size_t k = 0; k < 3; ++k) {
    const auto m = [&](std::size_t row) { return load<double>(cell->payload.data() + 8 * (3 * row + k)); };
    r[k] = a * m(0) + b * m(1) + c * m(2);
  }
}

}  // namespace atp
