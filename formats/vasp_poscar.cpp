#include "formats/vasp_poscar.h"

#include "formats/vasp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/cell.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/last_number.h"
#include "formats/move_mask.h"
#include "formats/number.h"
#include "formats/utf8.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostAtoms = 100'000'000;

// What follows in a line is a comment.
bool begins_comment(std::string_view word) { return word.starts_with('!') || word.starts_with('#'); }

bool is_whole(std::string_view word) {
  std::int64_t n;
  return parse_integer(word, n);
}

// "Fe_pv", "Li/a1b2", "O.": the element that a name of VASP begins with; 0 when it is none.
int element_of(std::string_view word) {
  const std::size_t end = word.find_first_of("_/.");
  return atomic_number_of(word.substr(0, end)).value_or(0);
}

// "Fe4P4O16", "Mn12", "BN": the elements of a formula; empty when the word is none.
std::vector<std::uint8_t> formula_elements(std::string_view word) {
  std::vector<std::uint8_t> elements;
  while (!word.empty()) {
    std::size_t n = std::min<std::size_t>(2, word.size());
    auto z = atomic_number_of(word.substr(0, n));
    if (!z && n == 2) z = atomic_number_of(word.substr(0, n = 1));
    if (!z) return {};
    elements.push_back(static_cast<std::uint8_t>(*z));
    word.remove_prefix(n);
    while (!word.empty() && word.front() >= '0' && word.front() <= '9') word.remove_prefix(1);
  }
  return elements;
}

std::vector<std::uint8_t> elements_of_comment(std::string_view comment) {
  std::vector<std::uint8_t> elements;
  for (const std::string_view word : split_words(comment)) {
    const auto more = formula_elements(word);
    elements.insert(elements.end(), more.begin(), more.end());
  }
  return elements;
}

std::string_view need_line(LineReader& lines, std::string_view what) {
  const auto line = lines.next();
  if (!line) fail_input(lines.name(), fmt::format("ends before {}", what), "the file is cut off");
  return *line;
}

void read_scale(LineReader& lines, PoscarHead& head) {
  const std::string line(need_line(lines, "the scaling factor"));
  std::array<double, 3> s;
  const std::size_t n = read_reals(line, s);
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(s[i]) || s[i] == 0 || (n == 3 && s[i] < 0)) lines.fail(fmt::format("the scaling factor is '{}'", excerpt(line)));
  }
  if (n != 1 && n != 3) lines.fail(fmt::format("'{}' is no scaling factor: one number or three are needed", excerpt(line)));
  head.scale = n == 3 ? s : std::array<double, 3>{s[0], s[0], s[0]};
}

void read_cell(LineReader& lines, PoscarHead& head) {
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string_view line = need_line(lines, "the third lattice vector");
    if (read_reals(line, std::span(head.cell).subspan(3 * i, 3)) != 3) lines.fail(fmt::format("'{}' is no lattice vector", excerpt(line)));
  }
  const double volume = cell_volume(head.cell);
  if (!std::isfinite(volume)) lines.fail("the lattice vectors are not finite numbers");
  if (head.scale[0] < 0) {  // the volume that the cell shall have
    if (volume == 0) lines.fail("the lattice vectors are flat, and their scale is a volume");
    head.scale.fill(std::cbrt(-head.scale[0] / volume));
  }
  for (std::size_t i = 0; i < 9; ++i) head.cell[i] *= head.scale[i % 3];
}

std::vector<std::uint8_t> read_symbols(LineReader& lines) {
  std::vector<std::uint8_t> species;
  for (auto line = lines.peek(); line; line = lines.peek()) {
    const auto words = split_words(*line);
    if (words.empty() || is_whole(words[0])) break;
    lines.next();
    for (const std::string_view word : words) {
      if (begins_comment(word)) break;
      const int z = element_of(word);
      if (z == 0) lines.fail(fmt::format("'{}' is no chemical element", excerpt(word)));
      species.push_back(static_cast<std::uint8_t>(z));
    }
  }
  return species;
}

void read_counts(LineReader& lines, std::size_t species, PoscarHead& head) {
  do {
    const std::string_view line = need_line(lines, "the atom counts");
    for (const std::string_view word : split_words(line)) {
      std::int64_t n;
      if (!parse_integer(word, n)) break;  // what follows is a comment
      if (n < 0 || static_cast<std::uint64_t>(n) > kMostAtoms - head.atoms) lines.fail(fmt::format("'{}' is no number of atoms", excerpt(word)));
      head.counts.push_back(static_cast<std::uint64_t>(n));
      head.atoms += static_cast<std::uint64_t>(n);
    }
    if (head.counts.empty()) lines.fail(fmt::format("'{}' are no numbers of atoms", excerpt(line)));
  } while (head.counts.size() < species);
  if (species != 0 && head.counts.size() != species) {
    lines.fail(fmt::format("there are {} numbers of atoms for {} elements", head.counts.size(), species));
  }
  if (head.atoms == 0) lines.fail("there are no atoms");
}

// The atoms of all species, as far as memory is backed by lines of the file.
void expand(const PoscarHead& head, const std::vector<std::uint8_t>& species, std::vector<std::uint8_t>& out) {
  for (std::size_t i = 0; i < species.size(); ++i) out.insert(out.end(), static_cast<std::size_t>(head.counts[i]), species[i]);
}

}  // namespace

PoscarHead read_poscar_head(LineReader& lines) {
  PoscarHead head;
  const std::string_view comment = need_line(lines, "the scaling factor");
  replace_bad_utf8(comment, head.comment);
  while (!head.comment.empty() && head.comment.back() == ' ') head.comment.pop_back();
  read_scale(lines, head);
  read_cell(lines, head);
  std::vector<std::uint8_t> species = read_symbols(lines);
  read_counts(lines, species.size(), head);
  if (species.empty()) {
    species = elements_of_comment(head.comment);
    head.from_comment = species.size() == head.counts.size();
    if (!head.from_comment) return head;
  }
  head.atomic_numbers.reserve(std::min<std::uint64_t>(head.atoms, 1 << 16));
  expand(head, species, head.atomic_numbers);
  return head;
}

void to_cartesian(std::vector<double>& xyz, const std::array<double, 9>& cell) {
  for (std::size_t i = 0; i + 2 < xyz.size(); i += 3) {
    const double a = xyz[i], b = xyz[i + 1], c = xyz[i + 2];
    for (std::size_t k = 0; k < 3; ++k) xyz[i + k] = a * cell[k] + b * cell[3 + k] + c * cell[6 + k];
  }
}

namespace {

// Whether the letter says that coordinates are Cartesian.
bool is_cartesian(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t");
  return at != std::string_view::npos && std::string_view("CcKk").find(line[at]) != std::string_view::npos;
}

bool begins_with_letter(std::string_view line, std::string_view letters) {
  const std::size_t at = line.find_first_not_of(" \t");
  return at != std::string_view::npos && letters.find(line[at]) != std::string_view::npos;
}

class PoscarReader : public SerialReader {
 public:
  explicit PoscarReader(std::unique_ptr<ByteSource> source) : lines_(std::move(source)) {}
  InputState input_state() const override { return lines_.state(); }

 protected:
  bool read(ReadyFrame& frame) override {
    if (done_) return false;
    done_ = true;
    head_ = read_poscar_head(lines_);
    frame.origin.line = 1;
    read_modes();
    read_positions(frame);
    read_rest(frame);
    lines_.drain();
    return true;
  }
  std::uint64_t position() const override { return lines_.position(); }

 private:
  void read_modes() {
    std::string_view line = need_line(lines_, "the positions");
    if (begins_with_letter(line, "Ss")) {
      selective_ = true;
      line = need_line(lines_, "the positions");
    }
    if (!begins_with_letter(line, "CcKkDdFf")) {
      lines_.fail(fmt::format("'{}' is neither Direct nor Cartesian", excerpt(line)));
    }
    cartesian_ = is_cartesian(line);
  }

  void read_positions(ReadyFrame& frame) {
    std::vector<double> xyz;
    std::vector<std::int32_t> mask;
    LastNumber number;
    for (std::uint64_t i = 0; i < head_.atoms; ++i) {
      const std::string_view line = need_line(lines_, fmt::format("the position of atom {} of {}", i, head_.atoms));
      std::array<double, 3> x;
      std::string_view rest;
      if (read_reals(line, x, &rest) != 3) lines_.fail(fmt::format("'{}' is no position (atom {} of {})", excerpt(line), i, head_.atoms));
      xyz.insert(xyz.end(), x.begin(), x.end());
      check_last_number(number, line, frame);
      read_flags_and_label(rest, mask);
    }
    if (cartesian_) {
      for (std::size_t i = 0; i < xyz.size(); ++i) xyz[i] *= head_.scale[i % 3];
    } else {
      to_cartesian(xyz, head_.cell);
    }
    store(frame, xyz, mask);
  }

  void check_last_number(LastNumber& number, std::string_view line, ReadyFrame& frame) const {
    if (!lines_.unfinished()) return number.add(line);
    const LastNumber::Is is = number.judge(line);
    if (is == LastNumber::Is::cut) lines_.fail(LastNumber::cut(line), LastNumber::kFix);
    if (is == LastNumber::Is::doubtful) frame.notes.push_back(LastNumber::doubt(lines_.place(), line));
  }

  void read_flags_and_label(std::string_view rest, std::vector<std::int32_t>& mask) {
    const auto words = split_words(rest);
    std::size_t at = 0;
    if (selective_) {
      for (; at < 3; ++at) {
        bool free = false;
        std::string_view word = at < words.size() ? words[at] : std::string_view();
        if (word.size() > 2 && word.front() == '.') word = word.substr(1, 1);  // ".TRUE."
        if (!parse_logical(word, free)) lines_.fail("selective dynamics needs three of T and F behind each position");
        mask.push_back(free);
      }
    }
    if (head_.atomic_numbers.empty() || head_.from_comment) {
      const int z = at < words.size() ? element_of(words[at]) : 0;
      if (z != 0) labels_.push_back(static_cast<std::uint8_t>(z));
    }
  }

  void store(ReadyFrame& frame, const std::vector<double>& xyz, const std::vector<std::int32_t>& mask) {
    Structure& s = frame.structure;
    s.set_positions(std::span<const double>(xyz));
    if (labels_.size() == head_.atoms) {
      s.atomic_numbers = labels_;
      frame.notes.emplace_back("the file names no elements (VASP 4): taken from behind the positions");
    } else if (!head_.atomic_numbers.empty()) {
      s.atomic_numbers = head_.atomic_numbers;
      if (head_.from_comment) frame.notes.push_back(fmt::format("the file names no elements (VASP 4): taken from its comment '{}'", excerpt(head_.comment)));
    } else {
      fail_input(lines_.name(), "names no elements (VASP 4)", "write their symbols in a line above the numbers of atoms");
    }
    s.set_cell(head_.cell);
    s.set_pbc({true, true, true});
    if (!head_.comment.empty()) s.put_string(Kind::molecule, "comment", head_.comment);
    if (selective_) put_lattice_mask(s, mask);
  }

  // Velocities, or the grid of a CHGCAR.
  void read_rest(ReadyFrame& frame) {
    skip_lattice_velocities();
    const auto mode = lines_.next();
    if (!mode) return;
    const auto words = split_words(*mode);
    const bool blank = words.empty();
    const auto first = blank ? lines_.peek() : std::nullopt;
    const auto numbers = blank && first ? split_words(*first) : std::vector<std::string_view>();
    if (numbers.size() == 3 && std::all_of(numbers.begin(), numbers.end(), is_whole)) {
      frame.notes.push_back(fmt::format("the grid of {} x {} x {} values is left out", numbers[0], numbers[1], numbers[2]));
      return;
    }
    if (blank || begins_with_letter(*mode, "CcKkDd")) read_velocities(frame, blank || is_cartesian(*mode));
  }

  void skip_lattice_velocities() {
    const auto line = lines_.peek();
    if (!line || !begins_with_letter(*line, "Ll")) return;
    for (int i = 0; i < 8 && lines_.peek(); ++i) lines_.next();  // a word, its state, three velocities, three vectors
  }

  void read_velocities(ReadyFrame& frame, bool cartesian) {
    std::vector<double> v;
    LastNumber number;
    for (std::uint64_t i = 0; i < head_.atoms; ++i) {
      const auto line = lines_.next();
      std::array<double, 3> x;
      if (!line || read_reals(*line, x) != 3) {
        if (i > 0) frame.notes.emplace_back("the block behind the positions is not one velocity for each atom and is not read");
        return;
      }
      v.insert(v.end(), x.begin(), x.end());
      check_last_number(number, *line, frame);
    }
    if (!cartesian) {
      frame.notes.emplace_back("velocities in units of lattice vectors and time steps are not read");
      return;
    }
    for (double& x : v) x *= kAngstromPerFsInVelocity;
    frame.structure.put_array(Kind::builtin, "velocities", Type::vec3_f64, std::span<const double>(v));
    frame.mapped.emplace_back("velocities", fmt::format("from the block behind the positions ({})", kVaspVelocitiesHow));
  }

  LineReader lines_;
  PoscarHead head_;
  std::vector<std::uint8_t> labels_;
  bool selective_ = false, cartesian_ = false, done_ = false;
};

class XdatcarReader : public SerialReader {
 public:
  explicit XdatcarReader(std::unique_ptr<ByteSource> source) : lines_(std::move(source)) {}
  InputState input_state() const override { return lines_.state(); }

 protected:
  bool read(ReadyFrame& frame) override {
    while (const auto line = lines_.peek()) {
      if (!split_words(*line).empty()) break;
      lines_.next();
    }
    const auto line = lines_.peek();
    if (!line) return false;
    if (!begins_frame(*line)) {
      try {
        head_ = read_poscar_head(lines_);
      } catch (const Error&) {
        if (lines_.peek() || frame.origin.frame == 0) throw;
        return end_here();
      }
      if (head_.atomic_numbers.empty()) fail_input(lines_.name(), "names no elements (VASP 4)", "write their symbols in a line above the numbers of atoms");
      const auto mode = lines_.peek();
      if (!mode && frame.origin.frame > 0) return end_here();
      if (!mode || !begins_frame(*mode)) lines_.fail("no configuration follows", "the file is cut off");
    }
    const bool cartesian = is_cartesian(*lines_.next());
    frame.origin.line = lines_.line();
    return read_positions(frame, cartesian);
  }
  std::uint64_t position() const override { return lines_.position(); }
  std::vector<std::string> last_words() const override {
    if (!cut_off_) return {};
    return {fmt::format("{} is cut off: its whole steps are kept", lines_.name())};
  }

 private:
  bool begins_frame(std::string_view line) const {
    return head_.atoms == 0 ? looks_like_mode(line) : looks_like_mode(line) && line.find("onfiguration") != std::string_view::npos;
  }
  static bool looks_like_mode(std::string_view line) { return line.starts_with("Direct") || line.starts_with("Cartesian"); }

  bool end_here() {
    cut_off_ = true;
    return false;
  }

  // False where a run that goes on, or was killed, has not written the whole frame. The first has to be whole.
  bool read_positions(ReadyFrame& frame, bool cartesian) {
    std::vector<double> xyz;
    LastNumber number;
    for (std::uint64_t i = 0; i < head_.atoms; ++i) {
      if (!lines_.peek() && frame.origin.frame > 0) return end_here();
      const std::string_view line = need_line(lines_, fmt::format("the position of atom {} of {} (frame {})", i, head_.atoms, frame.origin.frame));
      std::array<double, 3> x;
      if (read_reals(line, x) != 3) {
        const std::string shown = excerpt(line);
        if (!lines_.peek() && frame.origin.frame > 0) return end_here();
        lines_.fail(fmt::format("'{}' is no position (atom {} of {}, frame {})", shown, i, head_.atoms, frame.origin.frame));
      }
      xyz.insert(xyz.end(), x.begin(), x.end());
      // VASP ends every line; one without an end is whole if it has all its digits.
      if (!lines_.unfinished()) {
        number.add(line);
      } else if (const LastNumber::Is is = number.judge(line); is != LastNumber::Is::whole) {
        if (frame.origin.frame > 0) return end_here();
        if (is == LastNumber::Is::cut) lines_.fail(LastNumber::cut(line), LastNumber::kFix);
        frame.notes.push_back(LastNumber::doubt(lines_.place(), line));
      }
    }
    if (cartesian) {
      for (std::size_t i = 0; i < xyz.size(); ++i) xyz[i] *= head_.scale[i % 3];
    } else {
      to_cartesian(xyz, head_.cell);
    }
    Structure& s = frame.structure;
    s.set_positions(std::span<const double>(xyz));
    s.atomic_numbers = head_.atomic_numbers;
    s.set_cell(head_.cell);
    s.set_pbc({true, true, true});
    if (!head_.comment.empty()) s.put_string(Kind::molecule, "comment", head_.comment);
    return true;
  }

  LineReader lines_;
  PoscarHead head_;
  bool cut_off_ = false;
};

std::string_view cut_line(std::string_view& text) {
  const std::size_t newline = text.find('\n');
  const std::string_view line = text.substr(0, newline);
  text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  return line;
}

// The text behind the counts; nothing when it does not begin like a POSCAR.
std::optional<std::string_view> behind_counts(std::string_view head) {
  cut_line(head);
  std::array<double, 4> x;
  std::string_view rest;
  const std::size_t scales = read_reals(cut_line(head), x, &rest);
  if (scales != 1 && scales != 3) return std::nullopt;
  for (int i = 0; i < 3; ++i) {
    if (read_reals(cut_line(head), x, &rest) < 3) return std::nullopt;
  }
  bool symbols = false, counts = false;
  while (!head.empty() && !counts) {
    const auto words = split_words(cut_line(head));
    if (words.empty()) return std::nullopt;
    counts = is_whole(words[0]);
    for (const std::string_view word : words) {
      if (begins_comment(word)) break;
      if (!counts && element_of(word) == 0) return std::nullopt;
    }
    symbols = symbols || !counts;
  }
  if (!counts) return std::nullopt;
  // Counts over several lines.
  for (std::string_view before = head; !head.empty(); before = head) {
    const auto words = split_words(cut_line(head));
    if (words.empty() || !is_whole(words[0])) return before;
  }
  return std::nullopt;
}

}  // namespace

bool looks_like_poscar(std::string_view head) {
  auto rest = behind_counts(head);
  if (!rest) return false;
  const std::string_view mode = cut_line(*rest);
  return begins_with_letter(mode, "SsCcKkDdFf") && !mode.starts_with("Konfig");  // that is an XDATCAR of VASP 4
}

bool looks_like_xdatcar(std::string_view head) {
  auto rest = behind_counts(head);
  if (!rest) return false;
  const std::string_view line = cut_line(*rest);
  return (line.starts_with("Direct") || line.starts_with("Cartesian")) && line.find("onfiguration") != std::string_view::npos;
}

bool has_grid(std::string_view head) {
  if (!looks_like_poscar(head)) return false;
  std::string_view rest = *behind_counts(head);
  bool positions = false;
  while (!rest.empty()) {
    const auto words = split_words(cut_line(rest));
    if (words.empty() && positions) {
      const auto grid = split_words(cut_line(rest));
      return grid.size() == 3 && std::all_of(grid.begin(), grid.end(), is_whole);
    }
    double x;
    positions = !words.empty() && parse_real(words[0], x);
  }
  return false;
}

std::unique_ptr<FormatReader> open_poscar(std::unique_ptr<ByteSource> source) { return std::make_unique<PoscarReader>(std::move(source)); }

std::unique_ptr<FormatReader> open_xdatcar(std::unique_ptr<ByteSource> source) { return std::make_unique<XdatcarReader>(std::move(source)); }

}  // namespace atp
