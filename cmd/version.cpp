#include "cmd/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "atp_build_info.h"
#include "cmd/manual.h"
#include "core/atp/codec.h"
#include "core/hub/http.h"
#include "core/mpi/ranks.h"
#include "core/query/query.h"
#include "formats/format.h"

namespace atp {
namespace {

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

}  // namespace

std::string_view version() { return ATP_VERSION; }
std::string_view release_date() { return ATP_RELEASE_DATE; }

std::string version_text() {
  std::vector<std::string_view> readable;
  std::string missing;
  for (const Format& format : formats()) {
    if (format.missing.empty()) {
      readable.push_back(format.name);
    } else {
      missing += fmt::format("left out: {} ({})\n", format.name, format.missing);
    }
  }
  if (!query_missing().empty()) missing += fmt::format("left out: inspect --sql, shard --where ({})\n", query_missing());
  if (!network_missing().empty()) missing += fmt::format("left out: pull, hf:// and https:// ({})\n", network_missing());
  const auto list = [](std::string_view label, const auto& names) {
    return fmt::format("{:10}{}\n", label, wrapped(fmt::format("{}", fmt::join(names, ", ")), 80, 10));
  };
  return fmt::format("atp {} ({})\n", ATP_VERSION, ATP_COMMIT) +
         fmt::format("{:10}{}, {}{}\n", "built:", kCompiler, ATP_BUILD_TYPE, has_mpi() ? ", with MPI" : "") + list("codecs:", codec_names()) +
         list("formats:", readable) + missing;
}

}  // namespace atp
