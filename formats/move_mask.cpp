#include "formats/move_mask.h"

#include <fmt/format.h>

#include "formats/shortest.h"

namespace atp {

void settle_move_mask(Structure& structure) {
  const Structure::Section* const s = structure.find(Kind::atom, "move_mask");
  if (s == nullptr) return;
  const ValueView value = decode_value(s->view());
  const std::uint64_t n = structure.n_atoms();
  const NumbersView& given = value.numbers;
  if (n == 0 || (given.scalar != Scalar::i64 && given.scalar != Scalar::i32) || (given.count != n && given.count != 3 * n)) return;
  std::vector<std::int32_t> mask(3 * n);
  for (std::uint64_t i = 0; i < 3 * n; ++i) {
    const std::int64_t v = given.integer(given.count == n ? i / 3 : i);
    if (v != 0 && v != 1) return;
    mask[i] = static_cast<std::int32_t>(v);
  }
  const std::uint32_t shape[] = {static_cast<std::uint32_t>(n), 3};
  structure.put_tensor(Kind::atom, "move_mask", Type::tensor_i32, shape, std::as_bytes(std::span(mask)));
}

bool fixes_in_part(std::span<const std::int32_t> mask) {
  for (std::size_t i = 0; i + 2 < mask.size(); i += 3) {
    if (mask[i] != mask[i + 1] || mask[i] != mask[i + 2]) return true;
  }
  return false;
}

std::optional<std::array<double, 9>> cell_of(const Structure& structure) {
  const Structure::Section* const s = structure.find(Kind::builtin, "cell");
  if (s == nullptr) return std::nullopt;
  const ValueView value = decode_value(s->view());
  std::array<double, 9> cell;
  for (std::size_t i = 0; i < 9; ++i) cell[i] = value.numbers.real(i);
  return cell;
}

bool is_along_axes(const std::array<double, 9>& cell) {
  for (std::size_t i = 0; i < 9; ++i) {
    if (i % 4 != 0 && cell[i] != 0) return false;
  }
  return true;
}

void put_lattice_mask(Structure& structure, std::span<const std::int32_t> mask) {
  const std::uint32_t shape[] = {static_cast<std::uint32_t>(structure.n_atoms()), 3};
  structure.put_tensor(Kind::atom, "move_mask", Type::tensor_i32, shape, std::as_bytes(mask));
  const auto cell = cell_of(structure);
  if (cell && !is_along_axes(*cell) && fixes_in_part(mask)) structure.put_string(Kind::molecule, kMaskAxes, kLatticeAxes);
}

std::string constraints_of_mask(std::span<const std::int32_t> mask, const std::array<double, 9>* lattice) {
  std::string cell;
  for (std::size_t i = 0; lattice != nullptr && i < 9; ++i) {
    cell += i == 0 ? R"("cell": [[)" : i % 3 == 0 ? "], [" : ", ";
    append_real(cell, (*lattice)[i]);
  }
  if (lattice != nullptr) cell += "]], ";
  const std::string_view name = lattice == nullptr ? "FixCartesian" : "FixScaled";
  std::string atoms, single;
  for (std::size_t i = 0; i < mask.size() / 3; ++i) {
    const auto fixed = [&](std::size_t k) { return mask[3 * i + k] == 0; };
    if (fixed(0) && fixed(1) && fixed(2)) {
      atoms += fmt::format("{}{}", atoms.empty() ? "" : ", ", i);
    } else if (fixed(0) || fixed(1) || fixed(2)) {
      single += fmt::format(R"(, {{"name": "{}", "kwargs": {{{}"a": {}, "mask": [{}, {}, {}]}}}})", name, cell, i, fixed(0), fixed(1), fixed(2));
    }
  }
  std::string list = atoms.empty() ? "" : fmt::format(R"(, {{"name": "FixAtoms", "kwargs": {{"indices": [{}]}}}})", atoms);
  list += single;
  return list.empty() ? "" : "[" + list.substr(2) + "]";
}

}  // namespace atp
