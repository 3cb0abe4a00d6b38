// Contents that atp knows by sight but does not read.
#pragma once

#include <string_view>

namespace atp {

struct Foreign {
  std::string_view looks_like;  // "an ASE or other SQLite database"; empty when unknown
  std::string_view advice;      // what to do instead; may be empty
};

// Judges the first bytes of an input.
Foreign recognise_foreign(std::string_view head);

}  // namespace atp
