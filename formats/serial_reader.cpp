#include "formats/serial_reader.h"

#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::uint64_t kBatchAtoms = 20000;
constexpr std::size_t kBatchFrames = 1000;

class ReadyBatch : public FrameBatch {
 public:
  ReadyBatch(std::uint64_t first, std::uint64_t position, std::vector<ReadyFrame> frames)
      : first_(first), position_(position), frames_(std::move(frames)) {}

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
  }

 private:
  std::uint64_t first_, position_;
  std::vector<ReadyFrame> frames_;
};

}  // namespace

std::unique_ptr<FrameBatch> SerialReader::next() {
  if (failure_) throw *failure_;
  std::vector<ReadyFrame> frames;
  std::uint64_t atoms = 0;
  while (frames.size() < kBatchFrames && atoms < kBatchAtoms) {
    throw_if_interrupted();
    ReadyFrame frame;
    frame.origin.frame = frames_ + frames.size();
    try {
      if (!read(frame)) break;
    } catch (const Error& e) {
      if (frames.empty()) throw;
      failure_ = e;
      break;
    }
    atoms += frame.structure.n_atoms();
    frames.push_back(std::move(frame));
  }
  if (frames.empty()) return nullptr;
  const std::uint64_t first = frames_;
  frames_ += frames.size();
  return std::make_unique<ReadyBatch>(first, position(), std::move(frames));
}

}  // namespace atp
