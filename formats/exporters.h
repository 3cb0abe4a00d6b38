// The openers of the output formats' rows.
#pragma once

#include <memory>
#include <string>

#include "formats/export_format.h"

namespace atp {

std::unique_ptr<RecordExporter> export_extxyz(const std::string& path, const ExportOptions& options);
std::unique_ptr<RecordExporter> export_jsonl(const std::string& path, const ExportOptions& options);
std::unique_ptr<RecordExporter> export_npz(const std::string& path, const ExportOptions& options);
std::unique_ptr<RecordExporter> export_poscar(const std::string& path, const ExportOptions& options);

#ifdef ATP_HAVE_SQLITE
std::unique_ptr<RecordExporter> export_ase_db(const std::string& path, const ExportOptions& options);
inline constexpr std::string_view kAseDbExportMissing = "";
#else
inline constexpr std::nullptr_t export_ase_db = nullptr;
inline constexpr std::string_view kAseDbExportMissing = "it was built without SQLite (Debian: libsqlite3-dev)";
#endif

#ifdef ATP_HAVE_LMDB
std::unique_ptr<RecordExporter> export_aselmdb(const std::string& path, const ExportOptions& options);
inline constexpr std::string_view kAseLmdbExportMissing = "";
#else
inline constexpr std::nullptr_t export_aselmdb = nullptr;
inline constexpr std::string_view kAseLmdbExportMissing = "it was built without LMDB (Debian: liblmdb-dev)";
#endif

}  // namespace atp
