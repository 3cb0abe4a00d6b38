#include "core/atp/structure.h"

#include <algorithm>

namespace atp {
namespace {

void assign(std::vector<std::byte>& to, Bytes from) { to.assign(from.begin(), from.end()); }

constexpr std::size_t kManySections = 32;
constexpr unsigned kLastBuiltin = kBuiltins.size();

// FORMAT.md, "Record": builtins in table order, then by key.
template <class Section>
unsigned rank_of(const Section& s) {
  if (s.kind != Kind::builtin) return kLastBuiltin + static_cast<unsigned>(s.kind);
  const BuiltinInfo* const info = builtin_info(s.key);
  return info == nullptr ? kLastBuiltin : static_cast<unsigned>(info - kBuiltins.data());
}

template <class Section>
bool in_order(unsigned rank_a, const Section& a, unsigned rank_b, const Section& b) {
  if (rank_a != rank_b) return rank_a < rank_b;
  return rank_a >= kLastBuiltin && a.key < b.key;  // a builtin's rank is its key's
}

template <class Section>
bool sort_stably(std::span<Section> all) {
  if (all.size() > kManySections) {
    const auto before = [](const Section& a, const Section& b) { return in_order(rank_of(a), a, rank_of(b), b); };
    if (std::is_sorted(all.begin(), all.end(), before)) return false;
    std::stable_sort(all.begin(), all.end(), before);
    return true;
  }
  // Few: put in one by one, for which stable_sort would ask for memory.
  std::array<unsigned, kManySections> ranks;
  bool moved = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const unsigned rank = rank_of(all[i]);
    std::size_t to = i;
    while (to > 0 && in_order(rank, all[i], ranks[to - 1], all[to - 1])) --to;
    if (to != i) {
      moved = true;
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(to), last = all.begin() + static_cast<std::ptrdiff_t>(i);
      std::rotate(first, last, last + 1);
      std::copy_backward(ranks.begin() + to, ranks.begin() + i, ranks.begin() + i + 1);
    }
    ranks[to] = rank;
  }
  return moved;
}

}  // namespace

void Structure::clear() {
  atomic_numbers.clear();
  positions.clear();
  positions_type = Type::vec3_f64;
  used_ = 0;
}

void Structure::set_positions(std::span<const double> xyz) {
  positions_type = Type::vec3_f64;
  assign(positions, std::as_bytes(xyz));
}

void Structure::set_positions(std::span<const float> xyz) {
  positions_type = Type::vec3_f32;
  assign(positions, std::as_bytes(xyz));
}

std::vector<std::byte>& Structure::append(Kind kind, std::string_view key, Type type) {
  if (used_ == sections_.size()) sections_.emplace_back();
  Section& s = sections_[used_++];
  s.kind = kind;
  s.type = type;
  s.key = key;
  s.payload.clear();
  s.scope = Scope::known;
  return s.payload;
}

std::vector<std::byte>& Structure::put(Kind kind, std::string_view key, Type type) {
  for (Section& s : sections()) {
    if (s.kind == kind && s.key == key) {
      s.type = type;
      s.payload.clear();
      s.scope = Scope::known;
      return s.payload;
    }
  }
  return append(kind, key, type);
}

void Structure::put_bytes(Kind kind, std::string_view key, Type type, Bytes payload) {
  assign(put(kind, key, type), payload);
}

void Structure::put_f64(Kind kind, std::string_view key, double v) {
  put_bytes(kind, key, Type::f64, std::as_bytes(std::span(&v, 1)));
}

void Structure::put_i64(Kind kind, std::string_view key, std::int64_t v) {
  put_bytes(kind, key, Type::i64, std::as_bytes(std::span(&v, 1)));
}

void Structure::put_string(Kind kind, std::string_view key, std::string_view v) {
  put_bytes(kind, key, Type::string, as_bytes(v));
}

void Structure::put_tensor(Kind kind, std::string_view key, Type type, std::span<const std::uint32_t> shape,
                           Bytes values) {
  auto& payload = put(kind, key, type);
  payload.push_back(static_cast<std::byte>(shape.size()));
  const Bytes dims = std::as_bytes(shape);
  payload.insert(payload.end(), dims.begin(), dims.end());
  payload.insert(payload.end(), values.begin(), values.end());
}

void Structure::set_pbc(const std::array<bool, 3>& periodic) {
  auto& payload = put(Kind::builtin, "pbc", Type::bool3);
  for (const bool p : periodic) payload.push_back(static_cast<std::byte>(p));
}

const Structure::Section* Structure::find(Kind kind, std::string_view key) const {
  for (const Section& s : sections()) {
    if (s.kind == kind && s.key == key) return &s;
  }
  return nullptr;
}

void Structure::erase(Kind kind, std::string_view key) {
  for (std::size_t i = 0; i < used_; ++i) {
    if (sections_[i].kind == kind && sections_[i].key == key) {
      // Rotated behind the end rather than erased: its memory is used again.
      std::rotate(sections_.begin() + static_cast<std::ptrdiff_t>(i), sections_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                  sections_.begin() + static_cast<std::ptrdiff_t>(used_));
      --used_;
      return;
    }
  }
}

void Structure::sort_sections() { sort_stably(sections()); }
bool sort_sections(std::span<SectionView> sections) { return sort_stably(sections); }

StructureView Structure::view(std::vector<SectionView>& sections) const {
  sections.clear();
  for (const Section& s : this->sections()) sections.push_back(s.view());
  return {std::as_bytes(std::span(atomic_numbers)), positions_type, positions, sections};
}

void Structure::keep_last_of_equals() {
  sort_sections();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < used_; ++i) {
    const bool repeated = i + 1 < used_ && sections_[i].kind == sections_[i + 1].kind && sections_[i].key == sections_[i + 1].key;
    if (repeated) continue;
    if (kept != i) std::swap(sections_[kept], sections_[i]);
    ++kept;
  }
  used_ = kept;
}

}  // namespace atp
