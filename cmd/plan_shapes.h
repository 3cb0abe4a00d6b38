// --static-shapes in plan.json. Private to cmd/plan_*.cpp.
#pragma once

#include "cmd/plan_batches.h"
#include "core/base/json_writer.h"
#include "core/plan/shapes.h"

namespace atp {

inline StaticShapes static_shapes(const FinishedPlan& plan, std::uint64_t most) { return choose_shapes(plan.loads, plan.schedule, most); }

inline void write_shapes_json(JsonWriter& w, std::uint64_t most, const StaticShapes& shapes) {
  w.key("static_shapes").count(most).key("shapes").begin_array();
  for (const StaticShape& s : shapes.shapes) {
    w.begin_object().key("n_node").count(s.n_node).key("n_edge").count(s.n_edge).key("n_graph").count(s.n_graph).key("steps").count(s.steps).end_object();
  }
  w.end_array().key("padding_nodes").real(shapes.padding_nodes).key("padding_edges").real(shapes.padding_edges);
}

}  // namespace atp
