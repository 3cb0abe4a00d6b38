// What this program is and how it was built.
#pragma once

#include <string>
#include <string_view>

namespace atp {

std::string_view version();       // "0.1.0"
std::string_view release_date();  // of this version, for the man pages

// What `atp --version` prints: version and commit, compiler, codecs and formats of this build.
std::string version_text();

}  // namespace atp
