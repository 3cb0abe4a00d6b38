// Files of other programs that lie beside the source tree.
#pragma once

#include <filesystem>
#include <optional>

namespace atp::test {

// The folder with expected.json; nothing, and a message, where it is not there.
std::optional<std::filesystem::path> shared_data();

}  // namespace atp::test
