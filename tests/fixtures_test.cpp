// Every file of the reference implementation holds exactly what its JSON says, and what was decoded
// encodes to the same bytes.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <bit>
#include <cmath>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/hash.h"
#include "tests/support/files.h"

using namespace atp;
namespace dom = simdjson::dom;

namespace {

double expected_real(dom::element e) {
  if (e.is_string()) {
    const std::string_view s = e;
    if (s == "NaN") return std::nan("");
    return s == "inf" ? INFINITY : -INFINITY;
  }
  return e.get_double();
}

// To the bit, -0.0 included; any NaN equals any other.
void check_real(double got, dom::element want) {
  const double x = expected_real(want);
  CHECK((std::isnan(x) ? std::isnan(got) : std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(got)));
}

void check_numbers(const NumbersView& got, dom::element want) {
  const dom::array values = want["values"];
  REQUIRE(got.count == values.size());
  std::uint64_t i = 0;
  for (const dom::element v : values) {
    if (got.scalar == Scalar::f32 || got.scalar == Scalar::f64) {
      check_real(got.real(i), v);
    } else {
      CHECK(got.integer(i) == v.get_int64());
    }
    ++i;
  }
}

void check_array(const NumbersView& got, dom::element want) {
  CHECK(scalar_name(got.scalar) == std::string_view(want["dtype"]));
  check_numbers(got, want);
}

void check_builtin(const RecordView& record, std::string_view key, dom::element want) {
  const auto section = record.find(Kind::builtin, key);
  CAPTURE(key);
  REQUIRE(section.has_value() == !want.is_null());
  if (!section) return;
  const ValueView value = decode_value(*section);
  if (key == "name") {
    CHECK(value.text == std::string_view(want));
  } else if (key == "energy") {
    CHECK(scalar_name(value.numbers.scalar) == std::string_view(want["dtype"]));
    check_real(value.numbers.real(0), want["value"]);
  } else if (key == "pbc") {
    std::uint64_t i = 0;
    for (const bool b : dom::array(want)) CHECK((value.numbers.integer(i++) != 0) == b);
  } else {
    check_array(value.numbers, want);
    std::vector<std::uint64_t> shape;
    for (const std::uint64_t d : dom::array(want["shape"])) shape.push_back(d);
    CHECK(value.shape() == shape);
  }
}

void check_property(const RecordView& record, Kind kind, std::string_view key, dom::element want) {
  CAPTURE(key);
  const auto section = record.find(kind, key);
  REQUIRE(section);
  CHECK(static_cast<std::uint64_t>(section->type) == std::uint64_t(want["tag"]));
  CHECK(type_info(section->type).name == std::string_view(want["type"]));
  const ValueView value = decode_value(*section);
  switch (value.info->form) {
    case Form::null: break;
    case Form::text: CHECK(value.text == std::string_view(want["value"])); break;
    case Form::scalar:
      if (value.info->scalar == Scalar::i64) {
        CHECK(value.numbers.integer(0) == std::int64_t(want["value"]));
      } else {
        check_real(value.numbers.real(0), want["value"]);
      }
      break;
    default: {
      std::vector<std::uint64_t> shape;
      for (const std::uint64_t d : dom::array(want["shape"])) shape.push_back(d);
      CHECK(value.shape() == shape);
      check_numbers(value.numbers, want);
    }
  }
}

void check_molecule(const RecordView& record, const IndexEntry& entry, dom::element want) {
  CHECK(record.n_atoms() == std::uint64_t(want["n_atoms"]));
  CHECK(entry.offset == std::uint64_t(want["index"]["offset"]));
  CHECK(entry.stored == std::uint64_t(want["index"]["compressed_size"]));
  CHECK(entry.unpacked == std::uint64_t(want["index"]["uncompressed_size"]));
  CHECK(entry.atoms == std::uint64_t(want["index"]["num_atoms"]));
  check_array(record.positions(), want["positions"]);
  std::size_t i = 0;
  for (const std::uint64_t z : dom::array(want["atomic_numbers"])) CHECK(static_cast<std::uint64_t>(record.atomic_numbers()[i++]) == z);
  for (const auto& b : kBuiltins) check_builtin(record, b.key, want[b.key]);
  std::size_t customs = 0, walked = 0;
  for (const auto& [scope, kind] : {std::pair{"atom_properties", Kind::atom}, std::pair{"properties", Kind::molecule}}) {
    for (const auto field : dom::object(want[scope])) {
      check_property(record, kind, field.key, field.value);
      ++customs;
    }
  }
  record.for_each_section([&](const SectionView& s) { walked += s.kind != Kind::builtin; });
  CHECK(customs == walked);
  record.check();
}

void check_schema(const Reader& reader, dom::element want) {
  if (want.is_null()) {
    CHECK(reader.slot().schema_len == 0);
    return;
  }
  CHECK(static_cast<std::uint64_t>(reader.positions_type()) == std::uint64_t(want["positions_type"]));
  auto it = reader.schema().entries.begin();
  for (const dom::element e : dom::array(want["sections"])) {
    REQUIRE(it != reader.schema().entries.end());
    CHECK(static_cast<std::uint64_t>(it->first.first) == std::uint64_t(e["kind"]));
    CHECK(it->first.second == std::string_view(e["key"]));
    CHECK(static_cast<std::uint64_t>(it->second.type) == std::uint64_t(e["type_tag"]));
    CHECK(it->second.per_atom == bool(e["per_atom"]));
    CHECK(it->second.element == std::uint64_t(e["elem_bytes"]));
    CHECK(it->second.slot == std::uint64_t(e["slot_bytes"]));
    ++it;
  }
  CHECK(it == reader.schema().entries.end());
}

// Where a reader finds its record's uncompressed bytes, for comparisons.
Bytes record_bytes(const Reader& reader, std::uint64_t i, Scratch& scratch) {
  return scratch.context(reader.codec()).decompress(reader.stored(i), reader.entry(i).unpacked, scratch.buffer());
}

}  // namespace

TEST_CASE("every fixture decodes to what its JSON says") {
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    dom::parser parser;
    const dom::element want = parser.load(path.substr(0, path.size() - 4) + ".json");
    const Reader reader(path);
    CHECK(reader.size() == std::uint64_t(want["num_molecules"]));
    CHECK(codec_name(reader.codec()) == std::string_view(want["compression"]));
    CHECK(reader.slot().record_format == std::uint64_t(want["record_format"]));
    CHECK(reader.slot().generation == std::uint64_t(want["generation"]));
    CHECK(reader.slot().committed_end() == std::uint64_t(want["committed_end"]));
    CHECK(reader.file_bytes() == std::uint64_t(want["file_size"]));
    CHECK_FALSE(reader.has_checksums());
    check_schema(reader, want["schema"]);
    Scratch scratch;
    std::uint64_t i = 0;
    for (const dom::element molecule : dom::array(want["molecules"])) {
      CAPTURE(i);
      const RecordView record = reader.record(i, scratch);
      check_molecule(record, reader.entry(i), molecule);
      CHECK(adler32(record_bytes(reader, i, scratch)) == std::uint64_t(molecule["record_adler32"]));
      ++i;
    }
    CHECK(i == reader.size());
  }
}

TEST_CASE("every fixture re-encodes to the same record bytes and schema block") {
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    const Reader reader(path);
    Schema schema;
    Scratch scratch;
    Structure structure;
    for (std::uint64_t i = 0; i < reader.size(); ++i) {
      reader.record(i, scratch).copy_to(structure);
      std::vector<std::byte> again;
      encode_record(structure, again);
      const Bytes before = record_bytes(reader, i, scratch);
      CHECK(std::equal(again.begin(), again.end(), before.begin(), before.end()));
      CHECK(schema.add(structure) == "");
    }
    if (reader.slot().schema_len == 0) continue;
    CHECK(schema == reader.schema());
    const auto bytes = test::read_bytes(path);
    const auto block = schema.encode();
    const Bytes before = Bytes(bytes).subspan(reader.slot().schema_offset, reader.slot().schema_len);
    CHECK(std::equal(block.begin(), block.end(), before.begin(), before.end()));
  }
}

TEST_CASE("one flush without the extension gives the reference's file, byte for byte") {
  for (const auto& path : test::fixtures()) {
    const Reader reader(path);
    const bool one_flush = reader.slot().generation == 1 && reader.other_slot_problem().empty() &&
                           reader.file_bytes() == reader.slot().committed_end();
    if (!one_flush || reader.codec().id != CodecId::none) continue;
    CAPTURE(path);
    test::TempDir dir;
    WriterOptions options;
    options.codec = reader.codec();
    options.extension = false;
    Writer writer = Writer::create(dir / "again.atp", options);
    RecordEncoder encoder(options.codec);
    EncodedRecords records;
    Scratch scratch;
    Structure structure;
    for (std::uint64_t i = 0; i < reader.size(); ++i) {
      reader.record(i, scratch).copy_to(structure);
      CHECK(encoder.add(structure, records) == "");
    }
    writer.add(records);
    writer.finish();
    auto want = test::read_bytes(path), got = test::read_bytes(dir / "again.atp");
    CHECK(want == got);
  }
}
