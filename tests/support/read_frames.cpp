#include "tests/support/read_frames.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <memory>

#include "formats/byte_source.h"
#include "formats/extxyz.h"

namespace atp::test {

namespace {

class Collector : public FrameSink {
 public:
  explicit Collector(ReadFrames& out) : out_(out) {}
  void frame(Structure& s, const FrameOrigin& origin) override {
    out_.frames.push_back(s);
    out_.origins.push_back(origin);
  }
  void bad_frame(const Error& error, const FrameOrigin& origin) override {
    out_.bad.emplace_back(error.what());
    out_.bad_origins.push_back(origin);
  }
  void mapped(std::string_view field, std::string_view how) override {
    out_.mapped.insert(fmt::format("{} {}", field, how));
  }
  void note(std::string_view text) override { out_.notes.emplace(text); }

 private:
  ReadFrames& out_;
};

const Structure::Section& section(const Structure& s, Kind kind, std::string_view key) {
  const auto* found = s.find(kind, key);
  CAPTURE(key);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

ReadFrames read_all(FormatReader& reader) {
  ReadFrames out;
  Collector sink(out);
  Structure structure;
  std::uint64_t next = 0;
  while (const auto batch = reader.next()) {
    CHECK(batch->first_frame() == next);
    next += batch->frames();
    batch->decode(structure, sink);
  }
  CHECK(next == out.frames.size() + out.bad.size());
  return out;
}

ReadFrames read_xyz(std::string_view text, const ReadOptions& options, bool plain) {
  auto source = std::make_unique<ByteSource>("t.xyz", as_bytes(text));
  const auto reader = plain ? open_xyz(std::move(source), options) : open_extxyz(std::move(source), options);
  return read_all(*reader);
}

double f64(const Structure& s, Kind kind, std::string_view key) {
  REQUIRE(type(s, kind, key) == Type::f64);
  return numbers(s, kind, key).at(0);
}

std::int64_t i64(const Structure& s, Kind kind, std::string_view key) {
  REQUIRE(type(s, kind, key) == Type::i64);
  return load<std::int64_t>(section(s, kind, key).payload.data());
}

std::string text(const Structure& s, Kind kind, std::string_view key) {
  REQUIRE(type(s, kind, key) == Type::string);
  return std::string(as_text(section(s, kind, key).payload));
}

std::vector<double> numbers(const Structure& s, Kind kind, std::string_view key) {
  const ValueView v = decode_value(section(s, kind, key).view());
  std::vector<double> out;
  for (std::uint64_t i = 0; i < v.numbers.count; ++i) out.push_back(v.numbers.real(i));
  return out;
}

std::vector<std::uint64_t> shape(const Structure& s, Kind kind, std::string_view key) {
  return decode_value(section(s, kind, key).view()).shape();
}

Type type(const Structure& s, Kind kind, std::string_view key) { return section(s, kind, key).type; }

bool has(const Structure& s, Kind kind, std::string_view key) { return s.find(kind, key) != nullptr; }

std::vector<double> positions(const Structure& s) {
  std::vector<double> out;
  const std::size_t width = s.positions_type == Type::vec3_f32 ? 4 : 8;
  for (std::size_t at = 0; at < s.positions.size(); at += width) {
    out.push_back(width == 4 ? static_cast<double>(load<float>(s.positions.data() + at)) : load<double>(s.positions.data() + at));
  }
  return out;
}

std::vector<int> elements(const Structure& s) { return {s.atomic_numbers.begin(), s.atomic_numbers.end()}; }

}  // namespace atp::test
