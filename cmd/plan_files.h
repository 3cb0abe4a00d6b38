// The files of a plan: what --format and --per-rank write and --verify reads. Private to cmd/plan_*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/plan_batches.h"

namespace atp {

// An array NAME.npy, alone or in plan.npz. Frozen: training scripts map them.
struct PlanArray {
  std::string_view name, type;  // type as NumPy writes it
};
inline constexpr PlanArray kIndices{"indices", "<u4"};    // [graphs]: records, batch after batch
inline constexpr PlanArray kOffsets{"offsets", "<i8"};    // [batches + 1]
inline constexpr PlanArray kSchedule{"schedule", "<u4"};  // [steps, GPUs]: batches; not with --per-rank
inline constexpr PlanArray kAtoms{"atoms", "<i8"};        // [batches]
inline constexpr PlanArray kEdges{"edges", "<i8"};        // [batches]; where they are known
inline constexpr PlanArray kGraphs{"graphs", "<i8"};      // [batches]
inline constexpr PlanArray kShapes{"shapes", "<u4"};      // [steps]; with --static-shapes

// What plan.json says about the files beside it.
struct PlanForm {
  std::string files = "npy";  // npz, jsonl
  bool per_rank = false, edges = false, shapes = false;
  std::uint32_t gpus = 1;
  std::uint64_t steps = 0, first_step = 0, batches = 0;
  bool may_repeat = false;  // --tail repeat: the last step may train batches again
};

// The files of a folder of this form, plan.json and folders among them, ascending.
std::vector<std::string> plan_file_names(const PlanForm& form);

// A plan as its files hold it. Where batches have no numbers (jsonl, --per-rank) they are numbered by step and rank.
struct StoredPlan {
  Batches batches;          // offsets ascend and cover all indices
  std::vector<Load> loads;  // [batches]: as the files say
  Schedule schedule;        // [steps, GPUs]: batches there are
  std::vector<std::uint32_t> shapes;  // [steps], or empty
};

// Files that are readable, and are no plan of this form: an answer of --verify.
struct PlanFault {
  std::string what;
};

// Takes no more memory than the files. Throws PlanFault; Error (exit 3) naming a file that cannot be read.
StoredPlan read_plan(const std::string& folder, const PlanForm& form);

}  // namespace atp
