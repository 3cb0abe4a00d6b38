// What the sections of a record look like, for the records after it, which mostly look the same.
#pragma once

#include <algorithm>
#include <array>
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

  // Whether the record fits; when not, it may still be sound. `seen(i, payload)` is called with where its i-th
  // payload begins, in vain when the record turns out not to fit. `record` has the same type
  // of positions and was checked by its constructor.
  template <class Seen>
  bool match(const RecordView& record, Seen&& seen) const {
    if (!known_ || record.n_sections() != parts_.size()) return false;
    if (plain_) return match_plain(record, seen);
    const std::byte* at = record.sections_bytes().data();
    const std::byte* const end = at + record.sections_bytes().size();
    const std::uint64_t n = record.n_atoms();
    std::uint64_t different = 0;  // looked at once, in the end: a record that fits is by far the commonest
    std::size_t number = 0;
    for (const Part& part : parts_) {
      if (static_cast<std::size_t>(end - at) < part.head) return false;
      // Where the next section begins is computed where it can be, not waited for.
      const std::uint64_t length = part.any_length ? load<std::uint32_t>(at + part.head - kLength) : part.fixed + part.per_atom * n;
      different |= ((word(at) ^ part.first) & part.mask) | (word(at + part.head - kWord) ^ (part.last + (length << 32)));
      if (part.head > 2 * kWord && std::memcmp(at, heads_.data() + part.copy, part.head - kLength) != 0) return false;
      at += part.head;
      if (static_cast<std::size_t>(end - at) < length) return false;
      seen(number++, at);
      at += length;
    }
    return different == 0;
  }

 private:
  static constexpr std::size_t kLength = 4;  // bytes of a payload's length
  static constexpr std::size_t kWord = 8;

  // A head is kind, key length, key, type and length of the payload. Its first and its last word tell it apart, where it
  // has no more than two: memcmp for so few bytes costs more than the comparison.
  struct Part {
    std::size_t head = 0;                    // bytes
    std::size_t copy = 0;                    // where it lies in heads_, without the length
    std::uint64_t first = 0, last = 0;       // the words, with a length of 0
    std::uint64_t mask = ~std::uint64_t{0};  // of the first word: what is not length
    std::uint64_t fixed = 0, per_atom = 0;   // bytes of the payload
    bool any_length = false;                 // of the payload
    // Where all lengths are known: where the payload begins, and the last word, both from the number of atoms alone.
    std::uint64_t place = 0, place_per_atom = 0, last_fixed = 0, last_per_atom = 0;
  };

  // Where nothing needs to be waited for: all comparisons are independent of each other.
  template <class Seen>
  bool match_plain(const RecordView& record, Seen& seen) const {
    const std::uint64_t n = record.n_atoms();
    if (record.sections_bytes().size() < bytes_ + bytes_per_atom_ * n) return false;
    const std::byte* const begin = record.sections_bytes().data();
    std::uint64_t different = 0;
    std::size_t number = 0;
    for (const Part& part : parts_) {
      const std::byte* const payload = begin + part.place + part.place_per_atom * n;
      different |= ((word(payload - part.head) ^ part.first) & part.mask) | (word(payload - kWord) ^ (part.last_fixed + part.last_per_atom * n));
      seen(number++, payload);
    }
    return different == 0;
  }

  static std::uint64_t word(const std::byte* at) { return load<std::uint64_t>(at); }

  void add_head(Part& part, const SectionView& section);
  void add_length(Part& part, const SectionView& section);
  void add_place(Part& part);

  Of of_;
  std::vector<std::byte> heads_;
  std::vector<Part> parts_;
  bool known_ = false;
  bool plain_ = false;                            // all payloads are of known lengths, all heads have two words at most
  std::uint64_t bytes_ = 0, bytes_per_atom_ = 0;  // of all sections, where they are plain
};

// The few patterns that the records of a dataset put together from several sources have, in any order. One thread.
class SectionPatterns {
 public:
  static constexpr std::size_t kMost = 4;

  explicit SectionPatterns(SectionPattern::Of of) : patterns_{SectionPattern(of), SectionPattern(of), SectionPattern(of), SectionPattern(of)} {}

  // The number of the pattern that the record fits, or kMost. `seen(number, i, payload)` as in SectionPattern::match().
  template <class Seen>
  std::size_t match(const RecordView& record, Seen&& seen) {
    const auto fits = [&](std::size_t number) {
      return patterns_[number].match(record, [&](std::size_t i, const std::byte* payload) { seen(number, i, payload); });
    };
    if (fits(last_)) [[likely]] return last_;
    for (std::size_t number = 0; number < kMost; ++number) {
      if (number != last_ && fits(number)) return last_ = number;
    }
    return kMost;
  }
  // Learns the record's pattern in place of the oldest, and returns its number.
  std::size_t learn(const RecordView& record) {
    last_ = next_;
    next_ = (next_ + 1) % kMost;
    patterns_[last_].learn(record);
    return last_;
  }

 private:
  std::array<SectionPattern, kMost> patterns_;
  std::size_t last_ = 0, next_ = 0;
};

}  // namespace atp
