#include "core/plan/next_fit.h"

#include "core/base/interrupt.h"
#include "core/plan/packing.h"

namespace atp {

Batches next_fit(const PlanInput& input) {
  const auto graphs = shuffled_input(input);
  Batches batches;
  batches.last_is_rest = true;
  batches.offsets.push_back(0);
  batches.indices = HugeBuffer<std::uint32_t>(graphs.size());
  Load load;
  const auto close = [&](std::size_t end) {
    batches.offsets.push_back(static_cast<std::int64_t>(end));
    batches.loads.push_back(load);
    load = {};
  };
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    if (i % 65536 == 0) throw_if_interrupted();
    if (load.graphs > 0 && !load.with(input, graphs[i]).within(input.limits)) close(i);
    load = load.with(input, graphs[i]);
    batches.indices[i] = graphs[i];
  }
  if (load.graphs > 0) close(graphs.size());
  return batches;
}

}  // namespace atp
