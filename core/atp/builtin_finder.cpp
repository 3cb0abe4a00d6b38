#include "core/atp/builtin_finder.h"

namespace atp {

const BuiltinFinder::Layout& BuiltinFinder::walk(const RecordView& record) {
  record.check();
  Layout& layout = layouts_[patterns_.learn(record)];
  layout.fields = {};
  layout.places.clear();
  record.for_each_section([&](const SectionView& s) {
    const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
    layout.places.push_back(builtin ? static_cast<std::size_t>(builtin - kBuiltins.data()) : kNoBuiltin);
    if (builtin) layout.fields[layout.places.back()] = {s.payload.data(), s.type};
  });
  return layout;
}

}  // namespace atp
