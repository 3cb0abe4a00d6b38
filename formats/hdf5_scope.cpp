#ifdef ATP_HAVE_HDF5

#include "formats/hdf5_scope.h"

#include <algorithm>
#include <optional>

#include "core/base/interrupt.h"
#include "formats/hdf5_id.h"

namespace atp {

namespace {

constexpr std::size_t kMostLookedAt = 256;

herr_t add_name(hid_t /*group*/, const char* name, const H5L_info_t* info, void* names) {
  if (info->type == H5L_TYPE_HARD) static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

// Nothing where there is no array of that name, or a link to it.
std::optional<std::vector<hsize_t>> shape_of(hid_t file, const std::string& path) {
  H5L_info_t link;
  H5O_info_t object;
  if (H5Lget_info(file, path.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) return std::nullopt;
  if (H5Oget_info_by_name(file, path.c_str(), &object, H5P_DEFAULT) < 0 || object.type != H5O_TYPE_DATASET) return std::nullopt;
  const Hdf5Id data(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Hdf5Id space(H5Dget_space(data.get()));
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || rank > 8) return std::nullopt;
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  return dims;
}

}  // namespace

void Hdf5Scopes::look_at(hid_t file, const std::vector<std::string>& groups, const ArrayMap& map) {
  looked_ = true;
  const std::size_t count = std::min(groups.size(), kMostLookedAt);
  for (std::size_t i = 0; i < count; ++i) {
    throw_if_interrupted();
    const std::string& where = groups[groups.size() * i / count];
    const Hdf5Id group(H5Gopen2(file, where.c_str(), H5P_DEFAULT));
    std::vector<std::string> names;
    hsize_t index = 0;
    if (!group || H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, &index, add_name, &names) < 0) continue;
    const auto positions = positions_among(names, map);
    const auto shape = positions ? shape_of(file, where + *positions) : std::nullopt;
    if (!shape || (shape->size() != 2 && shape->size() != 3)) continue;
    const bool single = shape->size() == 2;
    groups_.push_back({where, single, single ? 1 : (*shape)[0], (*shape)[single ? 0 : 1]});
  }
}

ValueScope Hdf5Scopes::of(const std::string& name, hid_t file, const std::vector<std::string>& groups, const ArrayMap& map) {
  if (groups.size() < 2) return ValueScope::guess;
  const auto [known, fresh] = known_.try_emplace(name, ValueScope::guess);
  if (!fresh) return known->second;
  if (!looked_) look_at(file, groups, map);
  std::optional<std::uint64_t> fitted;  // the size of the groups where it has a row for each atom
  for (const Group& g : groups_) {
    throw_if_interrupted();
    if (fitted == g.atoms) continue;
    auto shape = shape_of(file, g.where + name);
    if (!shape) shape = shape_of(file, g.where + "properties/" + name);
    const std::size_t first = g.single ? 0 : 1;
    if (!shape || shape->size() <= first || (!g.single && (*shape)[0] != g.frames)) continue;
    if ((*shape)[first] != g.atoms) return known->second = ValueScope::frame;
    if (fitted) break;  // two sizes
    fitted = g.atoms;
  }
  return known->second;
}

}  // namespace atp

#endif
