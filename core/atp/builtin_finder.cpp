#include "core/atp/builtin_finder.h"

namespace atp {

void BuiltinFinder::walk(const RecordView& record) {
  record.check();
  fields_ = {};
  places_.clear();
  pattern_.learn(record);
  record.for_each_section([this](const SectionView& s) {
    const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
    places_.push_back(builtin ? static_cast<std::size_t>(builtin - kBuiltins.data()) : kNoBuiltin);
    if (builtin) fields_[places_.back()] = {s.payload.data(), s.type};
  });
}

}  // namespace atp
