#include "core/plan/mix.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>

#include "core/base/error.h"

namespace atp {
namespace {

constexpr double kMostTimes = 1e6;

double number(std::string_view text, std::string_view mix) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) || value > kMostTimes) {
    throw Error(Exit::usage, "", fmt::format("'{}' in --mix {} is not a number from 0 to a million", text, mix));
  }
  return value;
}

constexpr std::string_view kTemperature = "temperature:";

bool keeps_the_sum(std::string_view mix) { return mix == "balanced" || mix.starts_with(kTemperature); }

// counts^(1/T), scaled so that the sum stays; an infinite T is "balanced".
std::vector<double> tempered(std::span<const std::uint64_t> counts, double exponent) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  const std::uint64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  double sum = 0;
  // Against the largest, so that no power is beyond what a double holds.
  const auto share = [&](std::uint64_t n) { return n == 0 ? 0 : n == most ? 1 : std::pow(static_cast<double>(n) / static_cast<double>(most), exponent); };
  for (const std::uint64_t n : counts) sum += share(n);
  std::vector<double> weights;
  for (const std::uint64_t n : counts) weights.push_back(n == 0 ? 0 : total * share(n) / sum / static_cast<double>(n));
  return weights;
}

}  // namespace

std::vector<double> mix_weights(std::string_view mix, std::span<const std::string> names, std::span<const std::uint64_t> counts) {
  if (mix == "balanced") return tempered(counts, 0);
  if (mix.starts_with(kTemperature)) {
    const double t = number(mix.substr(kTemperature.size()), mix);
    if (!(t > 0)) throw Error(Exit::usage, "", "the temperature of --mix must be above 0");
    return tempered(counts, 1 / t);
  }
  std::vector<double> weights(counts.size(), 1);
  std::set<std::string_view> seen;
  for (std::string_view rest = mix; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.rfind('=');
    if (equals == std::string_view::npos) {
      throw Error(Exit::usage, "", fmt::format("--mix takes NAME=WEIGHT, balanced or temperature:T, not '{}'", part));
    }
    const auto found = std::find(names.begin(), names.end(), part.substr(0, equals));
    if (found == names.end()) {
      throw Error(Exit::usage, "", fmt::format("--mix names '{}', which is no dataset here", part.substr(0, equals)), fmt::format("there are {}", fmt::join(names, ", ")));
    }
    if (std::find(found + 1, names.end(), *found) != names.end()) {
      throw Error(Exit::usage, "", fmt::format("--mix names '{}', and several datasets are called so", *found), "give the files names of their own");
    }
    if (!seen.insert(*found).second) throw Error(Exit::usage, "", fmt::format("--mix gives '{}' two weights", *found));
    weights[static_cast<std::size_t>(found - names.begin())] = number(part.substr(equals + 1), mix);
  }
  return weights;
}

std::vector<std::uint64_t> mix_counts(std::string_view mix, std::span<const std::string> names, std::span<const std::uint64_t> counts,
                                      double share) {
  constexpr double kMost = 9223372036854775808.0;
  const auto weights = mix_weights(mix, names, counts);
  std::vector<std::uint64_t> wanted;
  std::vector<std::pair<double, std::size_t>> rests;  // negative, so that the largest comes first
  for (std::size_t d = 0; d < weights.size(); ++d) {
    const double exact = std::min(share * weights[d] * static_cast<double>(counts[d]), kMost);
    wanted.push_back(static_cast<std::uint64_t>(keeps_the_sum(mix) ? std::floor(exact) : std::round(exact)));
    if (counts[d] > 0) rests.emplace_back(std::floor(exact) - exact, d);
  }
  if (!keeps_the_sum(mix)) return wanted;
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  const auto total = static_cast<std::uint64_t>(std::llround(share * all));
  const std::uint64_t reached = std::accumulate(wanted.begin(), wanted.end(), std::uint64_t{0});
  std::sort(rests.begin(), rests.end());
  for (std::size_t i = 0; i < rests.size() && reached + i < total; ++i) ++wanted[rests[i].second];
  return wanted;
}

}  // namespace atp
