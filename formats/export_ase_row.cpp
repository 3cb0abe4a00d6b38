#include "formats/export_ase_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/hash.h"
#include "formats/shortest.h"

namespace atp {
namespace {

constexpr std::string_view kReserved[] = {"id", "unique_id", "ctime", "mtime", "user", "fmax", "smax", "momenta", "constraints", "natoms", "formula", "age", "calculator",
                                          "calculator_parameters", "key_value_pairs", "data", "energy", "free_energy", "forces", "stress", "dipole", "magmom", "magmoms",
                                          "charges", "charge", "mass", "volume", "cell", "pbc", "numbers", "positions", "tags", "masses"};

struct OwnColumn {
  std::string_view key;
  std::uint64_t width;  // numbers per atom
};
constexpr OwnColumn kOwnColumns[] = {{"initial_magmoms", 1}, {"initial_charges", 1}, {"masses", 1}, {"momenta", 3}, {"magmoms", 1}, {"tags", 1}};

}  // namespace

bool is_ase_pair_name(std::string_view key) {
  if (key.empty() || (key[0] >= '0' && key[0] <= '9')) return false;
  for (const char c : key) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return std::ranges::find(kReserved, key) == std::end(kReserved);
}

bool has_own_ase_column(const RecordFields::Field& field, const RecordFields& fields) {
  if (field.section.kind != Kind::atom) return false;
  const auto* own = std::ranges::find(kOwnColumns, field.section.key, &OwnColumn::key);
  if (own == std::end(kOwnColumns) || fields.width(field.section, field.value) != own->width) return false;
  return own->key != "tags" || field.value.info->scalar == Scalar::i64 || field.value.info->scalar == Scalar::i32;
}

std::array<double, 6> voigt_of(const std::array<double, 9>& s) {
  const auto mean = [](double a, double b) { return a == b ? a : (a + b) / 2; };
  return {s[0], s[4], s[8], mean(s[5], s[7]), mean(s[2], s[6]), mean(s[1], s[3])};
}

bool is_symmetric(const std::array<double, 9>& s) {
  double most = 0;
  for (const double x : s) most = std::max(most, std::fabs(x));
  for (const auto& [a, b] : {std::pair(s[1], s[3]), std::pair(s[2], s[6]), std::pair(s[5], s[7])}) {
    if (std::fabs(a - b) > 1e-6 * most) return false;
  }
  return true;
}

void write_python_real(JsonWriter& json, double v) {
  std::string text;
  append_real(text, v);
  json.raw(text);
}

std::string ase_unique_id(std::string_view record, std::uint64_t number) {
  const Hash128 hash = xxh3_128(as_bytes(record));
  return fmt::format("{:016x}{:016x}", hash.high ^ number, hash.low);
}

std::string_view text_property(const RecordFields& fields, std::string_view key) {
  for (const auto& f : fields.fields) {
    if (f.section.kind == Kind::molecule && f.section.key == key && f.value.info->form == Form::text) return f.value.text;
  }
  return {};
}

bool is_text_column(const RecordFields::Field& f) {
  const std::string_view key = f.section.key;
  return f.section.kind == Kind::molecule && f.value.info->form == Form::text && !f.value.text.empty() &&
         (key == "unique_id" || key == "calculator" || key == "calculator_parameters");
}

std::string ase_constraints(const RecordFields& fields) {
  for (const auto& f : fields.fields) {
    const NumbersView& n = f.value.numbers;
    if (f.section.kind != Kind::atom || f.section.key != "move_mask" || n.scalar != Scalar::i64 || n.count != fields.n_atoms) continue;
    std::string list;
    for (std::uint64_t i = 0; i < n.count; ++i) {
      if (n.integer(i) != 0 && n.integer(i) != 1) return "";
      if (n.integer(i) == 0) list += fmt::format("{}{}", list.empty() ? "" : ", ", i);
    }
    if (!list.empty()) return fmt::format(R"([{{"name": "FixAtoms", "kwargs": {{"indices": [{}]}}}}])", list);
  }
  return "";
}

}  // namespace atp
