#include "formats/npz_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "formats/excerpt.h"
#include "formats/json_values.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostEmptyFrames = 1 << 16;  // they need no bytes, so a file can claim any number
constexpr std::size_t kLongestDescription = std::size_t{64} << 20;

std::string utf8_of(Bytes utf32) {
  std::string out;
  for (std::size_t i = 0; i + 4 <= utf32.size(); i += 4) {
    const auto c = load<std::uint32_t>(utf32.data() + i);
    if (c == 0 && std::ranges::all_of(utf32.subspan(i), [](std::byte b) { return b == std::byte{}; })) break;
    out += encode_utf8(c);
  }
  return out;
}

std::uint64_t number_at(const FrameArray& a, std::uint64_t i) { return load<std::uint64_t>(a.data.data() + 8 * i); }

bool holds(const FrameArray& a, Scalar scalar) {
  switch (scalar) {
    case Scalar::f32: return a.kind == 'f' && a.item_bytes == 4;
    case Scalar::f64: return a.kind == 'f' && a.item_bytes == 8;
    case Scalar::i32: return a.kind == 'i' && a.item_bytes == 4;
    case Scalar::i64: return a.kind == 'i' && a.item_bytes == 8;
    case Scalar::boolean: return a.kind == 'b' && a.item_bytes == 1;
    default: return false;
  }
}

}  // namespace

bool is_npz_records(const std::vector<FrameArray>& arrays) {
  return std::ranges::any_of(arrays, [](const FrameArray& a) { return a.name == kNpzDescription && a.kind == 'U' && a.shape.empty(); });
}

NpzRecords::NpzRecords(std::string name, std::vector<FrameArray> arrays, std::shared_ptr<const void> owner)
    : name_(std::move(name)), arrays_(std::move(arrays)), owner_(std::move(owner)) {
  read_atoms();
  const FrameArray& description = *find(kNpzDescription);
  if (description.data.size() > kLongestDescription) fail(fmt::format("'{}' is too long", kNpzDescription));
  JsonParser parser;
  const auto root = parser.parse(utf8_of(description.data));
  std::int64_t layout = 0;
  const auto number = json_member(root, "layout");
  if (!number || number->get(layout) != simdjson::SUCCESS) fail("is no archive of atp export");
  if (layout != 1) throw Error(Exit::input, name_, fmt::format("has layout {} of atp export, this program knows layout 1", layout), "read it with a newer atp");
  simdjson::dom::array fields;
  const auto list = json_member(root, "fields");
  if (!list || list->get(fields) != simdjson::SUCCESS) fail(fmt::format("'{}' has no fields", kNpzDescription));
  for (const auto f : fields) add_column(json_text(f, "kind"), json_text(f, "type"), json_text(f, "name"), json_text(f, "array"));
}

void NpzRecords::fail(const std::string& what) const { fail_input(name_, what, "export it again"); }

const FrameArray* NpzRecords::find(std::string_view name) const {
  const auto found = std::ranges::find(arrays_, name, &FrameArray::name);
  return found == arrays_.end() ? nullptr : &*found;
}

const FrameArray& NpzRecords::need(std::string_view name, char kind, unsigned item_bytes) const {
  const FrameArray* const a = find(name);
  if (a == nullptr) fail(fmt::format("has no array '{}'", name));
  if (a->kind != kind || a->item_bytes != item_bytes) fail(fmt::format("'{}' has another type than atp export writes", name));
  return *a;
}

void NpzRecords::check_begins(const FrameArray& begins, std::uint64_t end) const {
  if (begins.shape.size() != 1 || begins.shape[0] == 0 || number_at(begins, 0) != 0 || number_at(begins, begins.shape[0] - 1) != end) {
    fail(fmt::format("'{}' does not fit what it divides", begins.name));
  }
  for (std::uint64_t i = 1; i < begins.shape[0]; ++i) {
    if (number_at(begins, i) < number_at(begins, i - 1)) fail(fmt::format("'{}' falls at {}", begins.name, i));
  }
}

void NpzRecords::read_atoms() {
  positions_ = find("positions");
  if (positions_ == nullptr || positions_->kind != 'f' || positions_->item_bytes < 4) fail("has no array 'positions' of reals");
  numbers_ = &need("atomic_numbers", 'u', 1);
  atoms_ = product(numbers_->shape);
  offsets_ = find(kNpzOffsets);
  const std::size_t rank = offsets_ != nullptr ? 1 : 2;
  auto with_three = numbers_->shape;
  with_three.push_back(3);
  if (numbers_->shape.size() != rank || positions_->shape != with_three) fail("'positions' does not fit 'atomic_numbers'");
  if (offsets_ != nullptr) {
    need(kNpzOffsets, 'i', 8);
    check_begins(*offsets_, atoms_);
  }
  frames_ = offsets_ != nullptr ? offsets_->shape[0] - 1 : numbers_->shape[0];
  if (atoms_ == 0 && frames_ > kMostEmptyFrames) fail(fmt::format("claims {} frames without an atom", frames_));
}

std::uint64_t NpzRecords::atoms_before(std::uint64_t frame) const { return offsets_ != nullptr ? number_at(*offsets_, frame) : frame * numbers_->shape[1]; }

void NpzRecords::add_column(std::string_view kind, std::string_view type, std::string_view name, std::string_view array) {
  Column c;
  c.kind = kind == "builtin" ? Kind::builtin : kind == "atom" ? Kind::atom : Kind::molecule;
  const BuiltinInfo* const builtin = c.kind == Kind::builtin || array.empty() ? builtin_info(name) : nullptr;
  if (array.empty()) array = name;
  c.info = type_info(type);
  const bool known = kind == "builtin" || kind == "atom" || kind == "molecule";
  if (!known || c.info == nullptr || c.info->form == Form::null || array.empty() || name.size() > kLongestKey || (c.kind == Kind::builtin) != (builtin != nullptr)) {
    fail(fmt::format("'{}' describes the field '{}' as {} {}, which cannot be", kNpzDescription, excerpt(name), excerpt(kind), excerpt(type)));
  }
  c.key = name;
  c.of_atoms = c.kind == Kind::atom || (builtin != nullptr && builtin->per_atom);
  c.values = find(array);
  if (c.values == nullptr) fail(fmt::format("has no array '{}'", excerpt(array)));
  const auto beside = [&](std::string_view ending, char of, unsigned bytes) {
    const std::string other = std::string(array) + std::string(ending);
    return find(other) == nullptr ? nullptr : &need(other, of, bytes);
  };
  c.present = beside(kNpzPresent, 'b', 1);
  c.shapes = beside(kNpzShapes, 'i', 8);
  c.begins = beside(kNpzBegins, 'i', 8);
  check_column(c);
  columns_.push_back(std::move(c));
}

void NpzRecords::check_column(const Column& c) const {
  const FrameArray& a = *c.values;
  const auto misfit = [&] { fail(fmt::format("'{}' does not fit its description", c.key)); };
  if (c.present != nullptr && (c.present->shape.size() != 1 || c.present->shape[0] != frames_)) misfit();
  if (c.begins != nullptr) {
    if (a.shape.size() != 1 || (c.of_atoms && c.shapes == nullptr) || c.begins->shape.size() != 1 || c.begins->shape[0] != frames_ + 1) misfit();
    check_begins(*c.begins, a.shape[0]);
  }
  if (c.info->form == Form::text) {
    const bool fixed = a.kind == 'U' && a.shape.size() == 1 && a.shape[0] == frames_ && c.begins == nullptr;
    const bool flat = a.kind == 'u' && a.item_bytes == 1 && c.begins != nullptr;
    if (!fixed && !flat) misfit();
    return;
  }
  if (!holds(a, c.info->scalar)) misfit();
  if (c.shapes != nullptr) {
    const auto& s = c.shapes->shape;
    if (c.begins == nullptr || s.size() != 2 || s[0] != frames_ || s[1] == 0 || s[1] > 255) misfit();
    return;
  }
  if (c.begins != nullptr) misfit();
  const std::size_t lead = c.of_atoms ? numbers_->shape.size() : 1;
  if (a.shape.size() < lead) misfit();
  for (std::size_t i = 0; i < lead; ++i) {
    if (a.shape[i] != (c.of_atoms ? numbers_->shape[i] : frames_)) misfit();
  }
}

std::uint64_t NpzRecords::bytes_per_frame() const {
  std::uint64_t bytes = 0;
  for (const FrameArray& a : arrays_) bytes += a.data.size();
  return std::max<std::uint64_t>(bytes / std::max<std::uint64_t>(frames_, 1), 1);
}

class NpzRecordDecoder : public FrameDecoder {
 public:
  NpzRecordDecoder(std::shared_ptr<const NpzRecords> records, std::uint64_t first) : records_(std::move(records)), first_(first) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& /*remarks*/) override {
    const NpzRecords& r = *records_;
    const std::uint64_t frame = first_ + i;
    begin_ = r.atoms_before(frame);
    atoms_ = r.atoms_before(frame + 1) - begin_;
    const auto z = rows(*r.numbers_, begin_, atoms_, r.atoms_);
    structure.atomic_numbers.resize(z.size());
    std::ranges::transform(z, structure.atomic_numbers.begin(), [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    const Bytes xyz = rows(*r.positions_, begin_, atoms_, r.atoms_);
    structure.positions_type = r.positions_->item_bytes == 4 ? Type::vec3_f32 : Type::vec3_f64;
    structure.positions.assign(xyz.begin(), xyz.end());
    for (const auto& c : r.columns_) {
      if (c.present == nullptr || c.present->data[frame] != std::byte{}) put(c, frame, structure);
    }
  }

 private:
  // Rows [begin, begin + count) of `all`.
  static Bytes rows(const FrameArray& a, std::uint64_t begin, std::uint64_t count, std::uint64_t all) {
    const std::uint64_t row = all == 0 ? 0 : a.data.size() / all;
    return a.data.subspan(static_cast<std::size_t>(begin * row), static_cast<std::size_t>(count * row));
  }

  void put(const NpzRecords::Column& c, std::uint64_t frame, Structure& structure) {
    const FrameArray& a = *c.values;
    Bytes bytes;
    dims_.clear();
    if (c.begins != nullptr) {
      const std::uint64_t begin = number_at(*c.begins, frame), end = number_at(*c.begins, frame + 1);
      bytes = a.data.subspan(static_cast<std::size_t>(begin * a.item_bytes), static_cast<std::size_t>((end - begin) * a.item_bytes));
      for (std::uint64_t d = 0; c.shapes != nullptr && d < c.shapes->shape[1]; ++d) dims_.push_back(dimension(number_at(*c.shapes, frame * c.shapes->shape[1] + d)));
    } else {
      const bool atoms = c.of_atoms;
      bytes = atoms ? rows(a, begin_, atoms_, records_->atoms_) : rows(a, frame, 1, records_->frames_);
      if (atoms) dims_.push_back(dimension(atoms_));
      for (std::size_t d = atoms ? records_->numbers_->shape.size() : 1; d < a.shape.size(); ++d) dims_.push_back(dimension(a.shape[d]));
    }
    if (c.of_atoms && c.shapes != nullptr && dims_[0] != atoms_) fail_input(fmt::format("{}: frame {}", records_->name_, frame), fmt::format("'{}' has {} rows for {} atoms", c.key, dims_[0], atoms_));
    if (c.info->form == Form::text) return structure.put_string(c.kind, c.key, a.kind == 'U' ? utf8_of(bytes) : std::string(as_text(bytes)));
    if (c.info->form == Form::tensor) {
      std::uint64_t count = a.item_bytes;
      for (const std::uint32_t d : dims_) count *= d;
      if (count != bytes.size() || dims_.size() > 255) fail_input(fmt::format("{}: frame {}", records_->name_, frame), fmt::format("'{}' has a shape that does not fit its numbers", c.key));
      return structure.put_tensor(c.kind, c.key, c.info->type, dims_, bytes);
    }
    structure.put_bytes(c.kind, c.key, c.info->type, bytes);
    decode_value(structure.find(c.kind, c.key)->view());  // throws when the numbers do not fit the type
  }

  std::uint32_t dimension(std::uint64_t d) const {
    if (d > UINT32_MAX) fail_input(records_->name_, fmt::format("has a dimension of {}", d));
    return static_cast<std::uint32_t>(d);
  }

  std::shared_ptr<const NpzRecords> records_;
  std::uint64_t first_, begin_ = 0, atoms_ = 0;
  std::vector<std::uint32_t> dims_;
};

std::unique_ptr<FrameBatch> make_npz_batch(std::shared_ptr<const NpzRecords> records, std::uint64_t first, std::uint64_t count, std::uint64_t position) {
  return std::make_unique<IndependentFrames>(first, count, position, [records = std::move(records), first] { return std::make_unique<NpzRecordDecoder>(records, first); });
}

}  // namespace atp
