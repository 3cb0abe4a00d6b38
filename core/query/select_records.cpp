#include "core/query/select_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/query/connection.h"

namespace atp {
namespace {

constexpr std::uint64_t kPieceRecords = 1 << 14;  // what a thread takes at a time; the result does not depend on it
constexpr std::uint64_t kPieceAtoms = 1 << 20;

struct Piece {
  std::vector<RecordRange> ranges;
};

struct Found {
  std::uint64_t looked_at = 0;
  std::vector<std::uint64_t> records;
  std::vector<std::pair<std::uint64_t, Error>> damaged;
};

// A connection with the condition prepared for any range of records.
class Selector {
 public:
  Selector(const Dataset& dataset, const std::string& expression, const SelectOptions& options)
      : connection_(dataset, options.where, {true, options.verify}),
        statement_(connection_.prepare(fmt::format(
            "SELECT record FROM records WHERE record >= ?1 AND record < ?2 AND ({}\n)", expression))) {}

  // With `skip`, goes on behind a record that cannot be read. Not for conditions with a SELECT.
  Found select(const Piece& piece, bool skip) {
    Found found;
    for (const RecordRange& range : piece.ranges) {
      std::uint64_t begin = range.begin;
      while (begin < range.end) begin = select({begin, range.end}, skip, found);
      found.looked_at += range.end - range.begin;
    }
    return found;
  }

 private:
  // Returns where to go on.
  std::uint64_t select(const RecordRange& range, bool skip, Found& found) {
    sqlite3_stmt* s = statement_.get();
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, static_cast<sqlite3_int64>(range.begin));
    sqlite3_bind_int64(s, 2, static_cast<sqlite3_int64>(range.end));
    try {
      while (connection_.step(s)) found.records.push_back(static_cast<std::uint64_t>(sqlite3_column_int64(s, 0)));
    } catch (const Error& e) {
      if (!skip || e.exit() != Exit::input) throw;
      found.damaged.emplace_back(connection_.error_record(), e);
      return connection_.error_record() + 1;
    }
    return range.end;
  }

  Connection connection_;
  Statement statement_;  // goes before its connection
};

// Selectors that no thread uses at the moment; one is made when there is none.
class SelectorPool {
 public:
  SelectorPool(const Dataset& dataset, const std::string& expression, const SelectOptions& options)
      : dataset_(dataset), expression_(expression), options_(options) {}

  std::unique_ptr<Selector> take() {
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto selector = std::move(idle_.back());
        idle_.pop_back();
        return selector;
      }
    }
    return std::make_unique<Selector>(dataset_, expression_, options_);
  }

  void give_back(std::unique_ptr<Selector> selector) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(selector));
  }

 private:
  const Dataset& dataset_;
  const std::string& expression_;
  const SelectOptions& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Selector>> idle_;  // guarded by mutex_
};

// Throws unless the text is one expression over a record. Standing alone between SELECT and FROM, it
// cannot close our bracket and open another ("1) OR (1"); standing in brackets behind WHERE, as it is
// used, it cannot be a list or have a name. Returns how many SELECTs it holds itself.
int check_alone(const Dataset& dataset, const std::string& expression, const std::string& where) {
  if (expression.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(Exit::usage, where, "is empty", "write a condition, as 'n_atoms <= 200'");
  }
  Connection connection(dataset, where, {true, true});
  const Statement alone = connection.prepare(fmt::format("SELECT {}\nFROM records", expression));
  if (sqlite3_bind_parameter_count(alone.get()) > 0) {
    throw Error(Exit::usage, where, "holds a parameter (?, :name, @name or $name)", "write the value itself");
  }
  if (sqlite3_column_count(alone.get()) != 1) throw Error(Exit::usage, where, "is not one condition", "join conditions with AND or OR");
  const Statement within = connection.prepare(fmt::format("SELECT record FROM records WHERE ({}\n)", expression));
  return connection.selects() - 1;
}

int check_expression(const Dataset& dataset, const std::string& expression, const std::string& where) {
  try {
    return check_alone(dataset, expression, where);
  } catch (const Error& e) {
    if (!e.fix().empty()) throw;
    throw Error(e.exit(), e.where(), e.problem(), "write one expression of SQLite, as 'n_atoms <= 200 AND energy < 0'");
  }
}

// Cuts the records to look at into pieces of about equal work, which do not depend on the threads.
class Pieces {
 public:
  Pieces(const Dataset& dataset, std::vector<RecordRange> ranges) : dataset_(dataset), ranges_(std::move(ranges)) {}

  // nullptr at the end.
  std::unique_ptr<Piece> next() {
    auto piece = std::make_unique<Piece>();
    std::uint64_t records = 0, atoms = 0;
    for (; at_ < ranges_.size() && records < kPieceRecords && atoms < kPieceAtoms; ) {
      RecordRange& range = ranges_[at_];
      const std::uint64_t begin = range.begin;
      for (; range.begin < range.end && records < kPieceRecords && atoms < kPieceAtoms; ++records) atoms += atoms_of(range.begin++);
      if (begin < range.begin) piece->ranges.push_back({begin, range.begin});
      if (range.begin == range.end) ++at_;
    }
    return piece->ranges.empty() ? nullptr : std::move(piece);
  }

 private:
  std::uint64_t atoms_of(std::uint64_t record) {
    if (record < begin_ || record >= end_) {
      shard_ = dataset_.locate(record).shard;
      begin_ = dataset_.start_of(shard_);
      end_ = dataset_.start_of(shard_ + 1);
    }
    return dataset_.shards()[shard_].raw_entry(record - begin_).atoms;
  }

  const Dataset& dataset_;
  std::vector<RecordRange> ranges_;
  std::size_t at_ = 0, shard_ = 0;
  std::uint64_t begin_ = 0, end_ = 0;  // the shard's records
};

// A subquery may look at all records, and would do so again for every piece: the condition is evaluated
// in one go.
std::vector<std::uint64_t> select_at_once(const Dataset& dataset, const std::string& expression, const SelectOptions& options,
                                          const std::vector<RecordRange>& ranges) {
  if (ranges.empty()) return {};
  const Piece all{{{ranges.front().begin, ranges.back().end}}};
  std::vector<std::uint64_t> records = Selector(dataset, expression, options).select(all, false).records;
  auto range = ranges.begin();
  std::erase_if(records, [&](std::uint64_t record) {
    while (record >= range->end) ++range;
    return record < range->begin;
  });
  if (options.progress) options.progress(dataset.size());
  return records;
}

}  // namespace

std::vector<std::uint64_t> select_records(const Dataset& dataset, const std::string& expression, const SelectOptions& options) {
  const int own_selects = check_expression(dataset, expression, options.where);
  if (options.verify) {
    for (const Reader& reader : dataset.shards()) reader.check_index();
  }
  std::vector<RecordRange> ranges = options.within.value_or(std::vector<RecordRange>{{0, dataset.size()}});
  if (own_selects > 0) return select_at_once(dataset, expression, options, ranges);

  SelectorPool pool(dataset, expression, options);
  Pieces pieces(dataset, std::move(ranges));
  std::vector<std::uint64_t> selected;
  std::uint64_t looked_at = 0;
  ordered_parallel<Piece, Found>(
      options.jobs, [&] { return pieces.next(); },
      [&](Piece& piece) {
        auto selector = pool.take();
        Found found = selector->select(piece, options.damaged != nullptr);
        pool.give_back(std::move(selector));
        return found;
      },
      [&](Found&& found) {
        selected.insert(selected.end(), found.records.begin(), found.records.end());
        for (const auto& [record, error] : found.damaged) options.damaged(record, error);
        looked_at += found.looked_at;
        if (options.progress) options.progress(looked_at);
      });
  return selected;
}

}  // namespace atp
