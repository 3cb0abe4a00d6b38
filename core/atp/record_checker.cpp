#include "core/atp/record_checker.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "core/atp/verify.h"
#include "core/base/error.h"
#include "core/base/hash.h"

namespace atp {

RecordChecker::RecordChecker(Codec codec, const Schema* lock, std::optional<Type> positions)
    : codec_(codec), lock_(lock), positions_(positions) {}

void RecordChecker::shrink() { scratch_ = Scratch(); }

std::optional<RecordProblem> RecordChecker::check(const IndexEntry& entry, Bytes stored, std::uint64_t checksum) {
  record_.reset();
  std::string_view kind = damage_kind::decompress;  // of what is being looked at
  std::string problem;
  try {
    const Bytes bytes = scratch_.context(codec_).decompress(stored, entry.unpacked, scratch_.buffer());
    kind = damage_kind::record;
    if (positions_) {
      kind = decode(entry, bytes, *positions_);
    } else {
      try {
        kind = decode(entry, bytes, Type::vec3_f64);
      } catch (const Error&) {
        kind = decode(entry, bytes, Type::vec3_f32);
      }
    }
    if (kind.empty()) {
      kind = damage_kind::schema_lock;
      if (!known_pattern_) check_lock();
      kind = {};
    } else {
      problem = fmt::format("holds {} atoms, the index says {}", record_->n_atoms(), entry.atoms);
    }
  } catch (const Error& e) {
    problem = e.what();
  }
  if (checksum != 0) {
    const std::uint64_t found = record_checksum(stored);
    if (found != checksum) {
      record_.reset();
      return RecordProblem{damage_kind::checksum, fmt::format("its checksum does not fit (XXH3 is {:016x}, {:016x} was written{})", found,
                                                              checksum, kind.empty() ? "; it still decodes" : ""), kind.empty()};
    }
  }
  if (kind.empty()) return std::nullopt;
  record_.reset();
  return RecordProblem{kind, std::move(problem), false};
}

// Returns the kind of what does not fit, empty when all does. Throws Error when nothing decodes.
std::string_view RecordChecker::decode(const IndexEntry& entry, Bytes bytes, Type positions) {
  record_.emplace(bytes, positions);
  known_pattern_ = patterns_.match(*record_, [](std::size_t, std::size_t, const std::byte*) {}) != SectionPatterns::kMost;
  if (!known_pattern_) record_->check();
  return record_->n_atoms() == entry.atoms ? std::string_view() : damage_kind::atom_count;
}

// Sections mostly come in the order of the schema, so the next entry is tried before a search.
void RecordChecker::check_lock() {
  if (!lock_) return;
  std::map<std::pair<Kind, std::string_view>, const std::byte*> last;  // filled when first needed
  auto hint = lock_->entries.begin();
  record_->for_each_section([&](const SectionView& s) {
    if (hint == lock_->entries.end() || hint->first.first != s.kind || hint->first.second != s.key) {
      hint = lock_->entries.find(std::pair<Kind, std::string_view>(s.kind, s.key));
    }
    if (hint != lock_->entries.end() && schema_entry_of(s) == hint->second) {
      ++hint;
      return;
    }
    // Of two sections with one key the last counts, so an earlier one may be anything.
    if (last.empty()) record_->for_each_section([&](const SectionView& t) { last[{t.kind, t.key}] = t.payload.data(); });
    if (last[{s.kind, s.key}] != s.payload.data()) return;
    const std::string what = describe_key(s.kind, s.key);
    if (hint == lock_->entries.end()) fail_input("", fmt::format("{} is not in the schema", what));
    const SchemaEntry now = schema_entry_of(s);
    if (now.type != hint->second.type) {
      fail_input("", fmt::format("{} is {}, the schema says {}", what, type_info(now.type).name, type_info(hint->second.type).name));
    }
    if (now.per_atom != hint->second.per_atom) {
      fail_input("", fmt::format("{} is one value {}, the schema says one {}", what, now.per_atom ? "an atom" : "a molecule", now.per_atom ? "a molecule" : "an atom"));
    }
    fail_input("", fmt::format("{} has {} bytes, the schema says {}", what, now.slot, hint->second.slot));
  });
  patterns_.learn(*record_);
}

}  // namespace atp
