#include "formats/cif_symmetry.h"

#ifdef ATP_HAVE_GEMMI

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <exception>
#include <initializer_list>
#include <span>

#include "core/base/error.h"
#include "formats/excerpt.h"

namespace atp {
namespace {

using gemmi::Transform;
using Tags = std::initializer_list<const char*>;

// With all their centerings: a supercell's own list may be longer than the 192 operations of a face-centred cubic cell.
constexpr std::size_t kMostOperations = 4096;

// One of the three parts of an operation: a sum of numbers and of multiples of x, y and z.
class Sum {
 public:
  explicit Sum(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool read() {
    bool any = false;
    for (skip(); at_ != end_; skip()) {
      const bool minus = *at_ == '-';
      if (*at_ == '+' || minus) {
        ++at_;
      } else if (any) {
        return false;
      }
      if (!term(minus ? -1 : 1)) return false;
      any = true;
    }
    return any;
  }

  std::array<double, 3> factors{};
  double constant = 0;

 private:
  void skip() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }
  bool number(double& out) {
    const auto [after, error] = std::from_chars(at_, end_, out, std::chars_format::fixed);
    if (error != std::errc() || !(std::abs(out) < 1000)) return false;
    at_ = after;
    return true;
  }
  bool fraction(double& out) {
    if (!number(out)) return false;
    if (at_ == end_ || *at_ != '/') return true;
    ++at_;
    double below = 0;
    if (!number(below) || below == 0) return false;
    out /= below;
    return true;
  }
  bool term(double factor) {
    skip();
    double value = 1;
    const bool has_number = fraction(value);
    skip();
    if (has_number && at_ != end_ && *at_ == '*') {
      ++at_;
      skip();
    }
    const int axis = at_ == end_ ? -1 : (*at_ | 0x20) - 'x';
    if (axis < 0 || axis > 2) {
      constant += factor * value;
      return has_number;
    }
    ++at_;
    if (at_ != end_ && *at_ == '/') {  // x/2
      double below = 0;
      ++at_;
      if (!number(below) || below == 0) return false;
      value /= below;
    }
    factors[static_cast<std::size_t>(axis)] += factor * value;
    return true;
  }

  const char* at_;
  const char* end_;
};

// The operations of the first of these tags that the block has.
std::vector<Transform> operations_of(gemmi::cif::Block& block, Tags tags) {
  std::vector<Transform> all;
  for (const char* tag : tags) {
    const gemmi::cif::Column column = block.find_values(tag);
    for (const std::string& value : column) {
      if (gemmi::cif::is_null(value)) continue;
      const std::string text = gemmi::cif::as_string(value);
      const auto operation = symmetry_operation(text);
      if (!operation) fail_input("", fmt::format("the symmetry operation '{}' is none", excerpt(text)));
      if (all.size() == kMostOperations) fail_input("", fmt::format("has more than {} symmetry operations", kMostOperations));
      all.push_back(*operation);
    }
    if (!all.empty()) break;
  }
  return all;
}

std::string text_of(gemmi::cif::Block& block, Tags tags) {
  for (const char* tag : tags) {
    const std::string* value = block.find_value(tag);
    if (value && !gemmi::cif::is_null(*value)) return gemmi::cif::as_string(*value);
  }
  return {};
}

void add_all_but_identity(std::span<const Transform> operations, CifSymmetry& out) {
  for (const Transform& t : operations) {
    if (!t.is_identity()) out.images.emplace_back(t);
  }
}

void add_group(const gemmi::GroupOps& group, CifSymmetry& out) {
  constexpr double kUnit = gemmi::Op::DEN;
  std::vector<Transform> operations;
  for (const gemmi::Op op : group) {
    Transform t;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k < 3; ++k) t.mat.a[i][k] = op.rot[i][k] / kUnit;
    }
    t.vec = {op.tran[0] / kUnit, op.tran[1] / kUnit, op.tran[2] / kUnit};
    operations.push_back(t);
  }
  add_all_but_identity(operations, out);
}

bool add_listed(gemmi::cif::Block& block, CifSymmetry& out) {
  auto operations = operations_of(block, {"_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz",
                                          "_space_group_symop_magn_operation_xyz", "_space_group_symop_magn_operation.xyz"});
  if (operations.empty()) return false;
  const auto centerings = operations_of(block, {"_space_group_symop_magn_centering_xyz", "_space_group_symop_magn_centering.xyz"});
  if (operations.size() * std::max<std::size_t>(1, centerings.size()) > kMostOperations) fail_input("", fmt::format("has more than {} symmetry operations", kMostOperations));
  std::vector<Transform> centered;
  for (const Transform& c : centerings) {
    for (const Transform& t : operations) centered.push_back(c.combine(t));
  }
  add_all_but_identity(centerings.empty() ? operations : centered, out);
  return true;
}

// Some groups are described from two origins, and files that only name them mostly mean the first.
bool has_another_origin(const gemmi::SpaceGroup& group) {
  for (const gemmi::SpaceGroup& other : gemmi::spacegroup_tables::main) {
    if (other.number == group.number && other.ext != group.ext && (other.ext == '1' || other.ext == '2')) return true;
  }
  return false;
}

}  // namespace

std::optional<Transform> symmetry_operation(std::string_view text) {
  Transform out;
  for (std::size_t row = 0; row < 3; ++row) {
    const std::size_t comma = text.find(',');
    if (row < 2 && comma == std::string_view::npos) return std::nullopt;
    Sum sum(text.substr(0, comma));
    if (!sum.read()) return std::nullopt;
    for (std::size_t k = 0; k < 3; ++k) out.mat.a[row][k] = sum.factors[k];
    out.vec.at(static_cast<int>(row)) = sum.constant;
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  // Behind a third comma magnetic groups have the time reversal.
  const bool time_reversal = text.find_first_not_of(" +-1") == std::string_view::npos;
  if (!time_reversal || std::abs(std::abs(out.mat.determinant()) - 1) > 1e-3) return std::nullopt;
  return out;
}

CifSymmetry symmetry_of(gemmi::cif::Block& block, const gemmi::SmallStructure& crystal) {
  CifSymmetry out;
  if (add_listed(block, out)) return out;
  if (const std::string hall = text_of(block, {"_space_group_name_Hall", "_symmetry_space_group_name_Hall", "_space_group.name_Hall"}); !hall.empty()) {
    try {
      add_group(gemmi::symops_from_hall(hall.c_str()), out);
      return out;
    } catch (const std::exception&) {
      // No Hall symbol: many programs write what they do not understand. The names below may do.
    }
  }
  const std::string name = text_of(block, {"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M", "_space_group.name_H-M_alt"});
  const std::string number = text_of(block, {"_space_group_IT_number", "_symmetry_Int_Tables_number", "_space_group.IT_number"});
  const gemmi::SpaceGroup* group = name.empty() ? nullptr : gemmi::find_spacegroup_by_name(name, crystal.cell.alpha, crystal.cell.gamma);
  bool chosen = group && name.find(':') == std::string::npos && has_another_origin(*group);
  if (!group && !number.empty()) {
    int it = 0;
    std::from_chars(number.data(), number.data() + number.size(), it);
    group = gemmi::find_spacegroup_by_number(it);
    chosen = group && it != 1;
  }
  if (group) {
    if (chosen) out.note = fmt::format("no symmetry operations are listed, those of '{}' are taken", group->xhm());
    add_group(group->operations(), out);
    return out;
  }
  if (!name.empty() || !number.empty()) {
    fail_input("", fmt::format("the space group '{}' is not known, and its operations are not listed", excerpt(name.empty() ? number : name)),
               "add _space_group_symop_operation_xyz");
  }
  out.note = "no symmetry is stated, the atoms that are listed are taken as all of the cell";
  return out;
}

}  // namespace atp

#endif
