#include "cmd/inspect.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "core/atp/writer.h"

using namespace atp;
namespace dom = simdjson::dom;

namespace {

const std::string kFixtures = std::string(ATP_SOURCE_DIR) + "/tests/data/fixtures/";

std::vector<std::string> fixtures() {
  return files_below(kFixtures, [](const std::string& p) { return p.ends_with(".atp"); });
}

// Equal values whatever the order of keys. Numbers are compared as their shortest text, so -0.0 and
// integers beyond 2^53 count.
bool same(dom::element a, dom::element b) {
  if (a.type() != b.type()) return false;
  if (a.type() == dom::element_type::OBJECT) {
    const dom::object x = a, y = b;
    if (x.size() != y.size()) return false;
    for (const auto& [key, value] : x) {
      dom::element other;
      if (y.at_key(key).get(other) != simdjson::SUCCESS || !same(value, other)) return false;
    }
    return true;
  }
  if (a.type() == dom::element_type::ARRAY) {
    const dom::array x = a, y = b;
    if (x.size() != y.size()) return false;
    auto at = y.begin();
    for (const dom::element value : x) {
      if (!same(value, *at)) return false;
      ++at;
    }
    return true;
  }
  return simdjson::minify(a) == simdjson::minify(b);
}

std::string temp_file(const char* name) { return (std::filesystem::temp_directory_path() / name).string(); }

}  // namespace

TEST_CASE("inspect: records as JSON are those of the fixtures") {
  std::size_t compared = 0;
  for (const std::string& path : fixtures()) {
    CAPTURE(path);
    dom::parser wanted_parser, got_parser;
    const dom::element facts = wanted_parser.load(path.substr(0, path.size() - 4) + ".json");
    const Dataset dataset({path});
    Scratch scratch;
    Sample sample;
    std::uint64_t i = 0;
    for (const dom::element molecule : facts["molecules"].get_array()) {
      sample.fill(dataset.record(i, scratch));
      const std::string json = record_json(sample, i);
      const dom::object got = got_parser.parse(json);
      CHECK(std::uint64_t(got["record"]) == i);
      const dom::object wanted = molecule;
      for (const auto& [key, value] : wanted) {
        if (key == "index" || key == "record_adler32" || key == "canonical") continue;
        const std::string name(key);
        CAPTURE(name);
        dom::element mine;
        REQUIRE(got.at_key(key).get(mine) == simdjson::SUCCESS);
        CHECK(same(mine, value));
      }
      CHECK(got.size() == wanted.size() - 3 + 1);
      CHECK(!record_text(sample, i, false).empty());
      ++i;
      ++compared;
    }
    CHECK(i == dataset.size());
  }
  CHECK(compared > 50);
}

TEST_CASE("inspect: the summary says what the fixtures' headers say") {
  for (const std::string& path : fixtures()) {
    CAPTURE(path);
    dom::parser wanted_parser, got_parser;
    const dom::element facts = wanted_parser.load(path.substr(0, path.size() - 4) + ".json");
    InspectOptions options;
    options.stats = true;
    options.cutoff = 4;
    const Findings findings = inspect_dataset(Dataset({path}), options);
    const std::string json = summary_json(findings);
    const dom::element got = got_parser.parse(json);
    CHECK(std::uint64_t(got["records"]) == std::uint64_t(facts["num_molecules"]));
    CHECK(std::string_view(got["codec"]) == std::string_view(facts["compression"]));
    CHECK(std::uint64_t(got["record_format"]) == std::uint64_t(facts["record_format"]));
    CHECK(std::uint64_t(got["generation"]) == std::uint64_t(facts["generation"]));
    CHECK(std::uint64_t(got["bytes"]["file"]) == std::uint64_t(facts["file_size"]));
    CHECK(std::uint64_t(got["shards"].at(0)["uncommitted_bytes"]) ==
          std::uint64_t(facts["file_size"]) - std::uint64_t(facts["committed_end"]));
    std::uint64_t atoms = 0;
    for (const dom::element m : facts["molecules"].get_array()) atoms += std::uint64_t(m["n_atoms"]);
    CHECK(std::uint64_t(got["atoms"]["total"]) == atoms);
    CHECK(std::uint64_t(got["stats"]["records"]) == findings.records());
    for (const int width : {20, 80, 200}) CHECK(!(summary_text(findings, width) + stats_text(findings, width)).empty());
  }
}

TEST_CASE("inspect: several files are one dataset") {
  const std::string a = kFixtures + "none_v2_builtins.atp", b = kFixtures + "zstd3_v3_f64_builtins.atp";
  const Findings findings = inspect_dataset(Dataset({a, b}), {});
  dom::parser parser;
  const std::string json = summary_json(findings);
  const dom::element got = parser.parse(json);
  CHECK(got["codec"].is_null());
  CHECK(got["record_format"].is_null());
  CHECK(std::uint64_t(got["generation"]) == 1);
  CHECK(got["shards"].get_array().size() == 2);
  CHECK(findings.mixed_positions);
  CHECK(std::string_view(got["schema"].at(0)["dtype"]) == "mixed");
}

TEST_CASE("inspect: NaN, no atoms, strange elements and odd keys") {
  const std::string path = temp_file("atp_inspect_odd.atp");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  {
    Structure s, empty;
    s.atomic_numbers = {0, 200, 255};
    s.set_positions(std::span<const double>(std::vector<double>{nan, 0, 0, 1, 0, 0, 2, 0, 0}));
    s.set_energy(nan);
    s.set_cell({});
    s.put_f64(Kind::molecule, "energy", -0.0);
    s.put_f64(Kind::molecule, "\x1b[31m\xff\n", std::numeric_limits<double>::infinity());
    empty.set_positions(std::span<const double>{});
    WriterOptions options;
    options.overwrite = true;
    Writer writer = Writer::create(path, options);
    RecordEncoder encoder(options.codec);
    EncodedRecords records;
    REQUIRE(encoder.add(s, records).empty());
    REQUIRE(encoder.add(empty, records).empty());
    writer.add(records);
    writer.finish();
  }
  InspectOptions options;
  options.stats = true;
  options.cutoff = 3;
  const Dataset dataset({path});
  const Findings findings = inspect_dataset(dataset, options);
  dom::parser parser;
  const std::string json = summary_json(findings);
  const dom::element got = parser.parse(json);
  CHECK(std::uint64_t(got["stats"]["nan"]["energy"]) == 1);
  CHECK(std::uint64_t(got["stats"]["nan"]["positions"]) == 1);
  CHECK(got["stats"]["energy_per_atom"]["mean"].is_null());
  CHECK(got["stats"]["e0"].is_null());
  CHECK(double(got["stats"]["coverage"]["molecule:energy"]) == 0.5);
  CHECK(std::uint64_t(got["stats"]["elements"]["Z255"]["atoms"]) == 1);
  CHECK(std::uint64_t(got["stats"]["neighbours"]["skipped_records"]) == 1);
  CHECK(got["stats"]["neighbours"]["mean"].is_null());
  const std::string text = summary_text(findings, 80) + stats_text(findings, 80);
  CHECK(text.find('\x1b') == std::string::npos);
  Scratch scratch;
  Sample sample;
  for (std::uint64_t i = 0; i < dataset.size(); ++i) {
    sample.fill(dataset.record(i, scratch));
    CHECK(record_text(sample, i, true).find('\x1b') == std::string::npos);
    const std::string record = record_json(sample, i);
    CHECK(parser.parse(record).error() == simdjson::SUCCESS);
  }
  std::filesystem::remove(path);
}
