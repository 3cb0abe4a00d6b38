// What VASP reads and writes: POSCAR, CONTCAR, XDATCAR, OUTCAR, vasprun.xml.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "core/chem/units.h"
#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

int sniff_vasp(std::string_view head);
std::unique_ptr<FormatReader> open_vasp(std::unique_ptr<ByteSource> source, const ReadOptions& options);

// 4 for a POSCAR with a grid behind it.
int sniff_chgcar(std::string_view head);

int sniff_outcar(std::string_view head);
std::unique_ptr<FormatReader> open_outcar(std::unique_ptr<ByteSource> source);

int sniff_vasprun(std::string_view head);
std::unique_ptr<FormatReader> open_vasprun(std::unique_ptr<ByteSource> source);

// VASP prints stress in kB and positive where the cell wants to grow.
inline constexpr double kVaspStress = -0.1 * kGigaPascalInEvPerAngstrom3;
// VASP's velocities are in A/fs.
inline constexpr const char* kVaspVelocitiesHow = "A/fs to sqrt(eV/u)";
// One wording for all of VASP's files, as they mean the same.
inline constexpr const char* kVaspEnergyHow = "from VASP (sigma to 0)";
inline constexpr const char* kVaspForcesHow = "from VASP";
inline constexpr const char* kVaspStressHow = "from VASP (kB to eV/A^3, sign turned)";

inline constexpr const char* kVaspBadStress = "the stress of some steps is no number (***) and left out there";

}  // namespace atp
