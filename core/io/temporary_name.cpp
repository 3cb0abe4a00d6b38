#include "core/io/temporary_name.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace atp {

std::string without_temporary_names(std::string_view text) {
  const std::string mark = fmt::format(".tmp-{}-", ::getpid());
  std::string out;
  for (std::size_t at = 0; (at = text.find(mark)) != std::string_view::npos;) {
    const std::size_t digits = at + mark.size();
    const std::size_t end = std::min(text.find_first_not_of("0123456789", digits), text.size());
    out += text.substr(0, end == digits ? end : at);
    text.remove_prefix(end);
  }
  return out.append(text);
}

}  // namespace atp
