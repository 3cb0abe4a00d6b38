#include "formats/extxyz.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "formats/extxyz_columns.h"
#include "formats/extxyz_comment.h"
#include "formats/extxyz_fields.h"
#include "formats/field_rules.h"
#include "formats/last_number.h"
#include "formats/s2ef_lines.h"
#include "formats/utf8.h"
#include "formats/xyz_cutter.h"

namespace atp {

namespace {

constexpr const char* kSkip = "fix the file or pass --on-error skip";

// What all batches of an input share. Immutable.
struct Settings {
  std::string name;
  FieldRules rules;
  FieldReader::Asked units;
  bool always_plain;
  bool adsorption_energy;
};

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool mentions(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

// Decodes the frames of one piece of text. One thread; keeps its memory from frame to frame.
class FrameDecoder {
 public:
  explicit FrameDecoder(const Settings& settings) : settings_(settings), fields_(settings.rules, settings.units) {}

  // Throws Error (exit 3) naming file and line.
  void decode(const TextPiece& piece, const FrameText& frame, Structure& structure) {
    structure.clear();
    try {
      read_frame(piece, frame, structure);
    } catch (const AtomLineError& e) {
      fail_input(place(frame.line + 2 + e.atom), e.problem, kSkip);
    } catch (const Error& e) {  // everything else is about the comment line
      throw Error(e.exit(), place(frame.line + 1), e.problem(), e.fix().empty() ? kSkip : e.fix());
    }
  }

  // What the user should know about the frame last decoded.
  void tell(FrameSink& sink) const {
    fields_.tell(sink);
    if (!doubt_.empty()) sink.note(doubt_);
    if (line_notes_.isotopes) sink.note("isotope symbols D and T are read as H");
    if (line_notes_.more_columns) sink.note("columns after the fourth are not read: plain XYZ, or no Properties in the comment");
    if (line_notes_.texts) sink.note("columns of text are kept as one string a frame, a JSON list");
    if (line_notes_.bad_utf8 || bad_utf8_) sink.note("bytes that are not UTF-8 are read as U+FFFD");
  }

 private:
  static std::size_t end_of_comment(const TextPiece& piece, const FrameText& frame) {
    const bool newline = frame.atoms > frame.comment && piece.text.data()[frame.atoms - 1] == '\n';
    return frame.atoms - (newline ? 1 : 0);
  }

  std::string place(std::uint64_t line) const { return fmt::format("{}:{}", settings_.name, line); }

  void read_frame(const TextPiece& piece, const FrameText& frame, Structure& structure) {
    bad_utf8_ = false;
    const std::string_view line = clean_comment(trimmed(piece.part(frame.comment, end_of_comment(piece, frame))));
    const bool pairs = read_pairs(line);
    const ColumnLayout& layout = layout_of(pairs);
    const std::string_view atoms = piece.part(frame.atoms, frame.end);
    line_notes_ = columns_.read(atoms, static_cast<std::size_t>(frame.n_atoms), layout, structure);
    doubt_.clear();
    if (!atoms.empty() && !atoms.ends_with('\n')) check_last_number(atoms, frame);
    if (pairs) return fields_.apply(comment_, layout, structure);
    fields_.apply_defaults(structure);
    if (!line.empty()) structure.put_string(Kind::molecule, "comment", line);
  }

  // Of the file's last line, which has no newline.
  void check_last_number(std::string_view atoms, const FrameText& frame) {
    LastNumber number;
    for (std::size_t newline; (newline = atoms.find('\n')) != std::string_view::npos; atoms.remove_prefix(newline + 1)) {
      number.add(trimmed(atoms.substr(0, newline)));
    }
    const LastNumber::Is is = number.judge(atoms);
    if (is == LastNumber::Is::cut) throw AtomLineError{frame.n_atoms - 1, LastNumber::cut(atoms)};
    if (is == LastNumber::Is::doubtful) doubt_ = LastNumber::doubt(place(frame.line + 1 + frame.n_atoms), atoms);
  }

  std::string_view clean_comment(std::string_view line) {
    if (is_utf8(line)) return line;
    bad_utf8_ = true;
    replace_bad_utf8(line, clean_);
    return clean_;
  }

  // Parses the comment as key=value pairs; false when it is text.
  bool read_pairs(std::string_view line) {
    properties_ = nullptr;
    if (settings_.always_plain || !mentions(line, "=")) return false;
    try {
      comment_.parse(line);
    } catch (const Error&) {
      if (mentions(line, "Properties") || mentions(line, "Lattice")) throw;
      return false;
    }
    properties_ = comment_.find("Properties");
    if (properties_ == nullptr) properties_ = comment_.find("properties");
    if (properties_ != nullptr && !mentions(properties_->raw, ":")) properties_ = nullptr;
    if (properties_ != nullptr || comment_.find("Lattice") != nullptr) return true;
    for (const CommentEntry& e : comment_.entries()) {
      if (e.flag) return false;
    }
    return true;
  }

  const ColumnLayout& layout_of(bool pairs) {
    if (!pairs || properties_ == nullptr) return plain_;
    if (!layout_ || layout_text_ != properties_->raw) {
      layout_.reset();
      layout_ = ColumnLayout::parse(properties_->raw, settings_.rules);
      layout_text_ = properties_->raw;
    }
    return *layout_;
  }

  const Settings& settings_;
  Comment comment_;
  const CommentEntry* properties_ = nullptr;
  const ColumnLayout plain_ = ColumnLayout::plain();
  std::optional<ColumnLayout> layout_;  // of the last Properties, which the next frame probably repeats
  std::string layout_text_;
  ColumnReader columns_;
  FieldReader fields_;
  AtomLineNotes line_notes_;
  std::string clean_, doubt_;
  bool bad_utf8_ = false;
};

class XyzBatch : public FrameBatch {
 public:
  // `lines`: of an S2EF pair, one a frame, and what is doubtful about them; else empty.
  XyzBatch(std::shared_ptr<const Settings> settings, TextPiece piece, std::vector<S2efLine> lines, std::string doubt)
      : settings_(std::move(settings)), piece_(std::move(piece)), lines_(std::move(lines)), doubt_(std::move(doubt)) {}

  std::uint64_t first_frame() const override { return piece_.first_frame; }
  std::uint64_t frames() const override { return piece_.frames.size(); }
  std::uint64_t input_position() const override { return piece_.input_position; }

  void decode(Structure& structure, FrameSink& sink) const override {
    FrameDecoder decoder(*settings_);
    FrameOrigin origin;
    origin.frame = piece_.first_frame;
    for (const FrameText& frame : piece_.frames) {
      origin.line = frame.line;
      if (frame.error >= 0) {
        sink.bad_frame(piece_.errors[static_cast<std::size_t>(frame.error)], origin);
      } else if (decode_frame(decoder, frame, origin, structure, sink)) {
        decoder.tell(sink);
        if (!lines_.empty()) tell_pair(sink);
        sink.frame(structure, origin);
      }
      ++origin.frame;
    }
  }

 private:
  // The sink's own exceptions must not be taken for errors of the frame, so it is called outside.
  bool decode_frame(FrameDecoder& decoder, const FrameText& frame, const FrameOrigin& origin, Structure& structure,
                    FrameSink& sink) const {
    std::optional<Error> error;
    try {
      decoder.decode(piece_, frame, structure);
      if (!lines_.empty()) put_line(origin, structure);
    } catch (const Error& e) {
      error = e;
    }
    if (error) sink.bad_frame(*error, origin);
    return !error;
  }

  void put_line(const FrameOrigin& origin, Structure& structure) const {
    try {
      put_s2ef(lines_[static_cast<std::size_t>(origin.frame - piece_.first_frame)], settings_->adsorption_energy, structure);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}:{}", settings_->name, origin.line));
    }
  }

  void tell_pair(FrameSink& sink) const {
    sink.note("system_id, frame and reference_energy come from the text file beside the frames");
    if (!doubt_.empty()) sink.note(doubt_);
    if (settings_->adsorption_energy) sink.mapped("adsorption energy", "as energy, minus the reference energy beside it");
  }

  std::shared_ptr<const Settings> settings_;
  TextPiece piece_;
  std::vector<S2efLine> lines_;
  std::string doubt_;
};

class XyzReader : public FormatReader {
 public:
  XyzReader(std::unique_ptr<ByteSource> source, const ReadOptions& options, bool always_plain)
      : settings_(std::make_shared<Settings>(Settings{source->name(), FieldRules(options), FieldReader::asked_units(options), always_plain,
                                                      options.adsorption_energy})),
        lines_(S2efLines::beside(source->name())),
        cutter_(std::move(source)) {
    if (options.adsorption_energy && !lines_) {
      fail_input(settings_->name, "has no text file with reference energies beside it", "12.extxyz.xz goes with 12.txt.xz; else leave --adsorption-energy out");
    }
  }

  std::unique_ptr<FrameBatch> next() override {
    auto piece = cutter_.next();
    if (!piece) {
      if (lines_) lines_->check_end();
      return nullptr;
    }
    std::vector<S2efLine> lines = lines_ ? lines_->take(piece->frames.size()) : std::vector<S2efLine>();
    return std::make_unique<XyzBatch>(settings_, std::move(*piece), std::move(lines), lines_ ? lines_->doubt() : std::string());
  }

  InputState input_state() const override { return cutter_.input_state(); }

 private:
  std::shared_ptr<const Settings> settings_;
  std::unique_ptr<S2efLines> lines_;
  XyzCutter cutter_;
};

std::string_view take_line(std::string_view& text) {
  const std::size_t newline = text.find('\n');
  const std::string_view line = text.substr(0, newline);
  text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  return line;
}

// The comment of the first frame, when the text begins with a count.
std::optional<std::string_view> first_comment(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  std::string_view count;
  while (count.empty() && !head.empty()) count = trimmed(take_line(head));
  if (count.empty() || count.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return take_line(head);
}

}  // namespace

int sniff_extxyz(std::string_view head) {
  const auto comment = first_comment(head);
  if (!comment) return 0;
  return mentions(*comment, "Properties=") || mentions(*comment, "Lattice=") ? 3 : 2;
}

int sniff_xyz(std::string_view head) { return first_comment(head) ? 1 : 0; }

std::unique_ptr<FormatReader> open_extxyz(std::unique_ptr<ByteSource> source, const ReadOptions& options) {
  return std::make_unique<XyzReader>(std::move(source), options, false);
}

std::unique_ptr<FormatReader> open_xyz(std::unique_ptr<ByteSource> source, const ReadOptions& options) {
  return std::make_unique<XyzReader>(std::move(source), options, true);
}

}  // namespace atp
