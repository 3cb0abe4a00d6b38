// JSON datasets: pymatgen, MPtrj, MatPES, maml, ALIGNN, task documents; and ASE's JSON database.
#pragma once

#include <memory>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

int sniff_json(std::string_view head);
int sniff_ase_json(std::string_view head);

// Streamed in bounded memory: one record (a frame, a task document, a trajectory) must fit.
std::unique_ptr<FormatReader> open_json(std::unique_ptr<ByteSource> source, const ReadOptions& options);
std::unique_ptr<FormatReader> open_ase_json(std::unique_ptr<ByteSource> source, const ReadOptions& options);

}  // namespace atp
