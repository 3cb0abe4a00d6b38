// Input formats: one row each in the table of registry.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/structure.h"
#include "core/base/error.h"

namespace atp {

// What the user said about how fields are to be found: `--map FIELD=KEY`.
struct ReadOptions {
  // FIELD (energy, forces, stress, virial, cell, charges, velocities, name, pbc) -> the key or
  // column to take it from; "none" leaves the field empty and keeps all candidates as properties.
  std::map<std::string, std::string, std::less<>> map;
  // quantity (energy, length, forces, stress, charge, velocity) -> unit, for what the input says nothing or
  // the wrong thing about: `--units energy=hartree,length=bohr`. Checked by InputUnits.
  std::map<std::string, std::string, std::less<>> units;
  // OC20 S2EF files: the reference energy beside a frame is subtracted from its energy.
  bool adsorption_energy = false;
  // property -> whether it is the atoms' or the molecule's, where the input does not say: `--scope NAME=atom`.
  std::map<std::string, Kind, std::less<>> scopes;
  // What arrays of .npz and HDF5 files hold: `--npz-map` and `--hdf5-map positions=coords,...`.
  std::map<std::string, std::string, std::less<>> npz_arrays, hdf5_arrays;
};

// A frame's place in its input, for messages and the `source` of errors.
struct FrameOrigin {
  std::uint64_t frame = 0;  // from 0, within the input
  std::uint64_t line = 0;   // of the frame's first line, from 1; 0 for formats without lines
  std::string_view member = {};    // of an archive: which file in it; borrowed for the call that brings it
  std::uint64_t member_frame = 0;  // and the frame's number there

  // The frame as the user can find it: its number in the file that holds it, and that file ("x.tar:a.xyz").
  std::uint64_t number() const { return member.empty() ? frame : member_frame; }
  std::string file(const std::string& input) const { return member.empty() ? input : input + ":" + std::string(member); }
};

// Receives what a batch holds, in order.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // The structure may be changed and is used again for the next frame.
  virtual void frame(Structure& structure, const FrameOrigin& origin) = 0;
  // A frame that could not be read. The reader goes on with the next one.
  virtual void bad_frame(const Error& error, const FrameOrigin& origin) = 0;
  // What was taken for what, as the user shall see it once: field "stress", how
  // "from 'virials' (-virial/volume)". Called for every frame in which it holds, so it must be cheap.
  virtual void mapped(std::string_view field, std::string_view how) = 0;
  // Something else the user should know, once for each distinct text: "isotope symbols D, T read as H".
  virtual void note(std::string_view text) = 0;
};

// A piece of an input that can be decoded on any thread: whole frames.
class FrameBatch {
 public:
  virtual ~FrameBatch() = default;
  // The frames' numbers are [first_frame, first_frame + frames).
  virtual std::uint64_t first_frame() const = 0;
  virtual std::uint64_t frames() const = 0;
  // Bytes of the input consumed up to the end of this batch, for progress (compressed bytes for
  // compressed inputs).
  virtual std::uint64_t input_position() const = 0;
  // Decodes all frames into `sink`. `structure` is scratch memory, used for every frame.
  virtual void decode(Structure& structure, FrameSink& sink) const = 0;
};

// How far an input has been read.
struct InputState {
  std::uint64_t bytes = 0;            // read so far, as they lie in the file (compressed)
  std::optional<std::uint64_t> xxh3;  // XXH3-64 of the file, once it has been read to its end
};

// One open input. One thread.
class FormatReader {
 public:
  virtual ~FormatReader() = default;
  // The next piece of a few MB (at least one frame), or nullptr at the end. Throws Error: exit 3
  // where the input cannot be followed any further, exit 4 for I/O.
  virtual std::unique_ptr<FrameBatch> next() = 0;
  virtual InputState input_state() const = 0;

  // The name of its format's row; open_input() sets it.
  std::string_view format() const { return format_; }
  void set_format(std::string_view name) { format_ = name; }

 private:
  std::string_view format_;
};

// Bytes of one input, decompressed as they are read (gzip, xz, zstd, bzip2: by content).
class ByteSource;

// A format is read as a stream (`open`), by path (`open_path`: what needs random access, and folders
// that are one input), or, when it was left out of the build, by neither.
struct Format {
  std::string_view name;        // for --from: "extxyz"
  std::string_view extensions;  // "xyz, extxyz", for tables and for finding files in folders
  std::string_view summary;     // one line, for --help and the README
  // Judges the first bytes of the (decompressed) content: 0 no, 1 possible, 2 likely, 3 certain.
  int (*sniff)(std::string_view head);
  // Takes over the source.
  std::unique_ptr<FormatReader> (*open)(std::unique_ptr<ByteSource> source, const ReadOptions& options) = nullptr;
  std::string_view missing = {};  // why it is not in this build; empty when it is
  // Opens a regular file that is not compressed, or a folder that claims_folder() says yes to.
  std::unique_ptr<FormatReader> (*open_path)(const std::string& path, const ReadOptions& options) = nullptr;
  // Instead of sniff() for such a file, when its first bytes do not tell. Must not throw.
  int (*sniff_path)(const std::string& path, std::string_view head) = nullptr;
  // Whether the folder as a whole is one input of this format. Must not throw, and be quick: every
  // folder below an argument is asked.
  bool (*claims_folder)(const std::string& folder) = nullptr;
  // Shell patterns for files without an extension ("POSCAR*, OUTCAR*"), to find them in folders.
  std::string_view file_names = {};
};

// All formats, in the order of tables.
std::span<const Format> formats();
// Throws Error (exit 2) with the nearest name when there is none of that name.
const Format& format_named(std::string_view name);

// Opens `path`, a file or a folder that is one input ("-" is stdin). With an empty `from` the content decides. Throws Error (exit 3) when
// no format fits: it says what the content looks like and what to pass.
std::unique_ptr<FormatReader> open_input(const std::string& path, std::string_view from, const ReadOptions& options);

// The name of the format that open_input() takes this file or folder for; empty when it is none. Does not throw.
std::string_view recognised_format(const std::string& path);

// Opens what is told by its content: members of archives. nullptr when it is empty or of no format. What needs a file of
// its own is written to a temporary one. Throws Error (exit 3) for an archive.
std::unique_ptr<FormatReader> open_source(std::unique_ptr<ByteSource> source, const ReadOptions& options);

// How many frames the inputs have, by cutting alone. Inputs that can be read only once are refused
// (exit 2). With `skip_bad`, an input that breaks counts as far as it could be read.
std::uint64_t count_frames(const std::vector<std::string>& paths, std::string_view from, const ReadOptions& options, bool skip_bad);

// The inputs an argument stands for: a file, "-", a folder that is one input, any other folder (every
// regular file below it with a name that some format knows, and every folder that is one input,
// bytewise path order), a glob. Throws Error (exit 3) when there is none.
std::vector<std::string> input_files(const std::string& argument);

// Bytes of an input: of a file, or of all files in a folder. Nothing for pipes and devices.
std::optional<std::uint64_t> input_bytes(const std::string& path);

// Whether this folder as a whole is one input of some format.
bool is_input_folder(const std::string& folder);

}  // namespace atp
