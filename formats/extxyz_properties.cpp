// The keys of a comment that fill no field are kept as properties.
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "formats/excerpt.h"
#include "formats/extxyz_fields.h"

namespace atp {

namespace {

using Content = CommentValue::Content;

// Texts as nested JSON lists of the given shape.
void write_list(JsonWriter& json, std::span<const std::uint32_t> shape, std::span<const std::string_view>& texts) {
  json.begin_array();
  for (std::uint32_t i = 0; i < shape[0]; ++i) {
    if (shape.size() > 1) {
      write_list(json, shape.subspan(1), texts);
    } else {
      json.string(texts[0]);
      texts = texts.subspan(1);
    }
  }
  json.end_array();
}

}  // namespace

void FieldReader::put_properties(Structure& structure) {
  const auto entries = comment_->entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (consumed_[i]) continue;
    const CommentEntry& e = entries[i];
    if (e.key.size() > kLongestKey) {
      fail_input("", fmt::format("the key '{}' has more than {} bytes", excerpt(e.key), kLongestKey));
    }
    for (const Column& c : layout_->columns) {
      const bool stored = !c.fills_field && c.use >= Column::Use::reals;
      if (stored && c.name == e.key) {
        fail_input("", fmt::format("'{}' is both a column and a key of the comment", excerpt(e.key)),
                   "rename one of them or pass --on-error skip");
      }
    }
    put_property(e, structure);
  }
}

void FieldReader::put_property(const CommentEntry& e, Structure& structure) {
  const CommentValue& v = e.value;
  if (v.rank > 0) return put_list(e, structure);
  switch (v.content) {
    case Content::logical:
    case Content::integer: structure.put_i64(Kind::molecule, e.key, comment_->integers(v)[0]); break;
    case Content::real: structure.put_f64(Kind::molecule, e.key, comment_->reals(v)[0]); break;
    case Content::text:
    case Content::json: structure.put_string(Kind::molecule, e.key, comment_->texts(v)[0]); break;
  }
}

void FieldReader::put_list(const CommentEntry& e, Structure& structure) {
  const CommentValue& v = e.value;
  const std::span<const std::uint32_t> shape(v.shape.data(), v.rank);
  if (v.content == Content::text) {
    auto texts = comment_->texts(v);
    JsonWriter json;
    write_list(json, shape, texts);
    return structure.put_string(Kind::molecule, e.key, json.text());
  }
  const bool real = v.content == Content::real;
  const Bytes values = real ? std::as_bytes(comment_->reals(v)) : std::as_bytes(comment_->integers(v));
  if (v.rank == 1 && v.count > 0) {
    structure.put_bytes(Kind::molecule, e.key, real ? Type::f64_array : Type::i64_array, values);
  } else if (real && v.rank == 2 && v.count > 0 && v.shape[1] == 3) {
    structure.put_bytes(Kind::molecule, e.key, Type::vec3_f64, values);
  } else {
    structure.put_tensor(Kind::molecule, e.key, real ? Type::tensor_f64 : Type::tensor_i64, shape, values);
  }
}

}  // namespace atp
