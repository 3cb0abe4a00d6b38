#include "core/atp/builtin_finder.h"

namespace atp {

const std::array<BuiltinFinder::Field, 8>& BuiltinFinder::find(const RecordView& record) {
  fields_ = {};
  const bool known = pattern_.match(record, [this](std::size_t i, Bytes payload) {
    const Place place = places_[i];
    if (place.builtin >= 0) fields_[static_cast<std::size_t>(place.builtin)] = {payload.data(), static_cast<std::uint32_t>(payload.size()), place.type};
  });
  if (!known) walk(record);
  return fields_;
}

void BuiltinFinder::walk(const RecordView& record) {
  record.check();
  fields_ = {};
  places_.clear();
  pattern_.learn(record);
  record.for_each_section([this](const SectionView& s) {
    const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
    places_.push_back({builtin ? static_cast<int>(builtin - kBuiltins.data()) : -1, s.type});
    if (builtin) fields_[static_cast<std::size_t>(places_.back().builtin)] = {s.payload.data(), static_cast<std::uint32_t>(s.payload.size()), s.type};
  });
}

}  // namespace atp
