#include "core/stats/value_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/chem/neighbours.h"
#include "core/stats/sample.h"

namespace atp {
namespace {

constexpr unsigned kLastElement = 118;
constexpr double kFlat = 1e-9;  // of the product of the vectors' lengths: rounding often misses zero

using Vec = std::array<double, 3>;

// Memory that records share.
struct Workplace {
  NeighbourCounter neighbours;
  std::vector<double> positions, numbers;
  std::vector<std::byte> bytes;
};

Vec row(const std::array<double, 9>& m, std::size_t i) { return {m[3 * i], m[3 * i + 1], m[3 * i + 2]}; }

double norm(const Vec& v) { return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

Vec cross(const Vec& a, const Vec& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

// Length, area or volume of the periodic vectors, as a share of what orthogonal ones would span.
double spanned(const std::array<double, 9>& cell, const std::array<bool, 3>& pbc) {
  std::vector<Vec> v;
  for (std::size_t i = 0; i < 3; ++i) {
    if (pbc[i]) v.push_back(row(cell, i));
  }
  double box = 1;
  for (const Vec& a : v) box *= norm(a);
  if (box == 0 || v.size() < 2) return box == 0 ? 0 : 1;
  const Vec area = cross(v[0], v[1]);
  if (v.size() == 2) return norm(area) / box;
  return std::abs(area[0] * v[2][0] + area[1] * v[2][1] + area[2] * v[2][2]) / box;
}

// One record at a time.
class ValueCheck {
 public:
  ValueCheck(std::uint64_t record, const RecordView& view, double max_force, ValueNotes& notes, Workplace& place)
      : record_(record), view_(view), max_force_(max_force), notes_(notes), place_(place) {}

  void run() {
    cell_ = view_.cell();
    pbc_ = view_.pbc();
    to_doubles(view_.positions(), place_.positions);
    check_species();
    check_finite("positions", view_.positions());
    view_.for_each_section([&](const SectionView& s) {
      const ValueView value = decode_value(s);
      if (value.numbers.scalar == Scalar::f32 || value.numbers.scalar == Scalar::f64) check_finite(describe_key(s.kind, s.key), value.numbers);
    });
    check_cell();
    check_distances();
    check_forces();
    add_fingerprint();
  }

 private:
  void report(std::string_view kind, std::string message) { notes_.findings.push_back({record_, kind, std::move(message)}); }

  void check_species() {
    std::uint64_t count = 0, first = 0;
    const Bytes z = view_.atomic_numbers();
    for (std::size_t i = 0; i < z.size(); ++i) {
      if (std::to_integer<unsigned>(z[i]) <= kLastElement) continue;
      if (count++ == 0) first = i;
    }
    if (count == 0) return;
    report(finding_kind::atomic_number, fmt::format("atom {} has atomic number {}{}", first, std::to_integer<unsigned>(z[first]),
                                                    count > 1 ? fmt::format(", and {} more {} above {}", count - 1, count == 2 ? "atom is" : "atoms are", kLastElement) : ""));
  }

  void check_finite(const std::string& what, const NumbersView& numbers) {
    to_doubles(numbers, place_.numbers);
    std::uint64_t nan = 0, inf = 0;
    for (const double v : place_.numbers) {
      nan += std::isnan(v);
      inf += std::isinf(v);
    }
    if (nan + inf == 0) return;
    report(finding_kind::not_finite, fmt::format("{}: {} NaN, {} infinite of {} values", what, nan, inf, place_.numbers.size()));
  }

  std::array<bool, 3> periodic() const {
    if (pbc_) return *pbc_;
    const bool all = cell_ && std::any_of(cell_->begin(), cell_->end(), [](double v) { return v != 0; });
    return {all, all, all};
  }

  void check_cell() {
    const auto pbc = periodic();
    if (!pbc[0] && !pbc[1] && !pbc[2]) return;
    if (!cell_) return report(finding_kind::zero_volume, "is periodic but has no cell");
    // Not a number: reported as such already.
    if (const double share = spanned(*cell_, pbc); share <= kFlat) {
      report(finding_kind::zero_volume, "the periodic cell vectors span no volume");
      flat_ = true;
    }
  }

  void check_distances() {
    std::array<bool, 3> pbc = periodic();
    if (!cell_ || flat_) pbc = {};
    try {
      const auto edges = place_.neighbours.count(place_.positions, cell_.value_or(std::array<double, 9>{}), pbc, kCoincident);
      if (edges && *edges != 0) report(finding_kind::coincident_atoms, fmt::format("{} pair{} of atoms closer than {} Å", *edges / 2, *edges == 2 ? "" : "s", kCoincident));
    } catch (const Error&) {  // more pairs than can be compared
      report(finding_kind::coincident_atoms, fmt::format("so many atoms are near each other that pairs below {} Å cannot be counted", kCoincident));
    }
  }

  void check_forces() {
    const auto forces = view_.forces();
    if (!forces) return;
    to_doubles(*forces, place_.numbers);
    std::uint64_t count = 0, worst = 0;
    double largest = 0;
    for (std::size_t i = 0; i + 2 < place_.numbers.size(); i += 3) {
      const double f = norm({place_.numbers[i], place_.numbers[i + 1], place_.numbers[i + 2]});
      if (!(f > max_force_) || !std::isfinite(f)) continue;
      ++count;
      if (f > largest) {
        largest = f;
        worst = i / 3;
      }
    }
    if (count == 0) return;
    report(finding_kind::large_force, fmt::format("atom {} has a force of {:.4g}{}", worst, largest,
                                                  count > 1 ? fmt::format(", and {} more {} above {:g}", count - 1, count == 2 ? "atom is" : "atoms are", max_force_) : ""));
  }

  void add_fingerprint() {
    if (view_.n_atoms() == 0) return;
    const auto pbc = periodic();
    const auto append = [&](Bytes bytes) { place_.bytes.insert(place_.bytes.end(), bytes.begin(), bytes.end()); };
    place_.bytes.clear();
    append(view_.atomic_numbers());
    append(view_.positions_bytes());
    if (cell_) append(std::as_bytes(std::span(*cell_)));
    append(std::as_bytes(std::span(pbc)));
    const Hash128 h = xxh3_128(place_.bytes);
    notes_.fingerprints.push_back({record_, h.high, h.low});
  }

  std::uint64_t record_;
  const RecordView& view_;
  double max_force_;
  ValueNotes& notes_;
  Workplace& place_;
  std::optional<std::array<double, 9>> cell_;
  std::optional<std::array<bool, 3>> pbc_;
  bool flat_ = false;
};

}  // namespace

void check_values(std::uint64_t record, const RecordView& view, double max_force, ValueNotes& notes) {
  static thread_local Workplace place;
  ValueCheck(record, view, max_force, notes, place).run();
}

// ---- DuplicateFinder ----------------------------------------------------------------------------

namespace {
constexpr int kRecordBits = 40;
constexpr std::uint64_t kRecordMask = (std::uint64_t{1} << kRecordBits) - 1;
}  // namespace

DuplicateFinder::Entry& DuplicateFinder::find(std::uint64_t high, std::uint64_t low) {
  const std::size_t mask = table_.size() - 1;
  std::size_t at = static_cast<std::size_t>(low) & mask;
  while (table_[at].place != 0 && (table_[at].high != high || table_[at].low != low)) at = (at + 1) & mask;
  return table_[at];
}

void DuplicateFinder::grow() {
  std::vector<Entry> old(std::max<std::size_t>(1024, table_.size() * 2), Entry{0, 0, 0});
  old.swap(table_);
  for (const Entry& e : old) {
    if (e.place != 0) find(e.high, e.low) = e;
  }
}

void DuplicateFinder::add(ValueNotes& notes) {
  for (const auto& f : notes.fingerprints) {
    if (used_ * 4 >= table_.size() * 3) grow();
    Entry& e = find(f.high, f.low);
    if (e.place != 0) {
      const auto file = static_cast<std::size_t>(e.place >> kRecordBits);
      const std::string where = file + 1 == files_.size() ? "" : " of " + files_[file];
      notes.findings.push_back({f.record, finding_kind::duplicate, fmt::format("has species, cell and positions of record {}{}", (e.place & kRecordMask) - 1, where)});
    } else if (!full() && f.record < kRecordMask && files_.size() < (std::size_t{1} << 24)) {
      e = {f.high, f.low, (std::uint64_t{files_.size() - 1} << kRecordBits) | (f.record + 1)};
      ++used_;
    }
  }
}

}  // namespace atp
