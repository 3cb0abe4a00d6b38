#include "core/atp/metadata.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>

#include "core/base/error.h"
#include "core/base/json_writer.h"

namespace atp {
namespace {

namespace dom = simdjson::dom;

void write_map(JsonWriter& w, std::string_view key, const std::map<std::string, std::string>& map) {
  if (map.empty()) return;
  w.key(key).begin_object();
  for (const auto& [k, v] : map) w.key(k).string(v);
  w.end_object();
}

// Text values as they are, anything else as its JSON text.
std::string text_of(dom::element e) {
  std::string_view s;
  return e.get(s) == simdjson::SUCCESS ? std::string(s) : simdjson::minify(e);
}

std::map<std::string, std::string> read_map(dom::element e) {
  std::map<std::string, std::string> map;
  dom::object object;
  if (e.get(object) != simdjson::SUCCESS) return map;
  for (const auto field : object) map[std::string(field.key)] = text_of(field.value);
  return map;
}

Metadata::Source read_source(dom::element e) {
  Metadata::Source source;
  std::string_view text;
  if (e["name"].get(text) == simdjson::SUCCESS) source.name = text;
  if (e["size"].get(source.size) != simdjson::SUCCESS) source.size = 0;
  std::uint64_t hash = 0;
  if (e["xxh3"].get(text) == simdjson::SUCCESS &&
      std::from_chars(text.data(), text.data() + text.size(), hash, 16).ec == std::errc()) {
    source.xxh3 = hash;
  }
  return source;
}

}  // namespace

std::string Metadata::to_json() const {
  JsonWriter w;
  w.begin_object();
  if (!generator.empty()) w.key("generator").string(generator);
  if (!sources.empty()) {
    w.key("sources").begin_array();
    for (const auto& s : sources) {
      w.begin_object().key("name").string(s.name).key("size").count(s.size);
      if (s.xxh3) w.key("xxh3").string(fmt::format("{:016x}", *s.xxh3));
      w.end_object();
    }
    w.end_array();
  }
  write_map(w, "units", units);
  write_map(w, "mapping", mapping);
  if (!license.empty()) w.key("license").string(license);
  write_map(w, "user", user);
  for (const auto& [key, json] : other) w.key(key).raw(json);
  w.end_object();
  return w.take();
}

Metadata Metadata::parse(std::string_view json) {
  Metadata m;
  if (json.empty()) return m;
  dom::parser parser;
  dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
    fail_input("", "the metadata block is not a JSON object");
  }
  for (const auto field : object) {
    if (field.key == "generator") {
      m.generator = text_of(field.value);
    } else if (field.key == "license") {
      m.license = text_of(field.value);
    } else if (field.key == "units") {
      m.units = read_map(field.value);
    } else if (field.key == "mapping") {
      m.mapping = read_map(field.value);
    } else if (field.key == "user") {
      m.user = read_map(field.value);
    } else if (dom::array sources; field.key == "sources" && field.value.get(sources) == simdjson::SUCCESS) {
      for (const auto source : sources) m.sources.push_back(read_source(source));
    } else {
      m.other[std::string(field.key)] = simdjson::minify(field.value);
    }
  }
  return m;
}

const std::map<std::string, std::string>& standard_units() {
  static const std::map<std::string, std::string> units = {
      {"positions", "Å"}, {"cell", "Å"},        {"energy", "eV"},
      {"forces", "eV/Å"}, {"stress", "eV/Å³"}, {"charges", "e"},
      {"velocities", "sqrt(eV/u)"},
  };
  return units;
}

}  // namespace atp
