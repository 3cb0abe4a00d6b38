// Stands in for the rest of this folder in builds without SQLite.
#include "core/base/error.h"
#include "core/query/query.h"
#include "core/query/select_records.h"

namespace atp {

std::string_view query_missing() { return "built without SQLite"; }

namespace {

[[noreturn]] void fail(std::string where) {
  throw Error(Exit::usage, std::move(where), "this build of atp has no SQLite",
              "install libsqlite3-dev and build again with -DATP_WITH_SQLITE=ON");
}

}  // namespace

struct Query::Running {};

Query::Query(const Dataset&, const std::string&, std::string where) { fail(std::move(where)); }
Query::~Query() = default;
void Query::run(const std::function<void(Row)>&, std::function<void(std::uint64_t)>) {}

std::vector<std::uint64_t> select_records(const Dataset&, const std::string&, const SelectOptions& options) { fail(options.where); }

}  // namespace atp
