#include "core/query/query.h"

#include "core/base/error.h"
#include "core/query/connection.h"

namespace atp {

std::string_view query_missing() { return {}; }

struct Query::Running {
  Connection connection;
  Statement statement;  // goes before its connection
};

Query::Query(const Dataset& dataset, const std::string& sql, std::string where)
    : running_(new Running{{dataset, where, {}}, {}}) {
  for (const Reader& reader : dataset.shards()) reader.check_index();
  running_->statement = running_->connection.prepare(sql);
  sqlite3_stmt* statement = running_->statement.get();
  if (sqlite3_bind_parameter_count(statement) > 0) {
    throw Error(Exit::usage, std::move(where), "holds a parameter (?, :name, @name or $name)", "write the value itself");
  }
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    const char* name = sqlite3_column_name(statement, i);
    if (name == nullptr) throw std::bad_alloc();
    columns_.emplace_back(name);
  }
}

Query::~Query() = default;

void Query::run(const std::function<void(Row)>& row, std::function<void(std::uint64_t)> progress) {
  running_->connection.set_progress(std::move(progress));
  sqlite3_stmt* statement = running_->statement.get();
  std::vector<SqlValue> values(columns_.size());
  while (running_->connection.step(statement)) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = column_value(statement, static_cast<int>(i));
    row(values);
  }
}

}  // namespace atp
