// ASE's LMDB files: zlib-compressed JSON rows under whole numbers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "formats/ase_json.h"
#include "formats/ase_row.h"
#include "formats/frame_batch.h"
#include "formats/inflater.h"
#include "formats/lmdb_file.h"

namespace atp {

namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;  // of compressed rows
constexpr std::size_t kBatchRows = 1024;

struct PackedRow {
  std::int64_t id;
  Bytes value;
};

struct LmdbRows {
  std::shared_ptr<const LmdbFile> file;
  std::shared_ptr<const AseSettings> settings;
  std::vector<PackedRow> rows;
};

class LmdbRowDecoder final : public FrameDecoder {
 public:
  LmdbRowDecoder(std::shared_ptr<const LmdbRows> all, std::size_t first) : all_(std::move(all)), first_(first), row_(*all_->settings) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const PackedRow& packed = all_->rows[first_ + static_cast<std::size_t>(i)];
    try {
      row_.begin();
      row_.object(parser_.parse(inflater_.inflate(packed.value), true));
      row_.finish(packed.id, structure, remarks);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: row {}", all_->settings->name, packed.id));
    }
  }

 private:
  std::shared_ptr<const LmdbRows> all_;
  std::size_t first_;
  Inflater inflater_;
  JsonParser parser_;
  AseRow row_;
};

class AseLmdb final : public FormatReader {
 public:
  AseLmdb(const std::string& path, const ReadOptions& options) {
    auto all = std::make_shared<LmdbRows>();
    all->file = std::make_shared<LmdbFile>(path);
    auto settings = std::make_shared<AseSettings>(all->file->name(), options);
    std::vector<std::int64_t> deleted;
    all->file->for_each([&](const LmdbEntry& e) {
      std::int64_t id = 0;
      const auto [end, error] = std::from_chars(e.key.data(), e.key.data() + e.key.size(), id);
      if (error == std::errc() && end == e.key.data() + e.key.size()) {
        all->rows.push_back({id, e.value});
      } else if (e.key == "deleted_ids") {
        read_deleted(e.value, *settings, deleted);
      } else if (e.key == "metadata") {
        read_metadata(e.value, *settings);
      }
      return true;
    });
    std::ranges::sort(all->rows, {}, &PackedRow::id);
    std::ranges::sort(deleted);
    std::erase_if(all->rows, [&](const PackedRow& r) { return std::ranges::binary_search(deleted, r.id); });
    all->settings = std::move(settings);
    all_ = std::move(all);
  }

  std::unique_ptr<FrameBatch> next() override {
    const std::size_t first = taken_;
    for (std::size_t bytes = 0; taken_ < all_->rows.size() && bytes < kBatchBytes && taken_ - first < kBatchRows; ++taken_) {
      bytes += all_->rows[taken_].value.size() + 1;
    }
    if (taken_ == first) return nullptr;
    auto all = all_;
    return std::make_unique<IndependentFrames>(first, taken_ - first, position(), [all, first] { return std::make_unique<LmdbRowDecoder>(all, first); });
  }

  InputState input_state() const override { return {position(), std::nullopt}; }

 private:
  static void read_deleted(Bytes packed, const AseSettings& settings, std::vector<std::int64_t>& deleted) {
    try {
      Inflater inflater;
      JsonParser parser;
      JsonValues values;
      const auto v = values.numbers(parser.parse(inflater.inflate(packed), true));
      for (std::uint64_t i = 0; v && i < v->count(); ++i) deleted.push_back(static_cast<std::int64_t>(v->real(i)));
    } catch (const Error& e) {
      throw e.within(settings.name + ": deleted_ids");
    }
  }

  static void read_metadata(Bytes packed, AseSettings& settings) {
    try {
      Inflater inflater;
      settings.read_metadata(inflater.inflate(packed));
    } catch (const Error& e) {
      throw e.within(settings.name + ": metadata");
    }
  }

  std::uint64_t position() const {
    const std::uint64_t rows = all_->rows.size();
    return rows == 0 || taken_ == rows ? all_->file->bytes() : static_cast<std::uint64_t>(static_cast<double>(all_->file->bytes()) * (static_cast<double>(taken_) / static_cast<double>(rows)));
  }

  std::shared_ptr<const LmdbRows> all_;
  std::size_t taken_ = 0;
};

// zlib's header: deflate, a checksum of the two bytes that 31 divides.
bool is_zlib(std::string_view value) {
  if (value.size() < 2) return false;
  const unsigned head = static_cast<unsigned>(static_cast<unsigned char>(value[0])) << 8 | static_cast<unsigned char>(value[1]);
  return (head >> 8 & 0x0F) == 8 && head % 31 == 0;
}

}  // namespace

// Without a file to look into, an LMDB file is more likely ASE's than another's.
int sniff_aselmdb(std::string_view head) { return looks_like_lmdb(head) ? 1 : 0; }

int sniff_aselmdb_path(const std::string& path, std::string_view head) {
  if (!looks_like_lmdb(head)) return 0;
  const auto [key, value] = first_numbered_entry(path);
  return is_zlib(value) ? 3 : key.empty() ? 1 : 0;
}

bool is_aselmdb_folder(const std::string& folder) { return !lmdb_file_of(folder).empty() && is_zlib(first_numbered_entry(folder).second); }

std::unique_ptr<FormatReader> open_aselmdb(const std::string& path, const ReadOptions& options) {
  return std::make_unique<AseLmdb>(path, options);
}

}  // namespace atp
