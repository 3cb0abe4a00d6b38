#include "core/atp/section_pattern.h"

namespace atp {

void SectionPattern::learn(const RecordView& record) {
  heads_.clear();
  parts_.clear();
  known_ = true;
  record.for_each_section([&](const SectionView& s) {
    const Part part = part_of(s);
    // The head lies right before the payload and its length.
    const std::byte* head = s.payload.data() - kLength - part.head;
    heads_.insert(heads_.end(), head, head + part.head);
    parts_.push_back(part);
  });
  known_ &= parts_.size() == record.n_sections();  // some may be of a kind that this program does not know
  heads_.resize(heads_.size() + kWord);
}

SectionPattern::Part SectionPattern::part_of(const SectionView& s) {
  Part part{2 + s.key.size() + 1, false, 0, 0};
  const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
  if (of_ == Of::builtins && !builtin) {
    part.any_length = true;
    return part;
  }
  const bool per_atom = s.kind == Kind::atom || (builtin && builtin->per_atom);
  const auto bytes = static_cast<std::uint32_t>(s.payload.size());
  switch (type_info(s.type).form) {
    case Form::array:
    case Form::vec3: (per_atom ? part.per_atom : part.fixed) = per_atom ? type_info(s.type).element : bytes; break;
    case Form::bool3:
    case Form::mat3: part.fixed = bytes; break;
    case Form::scalar: known_ &= !per_atom; part.fixed = bytes; break;
    case Form::text: part.any_length = !per_atom; break;
    case Form::null: part.any_length = true; break;
    case Form::tensor: known_ = false; break;  // its shape must be looked at
  }
  return part;
}

}  // namespace atp
