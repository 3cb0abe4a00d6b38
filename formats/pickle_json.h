// A value of a pickle as JSON text, for dicts that other programs write as JSON, too.
#pragma once

#include <string>

#include "formats/pickle.h"

namespace atp {

// Texts, numbers, lists, dicts with text keys; arrays and tensors become nested lists, what has no JSON null. Throws Error (exit 3, no place)
// when it is nested deeper than 64 or more than 64 MB.
std::string json_of(const Pickle& p, const PickleValue& value);

}  // namespace atp
