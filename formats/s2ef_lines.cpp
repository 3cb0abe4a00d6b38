#include "formats/s2ef_lines.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <filesystem>

#include "core/base/error.h"
#include "formats/excerpt.h"

namespace atp {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kCompressions = {"", ".xz", ".gz", ".zst"};
constexpr std::size_t kLongestLine = 4096;

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// "random1,frame20,-12.5" or "random1,-12.5".
std::optional<S2efLine> parse(std::string_view text) {
  const std::size_t first = text.find(','), last = text.rfind(',');
  S2efLine line;
  if (first == std::string_view::npos || first == 0 || !read_number(text.substr(last + 1), line.reference)) return std::nullopt;
  line.system = text.substr(0, first);
  if (first == last) return line;
  std::string_view frame = text.substr(first + 1, last - first - 1);
  if (!frame.starts_with("frame")) return std::nullopt;
  std::int64_t number = 0;
  if (!read_number(frame.substr(5), number)) return std::nullopt;
  line.frame = number;
  return line;
}

std::string existing(const fs::path& stem) {
  std::error_code error;
  for (const std::string_view c : kCompressions) {
    const std::string path = stem.string() + std::string(c);
    if (fs::is_regular_file(path, error)) return path;
  }
  return {};
}

}  // namespace

std::unique_ptr<S2efLines> S2efLines::beside(const std::string& path) {
  std::string stem = path;
  for (const std::string_view c : kCompressions) {
    if (!c.empty() && stem.ends_with(c)) stem.resize(stem.size() - c.size());
  }
  if (!stem.ends_with(".extxyz")) return nullptr;
  stem.resize(stem.size() - 7);
  if (const std::string text = existing(stem + ".txt"); !text.empty()) {
    auto lines = std::unique_ptr<S2efLines>(new S2efLines(text));
    lines->source_ = std::make_unique<ByteSource>(text);
    const std::string_view head = lines->source_->peek();
    const auto first = parse(head.substr(0, head.find('\n')));
    return first && first->frame ? std::move(lines) : nullptr;
  }
  const std::string text = existing(fs::path(stem).parent_path() / "system.txt");
  if (text.empty()) return nullptr;
  auto lines = std::unique_ptr<S2efLines>(new S2efLines(text));
  lines->source_ = std::make_unique<ByteSource>(text);
  const std::string system = fs::path(stem).filename().string();
  while (const auto line = lines->line()) {
    const auto parsed = parse(*line);
    if (!parsed || parsed->system != system) continue;
    lines->always_ = parsed;
    return lines;
  }
  return nullptr;
}

void S2efLines::check_last_number(const std::string& line) {
  if (!unfinished_) return number_.add(line);
  const std::string place = fmt::format("{}:{}", name_, lines_);
  const LastNumber::Is is = number_.judge(line);
  if (is == LastNumber::Is::cut) fail_input(place, LastNumber::cut(line), LastNumber::kFix);
  if (is == LastNumber::Is::doubtful) doubt_ = LastNumber::doubt(place, line);
}

std::optional<std::string> S2efLines::line() {
  for (;;) {
    const std::size_t end = buffer_.find('\n', at_);
    if (end != std::string::npos) {
      std::string text = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      ++lines_;
      if (text.ends_with('\r')) text.pop_back();
      check_last_number(text);
      return text;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    if (buffer_.size() > kLongestLine) fail_input(fmt::format("{}:{}", name_, lines_ + 1), "has a line of more than 4096 bytes");
    std::array<char, 16384> chunk;
    const std::size_t n = source_->read(chunk);
    if (n != 0) {
      buffer_.append(chunk.data(), n);
    } else if (buffer_.empty()) {
      return std::nullopt;
    } else {
      buffer_ += '\n';
      unfinished_ = true;
    }
  }
}

std::vector<S2efLine> S2efLines::take(std::size_t n) {
  if (always_) return std::vector<S2efLine>(n, *always_);
  std::vector<S2efLine> out;
  while (out.size() < n) {
    const auto text = line();
    if (!text) fail_input(name_, fmt::format("has {} lines, and there are more frames", lines_), "it must have a line for each frame; copy both files again");
    auto parsed = parse(*text);
    if (!parsed || !parsed->frame) {
      fail_input(fmt::format("{}:{}", name_, lines_), fmt::format("is '{}', not system,frame,energy", excerpt(*text)), "copy the file again");
    }
    out.push_back(std::move(*parsed));
  }
  return out;
}

void S2efLines::check_end() {
  if (always_) return;
  if (const auto more = line(); more && !more->empty()) {
    fail_input(fmt::format("{}:{}", name_, lines_), "is a line for which there is no frame", "copy both files again");
  }
}

void put_s2ef(const S2efLine& line, bool subtract, Structure& structure) {
  structure.put_string(Kind::molecule, "system_id", line.system);
  if (line.frame) structure.put_i64(Kind::molecule, "frame", *line.frame);
  structure.put_f64(Kind::molecule, "reference_energy", line.reference);
  if (!subtract) return;
  const auto* energy = structure.find(Kind::builtin, "energy");
  if (energy == nullptr || energy->type != Type::f64) fail_input("", "has no energy to subtract the reference energy from");
  structure.set_energy(load<double>(energy->payload.data()) - line.reference);
}

}  // namespace atp
