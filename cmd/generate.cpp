#include "cmd/generate.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
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

}  // namespace

Run declare_generate(CLI::App& app) {
  struct Options {
    std::string what, folder;
  };
  auto o = std::make_shared<Options>();
  app.add_option("WHAT", o->what, "man or completions")->required();
  app.add_option("DIR", o->folder, "where to write them")->required();
  return [o] {
    if (o->what != "man" && o->what != "completions") {
      throw Error(Exit::usage, "", fmt::format("'{}' is nothing that can be generated", o->what),
                  "write man or completions");
    }
    write_files(o->what == "man" ? generate_man() : generate_completions(), o->folder);
    return Exit::ok;
  };
}

}  // namespace atp
