// How long an epoch takes, from a simple model of a training step.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/schedule.h"

namespace atp {

// A step lasts as long as its slowest GPU:
//   max over GPUs (token * max(atoms, saturation) + edge * edges) + step + all-reduce
// with an all-reduce in a ring: 2 * (G - 1) / G * reduce + latency * log2(G). Seconds. The defaults are
// of the size that the MACE load balancing paper reports for its GPUs.
struct CostModel {
  double token = 2e-4;      // for an atom
  double saturation = 400;  // atoms below which a GPU is not busy, and takes as long as for so many
  double edge = 4e-6;
  double step = 0.01;       // whatever a step holds
  double reduce = 0.02;     // to send all gradients once
  double latency = 1e-4;    // of a message between GPUs
};

// "token=1e-4,saturation=800": the keys named; the others stay. Throws Error (exit 2).
CostModel parse_cost_model(std::string_view text);

// Seconds of one epoch. An empty batch costs a GPU nothing.
double epoch_seconds(std::span<const Load> loads, const Schedule& schedule, const CostModel& model);

// 1, 2, 4, ... and `gpus` itself.
std::vector<std::uint32_t> gpu_counts(std::uint32_t gpus);

}  // namespace atp
