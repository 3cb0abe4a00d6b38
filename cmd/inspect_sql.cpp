// The rows of `atp inspect --sql` as a table, CSV or JSON lines.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cmd/inspect.h"
#include "cmd/terminal.h"
#include "core/atp/one_pass.h"
#include "core/query/query.h"

namespace atp {
namespace {

constexpr std::size_t kTableRows = 1000;       // aligned together; a longer result is several tables
constexpr std::size_t kTableBytes = 16 << 20;  // the same by size

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

// With all digits, so that it reads back as the same number.
std::string number_text(double v) { return fmt::format("{}", v); }

template <class... Fns>
struct Overloaded : Fns... {
  using Fns::operator()...;
};
template <class... Fns>
Overloaded(Fns...) -> Overloaded<Fns...>;

// Takes the rows of a result one by one.
class RowPrinter {
 public:
  virtual ~RowPrinter() = default;
  virtual void row(Query::Row values) = 0;
  virtual void finish() {}
};

class CsvPrinter final : public RowPrinter {
 public:
  explicit CsvPrinter(const std::vector<std::string>& names) {
    for (const std::string& name : names) field(name);
    end_line();
  }

  void row(Query::Row values) override {
    for (const SqlValue& value : values)
      std::visit(Overloaded{[&](std::monostate) { plain(""); }, [&](std::int64_t v) { plain(fmt::format("{}", v)); },
                            [&](double v) { plain(number_text(v)); }, [&](std::string_view v) { field(v); },
                            [&](Bytes v) { plain(hex(v)); }},
                 value);
    end_line();
  }

 private:
  void plain(std::string_view text) {
    if (!first_) line_ += ',';
    first_ = false;
    line_ += text;
  }
  // An empty text is written "", which tells it from NULL.
  void field(std::string_view text) {
    if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) return plain(text);
    plain("\"");
    for (const char c : text) line_ += c == '"' ? std::string("\"\"") : std::string(1, c);
    line_ += '"';
  }
  void end_line() {
    print(line_ + "\n");
    line_.clear();
    first_ = true;
  }

  std::string line_;
  bool first_ = true;
};

class JsonPrinter final : public RowPrinter {
 public:
  // Two columns of one name would be lost to most readers of JSON: the second becomes NAME:2.
  explicit JsonPrinter(const std::vector<std::string>& names) {
    std::set<std::string> taken;
    for (const std::string& name : names) {
      std::string key = name;
      for (int n = 2; !taken.insert(key).second; ++n) key = fmt::format("{}:{}", name, n);
      keys_.push_back(key);
    }
  }

  void row(Query::Row values) override {
    JsonWriter w;
    w.begin_object();
    for (std::size_t i = 0; i < values.size(); ++i) {
      w.key(keys_[i]);
      std::visit(Overloaded{[&](std::monostate) { w.null(); }, [&](std::int64_t v) { w.integer(v); },
                            [&](double v) { w.real(v); }, [&](std::string_view v) { w.string(v); },
                            [&](Bytes v) { w.string(hex(v)); }},
                 values[i]);
    }
    print(w.end_object().take() + "\n");
  }

 private:
  std::vector<std::string> keys_;
};

class TablePrinter final : public RowPrinter {
 public:
  explicit TablePrinter(const std::vector<std::string>& names) {
    for (const std::string& name : names) head_.push_back(printable(name));
    begin();
  }

  void row(Query::Row values) override {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < values.size(); ++i) {
      cells.push_back(std::visit(
          Overloaded{[](std::monostate) { return std::string("null"); }, [](std::int64_t v) { return fmt::format("{}", v); },
                     [](double v) { return number_text(v); }, [](std::string_view v) { return printable(v); },
                     [](Bytes v) { return hex(v); }},
          values[i]));
      if (std::holds_alternative<std::string_view>(values[i])) right_[i] = false;
      bytes_ += cells.back().size();
    }
    rows_.push_back(std::move(cells));
    if (rows_.size() <= kTableRows && bytes_ < kTableBytes) return;
    print(table(rows_, right_));
    begin();
  }

  void finish() override {
    if (rows_.size() > 1 || !printed_) print(table(rows_, right_));
  }

 private:
  void begin() {
    printed_ = !rows_.empty();
    rows_.assign(1, head_);
    right_.assign(head_.size(), true);
    bytes_ = 0;
  }

  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;  // the head, and what was not printed yet
  std::vector<bool> right_;
  std::size_t bytes_ = 0;
  bool printed_ = false;
};

std::unique_ptr<RowPrinter> printer(const InspectOptions& options, const std::vector<std::string>& columns) {
  if (options.csv) return std::make_unique<CsvPrinter>(columns);
  if (options.json) return std::make_unique<JsonPrinter>(columns);
  return std::make_unique<TablePrinter>(columns);
}

}  // namespace

void print_query(const Dataset& dataset, const InspectOptions& options) {
  const OnePass once(dataset);  // what the query reads leaves memory with it
  Query query(dataset, options.sql, "--sql");
  const auto out = printer(options, query.columns());
  Progress progress("querying", dataset.size(), false);
  query.run([&](Query::Row values) { out->row(values); },
            [&](std::uint64_t record) {
              progress.advance_to(record);
              progress.set_records(record);
            });
  out->finish();
}

}  // namespace atp
