#include "core/atp/dataset.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <span>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/parallel.h"

namespace atp {
namespace fs = std::filesystem;

std::vector<std::string> glob_files(const std::string& pattern) {
  glob_t found = {};
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  if (status == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());  // std::string compares bytes, whatever the locale
  return paths;
}

std::vector<std::string> files_below(const std::string& folder, const std::function<bool(const std::string&)>& wanted) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with('.')) {  // .git, .cache, .nfs0123...
      it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;  // a file that vanishes meanwhile is no file
    if (it->is_regular_file(ignored) && wanted(it->path().string())) paths.push_back(it->path().string());
  }
  if (error) fail_system(folder, "cannot list", error.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> dataset_files(const std::string& argument) {
  std::error_code error;
  const auto status = fs::status(argument, error);
  if (fs::is_directory(status)) {
    auto paths = files_below(argument, [](const std::string& p) { return p.ends_with(".atp"); });
    if (paths.empty()) fail_input(argument, "holds no .atp files");
    return paths;
  }
  if (fs::exists(status)) return {argument};
  if (argument.find_first_of("*?[") != std::string::npos) {
    auto paths = glob_files(argument);
    if (paths.empty()) fail_input(argument, "matches no file");
    return paths;
  }
  if (!fs::status_known(status)) fail_system(argument, "cannot open", error.value());  // links in a circle, a name too long
  fail_input(argument, "no such file or directory");
}

Dataset::Dataset(const std::vector<std::string>& arguments, Opening opening) : starts_{0} {
  std::vector<std::string> paths;
  for (const auto& argument : arguments) {
    auto files = dataset_files(argument);
    std::move(files.begin(), files.end(), std::back_inserter(paths));
  }
  shards_.reserve(paths.size());
  // Opening reads header and perhaps schema, and on a network waits for each: that many at a time.
  constexpr std::size_t kTogether = 16, kOpeners = 16;
  std::span<const std::string> left = paths;
  using Paths = std::span<const std::string>;
  ordered_parallel<Paths, std::vector<Reader>>(
      static_cast<int>(std::clamp<std::size_t>(paths.size() / kTogether, 1, kOpeners)),
      [&]() -> std::unique_ptr<Paths> {
        throw_if_interrupted();
        if (left.empty()) return nullptr;
        auto some = std::make_unique<Paths>(left.first(std::min(kTogether, left.size())));
        left = left.subspan(some->size());
        return some;
      },
      [opening](Paths& some) {
        std::vector<Reader> opened;
        for (const std::string& path : some) opened.emplace_back(path, opening);
        return opened;
      },
      [this](std::vector<Reader>&& opened) {
        for (Reader& shard : opened) {
          starts_.push_back(starts_.back() + shard.size());
          shards_.push_back(std::move(shard));
        }
      });
}

Dataset::Place Dataset::locate_among_shards(std::uint64_t i) const {
  const std::uint64_t asked = i;
  i = from_start(i);
  if (i >= size()) fail_input("", fmt::format("record {} was asked for, there are {}", static_cast<std::int64_t>(asked), size()));
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), i);
  const auto shard = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return {shard, i - starts_[shard]};
}

RecordView Dataset::record(std::uint64_t i, Scratch& scratch) const {
  const Place place = locate(i);
  return shards_[place.shard].record(place.record, scratch);
}

RecordView Dataset::verified_record(std::uint64_t i, Scratch& scratch) const {
  const Place place = locate(i);
  return shards_[place.shard].verified_record(place.record, scratch);
}

}  // namespace atp
