#include "core/atp/section_pattern.h"

namespace atp {

void SectionPattern::learn(const RecordView& record) {
  heads_.clear();
  parts_.clear();
  known_ = plain_ = true;
  bytes_ = bytes_per_atom_ = 0;
  record.for_each_section([this](const SectionView& s) {
    Part part;
    add_head(part, s);
    add_length(part, s);
    add_place(part);
    parts_.push_back(part);
  });
  known_ &= parts_.size() == record.n_sections();  // some may be of a kind that this program does not know
}

void SectionPattern::add_head(Part& part, const SectionView& s) {
  const std::size_t bytes = 2 + s.key.size() + 1;
  part.head = bytes + kLength;
  known_ &= part.head >= kWord;  // or a word might reach beyond the record
  part.copy = heads_.size();
  // The head lies right before the payload.
  const std::byte* head = s.payload.data() - part.head;
  heads_.insert(heads_.end(), head, head + bytes);
  heads_.insert(heads_.end(), kLength, std::byte{0});
  if (!known_) return;
  part.first = word(heads_.data() + part.copy);
  part.last = word(heads_.data() + part.copy + part.head - kWord);
  if (bytes < kWord) part.mask >>= 8 * (kWord - bytes);
}

void SectionPattern::add_length(Part& part, const SectionView& s) {
  const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr;
  if (of_ == Of::builtins && !builtin) {
    part.any_length = true;
    return;
  }
  const bool per_atom = s.kind == Kind::atom || (builtin && builtin->per_atom);
  const std::uint64_t bytes = s.payload.size();
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
}

void SectionPattern::add_place(Part& part) {
  constexpr int kLengthShift = 8 * (kWord - kLength);  // it is the upper part of the last word
  part.place = bytes_ + part.head;
  part.place_per_atom = bytes_per_atom_;
  part.last_fixed = part.last + (part.fixed << kLengthShift);
  part.last_per_atom = part.per_atom << kLengthShift;
  bytes_ += part.head + part.fixed;
  bytes_per_atom_ += part.per_atom;
  plain_ &= !part.any_length && part.head <= 2 * kWord;
}

}  // namespace atp
