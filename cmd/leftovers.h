// What runs that were killed outright left behind.
#pragma once

#include <string>

namespace atp {

// A note for each file or folder beside `target` that was to become it, and whose process is gone.
void note_leftovers(const std::string& target);

}  // namespace atp
