#include "cmd/pack_advice.h"

#include <fmt/format.h>

#include <filesystem>

#include "formats/format.h"

namespace atp {

Error with_pack_advice(const Error& e) {
  const bool file = e.problem().starts_with("not an .atp file"), folder = e.problem().starts_with("holds no .atp files");
  if (e.exit() != Exit::input || !e.fix().empty() || (!file && !folder)) return e;
  std::string name = e.where();
  if (const std::string_view format = file ? recognised_format(name) : "folder"; format.empty() || format == "atp") return e;
  try {
    if (folder && input_files(name).empty()) return e;
  } catch (const Error&) {  // nothing in it is an input
    return e;
  }
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  std::filesystem::path packed = name;
  for (const char* const packing : {".gz", ".xz", ".zst", ".bz2"}) {
    if (packed.extension() == packing) packed.replace_extension();
  }
  if (file) packed.replace_extension();
  return Error(e.exit(), e.where(), e.problem(), fmt::format("pack it first: atp pack {} -o {}.atp", name, packed.string()));
}

}  // namespace atp
