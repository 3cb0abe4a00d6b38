#include "formats/spooled_input.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/io/output_file.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 30;

// A folder with one file in it, which has the input's own name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& input) {
    std::error_code error;
    fs::path where = fs::temp_directory_path(error);
    if (error) where = "/tmp";
    std::string folder = (where / "atp-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) fail_system(folder, "cannot make a temporary folder", errno);
    folder_ = folder;
    const std::string name = fs::path(input.substr(input.rfind(':') + 1)).filename().string();
    path_ = (fs::path(folder) / (name.empty() ? "input" : name.substr(0, 100))).string();
  }
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

  void fill(ByteSource& source) const {
    const auto file = real_disk().create_beside(path_);
    std::vector<char> buffer(std::size_t{1} << 20);
    std::uint64_t size = 0;
    while (const std::size_t n = source.read(buffer)) {
      throw_if_interrupted();
      if (size + n > kMostBytes) fail_input(source.name(), "needs a file of its own and has more than 16 GiB", "unpack it and name it by itself");
      try {
        file->write_at(size, as_bytes(std::string_view(buffer.data(), n)));
      } catch (const Error& e) {
        throw Error(e.exit(), e.where(), e.problem(), fmt::format("{} is unpacked there: set TMPDIR to a folder with room", source.name()));
      }
      size += n;
    }
    real_disk().rename(file->path(), path_, true);
  }

 private:
  std::string folder_, path_;
};

// Errors speak of the input, not of the temporary file.
class Renamed {
 public:
  Renamed(std::string path, std::string name) : path_(std::move(path)), name_(std::move(name)) {}
  Error operator()(const Error& e) const {
    if (!e.where().starts_with(path_)) return e;
    return Error(e.exit(), name_ + e.where().substr(path_.size()), e.problem(), e.fix());
  }

 private:
  std::string path_, name_;
};

class SpooledBatch : public FrameBatch {
 public:
  SpooledBatch(std::unique_ptr<FrameBatch> batch, Renamed renamed) : batch_(std::move(batch)), renamed_(std::move(renamed)) {}
  std::uint64_t first_frame() const override { return batch_->first_frame(); }
  std::uint64_t frames() const override { return batch_->frames(); }
  std::uint64_t input_position() const override { return batch_->input_position(); }
  void decode(Structure& structure, FrameSink& sink) const override {
    Sink inner(sink, renamed_);
    batch_->decode(structure, inner);
  }

 private:
  class Sink : public FrameSink {
   public:
    Sink(FrameSink& sink, const Renamed& renamed) : sink_(sink), renamed_(renamed) {}
    void frame(Structure& structure, const FrameOrigin& origin) override { sink_.frame(structure, origin); }
    void bad_frame(const Error& error, const FrameOrigin& origin) override { sink_.bad_frame(renamed_(error), origin); }
    void mapped(std::string_view field, std::string_view how) override { sink_.mapped(field, how); }
    void note(std::string_view text) override { sink_.note(text); }

   private:
    FrameSink& sink_;
    const Renamed& renamed_;
  };

  std::unique_ptr<FrameBatch> batch_;
  Renamed renamed_;
};

class SpooledReader : public FormatReader {
 public:
  SpooledReader(ByteSource& source, std::string_view from, const ReadOptions& options) : file_(source.name()), renamed_(file_.path(), source.name()) {
    file_.fill(source);
    state_ = source.state();
    try {
      reader_ = open_input(file_.path(), from, options);
    } catch (const Error& e) {
      throw renamed_(e);
    }
    set_format(reader_->format());
  }

  std::unique_ptr<FrameBatch> next() override {
    try {
      auto batch = reader_->next();
      return batch ? std::make_unique<SpooledBatch>(std::move(batch), renamed_) : nullptr;
    } catch (const Error& e) {
      throw renamed_(e);
    }
  }
  InputState input_state() const override { return state_; }

 private:
  TemporaryFile file_;
  Renamed renamed_;
  InputState state_;
  std::unique_ptr<FormatReader> reader_;
};

}  // namespace

std::unique_ptr<FormatReader> open_spooled(ByteSource& source, std::string_view from, const ReadOptions& options) {
  return std::make_unique<SpooledReader>(source, from, options);
}

}  // namespace atp
