#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/query/connection.h"
#include "core/query/query.h"

namespace atp {
namespace {

constexpr std::uint64_t kPieceRecords = 1 << 14;  // what a thread takes at a time; the result does not depend on it
constexpr std::uint64_t kPieceAtoms = 1 << 20;

struct Piece {
  std::uint64_t begin, end;
};

// A connection with the condition prepared for any range of records.
struct Selector {
  Connection connection;
  Statement statement;

  Selector(const Dataset& dataset, const std::string& expression, const std::string& where)
      : connection(dataset, where, true),
        statement(connection.prepare(fmt::format(
            "SELECT record FROM records WHERE record >= ?1 AND record < ?2 AND ({}\n)", expression))) {}

  std::vector<std::uint64_t> select(const Piece& piece) {
    sqlite3_stmt* s = statement.get();
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, static_cast<sqlite3_int64>(piece.begin));
    sqlite3_bind_int64(s, 2, static_cast<sqlite3_int64>(piece.end));
    std::vector<std::uint64_t> found;
    while (connection.step(s)) found.push_back(static_cast<std::uint64_t>(sqlite3_column_int64(s, 0)));
    return found;
  }
};

// Selectors that no thread uses at the moment; one is made when there is none.
class SelectorPool {
 public:
  SelectorPool(const Dataset& dataset, const std::string& expression, const std::string& where)
      : dataset_(dataset), expression_(expression), where_(where) {}

  std::unique_ptr<Selector> take() {
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto selector = std::move(idle_.back());
        idle_.pop_back();
        return selector;
      }
    }
    return std::make_unique<Selector>(dataset_, expression_, where_);
  }

  void give_back(std::unique_ptr<Selector> selector) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(selector));
  }

 private:
  const Dataset& dataset_;
  const std::string& expression_;
  const std::string& where_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Selector>> idle_;  // guarded by mutex_
};

// Throws unless the text is one expression over a record. Standing alone between SELECT and FROM, it
// cannot close our bracket and open another ("1) OR (1"); standing in brackets behind WHERE, as it is
// used, it cannot be a list or have a name. Returns how many SELECTs it holds itself.
int check_expression(const Dataset& dataset, const std::string& expression, const std::string& where) {
  if (expression.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(Exit::usage, where, "is empty", "write a condition, as 'n_atoms <= 200'");
  }
  Connection connection(dataset, where, true);
  const Statement alone = connection.prepare(fmt::format("SELECT {}\nFROM records", expression));
  if (sqlite3_bind_parameter_count(alone.get()) > 0) {
    throw Error(Exit::usage, where, "holds a parameter (?, :name, @name or $name)", "write the value itself");
  }
  if (sqlite3_column_count(alone.get()) != 1) throw Error(Exit::usage, where, "is not one condition", "join conditions with AND or OR");
  const Statement within = connection.prepare(fmt::format("SELECT record FROM records WHERE ({}\n)", expression));
  return connection.selects() - 1;
}

std::unique_ptr<Piece> next_piece(const Dataset& dataset, std::uint64_t& at) {
  if (at == dataset.size()) return nullptr;
  auto piece = std::make_unique<Piece>(Piece{at, at});
  auto place = dataset.locate(at);
  std::uint64_t atoms = 0;
  const std::uint64_t shard_end = dataset.start_of(place.shard + 1);
  while (at < shard_end && at - piece->begin < kPieceRecords && atoms < kPieceAtoms)
    atoms += dataset.shards()[place.shard].raw_entry(at++ - dataset.start_of(place.shard)).atoms;
  piece->end = at;
  return piece;
}

}  // namespace

std::vector<std::uint64_t> select_records(const Dataset& dataset, const std::string& expression, const std::string& where,
                                          int jobs, const std::function<void(std::uint64_t)>& progress) {
  const int own_selects = check_expression(dataset, expression, where);
  for (const Reader& reader : dataset.shards()) reader.check_index();

  // A subquery may look at all records, and would do so again for every piece.
  const bool at_once = own_selects > 0;
  std::uint64_t at = 0;
  const auto produce = [&]() -> std::unique_ptr<Piece> {
    if (!at_once) return next_piece(dataset, at);
    return std::exchange(at, dataset.size()) == dataset.size() ? nullptr : std::make_unique<Piece>(Piece{0, dataset.size()});
  };

  SelectorPool pool(dataset, expression, where);
  struct Found {
    Piece piece;
    std::vector<std::uint64_t> records;
  };
  std::vector<std::uint64_t> selected;
  ordered_parallel<Piece, Found>(
      jobs, produce,
      [&](Piece& piece) {
        auto selector = pool.take();
        Found found{piece, selector->select(piece)};
        pool.give_back(std::move(selector));
        return found;
      },
      [&](Found&& found) {
        selected.insert(selected.end(), found.records.begin(), found.records.end());
        if (progress) progress(found.piece.end);
      });
  return selected;
}

}  // namespace atp
