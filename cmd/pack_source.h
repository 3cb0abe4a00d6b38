// The inputs of `atp pack` as one stream of pieces of work.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/atp/metadata.h"
#include "core/base/selection.h"
#include "formats/format.h"

namespace atp {

// Frames to be packed, decodable on any thread.
struct FrameWork {
  std::unique_ptr<FrameBatch> batch;
  std::size_t input = 0;            // which of the inputs
  std::vector<bool> wanted;         // per frame of the batch; empty: all
};

// An input as metadata and --keep-source name it: never absolute, as that would make equal inputs give unequal files.
std::string source_name(const std::string& path);

struct FrameSourceOptions {
  std::vector<std::string> inputs;  // files, or "-"
  std::string from;                 // a format's name; empty: by content
  ReadOptions read;
  std::optional<Selection> records;    // over the frames of all inputs
  std::optional<std::uint64_t> limit;  // at most so many frames
  bool skip_bad_files = false;
};

// Opens the inputs one after the other and cuts them into pieces. One thread at a time calls next();
// bytes_read() may be asked by any.
class FrameSource {
 public:
  explicit FrameSource(FrameSourceOptions options);
  ~FrameSource();

  // nullptr at the end. Throws Error when an input cannot be read (with skip_bad_files it is noted
  // in failures() instead, and the next one is taken).
  std::unique_ptr<FrameWork> next();

  const std::string& input_name(std::size_t input) const { return options_.inputs[input]; }
  std::size_t inputs() const { return options_.inputs.size(); }
  // Bytes of all regular input files; 0 when one of them is a pipe.
  std::uint64_t total_bytes() const { return total_bytes_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  const std::vector<Error>& failures() const { return failures_; }
  // Name, size and hash of what was read so far, for the metadata.
  const std::vector<Metadata::Source>& sources() const { return sources_; }

 private:
  bool open_next();
  void close_current();
  void mark_wanted(FrameWork& work);

  FrameSourceOptions options_;
  std::uint64_t all_frames_;             // of all inputs, where `records` needs to know
  std::size_t next_input_ = 0;
  std::unique_ptr<FormatReader> reader_;
  std::uint64_t frames_ = 0;             // cut so far
  std::uint64_t taken_ = 0;              // of those, wanted
  std::uint64_t total_bytes_ = 0, bytes_before_ = 0;
  std::atomic<std::uint64_t> bytes_read_{0};  // written while cutting, read while consuming
  std::vector<Error> failures_;
  std::vector<Metadata::Source> sources_;
};

}  // namespace atp
