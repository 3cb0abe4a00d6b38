// What pickles hold beyond tensors: lists as arrays, and values that are named again and again.
#include <doctest/doctest.h>
#include <fmt/format.h>
#if __has_include(<lmdb.h>)
#include <lmdb.h>
#define HAVE_LMDB
#endif

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/byte_order.h"
#include "core/base/little.h"
#include "core/io/npz.h"
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;
using namespace std::string_literals;

namespace {

// Protocol 2, as text to put together.
std::string bytes(std::uint32_t n) { return {static_cast<char>(n), static_cast<char>(n >> 8), static_cast<char>(n >> 16), static_cast<char>(n >> 24)}; }
std::string text(const std::string& t) { return "X" + bytes(static_cast<std::uint32_t>(t.size())) + t; }
std::string whole(int i) { return "J" + bytes(static_cast<std::uint32_t>(i)); }
std::string real(double d) { return fmt::format("F{}\n", d); }
std::string list(const std::vector<std::string>& items) { return fmt::format("({}l", fmt::join(items, "")); }
std::string tuple(const std::vector<std::string>& items) { return fmt::format("({}t", fmt::join(items, "")); }
std::string kept(const std::string& value) { return value + "q\x05"; }
const std::string kAgain = "h\x05";

// Numbers of a big-endian machine.
template <class T>
std::string big_endian(const std::vector<T>& values) {
  std::string out(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  swap_byte_order(std::as_writable_bytes(std::span(out)), sizeof(T));
  return out;
}

std::string dtype(const std::string& name, char order) {
  return "cnumpy\ndtype\n(" + text(name) + "I00\nI01\ntR(" + whole(3) + text(std::string(1, order)) + "NNN" + whole(-1) + whole(-1) + whole(0) + "tb";
}

std::string array(const std::string& type, const std::vector<int>& shape, const std::string& data) {
  std::vector<std::string> dims;
  for (const int d : shape) dims.push_back(whole(d));
  return "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + tuple({whole(0)}) + "C\x01" + "btR(" + whole(1) + tuple(dims) + type + "I00\nB" +
         bytes(static_cast<std::uint32_t>(data.size())) + data + "tb";
}

// torch's tensor of 2 x 3 in a storage that lies elsewhere.
std::string tensor(const std::string& key) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cpu") + whole(6) + "tQ" + whole(0) +
         tuple({whole(2), whole(3)}) + tuple({whole(3), whole(1)}) + "I00\nNtR";
}

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kMolecule = {{"atomic_numbers", list({whole(1), whole(8)})},
                          {"pos", tuple({list({whole(0), whole(0), whole(0)}), list({whole(0), real(1.5), whole(0)})})},
                          {"energy", real(-3.5)}};

std::string molecule(const Fields& more) {
  std::string out = "(";
  for (const auto& fields : {kMolecule, more}) {
    for (const auto& [key, value] : fields) out += text(key) + value;
  }
  return out + "d";
}

ReadFrames read(const std::string& root) {
  const TempDir dir;
  write_text(dir / "x.pkl", "\x80\x02" + root + ".");
  return read_all(*open_input(dir / "x.pkl", "", {}));
}

std::string refusal(const Fields& more) {
  const auto r = read(molecule(more));
  return r.bad.empty() ? "" : r.bad[0].substr(r.bad[0].find("item 0: "));
}

}  // namespace

TEST_CASE("pickle: lists of numbers are arrays") {
  const std::string row = list({real(1), real(2), real(3)});
  const auto r = read(molecule({{"force", list({row, row})},
                                {"cell", list({list({whole(4), whole(0), whole(0)}), list({whole(0), whole(4), whole(0)}), list({whole(0), whole(0), real(5.5)})})},
                                {"pbc", "\x88"},
                                {"tags", list({whole(1), whole(2)})},
                                {"pairs", tuple({list({whole(1), whole(-2)}), list({whole(1 << 30), whole(4)})})},
                                {"flags", list({"\x88", "\x89"})},
                                {"mixed", list({whole(1), real(0.5)})},
                                {"history", list({text("a"), whole(1)})},
                                {"ragged", list({row, list({})})},
                                {"info", "}"},
                                {"nothing", "N"}}));
  REQUIRE(r.bad.empty());
  REQUIRE(r.frames.size() == 1);
  const Structure& s = r.frames[0];
  CHECK(elements(s) == std::vector<int>{1, 8});
  CHECK(positions(s) == std::vector<double>{0, 0, 0, 0, 1.5, 0});
  CHECK(numbers(s, Kind::builtin, "forces") == std::vector<double>{1, 2, 3, 1, 2, 3});
  CHECK(numbers(s, Kind::builtin, "cell") == std::vector<double>{4, 0, 0, 0, 4, 0, 0, 0, 5.5});
  CHECK(numbers(s, Kind::builtin, "pbc") == std::vector<double>{1, 1, 1});
  CHECK(type(s, Kind::atom, "tags") == Type::i64_array);
  CHECK(numbers(s, Kind::atom, "pairs") == std::vector<double>{1, -2, 1 << 30, 4});
  CHECK(type(s, Kind::atom, "flags") == Type::i64_array);
  CHECK(numbers(s, Kind::atom, "mixed") == std::vector<double>{1, 0.5});
  CHECK(r.notes.contains("'history' is a list of more than numbers and is left out"));
  CHECK(r.notes.contains("'ragged' is a list of rows with 3 and with 0 values and is left out"));
  CHECK(r.notes.contains("'info' is neither a number, a text nor an array and is left out"));
  CHECK(r.notes.size() == 3);
}

TEST_CASE("pickle: a cell of zeros is that of a molecule") {
  const std::string row = list({whole(0), whole(0), real(0)});
  const auto r = read(molecule({{"cell", list({row, row, row})}}));
  REQUIRE(r.frames.size() == 1);
  CHECK_FALSE(has(r.frames[0], Kind::builtin, "cell"));
  CHECK(numbers(r.frames[0], Kind::builtin, "pbc") == std::vector<double>{0, 0, 0});
  CHECK(refusal({{"cell", text("x")}}).find("'cell' has 'x', a cell has 3 x 3") != std::string::npos);
}

TEST_CASE("pickle: lists that are no arrays, where one is needed") {
  CHECK(refusal({{"force", list({list({real(1)}), list({})})}}) == "item 0: 'force' is a list of rows with 1 and with 0 values");
  CHECK(refusal({{"force", list({real(1), list({})})}}) == "item 0: 'force' is a list whose rows differ in depth");
  CHECK(refusal({{"force", list({list({list({list({list({list({list({list({list({})})})})})})})})})}}) == "item 0: 'force' is a list nested deeper than 8");
  CHECK(refusal({{"cell", list({text("x")})}}) == "item 0: 'cell' is a list of more than numbers");
}

TEST_CASE("pickle: values that are named again and again are bounded by the file") {
  // 80 kB of numbers named 100 times.
  const std::string big = kept(list(std::vector<std::string>(10000, real(1))));
  Fields all = {{"a", big}};
  for (int i = 0; i < 100; ++i) all.emplace_back(fmt::format("a{}", i), kAgain);
  CHECK(read(molecule({all.begin(), all.begin() + 10})).bad.empty());
  all.push_back({"force", kAgain});
  CHECK(refusal(all) == "item 0: 'force' names the same values again and again, far beyond the size of its file");
  // Lists of lists of lists: 10^12 numbers, or empty lists, in a few kB.
  for (const std::string& leaf : {whole(1), "]"s}) {
    std::string again;
    for (int i = 0; i < 999; ++i) again += kAgain;
    std::string nested = leaf;
    for (int depth = 0; depth < 4; ++depth) nested = "(" + kept(nested) + again + "l";
    CHECK(refusal({{"force", nested}}).ends_with("far beyond the size of its file"));
  }
}

TEST_CASE("pickle: slots out of their order, and frames that share what they hold") {
  const auto r = read("(" + molecule({{"a", list({whole(1), whole(2)}) + "q\x07"}, {"b", list({whole(3), whole(4)}) + "q" + "\0"s}, {"c", list({whole(5), whole(6)}) + "q\x01"}}) +
                      molecule({{"a", "h\x07"}, {"b", "h" + "\0"s}, {"c", "h\x01"}}) + "l");
  REQUIRE(r.frames.size() == 2);
  for (const Structure& s : r.frames) {
    CHECK(numbers(s, Kind::atom, "a") == std::vector<double>{1, 2});
    CHECK(numbers(s, Kind::atom, "b") == std::vector<double>{3, 4});
    CHECK(numbers(s, Kind::atom, "c") == std::vector<double>{5, 6});
  }
}

TEST_CASE("pickle: so many names that each would be looked for among the others") {
  Fields many;
  for (int i = 0; i < 9000; ++i) many.emplace_back(fmt::format("a{}", i), "K\x01");
  CHECK(refusal(many) == "item 0: has more than 8192 values with names of their own, 'a8191' is one");
}

TEST_CASE("pickle: numbers of a big-endian machine") {
  const std::vector<double> forces = {1, 2, 3, -4, 5.5, 1e-300};
  const auto r = read(molecule({{"force", array(dtype("f8", '>'), {2, 3}, big_endian(forces))},
                                {"tags", array(dtype("i2", '>'), {2}, big_endian<std::int16_t>({-2, 300}))},
                                {"mask", array(dtype("b1", '|'), {2}, "\x01\0"s)},
                                {"label", array(dtype("U2", '>'), {}, big_endian<std::uint32_t>({0xE9, 'x'}))},
                                {"weight", "cnumpy.core.multiarray\nscalar\n(" + dtype("f4", '>') + "B" + bytes(4) + big_endian<float>({0.25F}) + "tR"}}));
  REQUIRE(r.bad.empty());
  REQUIRE(r.frames.size() == 1);
  const Structure& s = r.frames[0];
  CHECK(numbers(s, Kind::builtin, "forces") == forces);
  CHECK(numbers(s, Kind::atom, "tags") == std::vector<double>{-2, 300});
  CHECK(numbers(s, Kind::atom, "mask") == std::vector<double>{1, 0});
  CHECK(text(s, Kind::molecule, "label") == "\xC3\xA9x");
  CHECK(f64(s, Kind::molecule, "weight") == 0.25);
  CHECK(refusal({{"force", array(dtype("f8", '>'), {2, 3}, "12345678")}}) == "item 0: 'force' has a tensor that goes beyond its storage");
}

#ifdef HAVE_LMDB
namespace {

// As fairchem's: the entries under their numbers, and how many there are.
void write_lmdb(const std::string& path, const std::vector<std::string>& pickles, int length) {
  MDB_env* env;
  MDB_txn* txn;
  MDB_dbi dbi;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR | MDB_NOSYNC, 0644) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, nullptr, 0, &dbi) == 0);
  const auto put = [&](const std::string& name, const std::string& root) {
    const std::string pickle = "\x80\x02" + root + ".";
    MDB_val key = {name.size(), const_cast<char*>(name.data())}, value = {pickle.size(), const_cast<char*>(pickle.data())};
    REQUIRE(mdb_put(txn, dbi, &key, &value, 0) == 0);
  };
  for (std::size_t i = 0; i < pickles.size(); ++i) put(std::to_string(i), pickles[i]);
  put("length", whole(length));
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

}  // namespace

TEST_CASE("lmdb-pickle: entries beyond the length are told") {
  const TempDir dir;
  const std::vector<std::string> three(3, molecule({}));
  write_lmdb(dir / "all.lmdb", three, 3);
  write_lmdb(dir / "two.lmdb", three, 2);
  write_lmdb(dir / "four.lmdb", three, 4);
  CHECK(read_all(*open_input(dir / "all.lmdb", "", {})).notes.empty());
  const auto two = read_all(*open_input(dir / "two.lmdb", "", {}));
  CHECK(two.frames.size() == 2);
  REQUIRE(two.notes.size() == 1);
  CHECK(two.notes.begin()->ends_with("two.lmdb: its 'length' is 2, what it has beyond (numbered entries: 1) is left out"));
  CHECK_THROWS_WITH_AS(open_input(dir / "four.lmdb", "", {}), doctest::Contains("says it has 4 entries and has 3"), Error);
}
#endif

TEST_CASE("torch: a file of a big-endian machine") {
  const std::vector<float> values = {1, 2, 3, -4, 5.5, 1e-30F};
  const TempDir dir;
  const std::string pickle = "\x80\x02(" + text("atomic_numbers") + list({whole(1), whole(8)}) + text("pos") + tensor("0") + text("force") + tensor("0") + "d.";
  write_text(dir / "x.pt", zip_archive({{"x/data.pkl", pickle}, {"x/byteorder", "big"}, {"x/data/0", big_endian(values)}}, "x.pt"));
  const auto r = read_all(*open_input(dir / "x.pt", "", {}));
  REQUIRE(r.frames.size() == 1);
  const std::vector<double> expected(values.begin(), values.end());
  CHECK(positions(r.frames[0]) == expected);
  CHECK(numbers(r.frames[0], Kind::builtin, "forces") == expected);
}
