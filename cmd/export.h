// `atp export`: records of .atp datasets in the formats of other programs.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"

namespace atp {

struct ExportCommand {
  std::vector<std::string> inputs;
  std::string output;  // empty or "-": stdout
  std::string to;      // a format's name; empty: by the output's extension, else extxyz
  std::string records;
  std::string where;
  std::string keys = "ase";
  std::string on_error = "stop";
  bool force = false;
};

// Throws Error, Interrupted, ClosedPipe.
Exit export_records(const ExportCommand& command);

}  // namespace atp
