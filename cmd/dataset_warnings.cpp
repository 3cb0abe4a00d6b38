#include "cmd/dataset_warnings.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cmd/terminal.h"
#include "core/atp/layout.h"
#include "core/base/error.h"
#include "core/hub/dataset_files.h"

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

void warn_of_missing_shards(const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    const std::filesystem::path folder(input);
    std::ifstream file(folder / "manifest.json", std::ios::binary);
    if (!file) continue;
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    try {
      std::vector<RemoteFile> missing = parse_manifest(text, input);
      const std::size_t all = missing.size();
      std::error_code ignored;
      std::erase_if(missing, [&](const RemoteFile& f) { return std::filesystem::exists(folder / f.path, ignored); });
      if (missing.empty()) continue;
      warn(fmt::format("{}: its manifest.json names {}, which is not there ({} of {} files missing); what is there is read", input, missing[0].path, missing.size(), all));
    } catch (const Error&) {
      continue;
    }
  }
}

}  // namespace atp
