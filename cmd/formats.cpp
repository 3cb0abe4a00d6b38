// `atp formats`: what this build reads.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/commands.h"
#include "cmd/manual.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"
#include "formats/format.h"

namespace atp {
namespace {

constexpr std::size_t kColumn = 13;  // where the text begins

// "*.xyz, *.extxyz, POSCAR*".
std::string names_of(const Format& f) {
  std::string names;
  for (const std::string& extension : CLI::detail::split(std::string(f.extensions), ',')) {
    names += fmt::format("{}*.{}", names.empty() ? "" : ", ", CLI::detail::trim_copy(extension));
  }
  if (!f.file_names.empty()) names += fmt::format("{}{}", names.empty() ? "" : ", ", f.file_names);
  return names;
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
  const auto width = static_cast<std::size_t>(std::clamp(terminal_width(), 50, 100));
  for (const Format& f : formats()) {
    const std::string why = f.missing.empty() ? "" : fmt::format(" (not in this build: {})", f.missing);
    print(styled(fmt::format("{:<{}}", f.name, kColumn), Style::bold) + wrapped(std::string(f.summary) + why, width, kColumn) + "\n");
    print(std::string(kColumn, ' ') + styled(wrapped(names_of(f), width, kColumn), Style::dim) + "\n");
  }
  return Exit::ok;
}

}  // namespace

Run declare_formats(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "print one JSON object a line for each format")->group("Output");
  return [json] { return list_formats(*json); };
}

}  // namespace atp
