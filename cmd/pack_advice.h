// What to do about an input that is no .atp file and that atp pack reads.
#pragma once

#include "core/base/error.h"

namespace atp {

// The error, with the command that packs its file or folder added where that one is of a format that atp pack reads.
Error with_pack_advice(const Error& e);

}  // namespace atp
