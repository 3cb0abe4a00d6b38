#include "formats/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/ase_row.h"
#include "formats/frame_batch.h"
#include "formats/json_columns.h"
#include "formats/json_cutter.h"
#include "formats/json_frames.h"

namespace atp {

namespace {

std::string place(const std::string& file, const JsonRecord& record, std::uint64_t number) {
  return record.key.empty() ? fmt::format("{}: record {}", file, number) : fmt::format("{}: '{}'", file, record.key);
}

// Records cut from a document, with the frame each begins with.
struct Records {
  JsonPiece piece;
  std::vector<std::uint64_t> first;  // frame of each record within the batch, and their count
  std::uint64_t number = 0;          // of the first record in the input

  std::string_view text(std::size_t i) const { return std::string_view(piece.text).substr(piece.records[i].begin, piece.records[i].size); }
};

// Which record frame `i` of the batch is in.
std::size_t record_of(const Records& records, std::uint64_t i) {
  return static_cast<std::size_t>(std::upper_bound(records.first.begin(), records.first.end(), i) - records.first.begin()) - 1;
}

// ---- JSON of pymatgen and its kind --------------------------------------------------------------

class JsonDecoder final : public FrameDecoder {
 public:
  JsonDecoder(std::shared_ptr<const JsonSettings> settings, std::shared_ptr<const Records> records)
      : settings_(std::move(settings)), records_(std::move(records)), reader_(*settings_) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const std::size_t at = record_of(*records_, i);
    const JsonRecord& record = records_->piece.records[at];
    try {
      if (parsed_ != at) {
        parsed_.reset();
        frames_ = frames_of_json(parser_.parse(records_->text(at), true));
        parsed_ = at;
      }
      const std::uint64_t step = i - records_->first[at];
      if (frames_.empty()) fail_input("", "holds no structure", "pass --on-error skip to leave it out");
      if (records_->first[at + 1] - records_->first[at] != frames_.size()) {
        fail_input("", fmt::format("holds {} frames where the file's first record holds one", frames_.size()), "put documents of one kind into a file");
      }
      reader_.read(frames_[static_cast<std::size_t>(step)], record.key, structure, remarks);
    } catch (const Error& e) {
      throw e.within(place(settings_->name, record, records_->number + at));
    }
  }

 private:
  std::shared_ptr<const JsonSettings> settings_;
  std::shared_ptr<const Records> records_;
  JsonFrameReader reader_;
  JsonParser parser_;
  std::optional<std::size_t> parsed_;
  std::vector<JsonFrame> frames_;  // of that record
};

// ---- ASE's rows ---------------------------------------------------------------------------------

class AseJsonDecoder final : public FrameDecoder {
 public:
  AseJsonDecoder(std::shared_ptr<const AseSettings> settings, std::shared_ptr<const Records> records)
      : settings_(std::move(settings)), records_(std::move(records)), row_(*settings_) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const auto at = static_cast<std::size_t>(i);
    const JsonRecord& record = records_->piece.records[at];
    try {
      std::int64_t id = 0;
      const auto [end, error] = std::from_chars(record.key.data(), record.key.data() + record.key.size(), id);
      if (error != std::errc() || end != record.key.data() + record.key.size()) fail_input("", "is no row: its key is no number");
      row_.begin();
      row_.object(parser_.parse(records_->text(at), true));
      row_.finish(id, structure, remarks);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: row {}", settings_->name, record.key));
    }
  }

 private:
  std::shared_ptr<const AseSettings> settings_;
  std::shared_ptr<const Records> records_;
  AseRow row_;
  JsonParser parser_;
};

// ---- readers ------------------------------------------------------------------------------------

// Tables are read as a whole.
constexpr std::size_t kLargestTable = std::size_t{64} << 20;

// A byte more than that, or all there is; what simdjson needs behind it is reserved.
std::string read_begin(ByteSource& source) {
  std::string text;
  for (std::size_t n = 1; n != 0 && text.size() <= kLargestTable;) {
    throw_if_interrupted();
    const std::size_t have = text.size();
    text.resize(std::min(have + (std::size_t{1} << 20), kLargestTable + 1));
    n = source.read(std::span(text).subspan(have));
    text.resize(have + n);
  }
  text.reserve(text.size() + kJsonPadding);
  return text;
}

// Whether there is a table where `depth` objects or lists lie around it.
bool holds_table(const simdjson::dom::element& e, unsigned depth) {
  if (depth == 0) {
    try {
      std::vector<JsonFrame> rows;
      return add_table(e, rows);
    } catch (const Error&) {
      return true;  // a table with a fault, which is told again with the frames
    }
  }
  simdjson::dom::array a;
  simdjson::dom::object o;
  if (e.get(a) == simdjson::SUCCESS) return std::any_of(a.begin(), a.end(), [&](const auto& inner) { return holds_table(inner, depth - 1); });
  if (e.get(o) == simdjson::SUCCESS) return std::any_of(o.begin(), o.end(), [&](const auto& inner) { return holds_table(inner.value, depth - 1); });
  return false;
}

bool holds_table(const std::string& text, unsigned depth) {
  JsonParser parser;
  try {
    return holds_table(parser.parse(text, true), depth);
  } catch (const Error&) {
    return false;
  }
}

class JsonReader final : public FormatReader {
 public:
  JsonReader(std::unique_ptr<ByteSource> source, const ReadOptions& options, bool ase) : cutter_(nullptr, 0) {
    const JsonOutline outline = outline_of_json(source->peek());
    if (ase) {
      ase_ = std::make_shared<AseSettings>(source->name(), options);
    } else {
      json_ = std::make_shared<JsonSettings>(source->name(), options);
    }
    std::string begun;
    unsigned depth = ase ? 1 : outline.depth;
    if (!ase && (outline.table || outline.tables != 0)) {
      begun = read_begin(*source);
      const bool whole = begun.size() <= kLargestTable;
      if (whole && outline.table && holds_table(begun, 0)) {
        depth = 0;
      } else if (whole && outline.tables != 0 && holds_table(begun, outline.tables)) {
        depth = outline.tables;
      }
      if (!whole && outline.split) {
        fail_input(source->name(), fmt::format("is a table (pandas' orient='split') of more than {} bytes", kLargestTable), "write it with orient='records'");
      }
    }
    cutter_ = JsonCutter(std::move(source), depth, std::move(begun));
  }

  std::unique_ptr<FrameBatch> next() override {
    auto piece = cutter_.next();
    if (!piece) return nullptr;
    auto records = std::make_shared<Records>();
    records->piece = std::move(*piece);
    records->number = number_;
    count(*records);
    number_ += records->piece.records.size();
    const std::uint64_t first = frames_;
    frames_ += records->first.back();
    auto json = json_;
    auto ase = ase_;
    return std::make_unique<IndependentFrames>(first, frames_ - first, records->piece.input_position, [json, ase, records]() -> std::unique_ptr<FrameDecoder> {
      if (ase) return std::make_unique<AseJsonDecoder>(ase, records);
      return std::make_unique<JsonDecoder>(json, records);
    });
  }

  InputState input_state() const override { return cutter_.input_state(); }

 private:
  // Records of one frame, as almost all are, need not be parsed to be counted. What the first is like decides.
  void count(Records& records) {
    std::uint64_t frames = 0;
    for (std::size_t i = 0; i < records.piece.records.size(); ++i) {
      records.first.push_back(frames);
      frames += one_each_.value_or(false) ? 1 : frames_in(records, i);
    }
    records.first.push_back(frames);
  }

  static bool may_be_many(JsonFrame::Layout layout) {
    using Layout = JsonFrame::Layout;
    return layout == Layout::trajectory || layout == Layout::vasp_step || layout == Layout::qchem;
  }

  std::uint64_t frames_in(const Records& records, std::size_t i) {
    if (ase_) {
      one_each_ = true;
      return 1;
    }
    std::vector<JsonFrame> frames;
    try {
      frames = frames_of_json(parser_.parse(records.text(i), true));
    } catch (const Error&) {  // is one bad frame
    }
    if (!one_each_) one_each_ = frames.size() == 1 && !may_be_many(frames[0].layout) && frames[0].cells.empty();
    return std::max<std::size_t>(frames.size(), 1);
  }

  JsonCutter cutter_;
  std::shared_ptr<JsonSettings> json_;
  std::shared_ptr<AseSettings> ase_;
  JsonParser parser_;
  std::optional<bool> one_each_;
  std::uint64_t frames_ = 0, number_ = 0;
};

}  // namespace

int sniff_json(std::string_view head) {
  const auto outline = outline_of_json(head);
  if (outline.found) return 2;
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (head[first] == '{' || head[first] == '[') ? 1 : 0;
}

int sniff_ase_json(std::string_view head) { return outline_of_json(head).numbered ? 3 : 0; }

std::unique_ptr<FormatReader> open_json(std::unique_ptr<ByteSource> source, const ReadOptions& options) {
  return std::make_unique<JsonReader>(std::move(source), options, false);
}

std::unique_ptr<FormatReader> open_ase_json(std::unique_ptr<ByteSource> source, const ReadOptions& options) {
  return std::make_unique<JsonReader>(std::move(source), options, true);
}

}  // namespace atp
