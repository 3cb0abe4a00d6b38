#include "core/atp/record_encoder.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/random_structure.h"

using namespace atp;

namespace {

std::vector<std::byte> record_of(Structure s) {
  std::vector<std::byte> out;
  encode_record(s, out);
  return out;
}

// A molecule in arrays of its own, as somebody has it who does not want it copied.
struct Arrays {
  std::vector<std::byte> numbers, positions, forces;
  double energy = -1.5;
  std::vector<SectionView> sections;

  explicit Arrays(std::size_t n) : numbers(n, std::byte{6}), positions(12 * n, std::byte{1}), forces(12 * n, std::byte{2}) {
    add(Kind::builtin, Type::f64, "energy", std::as_bytes(std::span(&energy, 1)));
    add(Kind::builtin, Type::vec3_f32, "forces", forces);
  }
  void add(Kind kind, Type type, std::string_view key, Bytes payload) { sections.push_back({kind, type, key, payload}); }
  StructureView view() { return {numbers, Type::vec3_f32, positions, sections}; }
};

// An encoder that has seen what is right before it gets what is wrong.
class Seasoned {
 public:
  Seasoned() {
    Arrays good(3);
    REQUIRE(encoder_.add(good.view(), out_) == "");
    REQUIRE(encoder_.add(good.view(), out_) == "");
  }
  // What it says of the structure. What it has made before must be what it was.
  std::string problem_with(const StructureView& bad) {
    const EncodedRecords before = out_;
    std::string problem;
    try {
      problem = encoder_.add(bad, out_);
    } catch (const Error& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      CHECK(out_.bytes == before.bytes);
      CHECK(out_.entries.size() == before.entries.size());
      CHECK(out_.schema == before.schema);
    }
    return problem;
  }

 private:
  RecordEncoder encoder_{Codec{}};
  EncodedRecords out_;
};

}  // namespace

TEST_CASE("records made one after another are those made one by one") {
  std::mt19937_64 random(11);
  RecordEncoder encoder{Codec{}};
  EncodedRecords out;
  Structure s;
  for (int seed = 0; seed < 2000; ++seed) {
    test::fill_random(s, random, seed % 3 != 0);
    const auto alone = record_of(s);
    if (seed % 3 == 0) out.schema = Schema();
    std::vector<SectionView> sections;
    const StructureView view = s.view(sections);
    std::shuffle(sections.begin(), sections.end(), random);
    const std::size_t start = out.bytes.size();
    const std::string problem = seed % 2 == 0 ? encoder.add(view, out) : encoder.add(s, out);
    if (!problem.empty()) {
      out.schema = Schema();
      continue;
    }
    const Bytes made = Bytes(out.bytes).subspan(start);
    REQUIRE(std::equal(made.begin(), made.end(), alone.begin(), alone.end()));
    const auto& entry = out.entries.back();
    CHECK(entry.stored == alone.size());
    CHECK(entry.atoms == s.n_atoms());
    CHECK(entry.checksum == record_checksum(alone));
  }
}

TEST_CASE("a molecule that lies in arrays of its own is encoded without a copy") {
  Arrays m(5);
  Structure s;
  s.atomic_numbers.assign(5, 6);
  s.positions_type = Type::vec3_f32;
  s.positions = m.positions;
  s.set_energy(m.energy);
  s.put_bytes(Kind::builtin, "forces", Type::vec3_f32, m.forces);
  RecordEncoder encoder{Codec{}};
  EncodedRecords out;
  REQUIRE(encoder.add(m.view(), out) == "");
  CHECK(out.bytes == record_of(s));
  CHECK(out.schema.entries.size() == 2);
}

TEST_CASE("what cannot be a record is refused, whatever came before it") {
  Seasoned encoder;
  Arrays m(3);
  SUBCASE("as before") { CHECK(encoder.problem_with(m.view()) == ""); }
  SUBCASE("of another size") { CHECK(encoder.problem_with(Arrays(7).view()) == ""); }
  SUBCASE("no atoms") { CHECK(encoder.problem_with(Arrays(0).view()) == ""); }
  SUBCASE("forces of fewer atoms") {
    m.forces.resize(24);
    m.sections[1].payload = m.forces;
    CHECK(encoder.problem_with(m.view()) == "forces has values for 2 atoms, the molecule has 3");
  }
  SUBCASE("positions of fewer atoms") {
    m.positions.resize(24);
    CHECK(encoder.problem_with(m.view()) == "positions have 24 bytes, 3 atoms need 36");
  }
  SUBCASE("positions of another type") {
    m.positions.resize(72);
    StructureView view = m.view();
    view.positions_type = Type::vec3_f64;
    CHECK(encoder.problem_with(view) == "positions are vec3_f64, before they were vec3_f32");
  }
  SUBCASE("forces of another type") {
    m.forces.resize(72);
    m.sections[1] = {Kind::builtin, Type::vec3_f64, "forces", m.forces};
    CHECK(encoder.problem_with(m.view()) == "forces is vec3_f64, before it was vec3_f32");
  }
  SUBCASE("a field twice") {
    m.sections.push_back(m.sections[0]);
    CHECK(encoder.problem_with(m.view()) == "'energy' stands twice");
  }
  SUBCASE("a field of atoms and of molecules") {
    m.add(Kind::atom, Type::f32_array, "tags", Bytes(m.positions).first(12));
    m.add(Kind::molecule, Type::f32_array, "tags", Bytes(m.positions).first(12));
    CHECK(encoder.problem_with(m.view()) == "'tags' is both an atom and a molecule property");
  }
  SUBCASE("a key whose length, cut to a byte, is that of a key that passed") {
    const std::string key = "energy" + std::string(256, 'x');
    m.sections[0].key = key;
    CHECK(encoder.problem_with(m.view()).starts_with("the key 'energyxxx"));
  }
  SUBCASE("a builtin that is none") {
    m.sections[0].key = "enthalpy";
    CHECK(encoder.problem_with(m.view()).find("is no builtin field") != std::string::npos);
  }
}
