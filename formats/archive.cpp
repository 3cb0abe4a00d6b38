#include "formats/archive.h"

#ifdef ATP_HAVE_ARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/excerpt.h"
#include "formats/frame_batch.h"

namespace atp {
namespace {

// A batch of a member, with the frames counted through the whole archive.
class MemberBatch : public FrameBatch {
 public:
  MemberBatch(std::unique_ptr<FrameBatch> batch, std::uint64_t offset, std::uint64_t position, std::shared_ptr<const std::string> member)
      : batch_(std::move(batch)), offset_(offset), position_(position), member_(std::move(member)) {}

  // Before anyone decodes it.
  void set_notes(std::vector<std::string> notes) { notes_ = std::move(notes); }

  std::uint64_t first_frame() const override { return offset_ + batch_->first_frame(); }
  std::uint64_t frames() const override { return batch_->frames(); }
  std::uint64_t input_position() const override { return position_; }
  void decode(Structure& structure, FrameSink& sink) const override {
    for (const std::string& note : notes_) sink.note(note);
    Shifted shifted(sink, offset_, *member_);
    batch_->decode(structure, shifted);
  }

 private:
  class Shifted : public FrameSink {
   public:
    Shifted(FrameSink& sink, std::uint64_t offset, const std::string& member) : sink_(sink), offset_(offset), member_(member) {}
    void frame(Structure& structure, const FrameOrigin& origin) override { sink_.frame(structure, moved(origin)); }
    void bad_frame(const Error& error, const FrameOrigin& origin) override { sink_.bad_frame(error, moved(origin)); }
    void mapped(std::string_view field, std::string_view how) override { sink_.mapped(field, how); }
    void note(std::string_view text) override { sink_.note(text); }

   private:
    FrameOrigin moved(const FrameOrigin& origin) const { return {origin.frame + offset_, origin.line, member_, origin.frame}; }

    FrameSink& sink_;
    std::uint64_t offset_;
    const std::string& member_;
  };

  std::unique_ptr<FrameBatch> batch_;
  std::uint64_t offset_, position_;
  std::shared_ptr<const std::string> member_;
  std::vector<std::string> notes_;
};

// Of messages and of memory: a name may have any length.
std::string bounded(const char* name) {
  constexpr std::size_t kMost = 4096;
  if (name == nullptr) return "?";
  const std::string_view text(name);
  return text.size() <= kMost ? std::string(text) : std::string(text.substr(0, kMost)) + "...";
}

// Archives say their names' encoding or do not; it need not be that of the locale.
std::string path_of(struct ::archive_entry* entry) {
  const char* name = ::archive_entry_pathname(entry);
  if (name == nullptr) name = ::archive_entry_pathname_utf8(entry);
  return bounded(name);
}

class ArchiveReader : public FormatReader {
 public:
  ArchiveReader(std::unique_ptr<ByteSource> source, const ReadOptions& options) : source_(std::move(source)), options_(options), buffer_(std::size_t{256} << 10) {
    archive_.reset(::archive_read_new());
    if (!archive_) throw std::bad_alloc();
    ::archive_read_support_format_tar(archive_.get());
    ::archive_read_support_format_zip_streamable(archive_.get());
    if (::archive_read_open(archive_.get(), this, nullptr, read_source, nullptr) != ARCHIVE_OK) fail();
  }

  // One batch ahead of what is given away, so that the last one can say what was passed over behind it.
  std::unique_ptr<FrameBatch> next() override {
    if (failure_) std::rethrow_exception(failure_);
    std::unique_ptr<MemberBatch> batch = ahead_ || ended_ ? std::move(ahead_) : next_or_bad();
    if (!batch) return nullptr;
    try {
      if (!ended_) ahead_ = next_or_bad();
    } catch (...) {
      failure_ = std::current_exception();
    }
    batch->set_notes(notes());
    return batch;
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

  std::unique_ptr<MemberBatch> next_or_bad() {
    try {
      return next_of_members();
    } catch (const Error& e) {
      // What is wrong with one member keeps none of the others from being read: it counts as one bad frame.
      if (e.exit() != Exit::input || source_error_ || !e.where().starts_with(source_->name() + ":")) throw;
      member_.reset();
      any_ = true;
      const std::uint64_t first = std::exchange(frames_, frames_ + member_frames_ + 1) + std::exchange(member_frames_, 0);
      auto bad = std::make_unique<IndependentFrames>(0, 1, 0, [e] { return std::make_unique<BadMember>(e); });
      return std::make_unique<MemberBatch>(std::move(bad), first, source_->position(), member_name_);
    }
  }

  std::unique_ptr<MemberBatch> next_of_members() {
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
      return std::make_unique<MemberBatch>(std::move(batch), frames_, source_->position(), member_name_);
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
      if (::archive_entry_filetype(entry) == AE_IFDIR) continue;
      member_name_ = std::make_shared<const std::string>(path_of(entry));
      std::string path = fmt::format("{}:{}", source_->name(), *member_name_);
      if (is_link(entry, path)) continue;
      if (::archive_entry_filetype(entry) == AE_IFREG) {
        auto source = std::make_unique<ByteSource>(path, [this](std::span<std::byte> out) { return read_member(out); });
        member_ = open_source(std::move(source), options_);
        member_frames_ = 0;
        if (member_) return true;
      }
      if (passed_over_.empty()) passed_over_ = path;
    }
    if (!any_) {
      const std::string why = !passed_over_.empty() ? fmt::format("is an archive without a member that atp reads, {} is first", passed_over_)
                              : !link_.empty()      ? fmt::format("is an archive of links alone, {} first", link_)
                                                    : "is an archive without files";
      fail_input(source_->name(), why, "unpack it and name the files");
    }
    while (source_->read(buffer_) != 0) {  // for the hash of the file
    }
    ended_ = true;
    return false;
  }

  // The archive is read once from its beginning to its end, and what a link leads to is read where it lies.
  bool is_link(struct ::archive_entry* entry, const std::string& path) {
    const char* to = ::archive_entry_symlink(entry);
    if (to == nullptr && ::archive_entry_size(entry) == 0) to = ::archive_entry_hardlink(entry);
    if (to != nullptr && link_.empty()) link_ = fmt::format("{} (to {})", path, bounded(to));
    return to != nullptr;
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> out;
    if (!passed_over_.empty()) out.push_back(fmt::format("members of no format that atp knows are passed over, {} first", passed_over_));
    if (!link_.empty()) out.push_back(fmt::format("links in archives are not followed, a file is read where it lies: {} first", link_));
    return out;
  }

  std::unique_ptr<ByteSource> source_;
  ReadOptions options_;
  std::vector<char> buffer_;
  std::unique_ptr<struct ::archive, Free> archive_;
  std::exception_ptr source_error_;
  std::unique_ptr<FormatReader> member_;
  std::uint64_t frames_ = 0, member_frames_ = 0;
  std::shared_ptr<const std::string> member_name_;
  std::unique_ptr<MemberBatch> ahead_;
  std::exception_ptr failure_;        // behind what was given away
  std::string passed_over_, link_;    // the first of each
  bool any_ = false, ended_ = false;
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
