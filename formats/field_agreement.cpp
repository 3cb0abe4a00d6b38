#include "formats/field_agreement.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "formats/excerpt.h"

namespace atp {

void fail_differ(std::string_view a, std::string_view b, Field field, double x, double y) {
  fail_input("",
             fmt::format("'{}' and '{}' both look like the {} and differ ({}, {})", excerpt(a), excerpt(b),
                         field_name(field), x, y),
             fmt::format("choose with --map {}={}", field_name(field), b));
}

}  // namespace atp
