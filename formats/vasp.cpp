#include "formats/vasp.h"

#include "formats/vasp_poscar.h"

namespace atp {

int sniff_vasp(std::string_view head) {
  return sniff_outcar(head) != 0 || sniff_vasprun(head) != 0 || looks_like_poscar(head) ? 3 : 0;
}

int sniff_chgcar(std::string_view head) { return has_grid(head) ? 4 : 0; }

std::unique_ptr<FormatReader> open_vasp(std::unique_ptr<ByteSource> source, const ReadOptions& /*options*/) {
  const std::string_view head = source->peek();
  if (sniff_vasprun(head) != 0) return open_vasprun(std::move(source));
  if (sniff_outcar(head) != 0) return open_outcar(std::move(source));
  if (looks_like_xdatcar(head)) return open_xdatcar(std::move(source));
  return open_poscar(std::move(source));
}

}  // namespace atp
