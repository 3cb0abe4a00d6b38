#include "cmd/pack_ranks.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/files.h"

using namespace atp;

namespace {

Schema schema_of(Kind kind, const std::string& key, Type type, std::uint32_t slot) {
  Schema s;
  s.entries.emplace(Schema::Key{kind, key}, SchemaEntry{type, kind == Kind::atom, type_info(type).element, slot});
  return s;
}

const SchemaEntry& entry(const Schema& s, Kind kind, const std::string& key) { return s.entries.at({kind, key}); }

}  // namespace

TEST_CASE("inputs are cut into contiguous runs of nearly equal bytes") {
  const test::TempDir folder;
  std::vector<std::string> inputs;
  for (const std::size_t size : {10, 10, 10, 10, 100, 20, 20}) {
    inputs.push_back(folder / fmt::format("{}.xyz", inputs.size()));
    std::ofstream(inputs.back()) << std::string(size, 'x');
  }
  const auto run = [&](std::size_t from, std::size_t to) { return std::vector<std::string>(inputs.begin() + static_cast<std::ptrdiff_t>(from), inputs.begin() + static_cast<std::ptrdiff_t>(to)); };
  CHECK(inputs_of_rank(inputs, 0, 1) == inputs);
  CHECK(inputs_of_rank(inputs, 0, 3) == run(0, 4));
  CHECK(inputs_of_rank(inputs, 1, 3) == run(4, 5));
  CHECK(inputs_of_rank(inputs, 2, 3) == run(5, 7));
  for (int ranks = 1; ranks <= 12; ++ranks) {
    CAPTURE(ranks);
    std::vector<std::string> all;
    for (int r = 0; r < ranks; ++r) {
      const auto mine = inputs_of_rank(inputs, r, ranks);
      CHECK(mine.empty() == (r >= 7));
      all.insert(all.end(), mine.begin(), mine.end());
    }
    CHECK(all == inputs);
  }
  CHECK(inputs_of_rank({}, 0, 4).empty());
}

TEST_CASE("a list of empty or missing inputs is cut all the same") {
  CHECK(inputs_of_rank({"none/a", "none/b"}, 0, 2) == std::vector<std::string>{"none/a"});
  CHECK(inputs_of_rank({"none/a", "none/b"}, 1, 2) == std::vector<std::string>{"none/b"});
  CHECK(inputs_of_rank({"none/a", "none/b"}, 2, 3).empty());
}

TEST_CASE("schemas widen to what holds both, in any order") {
  const Schema whole = schema_of(Kind::molecule, "tag", Type::i64, 8), real = schema_of(Kind::molecule, "tag", Type::f64, 8);
  for (const auto& [first, second] : {std::pair(whole, real), std::pair(real, whole)}) {
    Schema lock = first;
    CHECK_FALSE(widen(lock, second));
    CHECK(entry(lock, Kind::molecule, "tag").type == Type::f64);
  }
  Schema lock = schema_of(Kind::molecule, "v", Type::i64_array, 16);
  CHECK_FALSE(widen(lock, schema_of(Kind::molecule, "v", Type::f64_array, 24)));  // other lengths: a tensor
  CHECK(entry(lock, Kind::molecule, "v").type == Type::tensor_f64);
  CHECK_FALSE(widen(lock, whole));  // a new field is added
  CHECK(entry(lock, Kind::molecule, "tag") == entry(whole, Kind::molecule, "tag"));
  lock.positions = Type::vec3_f32;
  Schema wide;
  CHECK_FALSE(widen(lock, wide));
  CHECK(lock.positions == Type::vec3_f32);
  wide.positions = Type::vec3_f64;
  CHECK_FALSE(widen(lock, wide));
  CHECK(lock.positions == Type::vec3_f64);
}

TEST_CASE("schemas without a common type say which field it is") {
  Schema lock = schema_of(Kind::molecule, "tag", Type::i64, 8);
  const auto text = widen(lock, schema_of(Kind::molecule, "tag", Type::string, 0));
  REQUIRE(text);
  CHECK(text->key == Schema::Key{Kind::molecule, "tag"});
  CHECK(text->problem.find("tag") != std::string::npos);
  lock = schema_of(Kind::molecule, "tag", Type::i64, 8);
  REQUIRE(widen(lock, schema_of(Kind::atom, "tag", Type::i64_array, 8)));  // of atoms here, of the structure there
}

TEST_CASE("what only one process can do is refused to several") {
  PackOptions o;
  CHECK_NOTHROW(check_for_ranks(o, {std::string(ATP_SOURCE_DIR) + "/README.md"}));
  CHECK_THROWS_AS(check_for_ranks(o, {"-"}), Error);
  CHECK_THROWS_AS(check_for_ranks(o, {"/dev/null"}), Error);
  o.limit = 3;
  CHECK_THROWS_AS(check_for_ranks(o, {}), Error);
  o.limit.reset();
  o.records = "0:3";
  CHECK_THROWS_AS(check_for_ranks(o, {}), Error);
}
