// A hard limit on what the deal levels: batches above it swap graphs of one size with others.
#pragma once

#include <cstdint>
#include <span>

#include "core/plan/deal_slots.h"

namespace atp {

// Swaps graphs of one class between batches of a pool until none weighs more than `limit`. False when that
// does not succeed. `weights` [n] are the levelled ones.
bool repair(const Patterns& patterns, std::span<const std::uint32_t> groups, std::span<const std::uint32_t> weights,
            std::uint64_t limit, std::size_t pool, Levelled& dealt);

}  // namespace atp
