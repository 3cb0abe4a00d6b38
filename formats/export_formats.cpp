#include "formats/export_format.h"

#include <fmt/format.h>

#include "core/chem/elements.h"
#include "formats/exporters.h"

namespace atp {
namespace {

using Output = ExportFormat::Output;

// The only list of output formats.
constexpr ExportFormat kFormats[] = {
    {"extxyz", ".extxyz .xyz", "extended XYZ, as ASE and most programs read it", Output::stream, export_extxyz, ""},
    {"ase-db", ".db", "an ASE database in SQLite, version 9", Output::file, export_ase_db, kAseDbExportMissing},
    {"aselmdb", ".aselmdb", "an LMDB file of ASE rows, as fairchem and ase-db-backends read it", Output::file, export_aselmdb, kAseLmdbExportMissing},
    {"npz", ".npz", "a NumPy archive with one array for each field", Output::file, export_npz, ""},
    {"poscar", "", "a folder of POSCAR files, atoms and cells alone", Output::folder, export_poscar, ""},
    {"jsonl", ".jsonl .ndjson", "one JSON object a line", Output::stream, export_jsonl, ""},
};

}  // namespace

std::span<const ExportFormat> export_formats() { return kFormats; }

const ExportFormat* export_format(std::string_view name) {
  for (const ExportFormat& f : kFormats) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

const ExportFormat* export_format_of(std::string_view path) {
  for (const ExportFormat& f : kFormats) {
    for (std::string_view rest = f.extensions; !rest.empty();) {
      const std::size_t space = rest.find(' ');
      if (path.ends_with(rest.substr(0, space))) return &f;
      rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    }
  }
  return nullptr;
}

RecordFields::RecordFields(const RecordView& record) : n_atoms(record.n_atoms()) {
  record.for_each_section([&](const SectionView& s) {
    Field field{s, decode_value(s)};
    for (Field& before : fields) {
      if (before.section.kind == s.kind && before.section.key == s.key) {
        before = std::move(field);
        return;
      }
    }
    fields.push_back(std::move(field));
  });
  for (const Field& f : fields) {
    const bool atoms = f.section.kind == Kind::atom || (f.section.kind == Kind::builtin && builtin_info(f.section.key)->per_atom);
    if (atoms && f.value.info->form != Form::text && f.value.info->form != Form::null) width(f.section, f.value);
  }
}

std::uint64_t RecordFields::width(const SectionView& section, const ValueView& value) const {
  const auto shape = value.shape();
  if (shape.empty() && value.info->form == Form::scalar && n_atoms == 1) return 1;
  if (shape.empty() || shape[0] != n_atoms) {
    fail_input("", fmt::format("{} does not have one row for each of {} atoms", describe_key(section.kind, section.key), n_atoms));
  }
  std::uint64_t width = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) width *= shape[i];
  return width;
}

const RecordFields::Field* RecordFields::builtin(std::string_view key) const {
  for (const Field& f : fields) {
    if (f.section.kind == Kind::builtin && f.section.key == key) return &f;
  }
  return nullptr;
}

std::string_view symbol_of(std::byte atomic_number) {
  const int z = std::to_integer<int>(atomic_number);
  if (z > kElements) fail_input("", fmt::format("has the atomic number {}, which is no element's", z));
  return element_symbol(z);
}

}  // namespace atp
