// Which names stand for energy, forces, stress and the rest, and what `--map` changes about it.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace atp {

enum class Field { energy, forces, stress, cell, pbc, charges, velocities, name };
inline constexpr std::size_t kFields = 8;

std::string_view field_name(Field field);
// "the energy is", "the forces are"
std::string field_is(Field field);

// A name that may be taken for a field. Of several in one frame the lowest rank is preferred.
struct FieldClaim {
  Field field;
  int rank = 0;
  bool virial = false;  // stress = -virial / volume
  bool asked = false;   // named by --map: what cannot be used is an error, not a plain property
};

// Immutable.
class FieldRules {
 public:
  // Throws Error (exit 2): a FIELD that does not exist, stress and virial both given.
  explicit FieldRules(const ReadOptions& options);

  // Whether --map says which name this field has ("none" included).
  bool asked(Field field) const { return asked_[static_cast<std::size_t>(field)].has_value(); }
  // What --scope says about a property of that name.
  std::optional<Kind> scope(std::string_view name) const;
  // The field that a value named `name` of the whole frame may be (energy, stress, cell, pbc, name).
  std::optional<FieldClaim> of_frame_value(std::string_view name) const;
  // The field that an array over the atoms may be (forces, charges, velocities). `width` numbers an
  // atom, all real. Throws Error (exit 3) when --map asks for an array that does not fit.
  std::optional<FieldClaim> of_atom_array(std::string_view name, bool real, std::size_t width) const;

 private:
  std::optional<FieldClaim> look_up(std::string_view name, std::span<const Field> fields) const;

  std::array<std::optional<std::string>, kFields> asked_;  // "none", or the only name
  std::map<std::string, Kind, std::less<>> scopes_;
  bool no_virial_ = false, asked_virial_ = false;
};

}  // namespace atp
