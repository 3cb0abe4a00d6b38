// Reads inputs into memory, for tests.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/structure.h"
#include "core/base/error.h"
#include "formats/format.h"

namespace atp::test {

struct ReadFrames {
  std::vector<Structure> frames;
  std::vector<FrameOrigin> origins;
  std::vector<std::string> bad;  // Error::what()
  std::vector<FrameOrigin> bad_origins;
  std::set<std::string> mapped;  // "energy from 'REF_energy'"
  std::set<std::string> notes;
};

ReadFrames read_all(FormatReader& reader);
// Extended XYZ text under the name "t.xyz"; `plain` as with --from xyz.
ReadFrames read_xyz(std::string_view text, const ReadOptions& options = {}, bool plain = false);

// What sections hold, for short comparisons; fail the test when absent.
double f64(const Structure& s, Kind kind, std::string_view key);
std::int64_t i64(const Structure& s, Kind kind, std::string_view key);
std::string text(const Structure& s, Kind kind, std::string_view key);
std::vector<double> numbers(const Structure& s, Kind kind, std::string_view key);
std::vector<std::uint64_t> shape(const Structure& s, Kind kind, std::string_view key);
Type type(const Structure& s, Kind kind, std::string_view key);
bool has(const Structure& s, Kind kind, std::string_view key);
std::vector<double> positions(const Structure& s);
std::vector<int> elements(const Structure& s);

}  // namespace atp::test
