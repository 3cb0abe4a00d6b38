// Which GPU trains which batch in which step.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"

namespace atp {

// What becomes of the last step when there are not enough batches for all GPUs.
enum class Tail {
  pad,     // empty batches fill it up
  drop,    // it is left out, and the graphs in it
  repeat,  // batches from the beginning fill it up
};

struct Schedule {
  std::uint32_t gpus = 1;
  std::vector<std::uint32_t> batches;  // [steps, gpus]

  std::size_t steps() const { return batches.size() / gpus; }
  std::uint32_t at(std::size_t step, std::size_t rank) const { return batches[step * gpus + rank]; }
};

// Cuts the order of training into steps. `batches` and `loads` gain empty batches (Tail::pad) or lose
// those that are not trained (Tail::drop); `order` is used up.
Schedule make_schedule(Batches& batches, std::vector<Load>& loads, std::uint32_t gpus, Tail tail);

// Leaves the steps [first, first + count) and the batches they train.
void cut_steps(Batches& batches, std::vector<Load>& loads, Schedule& schedule, std::size_t first, std::size_t count);

// Leaves out the batch that is only a rest, if there is one (--drop-last).
void drop_rest(Batches& batches, std::vector<Load>& loads);

}  // namespace atp
