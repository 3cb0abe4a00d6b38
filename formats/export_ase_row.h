// What the writers of ASE's databases share: where a record's fields go in a row.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_writer.h"
#include "formats/export_format.h"

namespace atp {

// Whether ASE allows the name for a key-value pair.
bool is_ase_pair_name(std::string_view key);

// Whether a property of atoms has a column of its own, and the values such a column holds: masses, momenta, tags and so on.
bool has_own_ase_column(const RecordFields::Field& field, const RecordFields& fields);

// xx yy zz yz xz xy, ASE's Voigt order; of halves that differ the mean. `rows` is 3x3, row-major.
std::array<double, 6> voigt_of(const std::array<double, 9>& rows);

// The stress of a row is symmetric: whether these 3x3 numbers are, but for rounding.
bool is_symmetric(const std::array<double, 9>& rows);

// Whether these six numbers are all of the nine, to the last digit.
bool is_all_in_voigt(const std::array<double, 9>& rows);

// A number as Python's json writes and reads it: NaN and Infinity are words.
void write_python_real(JsonWriter& json, double v);

// 128 bits in hexadecimal that differ from row to row: equal records may be there. `number` is that of the row.
std::string ase_unique_id(std::string_view record, std::uint64_t number);

// The text of a property of the molecule; empty when there is none.
std::string_view text_property(const RecordFields& fields, std::string_view key);

// Whether it is a text that goes to a column: unique_id, calculator, calculator_parameters, constraints.
bool is_text_column(const RecordFields::Field& field);

inline constexpr std::string_view kAsymmetricStress = "the stress of some records is not symmetric: its symmetric part is written, as ASE keeps it, and all of it among the data";

// The constraints as ASE's list: the property of that name, else what the property move_mask (0 and 1, not all 1) fixes;
// empty when there is none.
std::string ase_constraints(const RecordFields& fields);

// The property move_mask as 0 and 1 for each direction of each atom, [n, 3]; empty when there is none, or it is something else.
std::vector<std::int32_t> move_mask_of(const RecordFields& fields);

// Whether the constraints alone give this property again, move_mask or move_mask_axes, so that it need not be written besides.
bool is_said_by_constraints(const RecordFields::Field& field, const RecordFields& fields);

// The velocities times masses (the property, else the standard ones), in ASE's unit, [n, 3].
struct AseMomenta {
  std::vector<double> values;
  bool exact = true;  // divided by the masses they are the velocities again, to the last digit of their type
};
// Nothing when the record has no velocities, or an atom has no mass.
std::optional<AseMomenta> ase_momenta(const RecordView& record, const RecordFields& fields);

// Whether a property has this key of a builtin, too: in pairs and data, where names are alone, it goes before.
bool is_taken(const RecordFields& fields, std::string_view key);

// Says what ASE's rows cannot hold of this record, whatever they are stored in.
void note_ase_limits(const RecordView& record, const RecordFields& fields, const ExportOptions& options);

}  // namespace atp
