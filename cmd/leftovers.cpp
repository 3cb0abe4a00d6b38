#include "cmd/leftovers.h"

#include <fmt/format.h>

#include <filesystem>

#include "cmd/terminal.h"
#include "core/io/output_file.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
  }
  std::uint64_t sum = 0;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code no_file;
    const auto size = at->file_size(no_file);
    sum += no_file ? 0 : size;
  }
  return sum;
}

}  // namespace

void note_leftovers(const std::string& target) {
  const std::string name = target.size() > 1 && target.ends_with('/') ? target.substr(0, target.size() - 1) : target;
  for (const std::string& path : leftovers_of(name)) {
    std::error_code error;
    const bool folder = fs::is_directory(path, error);
    note(fmt::format("{}: {} that a killed run left behind; remove it with rm{}", path, human_bytes(bytes_of(path)), folder ? " -r" : ""));
  }
}

}  // namespace atp
