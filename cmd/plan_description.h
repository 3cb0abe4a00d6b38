// plan.json, read: how a plan was made, and what it says of itself. Private to cmd/plan_*.cpp.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/plan_batches.h"
#include "cmd/plan_files.h"

namespace atp {

// Immutable. Whatever is no plan.json of ours, or has a value that no plan has, is an Error (exit 3) naming the file.
class PlanDescription {
 public:
  explicit PlanDescription(const std::string& path);

  struct PlannedSet {
    std::string name;
    std::uint64_t hash;
  };

  // The options the plan was made with, sizes and edges from where `given` says.
  PlanCommand command(const PlanCommand& given) const;
  PlanForm form() const;
  std::vector<PlannedSet> datasets() const;
  std::optional<double> cutoff() const;
  std::string planned_by() const { return string("atp"); }
  std::uint64_t epoch_steps() const { return count("epoch_steps"); }
  std::uint64_t dropped() const { return count("dropped"); }
  std::uint64_t sizes_hash() const { return hash(value("sizes_hash"), "sizes_hash"); }
  std::optional<std::uint64_t> edges_hash() const;
  // Whether it is a part of an epoch (--start, --step).
  bool is_part() const { return count("first_step") != 0 || count("steps") != count("epoch_steps"); }

  // Where it says something else than the plan.json `expected`; paths and seconds may differ.
  std::vector<std::string> differences(const std::string& expected) const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  simdjson::dom::element value(const char* key) const;
  std::uint64_t count(const char* key) const;
  std::string string(const char* key) const;
  bool flag(const char* key) const;
  bool is_null(const char* key) const { return value(key).is_null(); }
  std::uint64_t limit(const char* key) const;
  std::uint64_t hash(simdjson::dom::element text, const char* key) const;
  std::string choice(const char* key, std::initializer_list<std::string_view> choices) const;
  [[noreturn]] void bad(const char* key) const { fail(std::string("has no good '") + key + "'"); }

  std::string path_;
  simdjson::dom::parser parser_;
  simdjson::dom::element document_;
  simdjson::dom::object root_;
};

}  // namespace atp
