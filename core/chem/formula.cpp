#include "core/chem/formula.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

#include "core/chem/elements.h"

namespace atp {
namespace {

constexpr std::uint8_t kHydrogen = 1, kCarbon = 6;

// "H", "X" for 0, "[119]" beyond the table, so that a count behind it stays apart.
std::string name_of(int atomic_number) {
  return atomic_number > kElements ? fmt::format("[{}]", atomic_number) : std::string(element_symbol(atomic_number));
}

struct Names {
  std::array<std::string, 256> of;           // by atomic number
  std::array<std::uint8_t, 256> alphabetical;  // atomic numbers by name

  Names() {
    for (std::size_t z = 0; z < 256; ++z) {
      of[z] = name_of(static_cast<int>(z));
      alphabetical[z] = static_cast<std::uint8_t>(z);
    }
    std::ranges::stable_sort(alphabetical, {}, [this](std::uint8_t z) -> const std::string& { return of[z]; });
  }
};

const Names& names() {
  static const Names all;
  return all;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The whole number that `text` begins with, which is cut off.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return n;
}

std::optional<int> take_element(std::string_view& text) {
  if (text.front() == '[') {
    text.remove_prefix(1);
    const auto z = take_number(text);
    if (!z || *z > 255 || !text.starts_with(']')) return std::nullopt;
    text.remove_prefix(1);
    return static_cast<int>(*z);
  }
  const std::size_t length = text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' ? 2 : 1;
  const auto z = atomic_number_of(text.substr(0, length));
  text.remove_prefix(length);
  return z;
}

}  // namespace

Composition::Composition(Bytes atomic_numbers) {
  for (const std::byte z : atomic_numbers) ++atoms_[static_cast<std::uint8_t>(z)];
}

std::optional<Composition> Composition::parse(std::string_view text) {
  Composition found;
  while (!text.empty()) {
    const auto z = take_element(text);
    if (!z) return std::nullopt;
    const auto count = text.empty() || !is_digit(text.front()) ? std::optional<std::uint64_t>(1) : take_number(text);
    if (!count || *count > UINT32_MAX) return std::nullopt;  // no record has more atoms
    found.atoms_[static_cast<std::size_t>(*z)] += *count;
  }
  return found;
}

int Composition::n_elements() const {
  return static_cast<int>(std::ranges::count_if(atoms_, [](std::uint64_t n) { return n > 0; }));
}

std::string Composition::formula() const {
  std::string text;
  const auto append = [&](std::uint8_t z) {
    if (atoms_[z] == 0) return;
    text += names().of[z];
    if (atoms_[z] > 1) fmt::format_to(std::back_inserter(text), "{}", atoms_[z]);
  };
  const bool organic = of(kCarbon) > 0;
  if (organic) {
    append(kCarbon);
    append(kHydrogen);
  }
  for (const std::uint8_t z : names().alphabetical) {
    if (organic && (z == kCarbon || z == kHydrogen)) continue;
    append(z);
  }
  return text;
}

}  // namespace atp
