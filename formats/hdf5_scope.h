// Which values of a file's groups are the frames', as groups of different sizes say.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/array_frames.h"

namespace atp {

// In a group of three-atom molecules anything of three numbers looks like one number an atom; a group in which it has not
// as many rows as there are atoms settles that it is not. One thread, that of the HDF5 library.
class Hdf5Scopes {
 public:
  // Of a value by its name: `frame` where a group contradicts, else `guess`. The groups end with '/'; at most 256 of them,
  // evenly spread, are looked at, and none again. Links are not followed.
  ValueScope of(const std::string& name, hid_t file, const std::vector<std::string>& groups, const ArrayMap& map);

 private:
  struct Group {
    std::string where;
    bool single;
    std::uint64_t frames, atoms;
  };
  void look_at(hid_t file, const std::vector<std::string>& groups, const ArrayMap& map);

  bool looked_ = false;
  std::vector<Group> groups_;
  std::map<std::string, ValueScope> known_;
};

}  // namespace atp
