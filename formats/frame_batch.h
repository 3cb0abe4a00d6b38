// For formats whose frames are independent of each other: cut cheaply on one thread, decoded on any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/format.h"

namespace atp {

// What a decoder has to say about one frame (FrameSink::mapped, FrameSink::note). It is passed on only
// when the frame could be read. Keeps its memory.
class FrameRemarks {
 public:
  void clear() { mapped_used_ = notes_used_ = 0; }
  // `field` is borrowed and must live for ever, as names of fields do.
  void mapped(std::string_view field, std::string_view how);
  void note(std::string_view text);
  void tell(FrameSink& sink) const;

 private:
  std::vector<std::pair<std::string_view, std::string>> mapped_;
  std::vector<std::string> notes_;
  std::size_t mapped_used_ = 0, notes_used_ = 0;
};

// Decodes the frames of one batch. One thread, so it may keep scratch memory.
class FrameDecoder {
 public:
  virtual ~FrameDecoder() = default;
  // Frame `i` of the batch, from 0, into a cleared structure. Throws Error (exit 3, where = the
  // input's name and the record) when this frame cannot be read; any other exit ends the run.
  virtual void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) = 0;
};

// Batches that follow each other as one. At least one.
class JoinedBatch final : public FrameBatch {
 public:
  explicit JoinedBatch(std::vector<std::unique_ptr<FrameBatch>> parts) : parts_(std::move(parts)) {}
  std::uint64_t first_frame() const override { return parts_.front()->first_frame(); }
  std::uint64_t frames() const override { return parts_.back()->first_frame() + parts_.back()->frames() - first_frame(); }
  std::uint64_t input_position() const override { return parts_.back()->input_position(); }
  void decode(Structure& structure, FrameSink& sink) const override {
    for (const auto& part : parts_) part->decode(structure, sink);
  }

 private:
  std::vector<std::unique_ptr<FrameBatch>> parts_;
};

class IndependentFrames final : public FrameBatch {
 public:
  // `make` is called on the decoding thread, and by each pass over the batch; what it captures must
  // own the batch's data and never change. `position` as in FrameBatch::input_position().
  IndependentFrames(std::uint64_t first, std::uint64_t frames, std::uint64_t position,
                    std::function<std::unique_ptr<FrameDecoder>()> make)
      : first_(first), frames_(frames), position_(position), make_(std::move(make)) {}

  std::uint64_t first_frame() const override { return first_; }
  std::uint64_t frames() const override { return frames_; }
  std::uint64_t input_position() const override { return position_; }
  void decode(Structure& structure, FrameSink& sink) const override;

 private:
  std::uint64_t first_, frames_, position_;
  std::function<std::unique_ptr<FrameDecoder>()> make_;
};

}  // namespace atp
