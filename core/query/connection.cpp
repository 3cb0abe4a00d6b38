#include "core/query/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/nearest_name.h"

namespace atp {
namespace {

constexpr int kLongestValue = 256 << 20;  // bytes of one text, and of the query
constexpr int kStepsBetweenLooks = 4096;  // of SQLite's machine; some 50 microseconds

constexpr std::size_t kMostColumns = 2000;  // of a table; SQLite's own limit

struct Limit {
  int id, value;
};
constexpr Limit kLimits[] = {{SQLITE_LIMIT_LENGTH, kLongestValue}, {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
                             {SQLITE_LIMIT_ATTACHED, 0},           {SQLITE_LIMIT_WORKER_THREADS, 0},
                             {SQLITE_LIMIT_TRIGGER_DEPTH, 1}};

// What reaches outside, or changes what is asked from run to run.
constexpr std::string_view kForbidden[] = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"};
constexpr std::string_view kRandom[] = {"random", "randomblob"};

template <std::size_t N>
bool among(const std::string_view (&names)[N], const char* name) {
  for (const std::string_view forbidden : names)
    if (name != nullptr && sqlite3_stricmp(name, forbidden.data()) == 0) return true;
  return false;
}

// The name a message of SQLite ends in: "no such column: x".
std::string_view name_after(std::string_view message, std::string_view start) {
  return message.starts_with(start) ? message.substr(start.size()) : std::string_view();
}

}  // namespace

Connection::Connection(const Dataset& dataset, std::string where, Rules rules)
    : where_(std::move(where)), rules_(rules), table_(dataset, record_columns(dataset, kMostColumns), rules.verify) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) throw Error(Exit::system, where_, fmt::format("SQLite cannot start: {}", sqlite3_errstr(code)));
  table_.add_to(db);
  harden();
}

void Connection::harden() {
  sqlite3* db = db_.get();
  const auto set = [db](int option, int on) {
    if (sqlite3_db_config(db, option, on, nullptr) != SQLITE_OK) throw std::bad_alloc();
  };
  set(SQLITE_DBCONFIG_DEFENSIVE, 1);
  set(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0);
  set(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
  set(SQLITE_DBCONFIG_DQS_DML, 0);
  set(SQLITE_DBCONFIG_DQS_DDL, 0);
  for (const Limit& limit : kLimits) sqlite3_limit(db, limit.id, limit.value);
  prepare("SELECT 1 FROM records");  // declares the table, which takes more rights than a query has
  sqlite3_set_authorizer(db, authorize, this);
  sqlite3_progress_handler(db, kStepsBetweenLooks, look_around, this);
}

int Connection::authorize(void* self, int action, const char*, const char* name, const char*, const char*) {
  Connection& connection = *static_cast<Connection*>(self);
  switch (action) {
    case SQLITE_SELECT: ++connection.table_.selects; return SQLITE_OK;
    case SQLITE_READ:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_FUNCTION:
      if (among(kForbidden, name) || (connection.rules_.repeatable && among(kRandom, name))) return SQLITE_DENY;
      return SQLITE_OK;
    default: return SQLITE_DENY;
  }
}

// Called within sqlite3_step(); anything but 0 ends it.
int Connection::look_around(void* self) {
  Connection& connection = *static_cast<Connection*>(self);
  return connection.table_.guarded([&] {
    throw_if_interrupted();
    if (connection.progress_) connection.progress_(connection.table_.last_visited);
  });
}

Statement Connection::prepare(const std::string& sql) {
  if (sql.find('\0') != std::string::npos) throw Error(Exit::usage, where_, "holds a NUL byte");
  table_.selects = 0;
  const char* tail = nullptr;
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &raw, &tail);
  Statement statement(raw);
  if (code != SQLITE_OK) fail(code);
  if (!statement) throw Error(Exit::usage, where_, "is empty", "write a query, as 'SELECT count(*) FROM records'");
  const int selects = table_.selects;
  sqlite3_stmt* more = nullptr;
  const int tail_code = sqlite3_prepare_v2(db_.get(), tail, -1, &more, nullptr);
  const Statement rest(more);
  if (rest || tail_code != SQLITE_OK) {
    throw Error(Exit::usage, where_, "holds more than one statement", "leave out what follows the ';'");
  }
  table_.selects = selects;
  if (!sqlite3_stmt_readonly(statement.get()) || sqlite3_column_count(statement.get()) == 0) {
    throw Error(Exit::usage, where_, "is no SELECT", "the table can only be read");
  }
  return statement;
}

bool Connection::step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(code);
  return false;
}

void Connection::fail(int code) {
  if (const auto error = std::exchange(table_.error, nullptr)) {
    try {
      std::rethrow_exception(error);
    } catch (const Error& e) {
      if (e.exit() != Exit::usage) throw;
      throw e.within(where_);
    }
  }
  const std::string message = sqlite3_errmsg(db_.get());
  switch (code & 0xFF) {
    case SQLITE_NOMEM:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: throw Error(Exit::system, where_, message, "select less at a time, or set TMPDIR to where there is space");
    default: throw Error(Exit::usage, where_, message, advice(message));
  }
}

// What to do about a message of SQLite.
std::string Connection::advice(std::string_view message) const {
  if (std::string_view name = name_after(message, "no such column: "); !name.empty()) {
    name = name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
    std::vector<std::string> names;
    for (const RecordColumn& column : table_.columns()) names.push_back(column.name);
    // A SELECT that ends before its FROM, at a ';' or an open comment, knows no column.
    if (std::find(names.begin(), names.end(), name) != names.end()) return rules_.repeatable ? "" : "add FROM records to its SELECT";
    const std::string fix = did_you_mean(name, names);
    if (!fix.empty()) return fix;
    if (name.find(' ') != std::string_view::npos) return "write text in single quotes; double quotes are for names of columns";
    return "man atp-inspect lists the columns, atp inspect shows the properties";
  }
  if (const std::string_view name = name_after(message, "no such function: "); !name.empty()) {
    const std::string fix = did_you_mean(name, {"only_elements", "has_element", "count_element", "count", "sum", "avg", "min",
                                                "max", "total", "abs", "round", "length", "lower", "upper", "substr",
                                                "coalesce", "instr", "replace", "printf", "group_concat"});
    return fix.empty() ? "functions are those of SQLite, and only_elements, has_element, count_element" : fix;
  }
  if (!name_after(message, "no such table: ").empty()) return "the table is called records";
  if (message.starts_with("not authorized to use function: random")) return "it would give another result in each run";
  if (message.starts_with("not authorized") || message.ends_with("may not be modified")) {
    return "only SELECT is possible, and only of the table records";
  }
  return {};
}

SqlValue column_value(sqlite3_stmt* statement, int i) {
  switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, i)};
    case SQLITE_FLOAT: return sqlite3_column_double(statement, i);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      if (text == nullptr) throw std::bad_alloc();
      return std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, i)));
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, i));
      return Bytes(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, i)));
    }
    default: return {};
  }
}

}  // namespace atp
