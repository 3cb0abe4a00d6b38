// What the sections of a record look like, for the records after it, which mostly look the same.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "core/atp/record.h"

namespace atp {

// Learned from one record that passed every check. One comparison a section then tells whether another record has
// the same sections, where it would otherwise take a walk and a look at each. One thread; one per thread.
class SectionPattern {
 public:
  enum class Of {
    everything,  // a record that fits passes every check that the learned one passed
    builtins,    // the other sections may hold anything
  };
  explicit SectionPattern(Of of) : of_(of) {}

  void learn(const RecordView& record);

  // Whether the record fits; when not, it may still be sound. `seen(i, payload)` is called for its i-th section, up to
  // the one that differs. `record` has the same type of positions and was checked by its constructor.
  template <class Seen>
  bool match(const RecordView& record, Seen&& seen) const {
    if (!known_ || record.n_sections() != parts_.size()) return false;
    Bytes rest = record.sections_bytes();
    const std::byte* head = heads_.data();
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Part& part = parts_[i];
      if (rest.size() < part.head + kLength || !same_head(rest, head, part.head)) return false;
      const auto length = load<std::uint32_t>(rest.data() + part.head);
      rest = rest.subspan(part.head + kLength);
      if (length > rest.size()) return false;
      if (!part.any_length && length != part.fixed + std::uint64_t{part.per_atom} * record.n_atoms()) return false;
      seen(i, rest.first(length));
      rest = rest.subspan(length);
      head += part.head;
    }
    return true;
  }

 private:
  static constexpr std::size_t kLength = 4;  // bytes of a payload's length
  static constexpr std::size_t kWord = 8;    // heads_ goes on for so many behind the last head

  struct Part {
    std::size_t head;               // kind, key length, key, type: bytes of heads_
    bool any_length;                // of the payload
    std::uint32_t fixed, per_atom;  // its length
  };

  // memcmp for the few bytes of a head: a call costs more than the comparison.
  static bool same_head(Bytes there, const std::byte* head, std::size_t n) {
    const auto word = [](const std::byte* p) { return load<std::uint64_t>(p); };
    if (n > 2 * kWord || there.size() < kWord) return std::memcmp(there.data(), head, n) == 0;
    if (n <= kWord) return ((word(there.data()) ^ word(head)) << (64 - 8 * n)) == 0;
    return word(there.data()) == word(head) && word(there.data() + n - kWord) == word(head + n - kWord);
  }

  Part part_of(const SectionView& section);

  Of of_;
  std::vector<std::byte> heads_;
  std::vector<Part> parts_;
  bool known_ = false;
};

}  // namespace atp
