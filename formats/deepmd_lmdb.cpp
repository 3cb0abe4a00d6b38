#include "formats/deepmd_lmdb.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/frame_fields.h"
#include "formats/lmdb_file.h"
#include "formats/msgpack.h"

namespace atp {
namespace {

using Of = FrameValue::Of;

constexpr std::uint64_t kBatchBytes = std::uint64_t{4} << 20;

// What all batches share. Immutable once the reader is made.
struct Shared {
  Shared(const std::string& path, const ReadOptions& options) : file(path), rules(options), units(options) { declare_standard_units(units); }

  LmdbFile file;
  FieldRules rules;
  InputUnits units;
  std::vector<std::uint8_t> elements;  // of the types
  std::vector<LmdbEntry> frames;
};

// {"type": "float32", "shape": [192, 3], "data": bytes}; nothing for any other value, which is passed over.
std::optional<FrameValue> read_array(std::string_view key, MsgpackReader& in) {
  MsgpackReader look = in;
  in.skip();
  std::string_view type;
  std::vector<std::uint64_t> shape;
  Bytes data;
  try {
    for (std::uint64_t n = look.map(); n > 0; --n) {
      const std::string_view part = look.text();
      if (part == "type") {
        type = look.text();
      } else if (part == "shape") {
        for (std::uint64_t dims = look.list(); dims > 0; --dims) shape.push_back(static_cast<std::uint64_t>(look.integer()));
      } else if (part == "data") {
        data = look.binary();
      } else {
        look.skip();
      }
    }
  } catch (const Error&) {
    return std::nullopt;  // a plain value, as atom_numbs
  }
  static constexpr std::pair<std::string_view, Of> kTypes[] = {{"float32", Of::f32}, {"float64", Of::f64}, {"int32", Of::i32}, {"int64", Of::i64}};
  for (const auto& [name, of] : kTypes) {
    if (name != type) continue;
    try {
      return FrameValue::array(of, shape, data);
    } catch (const Error& e) {
      fail_input("", fmt::format("'{}' {}", excerpt(key), e.problem()));
    }
  }
  return std::nullopt;
}

class MsgpackFrames : public FrameDecoder {
 public:
  MsgpackFrames(std::shared_ptr<const Shared> shared, std::uint64_t first) : shared_(std::move(shared)), first_(first), fields_(shared_->rules, shared_->units) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const LmdbEntry& entry = shared_->frames[first_ + i];
    try {
      read(entry.value, structure, remarks);
    } catch (const Error& e) {
      throw Error(e.exit(), fmt::format("{}: entry {}", shared_->file.name(), excerpt(entry.key)), e.problem(), e.fix());
    }
  }

 private:
  void read(Bytes bytes, Structure& structure, FrameRemarks& remarks) {
    MsgpackReader in(bytes);
    std::vector<std::pair<std::string_view, FrameValue>> values;
    for (std::uint64_t n = in.map(); n > 0; --n) {
      const std::string_view key = in.text();
      if (const auto value = read_array(key, in)) {
        values.emplace_back(key, *value);
      } else if (key != "atom_numbs" && key != "atom_names" && key != "orig" && key != "nopbc") {  // those say nothing new
        remarks.note(fmt::format("'{}' is no array of numbers that atp knows and is left out", excerpt(key)));
      }
    }
    const auto find = [&](std::string_view key) -> const FrameValue* {
      const auto found = std::ranges::find(values, key, [](const auto& v) { return v.first; });
      return found == values.end() ? nullptr : &found->second;
    };
    const FrameValue* types = find("atom_types");
    const FrameValue* coords = find("coords");
    if (types == nullptr || coords == nullptr) fail_input("", "has no atom_types and coords");
    set_types(*types, structure);
    set_positions(structure, "coords", *coords, shared_->units, remarks);
    const FrameValue* cells = find("cells");
    const bool periodic = cells != nullptr && !is_no_cell(*cells);
    if (periodic) set_cell(structure, "cells", *cells, shared_->units, remarks);
    structure.set_pbc({periodic, periodic, periodic});
    fields_.begin();
    for (const auto& [key, value] : values) {
      if (key == "atom_types" || key == "coords" || key == "cells") continue;
      ValueHint hint;
      if (key == "energies") hint.field = Field::energy;
      if (key == "fparam") hint.scope = ValueScope::frame;
      if (key == "fparam" || key == "aparam") remarks.note(fmt::format("{} is kept as a property of the {}", key, key == "aparam" ? "atoms" : "records"));
      fields_.add(key, value, hint);
    }
    fields_.finish(structure, remarks);
  }

  void set_types(const FrameValue& types, Structure& structure) const {
    for (std::uint64_t k = 0; k < types.count(); ++k) {
      const double t = types.real(k);
      if (!(t >= 0) || t >= static_cast<double>(shared_->elements.size())) fail_input("", fmt::format("has an atom of type {}, and the type map names {}", t, shared_->elements.size()));
      structure.atomic_numbers.push_back(shared_->elements[static_cast<std::size_t>(t)]);
    }
  }

  std::shared_ptr<const Shared> shared_;
  std::uint64_t first_;
  FrameFields fields_;
};

class DeepmdLmdb : public FormatReader {
 public:
  DeepmdLmdb(const std::string& path, const ReadOptions& options) {
    auto shared = std::make_shared<Shared>(path, options);
    bool has_metadata = false;
    shared->file.for_each([&](const LmdbEntry& e) {
      if (e.key == "__metadata__") {
        has_metadata = true;
        read_metadata(e.value, *shared);
      } else if (!e.key.empty() && e.key.find_first_not_of("0123456789") == std::string_view::npos) {
        shared->frames.push_back(e);
      }
      return true;
    });
    if (!has_metadata) fail_input(shared->file.name(), "has no entry '__metadata__'");
    shared_ = std::move(shared);
  }

  std::unique_ptr<FrameBatch> next() override {
    const std::uint64_t first = next_;
    const std::uint64_t frames = shared_->frames.size();
    for (std::uint64_t bytes = 0; next_ < frames && bytes < kBatchBytes; ++next_) bytes += shared_->frames[next_].value.size();
    if (next_ == first) return nullptr;
    const auto make = [shared = shared_, first] { return std::make_unique<MsgpackFrames>(shared, first); };
    return std::make_unique<IndependentFrames>(first, next_ - first, shared_->file.bytes() / frames * next_, make);
  }

  InputState input_state() const override { return {next_ == shared_->frames.size() ? shared_->file.bytes() : 0, std::nullopt}; }

 private:
  static void read_metadata(Bytes bytes, Shared& shared) try {
    MsgpackReader in(bytes);
    for (std::uint64_t n = in.map(); n > 0; --n) {
      if (in.text() != "type_map") {
        in.skip();
        continue;
      }
      for (std::uint64_t types = in.list(); types > 0; --types) {
        const std::string_view symbol = in.text();
        const auto z = atomic_number_of(symbol);
        if (!z) fail_input("", fmt::format("names a type '{}', which is no chemical element", excerpt(symbol)));
        shared.elements.push_back(static_cast<std::uint8_t>(*z));
      }
    }
  } catch (const Error& e) {
    throw Error(e.exit(), shared.file.name() + ": entry __metadata__", e.problem(), e.fix());
  }

  std::shared_ptr<const Shared> shared_;
  std::uint64_t next_ = 0;
};

}  // namespace

bool is_deepmd_lmdb(const std::string& path) {
  // A frame is a map that begins with the type of its atoms.
  const auto entry = first_numbered_entry(path);
  const std::string_view value = entry.second;
  if (value.size() < 12 || (static_cast<unsigned char>(value.front()) & 0xf0) != 0x80) return false;
  return value.find("\xa4type") != std::string_view::npos && value.find("\xa6" "coords") != std::string_view::npos;
}

std::unique_ptr<FormatReader> open_deepmd_lmdb(const std::string& path, const ReadOptions& options) { return std::make_unique<DeepmdLmdb>(path, options); }

}  // namespace atp
