// What the sections of a record look like, for the records after it, which mostly look the same.
#pragma once

#include <algorithm>
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
    const std::byte* at = record.sections_bytes().data();
    std::size_t left = record.sections_bytes().size();
    std::size_t number = 0;
    for (const Part& part : parts_) {
      if (left < std::max(kWord, part.head + kLength)) return false;
      if ((((word(at) ^ part.first) | (word(at + part.tail) ^ part.last)) & part.mask) != 0) return false;
      if (part.head > 2 * kWord && std::memcmp(at, heads_.data() + part.copy, part.head) != 0) return false;
      const std::size_t length = load<std::uint32_t>(at + part.head);
      if (!part.any_length && length != part.fixed + std::uint64_t{part.per_atom} * record.n_atoms()) return false;
      at += part.head + kLength;
      left -= part.head + kLength;
      if (length > left) return false;
      seen(number++, Bytes(at, length));
      at += length;
      left -= length;
    }
    return true;
  }

 private:
  static constexpr std::size_t kLength = 4;  // bytes of a payload's length
  static constexpr std::size_t kWord = 8;

  // A head is kind, key length, key and type. Its first and its last word tell it apart, where it has no more than
  // two: memcmp for so few bytes costs more than the comparison.
  struct Part {
    std::size_t head = 0;                    // bytes
    std::size_t tail = 0;                    // where its last word begins
    std::size_t copy = 0;                    // where it lies in heads_
    std::uint64_t first = 0, last = 0;       // the words
    std::uint64_t mask = ~std::uint64_t{0};  // of a head that is shorter than a word
    std::uint32_t fixed = 0, per_atom = 0;   // bytes of the payload
    bool any_length = false;                 // of the payload
  };

  static std::uint64_t word(const std::byte* at) { return load<std::uint64_t>(at); }

  void add_head(Part& part, const SectionView& section);
  void add_length(Part& part, const SectionView& section);

  Of of_;
  std::vector<std::byte> heads_;
  std::vector<Part> parts_;
  bool known_ = false;
};

}  // namespace atp
