#include "formats/cif.h"

#ifdef ATP_HAVE_GEMMI

#include <fmt/format.h>

#include <cmath>
#include <gemmi/cif.hpp>
#include <gemmi/smcif.hpp>

#include "core/base/error.h"
#include "formats/cif_symmetry.h"
#include "formats/excerpt.h"
#include "formats/last_number.h"
#include "formats/line_reader.h"
#include "formats/serial_reader.h"
#include "formats/utf8.h"

namespace atp {
namespace {

constexpr std::size_t kLargest = std::size_t{256} << 20;
constexpr std::size_t kMostSites = 1'000'000;     // with all symmetry
constexpr std::size_t kMostPairs = 200'000'000;  // images of sites that are held against each other

std::string read_text(ByteSource& source) {
  std::string text;
  std::vector<char> piece(std::size_t{256} << 10);
  while (const std::size_t n = source.read(piece)) {
    if (text.size() + n > kLargest) fail_input(source.name(), "is larger than a CIF file can be (256 MiB)");
    text.append(piece.data(), n);
  }
  return text;
}

class CifReader : public SerialReader {
 public:
  explicit CifReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
    const std::string text = read_text(*source_);
    try {
      document_ = gemmi::cif::read_memory(text.data(), text.size(), "line");
    } catch (const std::exception& e) {
      fail_input(source_->name(), fmt::format("is no CIF that can be read: {}", one_line(e.what())));
    }
    if (!text.empty() && text.back() != '\n') check_last_number(text);
  }
  InputState input_state() const override { return source_->state(); }

 protected:
  bool read(ReadyFrame& frame) override {
    for (; block_ < document_.blocks.size(); ++block_) {
      gemmi::cif::Block& block = document_.blocks[block_];
      if (!block.has_tag("_atom_site_fract_x")) continue;  // names, authors, no structure
      ++block_;
      found_ = true;
      read_block(block, frame);
      return true;
    }
    if (!found_) fail_input(source_->name(), "holds no structure: no block has _atom_site_fract_x");
    return false;
  }
  std::uint64_t position() const override { return source_->position(); }
  std::vector<std::string> last_words() const override {
    if (doubt_.empty()) return {};
    return {doubt_};
  }

 private:
  // Of a last line without a newline, beside the lines before it that have as many words.
  void check_last_number(std::string_view text) {
    const auto cut_last = [&text] {
      const std::size_t newline = text.rfind('\n');
      const std::string_view line = text.substr(newline + 1);
      text = newline == std::string_view::npos ? std::string_view() : text.substr(0, newline);
      return line;
    };
    const std::string_view last = cut_last();
    LastNumber number;
    for (std::size_t words = split_words(last).size(); !text.empty();) {
      const std::string_view line = cut_last();
      if (split_words(line).size() != words) break;
      number.add(line);
    }
    const LastNumber::Is is = number.judge(last);
    if (is == LastNumber::Is::cut) fail_input(source_->name(), LastNumber::cut(last), LastNumber::kFix);
    if (is == LastNumber::Is::doubtful) doubt_ = LastNumber::doubt(source_->name(), last);
  }

  // What gemmi says, which may hold parts of the file.
  static std::string one_line(std::string_view what) {
    std::string out;
    for (const char c : what.substr(0, 200)) out += c >= 0x20 && c < 0x7F ? c : ' ';
    return out;
  }

  void read_block(gemmi::cif::Block& block, ReadyFrame& frame) const {
    try {
      fill(block, frame);
    } catch (const Error& e) {
      frame.error = Error(e.exit(), fmt::format("{}: block '{}'", source_->name(), excerpt(block.name)), e.problem(), e.fix());
    } catch (const std::exception& e) {
      frame.error = Error(Exit::input, fmt::format("{}: block '{}'", source_->name(), excerpt(block.name)), one_line(e.what()));
    }
  }

  static void fill(gemmi::cif::Block& block, ReadyFrame& frame) {
    gemmi::SmallStructure crystal = gemmi::make_small_structure_from_block(block);
    if (!crystal.cell.is_crystal()) fail_input("", "has no unit cell");
    for (const gemmi::SmallStructure::Site& site : crystal.sites) {
      if (site.occ < 0.999) fail_input("", fmt::format("is disordered: site '{}' has the occupancy {}", excerpt(site.label), site.occ), "--on-error skip leaves such structures out");
      if (site.element.atomic_number() == 0) fail_input("", fmt::format("site '{}' is no chemical element", excerpt(site.label)));
      if (!std::isfinite(site.fract.x) || !std::isfinite(site.fract.y) || !std::isfinite(site.fract.z)) fail_input("", fmt::format("site '{}' has no position", excerpt(site.label)));
    }
    CifSymmetry symmetry = symmetry_of(block, crystal);
    if (!symmetry.note.empty()) frame.notes.push_back(std::move(symmetry.note));
    crystal.cell.images = std::move(symmetry.images);
    const std::size_t operations = crystal.cell.images.size() + 1;
    if (crystal.sites.size() > kMostSites / operations || crystal.sites.size() > kMostPairs / operations / operations) {
      fail_input("", fmt::format("has {} sites and {} symmetry operations", crystal.sites.size(), operations));
    }
    const auto sites = crystal.get_all_unit_cell_sites();
    if (sites.empty()) fail_input("", "has no atoms");
    store(crystal, sites, block.name, frame);
  }

  static void store(const gemmi::SmallStructure& crystal, const std::vector<gemmi::SmallStructure::Site>& sites, const std::string& name, ReadyFrame& frame) {
    Structure& s = frame.structure;
    std::vector<double> xyz;
    for (const auto& site : sites) {
      s.atomic_numbers.push_back(static_cast<std::uint8_t>(site.element.atomic_number()));
      const gemmi::Position p = crystal.cell.orthogonalize(site.fract);
      xyz.insert(xyz.end(), {p.x, p.y, p.z});
    }
    s.set_positions(std::span<const double>(xyz));
    const auto& m = crystal.cell.orth.mat.a;  // columns are the cell vectors
    s.set_cell({m[0][0], m[1][0], m[2][0], m[0][1], m[1][1], m[2][1], m[0][2], m[1][2], m[2][2]});
    s.set_pbc({true, true, true});
    std::string text;
    replace_bad_utf8(name, text);
    if (!text.empty()) s.put_string(Kind::builtin, "name", text);
    if (!crystal.spacegroup_hm.empty()) {
      replace_bad_utf8(crystal.spacegroup_hm, text);
      s.put_string(Kind::molecule, "spacegroup", text);
    }
  }

  std::unique_ptr<ByteSource> source_;
  gemmi::cif::Document document_;
  std::size_t block_ = 0;
  bool found_ = false;
  std::string doubt_;
};

}  // namespace

std::unique_ptr<FormatReader> open_cif(std::unique_ptr<ByteSource> source, const ReadOptions& /*options*/) {
  return std::make_unique<CifReader>(std::move(source));
}

}  // namespace atp

#endif

namespace atp {

int sniff_cif(std::string_view head) {
  const bool block = head.starts_with("data_") || head.find("\ndata_") != std::string_view::npos;
  if (!block) return 0;
  return head.find("\n_") != std::string_view::npos || head.find("\nloop_") != std::string_view::npos ? 3 : 0;
}

}  // namespace atp
