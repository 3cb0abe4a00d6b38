#include "formats/atp_input.h"

#include <algorithm>

#include "core/atp/one_pass.h"
#include "formats/frame_batch.h"

namespace atp {
namespace {

constexpr std::uint64_t kBatchBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kInWork = std::uint64_t{64} << 20;  // bytes that other threads may still be decoding

class RecordDecoder : public FrameDecoder {
 public:
  RecordDecoder(std::shared_ptr<const Reader> reader, std::uint64_t first) : reader_(std::move(reader)), first_(first) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& /*remarks*/) override {
    const RecordView record = reader_->verified_record(first_ + i, scratch_);
    record.check();
    record.copy_to(structure);
  }

 private:
  std::shared_ptr<const Reader> reader_;
  std::uint64_t first_;
  Scratch scratch_;
};

class AtpReader : public FormatReader {
 public:
  explicit AtpReader(const std::string& path)
      : reader_(std::make_shared<const Reader>(path)), once_(read_once(*reader_)) {
    reader_->check_index();
  }

  std::unique_ptr<FrameBatch> next() override {
    const std::uint64_t first = next_;
    for (std::uint64_t bytes = 0; next_ < reader_->size() && bytes < kBatchBytes; ++next_) bytes += reader_->raw_entry(next_).unpacked;
    if (next_ == first) return nullptr;
    const std::uint64_t offset = reader_->raw_entry(first).offset;
    once_.passed(offset - std::min(offset, kInWork));
    const auto make = [reader = reader_, first] { return std::make_unique<RecordDecoder>(reader, first); };
    return std::make_unique<IndependentFrames>(first, next_ - first, reader_->file_bytes() / reader_->size() * next_, make);
  }

  // Records have checksums of their own, so the file is not hashed as well.
  InputState input_state() const override { return {next_ == reader_->size() ? reader_->file_bytes() : 0, std::nullopt}; }

 private:
  std::shared_ptr<const Reader> reader_;
  ReadOnce once_;
  std::uint64_t next_ = 0;
};

}  // namespace

int sniff_atp(std::string_view head) { return head.starts_with("ATPK") ? 3 : 0; }

std::unique_ptr<FormatReader> open_atp(const std::string& path, const ReadOptions& /*options*/) { return std::make_unique<AtpReader>(path); }

}  // namespace atp
