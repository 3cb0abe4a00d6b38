// `atp formats`: what this build reads.
#include <fmt/format.h>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"
#include "formats/format.h"

namespace atp {
namespace {

std::string names_of(const Format& f) {
  if (f.file_names.empty()) return std::string(f.extensions);
  return f.extensions.empty() ? std::string(f.file_names) : fmt::format("{}, {}", f.extensions, f.file_names);
}

std::string as_json(const Format& f) {
  JsonWriter w;
  w.begin_object().key("name").string(f.name).key("extensions").string(f.extensions).key("file_names").string(f.file_names);
  w.key("reads").string(f.summary).key("folders").boolean(f.claims_folder != nullptr).key("streams").boolean(f.open != nullptr);
  w.key("built_in").boolean(f.missing.empty()).key("missing").string(f.missing);
  w.end_object();
  return w.text() + "\n";
}

Exit list_formats(bool json) {
  if (json) {
    for (const Format& f : formats()) print(as_json(f));
    return Exit::ok;
  }
  std::vector<std::vector<std::string>> rows = {{"name", "files", "reads"}};
  for (const Format& f : formats()) {
    const std::string why = f.missing.empty() ? "" : fmt::format(" (not in this build: {})", f.missing);
    rows.push_back({std::string(f.name), names_of(f), std::string(f.summary) + why});
  }
  print(table(rows, {false, false, false}));
  return Exit::ok;
}

}  // namespace

Run declare_formats(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "print one JSON object a line for each format")->group("Output");
  return [json] { return list_formats(*json); };
}

}  // namespace atp
