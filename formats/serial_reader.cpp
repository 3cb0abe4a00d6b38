#include "formats/serial_reader.h"

#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::uint64_t kBatchAtoms = 20000;
constexpr std::size_t kBatchFrames = 1000;

class ReadyBatch : public FrameBatch {
 public:
  ReadyBatch(std::uint64_t first, std::uint64_t position, std::vector<ReadyFrame> frames, std::vector<std::string> last_words)
      : first_(first), position_(position), frames_(std::move(frames)), last_words_(std::move(last_words)) {}

  std::uint64_t first_frame() const override { return first_; }
  std::uint64_t frames() const override { return frames_.size(); }
  std::uint64_t input_position() const override { return position_; }

  void decode(Structure& structure, FrameSink& sink) const override {
    for (const ReadyFrame& frame : frames_) {
      if (frame.error) {
        sink.bad_frame(*frame.error, frame.origin);
        continue;
      }
      structure = frame.structure;
      for (const auto& [field, how] : frame.mapped) sink.mapped(field, how);
      for (const std::string& text : frame.notes) sink.note(text);
      sink.frame(structure, frame.origin);
    }
    for (const std::string& text : last_words_) sink.note(text);
  }

 private:
  std::uint64_t first_, position_;
  std::vector<ReadyFrame> frames_;
  std::vector<std::string> last_words_;
};

}  // namespace

// False at the end, and where reading failed: then failure_ says why.
bool SerialReader::fill(ReadyFrame& frame, std::uint64_t number) {
  throw_if_interrupted();
  frame.origin.frame = number;
  try {
    return read(frame);
  } catch (const Error& e) {
    failure_ = e;
    return false;
  }
}

std::unique_ptr<FrameBatch> SerialReader::next() {
  if (!begun_) {
    begun_ = true;
    ReadyFrame first;
    if (fill(first, 0)) ahead_ = std::move(first);
  }
  std::vector<ReadyFrame> frames;
  std::vector<std::string> words;
  std::uint64_t atoms = 0;
  while (ahead_ && frames.size() < kBatchFrames && atoms < kBatchAtoms) {
    frames.push_back(std::move(*ahead_));
    ahead_.reset();
    atoms += frames.back().structure.n_atoms();
    ReadyFrame following;
    if (fill(following, frames_ + frames.size())) {
      ahead_ = std::move(following);
    } else {
      words = last_words();
    }
  }
  if (frames.empty()) {
    if (failure_) throw *failure_;
    return nullptr;
  }
  const std::uint64_t first = frames_;
  frames_ += frames.size();
  return std::make_unique<ReadyBatch>(first, position(), std::move(frames), std::move(words));
}

}  // namespace atp
