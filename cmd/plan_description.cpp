#include "cmd/plan_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/selection.h"
#include "core/io/mapped_file.h"
#include "core/plan/cost.h"
#include "core/plan/mix.h"

namespace atp {
namespace {

namespace dom = simdjson::dom;

// Sums of doubles may differ in their last digits between machines.
constexpr double kSameReal = 1e-9;

bool is_number(dom::element_type type) { return type == dom::element_type::INT64 || type == dom::element_type::UINT64 || type == dom::element_type::DOUBLE; }

std::string shown(dom::element value) {
  std::string text = simdjson::minify(value);
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return text;
}

// Collects where two values differ; `name` is the path so far.
class Comparison {
 public:
  std::vector<std::string> found;

  void compare(const std::string& name, dom::element said, dom::element is) {
    if (said.is_object() && is.is_object()) return compare_objects(name, said, is);
    if (said.is_array() && is.is_array()) return compare_arrays(name, said, is);
    if (!same(said, is)) found.push_back(fmt::format("plan.json says {} is {}, and it is {}", name, shown(said), shown(is)));
  }

 private:
  static bool same(dom::element a, dom::element b) {
    if (a.type() == dom::element_type::DOUBLE || b.type() == dom::element_type::DOUBLE) {
      if (!is_number(a.type()) || !is_number(b.type())) return false;
      const double x = a.get_double().value(), y = b.get_double().value();
      return std::abs(x - y) <= kSameReal * std::max({1.0, std::abs(x), std::abs(y)});
    }
    return std::string(simdjson::minify(a)) == std::string(simdjson::minify(b));
  }

  void compare_objects(const std::string& name, dom::object said, dom::object is) {
    const std::string prefix = name.empty() ? "" : name + ".";
    std::set<std::string_view> seen;
    for (const auto& [key, value] : said) {
      dom::element expected;
      if (!seen.insert(key).second) {
        found.push_back(fmt::format("plan.json says '{}{}' twice", prefix, key));
      } else if (is[key].get(expected) != simdjson::SUCCESS) {
        found.push_back(fmt::format("plan.json has '{}{}', which no such plan has", prefix, key));
      } else if (key != "seconds" && key != "atp" && !(key == "path" && name.starts_with("datasets"))) {
        compare(prefix + std::string(key), value, expected);
      }
    }
    for (const auto& field : is) {
      if (!seen.contains(field.key)) found.push_back(fmt::format("plan.json does not say '{}{}'", prefix, field.key));
    }
  }

  void compare_arrays(const std::string& name, dom::array said, dom::array is) {
    if (said.size() != is.size()) return found.push_back(fmt::format("plan.json has {} {}, {} are expected", said.size(), name, is.size()));
    auto other = is.begin();
    std::size_t i = 0;
    for (const dom::element value : said) compare(fmt::format("{}[{}]", name, i++), value, *other), ++other;
  }
};

}  // namespace

PlanDescription::PlanDescription(const std::string& path) : path_(path) {
  const MappedFile file(path);
  const simdjson::padded_string text(as_text(file.bytes()));
  if (parser_.parse(text).get(document_) != simdjson::SUCCESS || document_.get(root_) != simdjson::SUCCESS || string("format") != "atp-plan") fail("is no plan of atp");
  if (count("version") != 1) fail(fmt::format("has version {}, this atp knows version 1", count("version")));
}

void PlanDescription::fail(const std::string& what) const { fail_input(path_, what); }

dom::element PlanDescription::value(const char* key) const {
  dom::element found;
  if (root_[key].get(found) != simdjson::SUCCESS) bad(key);
  return found;
}

std::uint64_t PlanDescription::count(const char* key) const {
  std::uint64_t number = 0;
  if (value(key).get(number) != simdjson::SUCCESS) bad(key);
  return number;
}

std::string PlanDescription::string(const char* key) const {
  std::string_view text;
  if (value(key).get(text) != simdjson::SUCCESS) bad(key);
  return std::string(text);
}

bool PlanDescription::flag(const char* key) const {
  bool set = false;
  if (value(key).get(set) != simdjson::SUCCESS) bad(key);
  return set;
}

std::uint64_t PlanDescription::limit(const char* key) const {
  if (is_null(key)) return kNoLimit;
  const std::uint64_t limit = count(key);
  if (limit == 0 || limit > kLargestLimit) bad(key);
  return limit;
}

std::uint64_t PlanDescription::hash(dom::element element, const char* key) const {
  std::string_view text;
  std::uint64_t number = 0;
  if (element.get(text) != simdjson::SUCCESS || text.size() != 16) bad(key);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size()) bad(key);
  return number;
}

std::string PlanDescription::choice(const char* key, std::initializer_list<std::string_view> choices) const {
  std::string chosen = string(key);
  if (std::find(choices.begin(), choices.end(), chosen) == choices.end()) bad(key);
  return chosen;
}

PlanCommand PlanDescription::command(const PlanCommand& given) const {
  PlanCommand c;
  c.datasets = given.datasets, c.sizes = given.sizes, c.edges = given.edges, c.cutoff = given.cutoff;
  c.limits = {limit("max_atoms"), limit("max_edges"), limit("max_graphs")};
  c.strategy = string("strategy");
  c.seed = count("seed"), c.epoch = count("epoch");
  c.oversize = choice("oversize", {"error", "single", "skip"});
  c.tail = choice("tail", {"pad", "drop", "repeat"});
  c.min_atoms = count("min_atoms");
  c.drop_last = flag("drop_last");
  c.records = string("records"), c.mix = string("weights"), c.cost = string("cost");
  c.gpus = form().gpus, c.format = form().files, c.per_rank = form().per_rank;
  if (form().shapes) c.shapes = count("static_shapes");
  if (c.shapes > kMostShapes) bad("static_shapes");
  if (c.edges.empty() && !c.cutoff && c.sizes.empty()) c.cutoff = cutoff();
  // Values that are read later, and are known to be readable then.
  try {
    parse_strategy(c.strategy);
    if (!c.records.empty()) Selection::parse(c.records);
    if (!c.cost.empty()) parse_cost(c.cost);
    std::vector<std::string> names;
    for (const PlannedSet& set : datasets()) names.push_back(set.name);
    mix_weights(c.mix, names, std::vector<std::uint64_t>(names.size()));
  } catch (const Error& e) {
    fail(e.problem());
  }
  return c;
}

std::optional<double> PlanDescription::cutoff() const {
  if (is_null("cutoff")) return std::nullopt;
  double cutoff = 0;
  if (value("cutoff").get(cutoff) != simdjson::SUCCESS || !(cutoff > 0) || !std::isfinite(cutoff)) bad("cutoff");
  return cutoff;
}

PlanForm PlanDescription::form() const {
  PlanForm f;
  f.files = choice("files", {"npy", "npz", "jsonl"});
  f.per_rank = flag("per_rank");
  f.edges = !is_null("edges_hash");
  f.shapes = root_["static_shapes"].error() == simdjson::SUCCESS;
  const std::uint64_t gpus = count("gpus");
  if (gpus == 0 || gpus > kMostGpus) bad("gpus");
  f.gpus = static_cast<std::uint32_t>(gpus);
  f.steps = count("steps"), f.first_step = count("first_step"), f.batches = count("batches");
  f.may_repeat = string("tail") == "repeat";
  return f;
}

std::vector<PlanDescription::PlannedSet> PlanDescription::datasets() const {
  std::vector<PlannedSet> sets;
  dom::array array;
  if (value("datasets").get(array) != simdjson::SUCCESS) bad("datasets");
  for (const dom::element set : array) {
    std::string_view name;
    dom::element text;
    if (set["name"].get(name) != simdjson::SUCCESS || set["hash"].get(text) != simdjson::SUCCESS) bad("datasets");
    sets.push_back({std::string(name), hash(text, "datasets")});
  }
  return sets;
}

std::optional<std::uint64_t> PlanDescription::edges_hash() const {
  if (is_null("edges_hash")) return std::nullopt;
  return hash(value("edges_hash"), "edges_hash");
}

std::vector<std::string> PlanDescription::differences(const std::string& expected) const {
  dom::parser parser;
  Comparison comparison;
  comparison.compare("", document_, parser.parse(expected).value());
  double seconds = 0;
  if (value("seconds").get(seconds) != simdjson::SUCCESS || !(seconds >= 0)) comparison.found.push_back("plan.json says nothing good of its 'seconds'");
  return comparison.found;
}

}  // namespace atp
