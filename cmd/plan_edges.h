// Edge counts beside the dataset they were made of: NAME.atp.edges-R.npy. Private to cmd/plan_*.cpp and their tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/atp/dataset.h"
#include "core/base/huge_buffer.h"

namespace atp {

// The edges of all records of the datasets, from the files beside them or counted now and then kept there.
// `starts` [datasets + 1]. Throws Error (exit 3) when such a file belongs to another state of the dataset.
HugeBuffer<std::uint32_t> edge_counts(const std::vector<Dataset>& datasets, std::span<const std::uint64_t> starts, double cutoff);

// "x.atp.edges-5.npy"; 4.5 Å: "x.atp.edges-4.5.npy".
std::string edge_file(const std::string& dataset, double cutoff);

// Whether these are the 32 bytes that follow the array in such a file: NumPy does not look at them.
bool is_edge_trailer(Bytes bytes);

}  // namespace atp
