#include "core/atp/builtin_finder.h"

#include <algorithm>
#include <cstring>

namespace atp {

namespace {

// memcmp for the few bytes of a section's head: a call costs more than the comparison. Both sides
// have at least 8 bytes.
bool same_head(const std::byte* a, const std::byte* b, std::size_t n) {
  const auto word = [](const std::byte* p) { return load<std::uint64_t>(p); };
  if (n <= 8) return ((word(a) ^ word(b)) << (64 - 8 * n)) == 0;
  if (n <= 16) return word(a) == word(b) && word(a + n - 8) == word(b + n - 8);
  return std::memcmp(a, b, n) == 0;
}

}  // namespace

const std::array<BuiltinFinder::Field, 8>& BuiltinFinder::find(const RecordView& record) {
  fields_ = {};
  if (!follow_pattern(record)) walk(record);
  return fields_;
}

bool BuiltinFinder::follow_pattern(const RecordView& record) {
  if (parts_.empty() || record.n_sections() != parts_.size()) return false;
  Bytes rest = record.sections_bytes();
  const std::byte* head = heads_.data();
  for (const Part& part : parts_) {
    if (rest.size() < std::max<std::size_t>(8, part.head + 4) || !same_head(rest.data(), head, part.head)) return false;
    const auto length = load<std::uint32_t>(rest.data() + part.head);
    rest = rest.subspan(part.head + 4);
    if (length > rest.size()) return false;
    if (part.builtin >= 0) {
      if (!part.any_length && length != part.fixed + std::uint64_t{part.per_atom} * record.n_atoms()) return false;
      fields_[static_cast<std::size_t>(part.builtin)] = {rest.data(), length, part.type};
    }
    rest = rest.subspan(length);
    head += part.head;
  }
  return true;
}

void BuiltinFinder::walk(const RecordView& record) {
  record.check();
  fields_ = {};
  heads_.clear();
  parts_.clear();
  record.for_each_section([&](const SectionView& s) {
    Part part{2 + s.key.size() + 1, -1, 0, 0, false, s.type};
    if (const BuiltinInfo* builtin = s.kind == Kind::builtin ? builtin_info(s.key) : nullptr) {
      const auto place = builtin - kBuiltins.data();
      const auto bytes = static_cast<std::uint32_t>(s.payload.size());
      part.builtin = static_cast<int>(place);
      part.any_length = s.type == Type::string;
      (builtin->per_atom ? part.per_atom : part.fixed) = builtin->per_atom ? type_info(s.type).element : bytes;
      fields_[static_cast<std::size_t>(place)] = {s.payload.data(), bytes, s.type};
    }
    // The head lies right before the payload and its length.
    const std::byte* head = s.payload.data() - 4 - part.head;
    heads_.insert(heads_.end(), head, head + part.head);
    parts_.push_back(part);
  });
  heads_.resize(heads_.size() + 8);  // same_head() reads words
}

}  // namespace atp
