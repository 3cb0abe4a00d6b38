// Output formats of `atp export`: one row each in the table of export_formats.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/atp/record.h"
#include "core/base/error.h"

namespace atp {

// What energy, forces, stress and charges are called in the output.
enum class KeyStyle { ase, mace };  // "energy", "REF_energy"

struct ExportOptions {
  KeyStyle keys = KeyStyle::ase;
  bool replace = false;  // of folders: an existing one
  // Told what the user should know, any number of times with the same text. Any thread.
  std::function<void(std::string_view)> note = [](std::string_view) {};
};

// Turns records into a foreign format. encode() on any thread, the rest on one.
class RecordExporter {
 public:
  virtual ~RecordExporter() = default;
  // Appends the record's bytes to `out`: the text itself for formats that are streams, else what take()
  // understands. `number` counts the exported records from 0. Throws Error (exit 3, no place) for what
  // the format cannot hold.
  virtual void encode(const RecordView& record, std::uint64_t number, std::string& out) const = 0;
  // What encode() gave for the next record, in order. Not called for streams.
  virtual void take(std::string_view encoded) = 0;
  // After the last record. Not called for streams.
  virtual void finish() = 0;
};

struct ExportFormat {
  enum class Output { stream, file, folder };

  std::string_view name;        // for --to: "extxyz"
  std::string_view extensions;  // of -o, separated by spaces, with their dots
  std::string_view summary;     // one line, for help and the README
  Output output = Output::stream;
  // `path`: nothing for streams; of a file the empty file to fill, which is renamed afterwards; of a folder its
  // final name. nullptr when the format was left out of the build.
  std::unique_ptr<RecordExporter> (*open)(const std::string& path, const ExportOptions& options);
  std::string_view missing;  // why it is not in this build; empty when it is
};

// All formats, in the order of tables.
std::span<const ExportFormat> export_formats();
// nullptr when there is none of that name.
const ExportFormat* export_format(std::string_view name);
// The format that the extension of `path` means; nullptr when it means none.
const ExportFormat* export_format_of(std::string_view path);

// A record's values of one molecule, as exporters walk them: the last of equal sections, checked.
struct RecordFields {
  explicit RecordFields(const RecordView& record);

  // The value's numbers per atom: "[n]" is 1. Throws Error (exit 3) when the length does not fit n atoms.
  std::uint64_t width(const SectionView& section, const ValueView& value) const;

  struct Field {
    SectionView section;
    ValueView value;
  };
  const Field* builtin(std::string_view key) const;

  std::uint64_t n_atoms;
  std::vector<Field> fields;  // in the order of the record
};

// The chemical symbol. Throws Error (exit 3) beyond the periodic table.
std::string_view symbol_of(std::byte atomic_number);

}  // namespace atp
