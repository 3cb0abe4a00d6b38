// Advice where a name was mistyped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace atp {

// The candidate nearest to `word` by edit distance when it is near enough to be a slip of the
// finger, else empty. A word that begins exactly one candidate is near it, too.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

// "did you mean 'x'?" for the nearest name, else empty: the `fix` of an Error.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace atp
