#include "formats/npz.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/interrupt.h"
#include "core/io/mapped_file.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "formats/array_frames.h"
#include "formats/excerpt.h"
#include "formats/frame_sizes.h"
#include "formats/npz_records.h"

namespace atp {
namespace {

constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 20;
// What compresses better than this is no data of a simulation.
constexpr std::uint64_t kMostRatio = 200;
constexpr std::uint64_t kAlwaysUnpacked = std::uint64_t{256} << 20;

// The file and what was unpacked from it.
struct Holder {
  MappedFile file;
  std::vector<NpzData> members;
  std::vector<std::vector<std::byte>> rearranged;
};

class NpzReader : public FormatReader {
 public:
  NpzReader(const std::string& path, const ReadOptions& options) : path_(path), holder_(std::make_shared<Holder>()) {
    holder_->file = MappedFile(path);
    std::vector<FrameArray> arrays = read_arrays();
    if (options.npz_arrays.empty() && is_npz_records(arrays)) {
      records_ = std::make_shared<const NpzRecords>(path, std::move(arrays), holder_);
      return;
    }
    auto settings = std::make_shared<FrameArrays::Settings>(FrameArrays::Settings{path, rules_with(options, options.npz_arrays), InputUnits(options), without_sizes(options.npz_arrays), true});
    declare_units(arrays, settings->units);
    const bool flat = is_flat(arrays, options.npz_arrays);
    if (const auto p = positions_of(arrays, options.npz_arrays); p && !flat) check_no_sizes_asked(options.npz_arrays, *p, path);
    std::vector<std::uint64_t> begins = flat ? divide(arrays, options.npz_arrays, settings->rules) : std::vector<std::uint64_t>();
    if (!left_out_.empty() && !positions_of(arrays, options.npz_arrays)) {
      fail_input(path, fmt::format("holds arrays that are neither numbers nor texts (of Python objects?): {}", left_out_), "save padded arrays of numbers, with 0 in z where there is no atom");
    }
    auto all = std::make_shared<FrameArrays>(std::move(settings), path, std::move(arrays), flat && begins.empty(), holder_, std::move(begins));
    if (!division_.empty()) all->add_note(division_);
    if (!left_out_.empty()) all->add_note(fmt::format("neither numbers nor texts of a kind that atp reads, and left out: {}", left_out_));
    arrays_ = std::move(all);
  }

  std::unique_ptr<FrameBatch> next() override {
    if (next_ == frames()) return nullptr;
    const std::uint64_t row = records_ ? records_->bytes_per_frame() : arrays_->bytes_per_frame();
    const std::uint64_t count = std::clamp<std::uint64_t>(kBatchBytes / row, 1, frames() - next_);
    const std::uint64_t first = next_;
    next_ += count;
    const std::uint64_t position = bytes() / frames() * next_;
    return records_ ? make_npz_batch(records_, first, count, position) : make_array_batch(arrays_, first, count, first, position);
  }

  InputState input_state() const override {
    if (next_ != frames()) return {0, std::nullopt};
    return {bytes(), xxh3(holder_->file.bytes())};
  }

 private:
  std::uint64_t frames() const { return records_ ? records_->frames() : arrays_->frames(); }
  std::uint64_t bytes() const { return holder_->file.bytes().size(); }

  std::vector<FrameArray> read_arrays() {
    const Bytes archive = holder_->file.bytes();
    const auto names = npz_arrays(archive, path_);
    std::uint64_t unpacked = 0;
    for (const NpzArrayName& n : names) unpacked += n.unpacked;
    if (unpacked > kAlwaysUnpacked && unpacked / kMostRatio > archive.size()) {
      fail_input(path_, fmt::format("claims {} bytes in a file of {}", unpacked, archive.size()), "this is no archive of numbers from a simulation");
    }
    std::vector<FrameArray> arrays;
    for (const NpzArrayName& n : names) {
      throw_if_interrupted();
      holder_->members.push_back(npz_data(archive, n.name, path_));
      const NpyArray a = parse_any_npy(holder_->members.back().data, fmt::format("{}: array '{}'", path_, n.name));
      if (a.kind == 'O' || a.item_bytes == 0) {
        left_out_ += fmt::format("{}{}", left_out_.empty() ? "" : ", ", excerpt(n.name));
        continue;
      }
      arrays.push_back({n.name, a.kind, a.item_bytes, a.shape, plain_data(a, holder_->rearranged.emplace_back()), std::nullopt});
    }
    return arrays;
  }

  static const FrameArray* find(const std::vector<FrameArray>& arrays, std::string_view name) {
    const auto found = std::ranges::find(arrays, name, &FrameArray::name);
    return found == arrays.end() ? nullptr : &*found;
  }

  static std::string text_of(const FrameArray* a) {
    std::string text;
    const std::size_t step = a->kind == 'U' ? 4 : 1;
    for (std::size_t i = 0; i < a->data.size() && i < 100 * step; i += step) {
      if (const char c = static_cast<char>(a->data[i]); c != 0) text += c;
    }
    return text;
  }

  // sGDML states its units; without a word MD17 and rMD17 are in kcal/mol and Å.
  void declare_units(const std::vector<FrameArray>& arrays, InputUnits& units) const {
    const bool sgdml = find(arrays, "R") != nullptr && find(arrays, "z") != nullptr;
    const bool rmd17 = find(arrays, "nuclear_charges") != nullptr && find(arrays, "coords") != nullptr;
    if (!sgdml && !rmd17) return;
    const char* const by = sgdml ? "the MD17/sGDML layout" : "the rMD17 layout";
    units.declare(Quantity::energy, "kcal/mol", by);
    units.declare(Quantity::length, "Ang", by);
    if (const FrameArray* e = find(arrays, "e_unit"); e != nullptr && (e->kind == 'S' || e->kind == 'U')) units.declare(Quantity::energy, text_of(e), "array 'e_unit'");
    if (const FrameArray* r = find(arrays, "r_unit"); r != nullptr && (r->kind == 'S' || r->kind == 'U')) units.declare(Quantity::length, text_of(r), "array 'r_unit'");
  }

  static std::optional<std::string> positions_of(const std::vector<FrameArray>& arrays, const ArrayMap& map) {
    std::vector<std::string> names;
    for (const FrameArray& a : arrays) names.push_back(a.name);
    return positions_among(names, map);
  }

  // Where the frames begin, when an array says so; arrays are told what their rows are, and the one that says it goes.
  std::vector<std::uint64_t> divide(std::vector<FrameArray>& arrays, const ArrayMap& map, const FieldRules& rules) {
    std::vector<SizesArray> all;
    for (const FrameArray& a : arrays) {
      all.push_back({a.name, a.kind, a.shape, [a](std::uint64_t first, std::span<std::int64_t> out) {
                       for (std::size_t i = 0; i < out.size(); ++i) out[i] = integer_at(a, a.data.data() + (first + i) * a.item_bytes);
                     }});
    }
    const FrameArray& p = *find(arrays, *positions_of(arrays, map));
    auto sizes = FrameSizes::find(all, map, p.name, p.shape[0], path_);
    if (!sizes) return {};
    std::erase_if(arrays, [&](const FrameArray& a) { return sizes->is_of(a.name); });
    std::string guessed;
    for (FrameArray& a : arrays) {
      a.rows = sizes->rows_of(a.name, a.shape, map, rules);
      if (!is_text(a) && sizes->is_guess(a.name, a.shape, map, rules)) guessed += (guessed.empty() ? "" : ", ") + a.name;
    }
    division_ = sizes->told(guessed);
    return sizes->begins_within(UINT64_MAX, 0, 0);
  }

  // Positions [n, 3] are one frame, or all frames' one after the other.
  static bool is_flat(const std::vector<FrameArray>& arrays, const ArrayMap& map) {
    const auto positions = positions_of(arrays, map);
    return positions && find(arrays, *positions)->shape.size() == 2;
  }

  std::string path_;
  std::shared_ptr<Holder> holder_;
  std::string left_out_, division_;              // names of arrays; what divides the frames, for the user
  std::shared_ptr<const FrameArrays> arrays_;    // this
  std::shared_ptr<const NpzRecords> records_;    // or this
  std::uint64_t next_ = 0;
};

}  // namespace

int sniff_npz(std::string_view head) {
  if (!head.starts_with("PK\x03\x04") || head.size() < 46) return 0;
  // The first member's name stands behind 30 bytes.
  const auto length = static_cast<std::size_t>(load<std::uint16_t>(as_bytes(head).data() + 26));
  return head.substr(30, length).ends_with(".npy") ? 3 : 0;
}

std::unique_ptr<FormatReader> open_npz(const std::string& path, const ReadOptions& options) { return std::make_unique<NpzReader>(path, options); }

}  // namespace atp
