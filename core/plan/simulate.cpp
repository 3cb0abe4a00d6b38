#include "core/plan/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/error.h"

namespace atp {
namespace {

struct Key {
  std::string_view name;
  double CostModel::* value;
};
constexpr Key kKeys[] = {{"token", &CostModel::token},   {"saturation", &CostModel::saturation}, {"edge", &CostModel::edge},
                         {"step", &CostModel::step},     {"reduce", &CostModel::reduce},         {"latency", &CostModel::latency}};

}  // namespace

CostModel parse_cost_model(std::string_view text) {
  CostModel model;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const auto key = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& k) { return k.name == part.substr(0, equals); });
    double value = 0;
    const char* const end = part.data() + part.size();
    const auto parsed = equals == std::string_view::npos ? std::from_chars_result{part.data(), std::errc::invalid_argument}
                                                         : std::from_chars(part.data() + equals + 1, end, value);
    if (key == std::end(kKeys) || parsed.ec != std::errc() || parsed.ptr != end || !(value >= 0) || !std::isfinite(value)) {
      throw Error(Exit::usage, "", fmt::format("'{}' is no part of a cost model", part), "pass token, saturation, edge, step, reduce or latency, as token=1e-4,saturation=800");
    }
    model.*(key->value) = value;
  }
  return model;
}

double epoch_seconds(std::span<const Load> loads, const Schedule& schedule, const CostModel& model) {
  const auto g = static_cast<double>(schedule.gpus);
  const double around = model.step + 2 * (g - 1) / g * model.reduce + model.latency * std::log2(g);
  double seconds = 0;
  for (std::size_t t = 0; t < schedule.steps(); ++t) {
    double slowest = 0;
    for (std::size_t r = 0; r < schedule.gpus; ++r) {
      const Load& load = loads[schedule.at(t, r)];
      if (load.graphs == 0) continue;
      slowest = std::max(slowest, model.token * std::max(static_cast<double>(load.atoms), model.saturation) + model.edge * static_cast<double>(load.edges));
    }
    seconds += slowest + around;
  }
  return seconds;
}

std::vector<std::uint32_t> gpu_counts(std::uint32_t gpus) {
  std::vector<std::uint32_t> counts;
  for (std::uint64_t g = 1; g < gpus; g *= 2) counts.push_back(static_cast<std::uint32_t>(g));
  counts.push_back(gpus);
  return counts;
}

}  // namespace atp
