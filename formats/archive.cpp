#include "formats/archive.h"

#ifdef ATP_HAVE_ARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <exception>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/excerpt.h"
#include "formats/frame_batch.h"

namespace atp {
namespace {

// A batch of a member, with the frames counted through the whole archive.
class MemberBatch : public FrameBatch {
 public:
  MemberBatch(std::unique_ptr<FrameBatch> batch, std::uint64_t offset, std::uint64_t position, std::string note)
      : batch_(std::move(batch)), offset_(offset), position_(position), note_(std::move(note)) {}

  std::uint64_t first_frame() const override { return offset_ + batch_->first_frame(); }
  std::uint64_t frames() const override { return batch_->frames(); }
  std::uint64_t input_position() const override { return position_; }
  void decode(Structure& structure, FrameSink& sink) const override {
    Shifted shifted(sink, offset_, note_);
    batch_->decode(structure, shifted);
  }

 private:
  class Shifted : public FrameSink {
   public:
    Shifted(FrameSink& sink, std::uint64_t offset, const std::string& note) : sink_(sink), offset_(offset), note_(note) {}
    void frame(Structure& structure, const FrameOrigin& origin) override {
      if (!note_.empty()) sink_.note(note_);
      sink_.frame(structure, {origin.frame + offset_, origin.line});
    }
    void bad_frame(const Error& error, const FrameOrigin& origin) override { sink_.bad_frame(error, {origin.frame + offset_, origin.line}); }
    void mapped(std::string_view field, std::string_view how) override { sink_.mapped(field, how); }
    void note(std::string_view text) override { sink_.note(text); }

   private:
    FrameSink& sink_;
    std::uint64_t offset_;
    const std::string& note_;
  };

  std::unique_ptr<FrameBatch> batch_;
  std::uint64_t offset_, position_;
  std::string note_;
};

class ArchiveReader : public FormatReader {
 public:
  ArchiveReader(std::unique_ptr<ByteSource> source, const ReadOptions& options) : source_(std::move(source)), options_(options), buffer_(std::size_t{256} << 10) {
    archive_.reset(::archive_read_new());
    if (!archive_) throw std::bad_alloc();
    ::archive_read_support_format_tar(archive_.get());
    ::archive_read_support_format_zip_streamable(archive_.get());
    if (::archive_read_open(archive_.get(), this, nullptr, read_source, nullptr) != ARCHIVE_OK) fail();
  }

  std::unique_ptr<FrameBatch> next() override {
    try {
      return next_of_members();
    } catch (const Error& e) {
      // What is wrong with one member keeps none of the others from being read: it counts as one bad frame.
      if (e.exit() != Exit::input || source_error_ || !e.where().starts_with(source_->name() + ":")) throw;
      member_.reset();
      any_ = true;
      const std::uint64_t first = std::exchange(frames_, frames_ + member_frames_ + 1) + std::exchange(member_frames_, 0);
      return std::make_unique<IndependentFrames>(first, 1, source_->position(), [e] { return std::make_unique<BadMember>(e); });
    }
  }

  InputState input_state() const override { return source_->state(); }

 private:
  struct Free {
    void operator()(struct ::archive* a) const { ::archive_read_free(a); }
  };

  class BadMember : public FrameDecoder {
   public:
    explicit BadMember(Error error) : error_(std::move(error)) {}
    void decode(std::uint64_t, Structure&, FrameRemarks&) override { throw error_; }

   private:
    Error error_;
  };

  std::unique_ptr<FrameBatch> next_of_members() {
    for (;;) {
      throw_if_interrupted();
      if (!member_ && !open_member()) return nullptr;
      auto batch = member_->next();
      if (!batch) {
        frames_ += member_frames_;
        member_.reset();
        continue;
      }
      any_ = true;
      member_frames_ = batch->first_frame() + batch->frames();
      return std::make_unique<MemberBatch>(std::move(batch), frames_, source_->position(), passed_over_note());
    }
  }

  [[noreturn]] void fail() {
    if (source_error_) std::rethrow_exception(source_error_);
    const char* const why = ::archive_error_string(archive_.get());
    fail_input(source_->name(), fmt::format("is a damaged archive{}{}", why == nullptr ? "" : ": ", why == nullptr ? "" : excerpt(why)), "copy or download it again");
  }

  // Exceptions must not pass through C.
  static la_ssize_t read_source(struct ::archive* a, void* self, const void** bytes) {
    auto& reader = *static_cast<ArchiveReader*>(self);
    try {
      const std::size_t n = reader.source_->read(reader.buffer_);
      *bytes = reader.buffer_.data();
      return static_cast<la_ssize_t>(n);
    } catch (...) {
      reader.source_error_ = std::current_exception();
      ::archive_set_error(a, EIO, "the file cannot be read");
      return -1;
    }
  }

  std::size_t read_member(std::span<std::byte> out) {
    const la_ssize_t n = ::archive_read_data(archive_.get(), out.data(), out.size());
    if (n < 0) fail();
    return static_cast<std::size_t>(n);
  }

  // The next member of a format that is known; false at the end.
  bool open_member() {
    for (;;) {
      throw_if_interrupted();
      struct ::archive_entry* entry = nullptr;
      const int code = ::archive_read_next_header(archive_.get(), &entry);
      if (code == ARCHIVE_EOF) break;
      if (code < ARCHIVE_WARN) fail();
      if (::archive_entry_filetype(entry) != AE_IFREG) continue;
      const char* const name = ::archive_entry_pathname(entry);
      std::string path = fmt::format("{}:{}", source_->name(), name == nullptr ? std::string("?") : excerpt(name));
      auto source = std::make_unique<ByteSource>(path, [this](std::span<std::byte> out) { return read_member(out); });
      member_ = open_source(std::move(source), options_);
      member_frames_ = 0;
      if (member_) return true;
      if (passed_over_.empty()) passed_over_ = path;
    }
    if (!any_) {
      fail_input(source_->name(), passed_over_.empty() ? "is an archive without files" : "is an archive without a member that atp reads",
                 "unpack it and name the files");
    }
    while (source_->read(buffer_) != 0) {  // for the hash of the file
    }
    return false;
  }

  std::string passed_over_note() const {
    if (passed_over_.empty()) return {};
    return fmt::format("members of no format that atp knows are passed over, {} first", passed_over_);
  }

  std::unique_ptr<ByteSource> source_;
  ReadOptions options_;
  std::vector<char> buffer_;
  std::unique_ptr<struct ::archive, Free> archive_;
  std::exception_ptr source_error_;
  std::unique_ptr<FormatReader> member_;
  std::uint64_t frames_ = 0, member_frames_ = 0;
  std::string passed_over_;  // the first
  bool any_ = false;
};

}  // namespace

std::unique_ptr<FormatReader> open_archive(std::unique_ptr<ByteSource> source, const ReadOptions& options) {
  return std::make_unique<ArchiveReader>(std::move(source), options);
}

}  // namespace atp

#endif

namespace atp {

int sniff_archive(std::string_view head) {
  if (head.size() > 262 && head.substr(257, 5) == "ustar") return 3;
  return head.starts_with("PK\x03\x04") ? 2 : 0;  // of what is a zip, .npz is more certain
}

}  // namespace atp
