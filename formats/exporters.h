// The openers of the output formats' rows.
#pragma once

#include <memory>
#include <string>

#include "formats/export_format.h"

namespace atp {

std::unique_ptr<RecordExporter> export_extxyz(const std::string& path, const ExportOptions& options);
std::unique_ptr<RecordExporter> export_jsonl(const std::string& path, const ExportOptions& options);

}  // namespace atp
