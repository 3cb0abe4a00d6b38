#include "formats/frame_batch.h"

#include <optional>

namespace atp {

void FrameRemarks::mapped(std::string_view field, std::string_view how) {
  if (mapped_used_ == mapped_.size()) mapped_.emplace_back();
  auto& [f, h] = mapped_[mapped_used_++];
  f = field;
  h.assign(how);
}

void FrameRemarks::note(std::string_view text) {
  if (notes_used_ == notes_.size()) notes_.emplace_back();
  notes_[notes_used_++].assign(text);
}

void FrameRemarks::tell(FrameSink& sink) const {
  for (std::size_t i = 0; i < mapped_used_; ++i) sink.mapped(mapped_[i].first, mapped_[i].second);
  for (std::size_t i = 0; i < notes_used_; ++i) sink.note(notes_[i]);
}

void IndependentFrames::decode(Structure& structure, FrameSink& sink) const {
  const auto decoder = make_();
  FrameRemarks remarks;
  FrameOrigin origin;
  for (std::uint64_t i = 0; i < frames_; ++i) {
    origin.frame = first_ + i;
    structure.clear();
    remarks.clear();
    // The sink's own exceptions must not be taken for errors of the frame, so it is called outside.
    std::optional<Error> error;
    try {
      decoder->decode(i, structure, remarks);
    } catch (const Error& e) {
      if (e.exit() != Exit::input) throw;
      error = e;
    }
    if (error) {
      sink.bad_frame(*error, origin);
      continue;
    }
    remarks.tell(sink);
    sink.frame(structure, origin);
  }
}

}  // namespace atp
