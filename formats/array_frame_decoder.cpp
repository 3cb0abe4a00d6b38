#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/chem/elements.h"
#include "formats/array_frames.h"
#include "formats/excerpt.h"
#include "formats/half.h"
#include "formats/value_names.h"

namespace atp {
namespace {

using Of = FrameValue::Of;

// A text of NumPy: bytes up to the zeros that fill it, or UTF-32.
std::string text_at(const FrameArray& a, const std::byte* p) {
  std::string out;
  if (a.kind == 'S') {
    out.assign(reinterpret_cast<const char*>(p), a.item_bytes);
  } else {
    for (unsigned i = 0; i + 4 <= a.item_bytes && load<std::uint32_t>(p + i) != 0; i += 4) out += encode_utf8(load<std::uint32_t>(p + i));
  }
  out.resize(std::min(out.find('\0'), out.size()));
  return out;
}

}  // namespace

std::int64_t integer_at(const FrameArray& a, const std::byte* p) {
  const bool u = a.kind == 'u' || a.kind == 'b';
  switch (a.item_bytes) {
    case 1: return u ? std::int64_t{load<std::uint8_t>(p)} : std::int64_t{load<std::int8_t>(p)};
    case 2: return u ? std::int64_t{load<std::uint16_t>(p)} : std::int64_t{load<std::int16_t>(p)};
    case 4: return u ? std::int64_t{load<std::uint32_t>(p)} : std::int64_t{load<std::int32_t>(p)};
    default: return load<std::int64_t>(p);
  }
}

// Frames of arrays to structures. What all frames of an array have in common is found out once.
class ArrayFrameDecoder : public FrameDecoder {
 public:
  ArrayFrameDecoder(std::shared_ptr<const FrameArrays> arrays, std::uint64_t first)
      : arrays_(std::move(arrays)), first_(first), fields_(arrays_->settings_->rules, arrays_->settings_->units), slices_(arrays_->arrays_.size()) {
    joined_ = !arrays_->begins_.empty();
    for (std::size_t i = 0; i < slices_.size(); ++i) prepare(i);
    const FrameArray& z = arrays_->arrays_[arrays_->numbers_];
    const std::uint64_t n = arrays_->atoms_;
    own_numbers_ = joined_ || product(z.shape) != n || (arrays_->uses_[arrays_->numbers_].per_frame && z.shape.size() > 1 && !arrays_->single_);
  }

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    try {
      read(first_ + i, structure, remarks);
    } catch (const Error& e) {
      throw Error(e.exit(), fmt::format("{}: frame {}", arrays_->where_, first_ + i), e.problem(), e.fix());
    }
  }

 private:
  // What all frames' parts of an array have in common.
  struct Slice {
    bool role = false;                    // positions, numbers, cell, pbc or mask
    bool of_atoms = false;                // of those that are none of these
    bool sliced = false;                  // each frame has a part of its own
    bool atom_rows = false;               // a row for each atom of all frames
    bool as_it_is = false;                // of a type that FrameValue has
    Of of = Of::f64;
    std::uint64_t bytes = 0;              // of a frame, in the array; of an atom, where it has a row for each
    std::vector<std::uint64_t> shape;     // of a frame; of the last one looked at, where frames have different sizes
    FrameValue value;                     // the frame's, when it is as it is and no atom is padding
    ValueHint hint;
    std::optional<Conversion> negated;    // what hint.conversion points to
    std::vector<std::byte> scratch;
  };

  void prepare(std::size_t which) {
    const FrameArray& a = arrays_->arrays_[which];
    Slice& s = slices_[which];
    const auto& use = arrays_->uses_[which];
    s.role = which == arrays_->positions_ || which == arrays_->numbers_ || arrays_->cell_ == which || arrays_->pbc_ == which || arrays_->mask_ == which;
    s.atom_rows = joined_ && a.rows == ArrayRows::atoms;
    s.sliced = joined_ ? a.rows == ArrayRows::atoms || a.rows == ArrayRows::frames : !arrays_->single_ && use.per_frame;
    s.bytes = s.sliced ? a.data.size() / std::max<std::uint64_t>(s.atom_rows ? arrays_->atoms_ : arrays_->frames_, 1) : a.data.size();
    s.shape.assign(a.shape.begin() + (s.sliced && !s.atom_rows ? 1 : 0), a.shape.end());
    s.as_it_is = (a.kind == 'f' && a.item_bytes >= 4) || (a.kind == 'i' && a.item_bytes >= 4);
    s.of = a.kind == 'f' ? (a.item_bytes == 8 ? Of::f64 : Of::f32) : a.kind == 'i' && a.item_bytes == 4 ? Of::i32 : Of::i64;
    const std::size_t first = arrays_->single_ ? 0 : 1;
    const bool sized = joined_ ? s.atom_rows : a.shape.size() > first && a.shape[first] == arrays_->atoms_ && use.field != Field::energy && !is_one_of_frame(a, first);
    s.hint.field = use.field;
    const auto said = use.field ? std::nullopt : arrays_->settings_->rules.scope(a.name);
    const bool guess = !said && a.scope == ValueScope::guess;
    s.of_atoms = which == arrays_->positions_ || (!s.role && (guess ? sized : said ? *said == Kind::atom : a.scope == ValueScope::atom));
    s.hint.guessed = guess && !joined_;
    s.hint.scope = s.of_atoms ? ValueScope::atom : ValueScope::frame;
    if (use.negative) {
      Conversion c = a.conversion ? *a.conversion : arrays_->settings_->units.find(Quantity::force).value_or(Conversion{});
      c.factor = -c.factor;
      c.how = c.how.empty() ? "sign turned" : "sign turned, " + c.how;
      s.negated = std::move(c);
      s.hint.conversion = &*s.negated;
    } else if (a.conversion) {
      s.hint.conversion = &*a.conversion;
    }
  }

  // The array's part of a frame, as numbers that FrameValue knows. Lives until the next call for that array.
  const FrameValue& slice(std::size_t which, std::uint64_t frame) {
    const FrameArray& a = arrays_->arrays_[which];
    Slice& s = slices_[which];
    Bytes data = !s.sliced ? a.data : s.atom_rows ? a.data.subspan(begin_ * s.bytes, n_ * s.bytes) : a.data.subspan(frame * s.bytes, s.bytes);
    const bool padded = s.of_atoms && kept_.size() != n_;
    if (s.as_it_is && !padded && s.value.data.size() == data.size() && !data.empty()) {
      s.value.data = data;
      return s.value;
    }
    const std::uint64_t n = a.item_bytes == 0 ? 0 : data.size() / a.item_bytes;
    if (a.kind == 'f' && a.item_bytes == 2) {
      s.scratch.resize(4 * n);
      for (std::uint64_t k = 0; k < n; ++k) store(s.scratch.data() + 4 * k, float_of_half(load<std::uint16_t>(data.data() + 2 * k)));
      data = s.scratch;
    } else if (!s.as_it_is) {
      s.scratch.resize(8 * n);
      for (std::uint64_t k = 0; k < n; ++k) {
        const std::int64_t v = integer_at(a, data.data() + a.item_bytes * k);
        if (v < 0 && a.kind == 'u') fail_input("", fmt::format("'{}' holds {}, beyond the whole numbers of 64 bits with a sign", excerpt(a.name), static_cast<std::uint64_t>(v)));
        store(s.scratch.data() + 8 * k, v);
      }
      data = s.scratch;
    }
    if (padded) data = compact(which, data);
    if (s.atom_rows) s.shape[0] = n_;
    std::span<const std::uint64_t> dims = s.shape;
    if (padded && !dims.empty()) {
      dims_.assign(dims.begin(), dims.end());
      dims_[0] = kept_.size();
      dims = dims_;
    }
    // [M, 1] is a number for each frame.
    if (!s.of_atoms && !s.atom_rows && dims.size() == 1 && dims[0] == 1) dims = {};
    return s.value = FrameValue::array(s.of, dims, data);
  }

  // The rows of the atoms that are no padding.
  Bytes compact(std::size_t which, Bytes data) {
    const std::size_t row = data.size() / static_cast<std::size_t>(std::max<std::uint64_t>(n_, 1));
    std::vector<std::byte> out;
    out.reserve(kept_.size() * row);
    for (const std::uint64_t atom : kept_) out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(atom * row), data.begin() + static_cast<std::ptrdiff_t>((atom + 1) * row));
    slices_[which].scratch = std::move(out);
    return slices_[which].scratch;
  }

  std::int64_t element(const FrameArray& a, const std::byte* p) const {
    if (!is_text(a)) return integer_at(a, p);
    const std::string symbol = text_at(a, p);
    const auto z = atomic_number_of(symbol);
    if (!z) fail_input("", fmt::format("'{}' in '{}' is no chemical element", excerpt(symbol), a.name));
    return *z;
  }

  // The atoms of the frame without padding: node_mask, or the numbers 0 and -1 at the end.
  void read_atoms(std::uint64_t frame, Structure& structure) {
    const FrameArray& z = arrays_->arrays_[arrays_->numbers_];
    const std::uint64_t n = n_;
    if (!own_numbers_ && !arrays_->mask_ && atoms_are_known_) {
      structure.atomic_numbers = numbers_;
      return;
    }
    const std::byte* p = z.data.data() + (joined_ ? begin_ : own_numbers_ ? frame * n : 0) * z.item_bytes;
    if (!arrays_->mask_ && read_full(z, p, n)) {
      structure.atomic_numbers = numbers_;
      return;
    }
    kept_.clear();
    found_.clear();
    for (std::uint64_t i = 0; i < n; ++i) {
      if (arrays_->mask_) {
        const FrameArray& mask = arrays_->arrays_[*arrays_->mask_];
        if (integer_at(mask, mask.data.data() + (frame * n + i) * mask.item_bytes) == 0) continue;
      }
      const std::int64_t number = element(z, p + i * z.item_bytes);
      if (own_numbers_ && (number == 0 || number == -1) && !arrays_->mask_ && !joined_) continue;
      kept_.push_back(i);
      found_.push_back(number);
    }
    const std::uint64_t dims[] = {found_.size()};
    set_atomic_numbers(structure, z.name, FrameValue::array(Of::i64, dims, std::as_bytes(std::span(found_))));
  }

  // Without an atom that may be padding. False when there is one, or no number that an element has.
  bool read_full(const FrameArray& z, const std::byte* p, std::uint64_t n) {
    if (z.kind != 'i' && z.kind != 'u') return false;
    numbers_.resize(n);
    bool all = false;  // what the sign makes of large numbers is no element either way
    if (z.item_bytes == 1) all = elements<std::uint8_t>(p);
    if (z.item_bytes == 4) all = elements<std::int32_t>(p);
    if (z.item_bytes == 8) all = elements<std::int64_t>(p);
    if (!all) return false;
    if (kept_.size() != n) {
      kept_.resize(n);
      std::iota(kept_.begin(), kept_.end(), std::uint64_t{0});
    }
    atoms_are_known_ = true;
    return true;
  }

  // Fills numbers_; false when one of them is no element.
  template <class T>
  bool elements(const std::byte* p) {
    bool all = true;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const T number = load<T>(p + i * sizeof(T));
      all &= number > 0 && number <= T{kElements};
      numbers_[i] = static_cast<std::uint8_t>(number);
    }
    return all;
  }

  static bool all_nan(const FrameValue& v) {
    if (v.of != Of::f64 && v.of != Of::f32) return false;
    for (std::uint64_t i = 0; i < v.count(); ++i) {
      if (!std::isnan(v.real(i))) return false;
    }
    return v.count() > 0;
  }

  void read_cell_and_pbc(std::uint64_t frame, Structure& structure, FrameRemarks& remarks) {
    const auto& settings = *arrays_->settings_;
    bool periodic = false;
    if (arrays_->cell_) {
      const FrameValue& cell = slice(*arrays_->cell_, frame);
      const bool zero = is_no_cell(cell);
      const FrameArray& a = arrays_->arrays_[*arrays_->cell_];
      if (!zero) set_cell(structure, a.name, cell, settings.units, remarks);
      if (!zero && a.conversion) scale_cell(structure, a.conversion->factor / settings.units.find(Quantity::length).value_or(Conversion{}).factor);
      periodic = !zero;
    }
    std::array<bool, 3> pbc = {periodic, periodic, periodic};
    if (arrays_->pbc_) {
      const FrameValue& v = slice(*arrays_->pbc_, frame);
      if (v.count() != 3 && v.count() != 1) fail_input("", fmt::format("'{}' is not three logicals", arrays_->arrays_[*arrays_->pbc_].name));
      for (std::size_t i = 0; i < 3; ++i) pbc[i] = v.real(v.count() == 3 ? i : 0) != 0;
    }
    fields_.set_pbc(pbc);
  }

  static void scale_cell(Structure& structure, double factor) {
    const auto* cell = structure.find(Kind::builtin, "cell");
    std::array<double, 9> rows;
    for (std::size_t i = 0; i < 9; ++i) rows[i] = load<double>(cell->payload.data() + 8 * i) * factor;
    structure.set_cell(rows);
  }

  void read(std::uint64_t frame, Structure& structure, FrameRemarks& remarks) {
    const auto& arrays = arrays_->arrays_;
    const auto& begins = arrays_->begins_;
    begin_ = joined_ ? begins[frame] : 0;
    n_ = joined_ ? begins[frame + 1] - begin_ : arrays_->atoms_;
    read_atoms(frame, structure);
    const FrameArray& positions = arrays[arrays_->positions_];
    read_positions(positions, slice(arrays_->positions_, frame), structure, remarks);
    fields_.begin();
    read_cell_and_pbc(frame, structure, remarks);
    for (const std::string& text : arrays_->left_out_) remarks.note(text);
    texts_.clear();
    texts_.reserve(arrays.size());
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      if (!slices_[i].role && arrays_->uses_[i].per_frame) add(i, frame, remarks);
    }
    for (const auto& [key, text] : arrays_->texts_) fields_.add(key, FrameValue::of_text(text));
    for (const auto& [key, texts] : arrays_->frame_texts_) {
      if (texts[frame]) fields_.add(key, FrameValue::of_text(*texts[frame]));
    }
    fields_.finish(structure, remarks);
  }

  void read_positions(const FrameArray& a, const FrameValue& value, Structure& structure, FrameRemarks& remarks) {
    if (!positions_) {
      positions_ = a.conversion ? *a.conversion : arrays_->settings_->units.find(Quantity::length).value_or(Conversion{});
      if (a.conversion || !positions_->how.empty()) positions_how_ = from_key(a.name, *positions_);
    }
    put_positions(structure, a.name, value, positions_->factor, !a.conversion);
    if (!positions_how_.empty()) remarks.mapped("positions", positions_how_);
  }

  void add(std::size_t which, std::uint64_t frame, FrameRemarks& remarks) {
    const FrameArray& a = arrays_->arrays_[which];
    if (is_text(a)) {
      const bool one = arrays_->single_ || !slices_[which].sliced;
      const std::size_t row = one ? 0 : a.item_bytes;
      if (slices_[which].atom_rows || a.data.size() != a.item_bytes * (one ? 1 : arrays_->frames_)) {
        return remarks.note(fmt::format("'{}' has several texts for each frame and is left out", excerpt(a.name)));
      }
      texts_.push_back(text_at(a, a.data.data() + frame * row));
      return fields_.add(a.name, FrameValue::of_text(texts_.back()));
    }
    if (slices_[which].atom_rows && n_ == 0) return;  // of no atoms: nothing
    const FrameValue& value = slice(which, frame);
    if (!all_nan(value)) fields_.add(a.name, value, slices_[which].hint);
  }

  // [M, 3] dipoles and [M, 1] numbers of molecules with three atoms, or one, are the frame's.
  bool is_one_of_frame(const FrameArray& a, std::size_t first) const {
    const std::size_t rank = a.shape.size() - first;
    if (rank == 1 && arrays_->atoms_ != 1 && a.shape[first] == 1) return true;
    if (is_name_of_frame(a.name, rank)) return true;
    return rank == 1 && std::ranges::any_of(std::array<std::string_view, 3>{"E", "energy", "energies"}, [&](std::string_view part) { return a.name.find(part) != std::string::npos; });
  }

  std::shared_ptr<const FrameArrays> arrays_;
  std::uint64_t first_;
  FrameFields fields_;
  std::vector<Slice> slices_;
  std::optional<Conversion> positions_;
  std::string positions_how_;     // empty: there is nothing to say
  bool own_numbers_ = false;      // each frame has atomic numbers of its own
  bool atoms_are_known_ = false;  // numbers_ and kept_ are those of a frame without padding
  bool joined_ = false;           // frames of different sizes follow each other
  std::uint64_t begin_ = 0, n_ = 0;  // of the frame: its first row among joined ones, its atoms with padding
  std::vector<std::uint64_t> kept_, dims_;
  std::vector<std::uint8_t> numbers_;
  std::vector<std::int64_t> found_;
  std::vector<std::string> texts_;
};

std::unique_ptr<FrameBatch> make_array_batch(std::shared_ptr<const FrameArrays> arrays, std::uint64_t first, std::uint64_t count,
                                             std::uint64_t number, std::uint64_t position) {
  return std::make_unique<IndependentFrames>(number, count, position, [arrays = std::move(arrays), first] {
    return std::make_unique<ArrayFrameDecoder>(arrays, first);
  });
}

}  // namespace atp
