// Names of units, shapes and elements in the output of `atp inspect`.
#include <fmt/format.h>

#include "cmd/inspect.h"
#include "core/atp/metadata.h"
#include "core/base/error.h"
#include "core/chem/elements.h"

namespace atp {

std::optional<Metadata> metadata_of(const FileFacts& file) {
  if (!file.atp || file.atp->metadata.empty()) return std::nullopt;
  try {
    return Metadata::parse(file.atp->metadata);
  } catch (const Error&) {  // shown as it is
    return std::nullopt;
  }
}

Units::Units(const Findings& findings) {
  for (const FileFacts& file : findings.files)
    if (const auto metadata = metadata_of(file)) stated_.insert(metadata->units.begin(), metadata->units.end());
}

Unit Units::of(Kind kind, const std::string& key) const {
  if (const auto found = stated_.find(key); found != stated_.end()) return {found->second, false};
  if (kind != Kind::builtin) return {};
  const auto found = standard_units().find(key);
  return found == standard_units().end() ? Unit{} : Unit{found->second, true};
}

std::string field_shape(const Field& field) {
  if (field.mixed_type) return "[*]";
  if (!field.mixed_shape) return describe_shape(field.kind, field.entry);
  return type_info(field.entry.type).form == Form::vec3 ? "[*, 3]" : "[*]";
}

std::string element_name(int atomic_number) {
  return atomic_number > kElements ? fmt::format("Z{}", atomic_number) : std::string(element_symbol(atomic_number));
}

}  // namespace atp
