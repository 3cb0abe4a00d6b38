#include "cmd/older_generation.h"

#include <fmt/format.h>

#include "cmd/terminal.h"
#include "core/atp/layout.h"
#include "core/base/error.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostNamed = 10;

}  // namespace

void warn_of_older_generations(const Dataset& dataset) {
  std::uint64_t found = 0;
  for (const Reader& file : dataset.shards()) {
    if (file.other_slot_problem().empty()) continue;
    const char other = file.slot_name() == 'A' ? 'B' : 'A';
    if (file.size() == 0 && file.file_bytes() > kFirstData) {
      fail_input(file.path(), fmt::format("header slot {} is not valid ({}), and the generation before it is empty", other, file.other_slot_problem()),
                 "atp verify shows what is wrong, atp verify --salvage saves the records");
    }
    if (++found > kMostNamed) continue;
    warn(fmt::format("{}: header slot {} is not valid ({}); what is read is generation {}, {} records; see atp verify", file.path(),
                     other, file.other_slot_problem(), file.slot().generation, human_count(file.size())));
  }
  if (found > kMostNamed) warn(fmt::format("and {} more files with a header slot that is not valid", found - kMostNamed));
}

}  // namespace atp
