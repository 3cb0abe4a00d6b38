// Records as JSON lines: plain lists under plain names, one object a line.
#include <fmt/format.h>

#include "core/base/json_writer.h"
#include "formats/exporters.h"
#include "formats/recorded_types.h"
#include "formats/shortest.h"

namespace atp {
namespace {

// JSON has no word for numbers that are not finite: strings, as everywhere in atp's JSON.
void append_json_number(std::string& out, const NumbersView& numbers, std::uint64_t i) {
  if (numbers.scalar == Scalar::boolean) {
    out += numbers.integer(i) != 0 ? "true" : "false";
  } else if ((numbers.scalar == Scalar::f32 || numbers.scalar == Scalar::f64) && !std::isfinite(numbers.real(i))) {
    out += std::isnan(numbers.real(i)) ? "\"NaN\"" : numbers.real(i) > 0 ? "\"inf\"" : "\"-inf\"";
  } else {
    append_number(out, numbers, i);
  }
}

void append_nested(std::string& out, std::span<const std::uint64_t> shape, const NumbersView& numbers, std::uint64_t& at) {
  if (shape.empty()) return append_json_number(out, numbers, at++);
  out += '[';
  for (std::uint64_t i = 0; i < shape[0]; ++i) {
    if (i > 0) out += ',';
    append_nested(out, shape.subspan(1), numbers, at);
  }
  out += ']';
}

void append_value(std::string& out, const ValueView& value) {
  if (value.info->form == Form::null) {
    out += "null";
  } else if (value.info->form == Form::text) {
    JsonWriter json;
    out += json.string(value.text).text();
  } else {
    std::uint64_t at = 0;
    append_nested(out, value.shape(), value.numbers, at);
  }
}

class JsonlExporter : public RecordExporter {
 public:
  explicit JsonlExporter(const ExportOptions& options) : options_(options) {}

  void encode(const RecordView& record, std::uint64_t /*number*/, std::string& out) const override {
    const RecordFields fields(record);
    out += "{\"numbers\":[";
    for (std::uint64_t i = 0; i < fields.n_atoms; ++i) {
      if (i > 0) out += ',';
      append_integer(out, std::to_integer<int>(record.atomic_numbers()[i]));
    }
    out += "],\"positions\":";
    const std::uint64_t shape[] = {fields.n_atoms, 3};
    std::uint64_t at = 0;
    append_nested(out, shape, record.positions(), at);
    append_kind(out, fields, Kind::builtin, "");
    append_kind(out, fields, Kind::atom, "atom_properties");
    append_kind(out, fields, Kind::molecule, "properties");
    append_types(out, record, fields);
    out += "}\n";
    for (const auto& f : fields.fields) {
      if (f.value.info->form != Form::tensor || f.value.shape().size() <= FrameValue::kMostDimensions) continue;
      options_.note(fmt::format("'{}' has more than {} dimensions, which atp pack does not read back", f.section.key, FrameValue::kMostDimensions));
    }
  }
  void take(std::string_view) override {}
  void finish() override {}

 private:
  // The types that the values do not show; always there, so that atp pack knows its own.
  static void append_types(std::string& out, const RecordView& record, const RecordFields& fields) {
    RecordedTypes types;
    if (record.positions_type() != Type::vec3_f64) types.add_positions(record.positions_type());
    for (const auto& f : fields.fields) {
      const bool narrow = f.value.numbers.scalar == Scalar::f32;
      if (f.section.kind == Kind::builtin ? narrow : !is_plain_json(f.value)) types.add(f.section, f.value);
    }
    fmt::format_to(std::back_inserter(out), ",\"{}\":{}", kRecordedTypes, types.text());
  }

  // The fields of one kind, in an object named `object` where it has a name and is not empty.
  static void append_kind(std::string& out, const RecordFields& fields, Kind kind, std::string_view object) {
    bool first = true;
    for (const auto& f : fields.fields) {
      if (f.section.kind != kind) continue;
      out += ',';
      if (first && !object.empty()) fmt::format_to(std::back_inserter(out), "\"{}\":{{", object);
      first = false;
      JsonWriter key;
      out += key.string(f.section.key).text();
      out += ':';
      append_value(out, f.value);
    }
    if (!first && !object.empty()) out += '}';
  }

  ExportOptions options_;
};

}  // namespace

std::unique_ptr<RecordExporter> export_jsonl(const std::string& /*path*/, const ExportOptions& options) {
  return std::make_unique<JsonlExporter>(options);
}

}  // namespace atp
