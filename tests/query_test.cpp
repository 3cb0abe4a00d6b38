#include "core/query/query.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/molecules.h"

using namespace atp;
using test::molecule;
using test::Molecules;

namespace {

using Rows = std::vector<std::string>;  // "1|H2O|null"

std::string text_of(const SqlValue& value) {
  if (const auto* v = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *v);
  if (const auto* v = std::get_if<double>(&value)) return fmt::format("{}", *v);
  if (const auto* v = std::get_if<std::string_view>(&value)) return std::string(*v);
  if (const auto* v = std::get_if<Bytes>(&value)) return fmt::format("{} bytes", v->size());
  return "null";
}

Rows ask(const Dataset& dataset, const std::string& sql) {
  CAPTURE(sql);
  Query query(dataset, sql, "--sql");
  Rows rows;
  query.run([&](Query::Row values) {
    REQUIRE(values.size() == query.columns().size());
    std::string row;
    for (const SqlValue& value : values) row += (row.empty() ? "" : "|") + text_of(value);
    rows.push_back(row);
  });
  return rows;
}

std::string refusal(const Dataset& dataset, const std::string& sql) {
  CAPTURE(sql);
  try {
    ask(dataset, sql);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what();
  }
  FAIL_CHECK("was not refused: " << sql);
  return {};
}

}  // namespace

TEST_CASE("query: rows, groups, order") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const Dataset& d = *m.dataset;
  CHECK(ask(d, "SELECT count(*) FROM records") == Rows{"8"});
  CHECK(ask(d, "SELECT record, formula, energy FROM records WHERE n_atoms = 3 ORDER BY energy") ==
        Rows{"7|CO2|-12", "5|H2O|-7", "0|H2O|-6"});
  CHECK(ask(d, "SELECT formula, count(*), avg(energy_per_atom) FROM records GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2") ==
        Rows{"H2O|2|-2.166666666666667", "1|null"});
  CHECK(ask(d, "SELECT a.record, b.record FROM records a JOIN records b USING (formula) WHERE a.record < b.record") == Rows{"0|5"});
  CHECK(ask(d, "SELECT count(DISTINCT shard) FROM records") == Rows{"3"});
  CHECK(ask(d, "SELECT rowid, typeof(energy), typeof(record) FROM records WHERE record = 3") == Rows{"3|real|integer"});
  CHECK(ask(d, "SELECT formula FROM records WHERE energy = '-8'") == Rows{"ClNa"});  // by the column's type
  CHECK(ask(d, "SELECT formula, row_number() OVER (ORDER BY energy) FROM records LIMIT 2") == Rows{"CO2|1", "CH4|2"});
  CHECK(ask(d, "WITH heavy AS (SELECT * FROM records WHERE n_atoms > 2) SELECT count(*) FROM heavy;  -- a comment") == Rows{"4"});
  CHECK(ask(d, "SELECT x'00ff', 1e999, NULL") == Rows{"2 bytes|inf|null"});
}

TEST_CASE("query: conditions on the record number give what a full scan gives") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const Dataset& d = *m.dataset;
  const char* values[] = {"3",    "0",    "-1",   "8",     "7",   "2.5", "-0.5", "'4'", "'x'", "x'00'", "NULL", "9223372036854775807",
                          "-9e9", "1e300", "-1e300", "1e999", "(SELECT 2)"};
  for (const char* op : {"=", "<", "<=", ">", ">=", "<>", "IS"}) {
    for (const std::string value : values) {
      const std::string fast = fmt::format("SELECT record FROM records WHERE record {} {}", op, value);
      // SQLite does not hand a condition on +record to the table.
      const std::string slow = fmt::format("SELECT record FROM records WHERE +record {} {}", op, value);
      CAPTURE(fast);
      if (value == "'4'") continue;  // +record has no type to read the text by
      CHECK(ask(d, fast) == ask(d, slow));
    }
  }
  for (const char* op : {"=", "<", "<=", ">", ">=", "<>", "IS"}) {
    for (const std::string value : {"3", "0", "-1", "2.5", "5", "4294967296", "1e300", "-1e300", "'x'", "x'00'", "NULL", "(SELECT 3)", "record", "1 + 1",
                                    "count_element('H')"}) {
      const std::string fast = fmt::format("SELECT record FROM records WHERE n_atoms {} {} AND record < 7", op, value);
      const std::string slow = fmt::format("SELECT record FROM records WHERE +n_atoms {} {} AND +record < 7", op, value);
      CAPTURE(fast);
      CHECK(ask(d, fast) == ask(d, slow));
    }
  }
  CHECK(ask(d, "SELECT record FROM records WHERE n_atoms >= '3' AND n_atoms < '4'") == Rows{"0", "5", "7"});
  CHECK(ask(d, "SELECT record FROM records WHERE n_atoms IN (0, 5) ORDER BY record") == Rows{"1", "6"});
  CHECK(ask(d, "SELECT record FROM records WHERE n_atoms = 5 OR n_atoms = 0 OR record = 2 ORDER BY record") == Rows{"1", "2", "6"});
  CHECK(ask(d, "SELECT record FROM records WHERE record > '4'") == Rows{"5", "6", "7"});
  CHECK(ask(d, "SELECT record FROM records WHERE record BETWEEN 2 AND 4 AND record <> 3") == Rows{"2", "4"});
  CHECK(ask(d, "SELECT record FROM records WHERE record > 5 AND record < 3") == Rows{});
  CHECK(ask(d, "SELECT record FROM records WHERE record IN (5, 1, 5, 99) ORDER BY record") == Rows{"1", "5"});
  CHECK(ask(d, "SELECT record FROM records ORDER BY record DESC LIMIT 2") == Rows{"7", "6"});
  CHECK(ask(d, "SELECT record FROM records WHERE record = 1 OR record = 6 OR n_atoms = 0 ORDER BY record") == Rows{"1", "6"});
  CHECK(ask(d, "SELECT max(rowid), min(record) FROM records") == Rows{"7|0"});
}

TEST_CASE("query: elements") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const Dataset& d = *m.dataset;
  CHECK(ask(d, "SELECT record FROM records WHERE only_elements('H O')") == Rows{"0", "2", "4", "5", "6"});  // none are also only H and O
  CHECK(ask(d, "SELECT record FROM records WHERE only_elements(' H,O ') AND n_atoms > 2") == Rows{"0", "5"});
  CHECK(ask(d, "SELECT record FROM records WHERE has_element('C')") == Rows{"1", "7"});
  CHECK(ask(d, "SELECT sum(count_element('H')) FROM records") == Rows{"10"});
  CHECK(ask(d, "SELECT count_element('O', 'C'), only_elements('CO2', 'C O')") == Rows{"0|1"});
  CHECK(ask(d, "SELECT has_element(NULL), has_element(NULL, 'C') FROM records LIMIT 1") == Rows{"null|null"});
  CHECK(refusal(d, "SELECT only_elements('H Qq') FROM records") ==
        "--sql: only_elements: 'Qq' is no element; write symbols with a space between, as 'H C Cl'");
  CHECK(refusal(d, "SELECT has_element('H O') FROM records") == "--sql: has_element: 'H O' is not one element; write a symbol, as 'Cl'");
  for (const char* bad : {"only_elements('')", "only_elements('h')", "only_elements('HO')", "has_element(8)", "only_elements('water', 'H')",
                          "only_elements()", "only_elements('C', 'H', 'O')", "only_elements(\"H\")"})
    refusal(d, fmt::format("SELECT {} FROM records", bad));
}

// The function of one argument does not say which row it means. Whatever the shape of the query, it
// answers as the one that is given the formula does, or refuses.
TEST_CASE("query: a function about the row never answers for another") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const Dataset& d = *m.dataset;
  const char* answered[] = {
      "SELECT record, {} FROM records",
      "SELECT record FROM records WHERE {}",
      "SELECT record FROM records WHERE NOT {} AND n_atoms > 1",
      "SELECT record, {} AS o FROM records ORDER BY o, energy",
      "SELECT record, {} AS o FROM records ORDER BY energy",
      "SELECT record, {} AS o FROM records ORDER BY energy LIMIT 3 OFFSET 1",
      "SELECT record FROM records ORDER BY {}, record DESC",
      "SELECT DISTINCT {} AS o FROM records",
      "SELECT count(*) FROM records GROUP BY {}",
      "SELECT formula, count(*) FROM records WHERE {} GROUP BY formula",
      "SELECT max({}), min(energy) FROM records",
      "SELECT sum({}), count(*) FILTER (WHERE {}) FROM records",
      "SELECT count(DISTINCT {}) FROM records",
      "SELECT group_concat(record) FROM records WHERE {}",
      "SELECT record, CASE WHEN {} THEN 'a' ELSE 'b' END FROM records",
      "SELECT record FROM records WHERE record = 1 OR record = 4 AND {}",
      "SELECT record FROM records WHERE (record = 1 AND {}) OR (record = 4 AND {}) OR (record = 7 AND NOT {})",
      "SELECT record FROM records WHERE record IN (0, 1, 2) AND {}",
      "SELECT record, {} FROM records WHERE n_atoms IN (2, 3)",
      "SELECT record FROM records WHERE n_atoms = {}",
  };
  const char* refused[] = {
      "SELECT DISTINCT {} AS o FROM records ORDER BY o",  // SQLite asks again for each group
      "SELECT formula, sum({}) FROM records GROUP BY formula",       // or after sorting
      "SELECT n_atoms, count(*) FILTER (WHERE {}) FROM records GROUP BY n_atoms",
      "SELECT {} AS o, count(*) FROM records GROUP BY o",
      "SELECT formula, {}, count(*) FROM records GROUP BY formula",
      "SELECT record, {} FROM records GROUP BY record",
      "SELECT n_atoms FROM records GROUP BY n_atoms HAVING {}",
      "SELECT count(*), {} FROM records",
      "SELECT {}, max(energy) FROM records",
      "SELECT {}, count(*) FROM records GROUP BY 'x'",
      "SELECT {}, count(*) FROM records WHERE record = 1 GROUP BY n_atoms",
      "SELECT {}, row_number() OVER () FROM records",
      "SELECT {}, lag(record) OVER (ORDER BY energy) FROM records",
      "SELECT {} FROM records a JOIN records b USING (record)",
      "SELECT {} FROM records a, records b",
      "SELECT {} FROM (SELECT * FROM records)",
      "SELECT {} FROM (SELECT * FROM records ORDER BY energy LIMIT 2)",
      "WITH r AS MATERIALIZED (SELECT * FROM records) SELECT {} FROM r",
      "SELECT {} FROM records UNION ALL SELECT 1",
      "SELECT record FROM records WHERE n_atoms > (SELECT avg(n_atoms) FROM records) AND {}",
      "SELECT record FROM records WHERE record IN (SELECT record FROM records WHERE {})",
      "SELECT EXISTS (SELECT 1 FROM records), {}",
      "SELECT {}",
      "SELECT record FROM records WHERE record = {}",
      "VALUES ({})",
  };
  const auto with = [](std::string sql, const std::string& call) {
    for (std::size_t at; (at = sql.find("{}")) != std::string::npos;) sql.replace(at, 2, call);
    return sql;
  };
  for (const std::pair<std::string, std::string> calls : {std::pair("only_elements('H O')", "only_elements(formula, 'H O')"),
                                                          std::pair("has_element('C')", "has_element(formula, 'C')"),
                                                          std::pair("count_element('H')", "count_element(formula, 'H')")}) {
    for (const char* sql : answered) {
      CAPTURE(sql);
      const Rows rows = ask(d, with(sql, calls.first));
      CHECK(rows == ask(d, with(sql, calls.second)));
    }
    for (const char* sql : refused) CHECK(refusal(d, with(sql, calls.first)).find("is about one record") != std::string::npos);
  }
}

TEST_CASE("query: nothing but SELECT") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  const Molecules m;
  const Dataset& d = *m.dataset;
  const std::string outside = dir / "outside.db";
  const std::string refused[] = {
      fmt::format("ATTACH '{}' AS other", outside), fmt::format("VACUUM INTO '{}'", outside), "VACUUM", "DETACH main",
      "PRAGMA journal_mode", "PRAGMA temp_store_directory = '/'", "PRAGMA writable_schema = 1", "SELECT * FROM pragma_database_list",
      "SELECT * FROM pragma_table_info('records')", "CREATE TABLE t(a)", "CREATE TEMP TABLE t(a)", "CREATE TABLE t AS SELECT * FROM records",
      "CREATE VIEW v AS SELECT * FROM records", "CREATE VIRTUAL TABLE v USING records", "CREATE VIRTUAL TABLE v USING fts5(a)",
      "CREATE TRIGGER t AFTER INSERT ON records BEGIN SELECT 1; END", "DROP TABLE records", "ALTER TABLE records RENAME TO r",
      "INSERT INTO records(record) VALUES (1)", "UPDATE records SET energy = 0", "DELETE FROM records", "REPLACE INTO records(record) VALUES (1)",
      "DELETE FROM sqlite_schema", "BEGIN", "COMMIT", "SAVEPOINT s", "ANALYZE", "REINDEX", "SELECT load_extension('x')",
      "SELECT load_extension('x', 'y')", "SELECT readfile('/etc/passwd')", "SELECT writefile('x', 'y')", "SELECT fts3_tokenizer('x')",
      "SELECT 1; DELETE FROM records", "SELECT 1; SELECT 2", "SELECT 1;;; x", "", " ", ";", "-- nothing", "SELECT", "x", "SELECT ?", "SELECT :a",
      "SELECT record FROM records WHERE record = @a", "SELECT count(*) FROM nothing", "SELECT * FROM main.nothing", std::string("SELECT 1\0, 2", 12),
      "SELECT length(hex(zeroblob(200000000)))", "SELECT length(zeroblob(1000000000))", std::string(2 << 20, ' '), "SELECT " + std::string(100000, '(') + "1" + std::string(100000, ')'), "SELECT abs(-9223372036854775807 - 1)",
      "SELECT energy FROM records WHERE \"energi\" < 1", "SELECT 'a' MATCH 'b'", "EXPLAIN DELETE FROM records"};
  for (const std::string& sql : refused) CHECK(refusal(d, sql).starts_with("--sql: "));
  CHECK_FALSE(std::filesystem::exists(outside));
  CHECK(ask(d, "SELECT count(*) FROM records") == Rows{"8"});
}

TEST_CASE("query: advice") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const Dataset& d = *m.dataset;
  CHECK(refusal(d, "SELECT n_atom FROM records") == "--sql: no such column: n_atom; did you mean 'n_atoms'?");
  CHECK(refusal(d, "SELECT r.formla FROM records r") == "--sql: no such column: r.formla; did you mean 'formula'?");
  CHECK(refusal(d, "SELECT max(n_atoms)") == "--sql: no such column: n_atoms; add FROM records to its SELECT");
  CHECK(refusal(d, "SELECT zzzz FROM records") ==
        "--sql: no such column: zzzz; man atp-inspect lists the columns, atp inspect shows the properties");
  CHECK(refusal(d, "SELECT only_element('H') FROM records") == "--sql: no such function: only_element; did you mean 'only_elements'?");
  CHECK(refusal(d, "SELECT 1 FROM record") == "--sql: no such table: record; the table is called records");
  CHECK(refusal(d, "SELECT only_elements(\"H O\") FROM records") ==
        "--sql: no such column: H O; write text in single quotes; double quotes are for names of columns");
  CHECK(refusal(d, "DROP TABLE records").find("only SELECT is possible") != std::string::npos);
}

TEST_CASE("query: damage is an error that names the record, and only where it is looked at") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  const std::string path = dir / "a.atp";
  for (const Codec codec : test::codecs()) {
    test::write(path, {molecule({8, 1, 1}, -6), molecule({1, 1}, -1)}, codec);
    const auto sound = test::read_bytes(path);
    const auto second = Reader(path).entry(1);
    auto bytes = sound;
    bytes[second.offset + 3] ^= std::byte{1};
    test::write_bytes(path, bytes);
    {
      const Dataset d({path});
      CHECK(ask(d, "SELECT count(*), sum(n_atoms), max(record), count(DISTINCT shard) FROM records WHERE n_atoms > 1") == Rows{"2|5|1|1"});
      CHECK(ask(d, "SELECT record FROM records WHERE n_atoms < 3 ORDER BY record DESC") == Rows{"1"});
      CHECK(ask(d, "SELECT formula FROM records WHERE record = 0") == Rows{"H2O"});
      CHECK(ask(d, "SELECT formula FROM records WHERE n_atoms > 2 AND energy < 0") == Rows{"H2O"});
      CHECK(ask(d, "SELECT formula FROM records WHERE only_elements('H O') AND energy < 0 AND 2 < n_atoms") == Rows{"H2O"});
      for (const char* sql : {"SELECT formula FROM records", "SELECT count(*) FROM records WHERE energy < 0", "SELECT max(volume) FROM records",
                              "SELECT count(*) FROM records WHERE has_element('H')"})
        CHECK_THROWS_WITH_AS(ask(d, sql), doctest::Contains((path + ": record 1: is damaged").c_str()), Error);
    }
    bytes = sound;
    bytes[bytes.size() - 1] ^= std::byte{1};  // the last atom count of the index
    test::write_bytes(path, bytes);
    const Dataset d({path});
    CHECK_THROWS_WITH_AS(ask(d, "SELECT sum(n_atoms) FROM records"), doctest::Contains("the index is damaged"), Error);
  }
}

TEST_CASE("query: any dataset can be asked for everything") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  for (const auto& path : test::fixtures()) {
    CAPTURE(path);
    const Dataset d({path});
    CHECK(ask(d, "SELECT * FROM records").size() == d.size());
  }
  for (const Codec codec : test::codecs()) {
    test::write_many(dir / "r.atp", 20, codec);
    const Dataset d({dir / "r.atp"});
    CHECK(ask(d, "SELECT * FROM records").size() == 20);
    CHECK(ask(d, "SELECT count(*), sum(n_elements) FROM records WHERE formula IS NOT NULL").size() == 1);
  }
}

TEST_CASE("query: names of properties are no SQL") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  Structure s = molecule({1}, 0);
  s.put_i64(Kind::molecule, "a\"); DROP TABLE records; --", 1);
  s.put_i64(Kind::molecule, "select", 2);
  s.put_i64(Kind::molecule, "", 3);
  s.put_i64(Kind::molecule, "\xff\xfe\n", 4);
  s.put_i64(Kind::molecule, "ключ HIDDEN", 5);
  test::write(dir / "a.atp", {s});
  const Dataset d({dir / "a.atp"});
  CHECK(ask(d, "SELECT \"a\"\"); DROP TABLE records; --\", \"select\", \"\", \"\xff\xfe\n\", \"ключ HIDDEN\" FROM records") == Rows{"1|2|3|4|5"});
  CHECK(Query(d, "SELECT * FROM records", "--sql").columns().size() == 18);
}

TEST_CASE("query: what the rows' taker throws comes out") {
  if (test::no_sqlite()) return;
  const Molecules m;
  Query query(*m.dataset, "SELECT record FROM records", "--sql");
  int taken = 0;
  CHECK_THROWS_AS(query.run([&](Query::Row) {
                    if (++taken == 3) throw 17;
                  }),
                  int);
  CHECK(taken == 3);
}
