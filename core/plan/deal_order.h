// In which order batches are trained.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atp {

// Batches in pools of `pool` (a multiple of `gpus`) sorted by cost and cut into steps of `gpus`; steps in random
// order, batches of a step in random order. What is no full step comes last.
std::vector<std::uint32_t> order_by_cost(std::span<const std::uint64_t> costs, std::uint32_t gpus, std::size_t pool,
                                         std::uint64_t seed, std::uint64_t epoch);

}  // namespace atp
