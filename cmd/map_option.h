// Options of the form KEY=VALUE, `--map` above all.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/format.h"

namespace atp {

// "a=b" in two. Throws Error (exit 2): "--meta takes KEY=VALUE, not 'x'".
std::pair<std::string, std::string> split_pair(const std::string& text, std::string_view option, std::string_view form);

// The fields that --map knows.
std::span<const std::string_view> mapped_fields();

// The values of `--map FIELD=KEY` and the values of `--units`, `--npz-map`, `--hdf5-map` and `--scope`. Throws Error (exit 2): no field, quantity, unit or role of
// that name, one named twice.
ReadOptions read_options(const std::vector<std::string>& map, const std::string& units, const std::string& npz_map, const std::string& hdf5_map, const std::vector<std::string>& scopes = {});

}  // namespace atp
