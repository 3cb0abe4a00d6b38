// A dataset asked in SQL: SELECT over the table `records`, evaluated by SQLite.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/query/record_columns.h"

namespace atp {

// Why this build has no queries; empty when it has them. Without them everything here throws Error (exit 2).
std::string_view query_missing();

// One SELECT. One thread. Borrows the dataset.
class Query {
 public:
  // Throws Error: exit 2 naming `where` ("--sql") when `sql` is no single SELECT that SQLite understands,
  // exit 3 when the dataset's index is damaged.
  Query(const Dataset& dataset, const std::string& sql, std::string where);
  ~Query();

  // The names of the result's columns.
  const std::vector<std::string>& columns() const { return columns_; }

  // Hands out the rows one by one; a row is valid during the call. `progress` is told now and then which
  // record was visited last. May be called once. Throws Error: exit 2 what cannot be evaluated, exit 3 a
  // record that cannot be read; Interrupted; and what `row` throws.
  using Row = std::span<const SqlValue>;
  void run(const std::function<void(Row)>& row, std::function<void(std::uint64_t)> progress = {});

 private:
  struct Running;
  std::unique_ptr<Running> running_;
  std::vector<std::string> columns_;
};

}  // namespace atp
