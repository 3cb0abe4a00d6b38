#include "cmd/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/atp/dataset.h"
#include "core/base/error.h"

namespace atp {
namespace {

void write_files(const std::map<std::string, std::string>& files, const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) fail_system(folder, "cannot create", failed.value());
  for (const auto& [name, text] : files) {
    const std::string path = folder + "/" + name;
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) fail_system(path, "cannot write", errno);
    if (common_options().verbose) note(fmt::format("{}: written", path));
  }
}

// Shells take the names apart: those that are not a plain word are left out.
bool is_plain(std::string_view name) {
  return !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

// The fields of a dataset, a line each, for completions.
void print_fields(const std::string& path) {
  const Dataset dataset({path});
  if (dataset.shards().empty()) return;
  for (const auto& [key, entry] : dataset.shards()[0].schema().entries) {
    if (is_plain(key.second)) print(key.second + "\n");
  }
}

}  // namespace

Run declare_generate(CLI::App& app) {
  struct Options {
    std::string what, folder;
  };
  auto o = std::make_shared<Options>();
  app.add_option("WHAT", o->what, "man, completions or fields")->required();
  app.add_option("DIR", o->folder, "where to write them; with fields, the dataset that has them")->required();
  return [o] {
    if (o->what == "fields") {
      print_fields(o->folder);
      return Exit::ok;
    }
    if (o->what != "man" && o->what != "completions") {
      throw Error(Exit::usage, "", fmt::format("'{}' is nothing that can be generated", o->what),
                  "write man or completions");
    }
    write_files(o->what == "man" ? generate_man() : generate_completions(), o->folder);
    return Exit::ok;
  };
}

}  // namespace atp
