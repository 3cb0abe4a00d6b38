// Private to doctor and its tests.
#pragma once

#include <string>
#include <vector>

#include "core/bench/mount.h"

namespace atp {

// What is known to go wrong on a file system of that kind and with those mount options, a sentence each.
std::vector<std::string> traps_of(const Mount& mount);

}  // namespace atp
