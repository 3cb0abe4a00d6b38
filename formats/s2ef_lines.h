// The text file beside an OC20 S2EF file: for each frame its system, its number and a reference energy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/structure.h"
#include "formats/byte_source.h"
#include "formats/frame_batch.h"
#include "formats/last_number.h"

namespace atp {

struct S2efLine {
  std::string system;                 // "random1341085"
  std::optional<std::int64_t> frame;  // of the relaxation
  double reference = 0;               // eV
};

// `12.extxyz.xz` goes with `12.txt.xz` (also uncompressed, .gz, .zst): a line a frame,
// "random<system>,frame<number>,<energy>". A folder of relaxation trajectories has one file a system
// and `system.txt` with "<system>,<energy>". One thread.
class S2efLines {
 public:
  // What lies beside the extended XYZ file of that name; nullptr when nothing does, or when it is
  // another kind of text.
  static std::unique_ptr<S2efLines> beside(const std::string& path);

  // The next `n` lines. Throws Error (exit 3) where there are fewer, and at a line of another form.
  std::vector<S2efLine> take(std::size_t n);
  // Throws Error (exit 3) when lines are left at the end of the frames.
  void check_end();
  const std::string& name() const { return name_; }
  // For a note, where the last line that was taken ends within its number and may be cut; else empty.
  const std::string& doubt() const { return doubt_; }

 private:
  explicit S2efLines(std::string name) : name_(std::move(name)) {}
  std::optional<std::string> line();
  void check_last_number(const std::string& line);

  std::string name_;
  std::unique_ptr<ByteSource> source_;
  std::optional<S2efLine> always_;  // of a trajectory
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t lines_ = 0;
  LastNumber number_;
  bool unfinished_ = false;
  std::string doubt_;
};

// Stores system_id, frame and reference_energy as properties; with `subtract` the energy becomes the
// adsorption energy. Throws Error (exit 3, no place) when there is no energy to subtract from.
void put_s2ef(const S2efLine& line, bool subtract, Structure& structure);

}  // namespace atp
