#include "cmd/pack_source.h"

#include <filesystem>
#include <limits>

#include "cmd/dataset_warnings.h"
#include "core/base/interrupt.h"

namespace atp {

namespace fs = std::filesystem;

std::string source_name(const std::string& path) {
  if (path == "-") return "stdin";
  const fs::path p(path);
  return p.is_absolute() ? p.filename().string() : p.lexically_normal().string();
}

FrameSource::FrameSource(FrameSourceOptions options)
    : options_(std::move(options)), all_frames_(std::numeric_limits<std::uint64_t>::max()) {
  if (options_.records && options_.records->needs_size()) {
    all_frames_ = count_frames(options_.inputs, options_.from, options_.read, options_.skip_bad_files);
  }
  for (const auto& input : options_.inputs) {
    const auto size = input == "-" ? std::nullopt : input_bytes(input);
    if (!size) {
      total_bytes_ = 0;
      break;
    }
    total_bytes_ += *size;
  }
}

FrameSource::~FrameSource() = default;

bool FrameSource::open_next() {
  if (next_input_ == options_.inputs.size()) return false;
  const std::string& input = options_.inputs[next_input_++];
  sources_.push_back({source_name(input), 0, std::nullopt});
  reader_ = open_input(input, options_.from, options_.read);
  if (reader_->format() == "atp") warn_of_older_generations(Dataset({input}));
  return true;
}

void FrameSource::close_current() {
  const InputState state = reader_->input_state();
  sources_.back().size = state.bytes;
  sources_.back().xxh3 = state.xxh3;
  bytes_before_ += state.bytes;
  bytes_read_ = bytes_before_;
  reader_.reset();
}

void FrameSource::mark_wanted(FrameWork& work) {
  const std::uint64_t first = frames_ - work.batch->frames();
  const std::uint64_t limit = options_.limit.value_or(std::numeric_limits<std::uint64_t>::max());
  if (!options_.records && taken_ + work.batch->frames() <= limit) {
    taken_ += work.batch->frames();
    return;
  }
  work.wanted.resize(work.batch->frames());
  for (std::size_t i = 0; i < work.wanted.size() && taken_ < limit; ++i) {
    work.wanted[i] = !options_.records || options_.records->contains(first + i, all_frames_);
    taken_ += work.wanted[i];
  }
}

std::unique_ptr<FrameWork> FrameSource::next() {
  for (;;) {
    throw_if_interrupted();
    const bool enough = options_.limit && taken_ >= *options_.limit;
    const bool behind = options_.records && !options_.records->needs_size() && options_.records->end() &&
                        frames_ >= *options_.records->end();
    if (enough || behind) {
      if (reader_) close_current();
      return nullptr;
    }
    try {
      if (!reader_ && !open_next()) {
        if (options_.records) options_.records->count(frames_);  // refuses indices that no input had
        return nullptr;
      }
      auto work = std::make_unique<FrameWork>();
      work->batch = reader_->next();
      if (!work->batch) {
        close_current();
        continue;
      }
      work->input = next_input_ - 1;
      frames_ += work->batch->frames();
      bytes_read_ = bytes_before_ + work->batch->input_position();
      mark_wanted(*work);
      return work;
    } catch (const Error& e) {
      if (!options_.skip_bad_files || e.exit() != Exit::input) throw;
      failures_.push_back(e);
      if (reader_) close_current();
    }
  }
}

}  // namespace atp
