// Readers whose frames come one after the other: what they share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/format.h"

namespace atp {

// One frame that has been read, or why it could not be.
struct ReadyFrame {
  Structure structure;
  FrameOrigin origin;
  std::optional<Error> error;
  std::vector<std::pair<std::string, std::string>> mapped;  // field, how
  std::vector<std::string> notes;
};

// Reads frames on the calling thread and hands them out in batches. An error that ends the input is
// thrown after the frames before it have been handed out.
class SerialReader : public FormatReader {
 public:
  std::unique_ptr<FrameBatch> next() final;

 protected:
  // Fills the next frame, which is empty; false at the end. A frame with an error is passed over by whoever
  // takes it. Throws Error (exit 3) where the input cannot be followed any further.
  virtual bool read(ReadyFrame& frame) = 0;
  virtual std::uint64_t position() const = 0;
  // What the user should know once read() has returned false: told behind the last frame, be it good or bad.
  virtual std::vector<std::string> last_words() const { return {}; }

 private:
  bool fill(ReadyFrame& frame, std::uint64_t number);

  std::uint64_t frames_ = 0;
  std::optional<ReadyFrame> ahead_;  // read before it is known that it is not the last
  bool begun_ = false;
  std::optional<Error> failure_;
};

}  // namespace atp
