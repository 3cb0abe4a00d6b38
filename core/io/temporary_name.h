// Names of the temporary files that outputs are written to before they are put in place.
#pragma once

#include <string>
#include <string_view>

namespace atp {

// A message about "x.atp.tmp-123-0", where 123 is this process, is about "x.atp": wherever such an ending stands in it, it goes.
std::string without_temporary_names(std::string_view text);

}  // namespace atp
