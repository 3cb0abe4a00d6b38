#include "formats/frame_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/excerpt.h"
#include "formats/value_names.h"

namespace atp {
namespace {

constexpr std::uint64_t kPiece = 1 << 16;           // values read at once
constexpr std::uint64_t kMostEmptyFrames = 1 << 16;  // zeros that are packed well need no bytes, so a file can claim any number

// In lower case, without what stands between words. DimeNet's and GemNet's N is not among them, as it is one by its case.
constexpr std::string_view kCounts[] = {"natoms", "natom", "numatoms", "numatom", "numberofatoms", "nat", "atomcounts", "atomcount",
                                        "atomsperframe", "atomspermolecule", "atomsperstructure", "nnodes", "nnode", "numnodes"};
constexpr std::string_view kOffsets[] = {"ptr", "atomptr", "frameptr", "offsets", "offset", "atomoffsets", "atomoffset", "frameoffsets",
                                         "firstatom", "atomstart", "atomstarts", "natomscumsum", "cumnatoms", "cumatoms"};

std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != ' ') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

bool is_named(std::string_view name, std::span<const std::string_view> known) { return std::ranges::find(known, plain(name)) != known.end(); }

bool is_whole(const SizesArray& a) { return a.kind == 'i' || a.kind == 'u'; }

// One number a frame: [F], or [F, 1].
bool is_list(const SizesArray& a) { return a.shape.size() == 1 || (a.shape.size() == 2 && a.shape[1] == 1); }

[[noreturn]] void refuse_at(const std::string& where, const std::string& what) {
  fail_input(where, what, "fix the file, or name the right array with --npz-map or --hdf5-map natoms=ARRAY or offsets=ARRAY (none: do not look)");
}

std::int64_t value_of(const SizesArray& a, std::uint64_t i) {
  std::int64_t v = 0;
  a.read(i, std::span(&v, 1));
  return v;
}

// The arrays of that role: those with a known name, or the one that the map names.
std::vector<const SizesArray*> among(std::span<const SizesArray> arrays, const ArrayMap& map, std::string_view role, std::span<const std::string_view> known,
                                     const std::string& where) {
  std::vector<const SizesArray*> out;
  const auto asked = map.find(role);
  for (const SizesArray& a : arrays) {
    const bool is = asked != map.end() ? a.name == asked->second : is_named(a.name, known) || (role == "natoms" && a.name == "N" && is_whole(a) && is_list(a));
    if (is) out.push_back(&a);
  }
  if (asked != map.end() && out.empty() && asked->second != "none") {
    fail_input(where, fmt::format("has no array '{}', which {} is to be taken from", excerpt(asked->second), role), "name another array, or none");
  }
  return out;
}

}  // namespace

bool is_name_of_sizes(std::string_view name) { return is_named(name, kCounts) || is_named(name, kOffsets); }

void check_no_sizes_asked(const ArrayMap& map, const std::string& positions, const std::string& where) {
  for (const char* role : {"natoms", "offsets"}) {
    const auto asked = map.find(role);
    if (asked == map.end() || asked->second == "none") continue;
    fail_input(where, fmt::format("{}={} is for positions of all frames one after the other, '{}' has a dimension for frames", role, excerpt(asked->second), excerpt(positions)), "leave it out");
  }
}

ArrayMap without_sizes(ArrayMap map) {
  std::erase_if(map, [](const auto& entry) { return (entry.first == "natoms" || entry.first == "offsets") && entry.second != "none"; });
  return map;
}

std::optional<FrameSizes::Form> FrameSizes::form_of_offsets(const SizesArray& a, std::uint64_t rows, std::optional<std::uint64_t> frames) {
  const std::uint64_t length = a.shape[0];
  if (length == 0 || (frames && length != *frames && length != *frames + 1)) return std::nullopt;
  const auto first = value_of(a, 0), last = value_of(a, length - 1);
  const bool to_the_end = last >= 0 && static_cast<std::uint64_t>(last) == rows;
  if (frames && length == *frames + 1) return Form::bounds;
  if (!frames && length == 1 && first != 0 && !to_the_end) return std::nullopt;  // one number of one frame
  if (first == 0 && !(to_the_end && !frames && length > 1)) return Form::starts;
  return first == 0 ? Form::bounds : Form::ends;
}

std::optional<FrameSizes> FrameSizes::find(std::span<const SizesArray> arrays, const ArrayMap& map, const std::string& positions,
                                           std::uint64_t rows, const std::string& where) {
  std::vector<FrameSizes> found;
  for (const SizesArray* a : among(arrays, map, "natoms", kCounts, where)) {
    if (!is_whole(*a)) refuse_at(where, fmt::format("'{}' holds no whole numbers, and so not the atoms of each frame", excerpt(a->name)));
    if (a->shape.empty()) {  // of the only frame
      const std::int64_t n = value_of(*a, 0);
      if (n < 0 || static_cast<std::uint64_t>(n) != rows) refuse_at(where, fmt::format("'{}' says {} atoms, '{}' has {} rows", excerpt(a->name), n, excerpt(positions), rows));
      continue;
    }
    const bool other_n = a->name == "N" && !map.contains("natoms") && a->shape[0] == 1 && value_of(*a, 0) != static_cast<std::int64_t>(rows);
    if (other_n) continue;  // electrons, say
    if (!is_list(*a)) refuse_at(where, fmt::format("'{}' has {} dimensions, the atoms of each frame have one", excerpt(a->name), a->shape.size()));
    found.push_back(FrameSizes(*a, Form::counts, a->shape[0], rows, where));
  }
  const auto frames = found.empty() ? std::nullopt : std::optional(found.front().frames_);
  const bool asked = map.contains("offsets");
  for (const SizesArray* a : among(arrays, map, "offsets", kOffsets, where)) {
    if (!is_whole(*a) || !is_list(*a)) {  // the energy's offset, say
      if (asked) refuse_at(where, fmt::format("'{}' cannot be where each frame begins, which is one whole number for each", excerpt(a->name)));
      continue;
    }
    const auto form = form_of_offsets(*a, rows, frames);
    if (form) found.push_back(FrameSizes(*a, *form, a->shape[0] - (form == Form::bounds ? 1 : 0), rows, where));
    if (!form && asked) refuse_at(where, fmt::format("'{}' has {} values{}", excerpt(a->name), a->shape[0], frames ? fmt::format(", there are {} frames", *frames) : ""));
  }
  if (found.empty()) return std::nullopt;
  for (FrameSizes& f : found) f.check(positions);
  FrameSizes& chosen = found.front();
  for (FrameSizes& other : found) {
    chosen.names_.push_back(other.array_.name);
    if (&other == &chosen) continue;
    bool same = other.frames_ == chosen.frames_;
    for (std::uint64_t i = 0; same && i < chosen.frames_; ++i) same = chosen.atoms_of(i) == other.atoms_of(i);
    if (!same) refuse_at(where, fmt::format("'{}' and '{}' do not say the same sizes of the frames", excerpt(chosen.array_.name), excerpt(other.array_.name)));
  }
  return std::move(chosen);
}

void FrameSizes::refuse(const std::string& what) const { refuse_at(where_, what); }

void FrameSizes::check(const std::string& positions) {
  const std::string name = excerpt(array_.name);
  std::uint64_t sum = 0, empty = 0;
  std::int64_t before = 0;
  std::vector<std::int64_t> values;
  for (std::uint64_t i = 0; i < array_.shape[0]; i += values.size()) {
    throw_if_interrupted();
    values.resize(static_cast<std::size_t>(std::min(kPiece, array_.shape[0] - i)));
    array_.read(i, values);
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::int64_t v = values[k];
      if (form_ == Form::counts) {
        if (v < 0) refuse(fmt::format("'{}' says {} atoms for frame {}", name, v, i + k));
        sum = static_cast<std::uint64_t>(v) > UINT64_MAX - sum ? UINT64_MAX : sum + static_cast<std::uint64_t>(v);
        largest_ = std::max(largest_, static_cast<std::uint64_t>(v));
        empty += v == 0 ? 1 : 0;
        continue;
      }
      if (i + k == 0 && form_ == Form::bounds && v != 0) refuse(fmt::format("'{}' begins with {}, not with row 0 of '{}'", name, v, excerpt(positions)));
      if (v < before) refuse(fmt::format("'{}' falls from {} to {} at frame {}", name, before, v, i + k));
      if (static_cast<std::uint64_t>(v) > rows_) refuse(fmt::format("'{}' has {} at frame {}, '{}' has {} rows", name, v, i + k, excerpt(positions), rows_));
      largest_ = std::max(largest_, static_cast<std::uint64_t>(v - before));
      empty += v == before ? 1 : 0;
      before = v;
    }
  }
  if (empty > kMostEmptyFrames) refuse(fmt::format("'{}' claims {} frames without an atom", name, empty));
  if (form_ == Form::counts && sum != rows_) refuse(fmt::format("the atoms in '{}' add up to {}, '{}' has {} rows", name, sum, excerpt(positions), rows_));
  if (form_ == Form::starts) largest_ = std::max(largest_, rows_ - static_cast<std::uint64_t>(before));
  const bool ends = form_ == Form::bounds || form_ == Form::ends;
  if (ends && static_cast<std::uint64_t>(before) != rows_) refuse(fmt::format("'{}' ends with {}, '{}' has {} rows", name, before, excerpt(positions), rows_));
}

bool FrameSizes::is_of(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }

// Of the array, which is read from its beginning to its end.
std::uint64_t FrameSizes::value(std::uint64_t i) {
  if (i < piece_first_ || i - piece_first_ >= piece_.size()) {
    piece_first_ = i == 0 ? 0 : i - 1;  // with its neighbour
    piece_.resize(static_cast<std::size_t>(std::min(kPiece, array_.shape[0] - piece_first_)));
    array_.read(piece_first_, piece_);
  }
  return static_cast<std::uint64_t>(piece_[static_cast<std::size_t>(i - piece_first_)]);
}

std::uint64_t FrameSizes::atoms_of(std::uint64_t frame) {
  switch (form_) {
    case Form::counts: return value(frame);
    case Form::ends: return frame == 0 ? value(0) : value(frame) - value(frame - 1);
    default: break;
  }
  const std::uint64_t begin = value(frame);
  return (frame + 1 == array_.shape[0] ? rows_ : value(frame + 1)) - begin;
}

std::string FrameSizes::told(const std::string& guessed) const {
  std::string out = "frames divided by ";
  for (const std::string& name : names_) out += fmt::format("{}'{}'", &name == &names_.front() ? "" : " and ", excerpt(name));
  if (guessed.empty()) return out;
  return out + fmt::format("; as many as atoms, so that these were taken as the frames' (--scope NAME=atom: the atoms'): {}", excerpt(guessed));
}

std::vector<std::uint64_t> FrameSizes::begins_within(std::uint64_t bytes, std::uint64_t bytes_per_frame, std::uint64_t bytes_per_atom) {
  std::vector<std::uint64_t> begins = {0};
  for (std::uint64_t used = 0; next_ < frames_; ++next_) {
    const std::uint64_t atoms = atoms_of(next_);
    used += bytes_per_frame + atoms * bytes_per_atom;
    if (used > bytes && begins.size() > 1) break;
    begins.push_back(begins.back() + atoms);
  }
  return begins;
}

std::optional<ArrayRows> FrameSizes::rows_by_name(const std::string& name, std::size_t rank, const ArrayMap& map, const FieldRules& rules) const {
  if (positions_among({name}, map) || numbers_among({name}, map)) return ArrayRows::atoms;
  if (const auto said = rules.scope(name)) return *said == Kind::atom ? ArrayRows::atoms : ArrayRows::frames;
  if (const auto quantity = quantity_of_array(name, map, rules)) {
    const bool of_atoms = *quantity == Quantity::force || *quantity == Quantity::charge || *quantity == Quantity::velocity;
    return of_atoms ? ArrayRows::atoms : ArrayRows::frames;
  }
  if (is_cell_or_pbc(name, map) || is_name_of_frame(name, rank)) return ArrayRows::frames;
  return std::nullopt;
}

ArrayRows FrameSizes::rows_of(const std::string& name, std::span<const std::uint64_t> shape, const ArrayMap& map, const FieldRules& rules) const {
  const auto quantity = quantity_of_array(name, map, rules);
  const auto refuse_rows = [&] {
    if (std::ranges::any_of(map, [&](const auto& entry) { return entry.second == name; })) return;  // check_array_map() knows more
    fail_input(where_, fmt::format("'{}' has {}, there are {} frame{} and {} atoms", excerpt(name), shape.empty() ? "one value" : fmt::format("{} rows", shape[0]), frames_, frames_ == 1 ? "" : "s", rows_),
               "fix the file, or name another array, or none");
  };
  const bool of_frames = !shape.empty() && shape[0] == frames_, of_atoms = !shape.empty() && shape[0] == rows_;
  if (frames_ == 1) {
    // Behind the rows of a single frame's value may stand anything: a dipole of three numbers beside three atoms.
    if (of_atoms && (of_frames || rows_by_name(name, shape.size(), map, rules).value_or(ArrayRows::atoms) == ArrayRows::atoms)) {
      return of_frames ? rows_by_name(name, shape.size() - 1, map, rules).value_or(ArrayRows::frames) : ArrayRows::atoms;
    }
    return of_frames ? ArrayRows::frames : ArrayRows::whole;
  }
  if (of_frames && of_atoms) return rows_by_name(name, shape.size() - 1, map, rules).value_or(ArrayRows::frames);
  if (of_frames && quantity == Quantity::force) refuse_rows();
  if (of_frames) return ArrayRows::frames;
  if (of_atoms) return ArrayRows::atoms;
  if (is_cell_or_pbc(name, map)) return ArrayRows::whole;
  if (quantity) refuse_rows();
  return ArrayRows::unfit;
}

bool FrameSizes::is_guess(const std::string& name, std::span<const std::uint64_t> shape, const ArrayMap& map, const FieldRules& rules) const {
  return !shape.empty() && shape[0] == frames_ && frames_ == rows_ && !rows_by_name(name, shape.size() - 1, map, rules);
}

}  // namespace atp
