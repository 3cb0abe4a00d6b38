// From the values of a comment line to fields and properties of a structure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/structure.h"
#include "core/chem/units.h"
#include "formats/extxyz_columns.h"
#include "formats/extxyz_comment.h"
#include "formats/field_rules.h"
#include "formats/format.h"
#include "formats/input_units.h"

namespace atp {

// One thread; keeps its memory and what it learned about keys from frame to frame.
class FieldReader {
 public:
  // What --units says of an input whose numbers are Å and eV but for unit keys in its comments.
  using Asked = std::array<std::optional<Conversion>, kQuantities>;
  static Asked asked_units(const ReadOptions& options);

  // Both must outlive this object.
  FieldReader(const FieldRules& rules, const Asked& asked) : rules_(rules), asked_(asked) {}

  // Stores what the comment says in a structure that has its atoms and columns already: fields,
  // properties, units, pbc. Throws Error (exit 3, no place). `comment` and `layout` are borrowed
  // until tell().
  void apply(const Comment& comment, const ColumnLayout& layout, Structure& structure);
  // For a frame whose comment holds no values.
  void apply_defaults(Structure& structure);

  // Passes on which mappings and remarks the last apply() had.
  void tell(FrameSink& sink) const;

 private:
  enum class UnitOf { none, energy, force, stress, length };
  struct KeyRole {
    std::string key;
    std::optional<FieldClaim> claim;
    UnitOf unit = UnitOf::none;
    bool properties = false;
  };
  struct Candidate {
    std::size_t entry;
    FieldClaim claim;
  };
  struct Numbers {
    std::array<double, 9> v = {};
    std::size_t n = 0;
  };
  struct UnitEntry {
    std::ptrdiff_t entry = -1;
    std::string_view text;
  };
  struct KnownUnit {
    std::string text;
    std::optional<double> factor;
  };
  struct How {
    std::string_view field;
    std::string key, text, unit;
    bool virial;
  };
  struct Remark {
    Field field;
    std::string key, other, text;
  };

  const KeyRole& role_of(std::size_t i, std::string_view key);
  void gather();
  void check_total_energy() const;
  void forget_told();
  const Conversion* asked(Quantity quantity) const;
  double factor(Quantity quantity, std::string_view key);
  void resolve(Field field, Structure& structure);
  bool read_field(Field field, const Candidate& c, bool first, Numbers& out);
  bool read_energy(const CommentEntry& e, Numbers& out);
  bool read_matrix(const CommentEntry& e, bool voigt, Numbers& out) const;
  bool read_stress(const Candidate& c, bool first, Numbers& out);
  bool read_cell(const CommentEntry& e, Numbers& out);
  void store_field(Field field, const Numbers& n, Structure& structure);
  void read_pbc(Structure& structure);
  void read_name(Structure& structure);
  void read_columns(Structure& structure);
  void read_velocities(Structure& structure);
  double velocity_factor(std::string_view column) const;
  void map_velocities(std::string_view column);
  void convert_positions(Structure& structure);
  void put_properties(Structure& structure);
  void put_property(const CommentEntry& e, Structure& structure);
  void put_list(const CommentEntry& e, Structure& structure);
  void set_default_pbc(Structure& structure) const;

  UnitEntry& unit(Quantity q) { return units_[static_cast<std::size_t>(q)]; }
  const CommentEntry& entry(std::size_t i) const { return comment_->entries()[i]; }
  void mapped(std::string_view field, std::string_view key, bool virial, Quantity quantity, double conversion);
  void remark(Field field, std::string_view key, std::string_view preferred);

  const FieldRules& rules_;
  const Asked& asked_;
  InputUnits no_units_{ReadOptions{}};
  std::vector<KeyRole> roles_;  // of the keys of the last frame, which the next one probably repeats
  const Comment* comment_ = nullptr;
  const ColumnLayout* layout_ = nullptr;
  std::array<std::vector<Candidate>, kFields> candidates_;
  std::array<UnitEntry, kQuantities> units_;
  std::array<KnownUnit, kQuantities> known_units_;  // of the last frame
  std::vector<char> consumed_;            // per entry: no property any more
  double volume_ = 0;

  // Texts are made once and told often.
  std::vector<How> hows_;
  std::vector<Remark> remarks_;
  std::vector<std::size_t> told_hows_, told_remarks_;  // of the last frame
};

}  // namespace atp
