#include "formats/lmdb_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/frame_batch.h"
#include "formats/frame_fields.h"
#include "formats/lmdb_file.h"
#include "formats/pickle.h"
#include "formats/json_frames.h"
#include "formats/pickle_json.h"
#include "formats/torch_storage.h"

namespace atp {

namespace {

constexpr std::size_t kBatchBytes = std::size_t{2} << 20;
constexpr std::size_t kBatchRows = 1024;

// Neighbour lists and what PyG keeps beside them: made again by whoever trains.
constexpr std::string_view kGraph[] = {"edge_index", "edge_attr", "cell_offsets", "distances", "neighbors", "nads_index", "x", "face", "normal", "train_mask"};

struct Settings {
  std::string name;
  FieldRules rules;
  InputUnits units;
  JsonSettings json;  // of pymatgen's dicts
  Settings(std::string file, const ReadOptions& options) : name(file), rules(options), units(options), json(std::move(file), options) { declare_standard_units(units); }
};

// ---- one structure ------------------------------------------------------------------------------

class PickledFrame {
 public:
  explicit PickledFrame(const Settings& settings) : settings_(settings), fields_(settings.rules, settings.units) {}

  void read(const Pickle& p, const PickleValue& v, Structure& structure, FrameRemarks& remarks) {
    scratch_.clear();
    spent_ = 0;
    fields_.begin();
    const PickleValue& dict = attributes(p, v);
    if (holds_pymatgen(p, dict)) return read_pymatgen(p, dict, structure, remarks);
    put_atoms(p, dict, structure, remarks);
    bool graph = false;
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& key = p[dict.items[i]];
      if (key.kind != PickleKind::text) continue;
      if (std::ranges::find(kGraph, key.text()) != std::end(kGraph)) {
        graph |= p[dict.items[i + 1]].kind != PickleKind::none;
      } else {
        add(p, key.text(), p[dict.items[i + 1]], structure.n_atoms(), remarks);
      }
    }
    if (graph) remarks.note("edges and other graph data of the pickles are left out");
    fields_.finish(structure, remarks);
  }

 private:
  // matsciml's Alexandria: pymatgen's dict of a structure, or the structure among other values.
  bool holds_pymatgen(const Pickle& p, const PickleValue& dict) {
    if (first_of(p, dict, {"atomic_numbers", "z", "numbers"}) != nullptr) return false;
    const PickleValue* s = first_of(p, dict, {"structure"});
    return p.find(s != nullptr && s->kind == PickleKind::dict ? *s : dict, "sites") != nullptr;
  }

  void read_pymatgen(const Pickle& p, const PickleValue& dict, Structure& structure, FrameRemarks& remarks) {
    const auto frames = frames_of_json(json_parser_.parse(json_of(p, dict)));
    if (frames.size() != 1) fail_input("", fmt::format("holds {} structures, one is needed", frames.size()));
    if (!json_) {
      json_settings_.emplace(settings_.json);
      json_.emplace(*json_settings_);
    }
    json_->read(frames[0], "", structure, remarks);
  }

  // PyG 2 keeps the fields in _store -> _mapping, PyG 1 in the object itself.
  const PickleValue& attributes(const Pickle& p, const PickleValue& v) {
    const PickleValue* at = &v;
    for (int depth = 0; depth < 8; ++depth) {
      if (at->kind == PickleKind::dict) {
        const PickleValue* inner = nullptr;
        for (const char* const key : {"_store", "_mapping", "__dict__"}) {
          if (inner == nullptr) inner = p.find(*at, key);
        }
        if (inner == nullptr) return *at;
        at = inner;
      } else if (at->kind == PickleKind::object && at->items.size() == 1) {
        at = &p[at->items[0]];
      } else if (at->kind == PickleKind::tuple && !at->items.empty()) {  // (state, slots)
        at = &p[at->items[0]];
      } else {
        break;
      }
    }
    fail_input("", "holds no structure: neither a dict nor PyG Data");
  }

  const PickleValue* first_of(const Pickle& p, const PickleValue& dict, std::initializer_list<const char*> keys) {
    for (const char* const key : keys) {
      const PickleValue* v = p.find(dict, key);
      if (v != nullptr && v->kind != PickleKind::none) return v;
    }
    return nullptr;
  }

  void put_atoms(const Pickle& p, const PickleValue& dict, Structure& structure, FrameRemarks& remarks) {
    const PickleValue* numbers = first_of(p, dict, {"atomic_numbers", "z", "numbers"});
    const PickleValue* pos = first_of(p, dict, {"pos", "positions", "cart_coords"});
    if (numbers == nullptr || pos == nullptr) {
      std::string keys;
      for (std::size_t i = 0; i + 1 < dict.items.size() && i < 20; i += 2) keys += (keys.empty() ? "" : ", ") + excerpt(p[dict.items[i]].text());
      fail_input("", fmt::format("has no {} (found: {})", numbers == nullptr ? "atomic_numbers" : "pos", keys));
    }
    set_atomic_numbers(structure, "atomic_numbers", value_of(p, "atomic_numbers", *numbers));
    set_positions(structure, "pos", value_of(p, "pos", *pos), settings_.units, remarks);
    const PickleValue* const given = first_of(p, dict, {"cell"});
    bool cell = false;  // one of zeros is that of a molecule
    if (given != nullptr) {
      const FrameValue v = value_of(p, "cell", *given);
      cell = !is_no_cell(v);
      if (cell) set_cell(structure, "cell", v, settings_.units, remarks);
    }
    std::array<bool, 3> pbc = {cell, cell, cell};
    if (const PickleValue* said = first_of(p, dict, {"pbc"})) {
      const FrameValue v = value_of(p, "pbc", *said);
      if (v.of == FrameValue::Of::text || (v.count() != 3 && v.count() != 1)) fail_input("", "has a pbc that is neither one value nor three");
      for (std::size_t i = 0; i < 3; ++i) pbc[i] = v.real(v.count() == 3 ? i : 0) != 0;
    } else if (cell) {
      remarks.note("the pickles do not say what is periodic: all directions are, where there is a cell");
    }
    structure.set_pbc(pbc);
    if (const PickleValue* n = first_of(p, dict, {"natoms"})) {
      const FrameValue v = value_of(p, "natoms", *n);
      if (v.count() != 1 || v.real(0) != static_cast<double>(structure.n_atoms())) {
        fail_input("", fmt::format("says it has {} atoms and has {}", v.count() == 1 ? v.real(0) : 0, structure.n_atoms()));
      }
    }
  }

  void add(const Pickle& p, std::string_view key, const PickleValue& v, std::size_t n, FrameRemarks& remarks) {
    static constexpr std::string_view kAtoms[] = {"atomic_numbers", "z", "numbers", "pos", "positions", "cart_coords", "cell", "pbc", "natoms"};
    if (std::ranges::find(kAtoms, key) != std::end(kAtoms)) return;
    ValueHint hint;
    if (key == "y" || key == "energy" || key == "potential-energy") hint.field = Field::energy;
    if (key == "force" || key == "forces" || key == "atomic-forces") hint.field = Field::forces;
    switch (v.kind) {
      case PickleKind::integer:
      case PickleKind::real:
      case PickleKind::logical:
      case PickleKind::text: hint.scope = ValueScope::frame; break;
      case PickleKind::tensor:
      case PickleKind::ndarray: break;
      case PickleKind::list:
      case PickleKind::tuple:
        if (const auto value = numbers_of(p, key, v, hint.field.has_value(), remarks)) return add_value(key, *value, hint, n);
        return;
      case PickleKind::none: return;
      default: return remarks.note(fmt::format("'{}' is neither a number, a text nor an array and is left out", excerpt(key)));
    }
    if (!p.is_readable(v)) return remarks.note(fmt::format("'{}' is an array of no numbers and is left out", excerpt(key)));
    add_value(key, value_of(p, key, v), hint, n);
  }

  // A list that is no array stays out, unless it is a field.
  std::optional<FrameValue> numbers_of(const Pickle& p, std::string_view key, const PickleValue& list, bool needed, FrameRemarks& remarks) {
    try {
      return value_of(p, key, list);
    } catch (const Error& e) {
      if (needed) throw;
      remarks.note(e.problem() + " and is left out");
      return std::nullopt;
    }
  }

  FrameValue value_of(const Pickle& p, std::string_view key, const PickleValue& v) {
    try {
      const FrameValue value = p.value(v, scratch_);
      spent_ += value.data.size() + value.text.size();
      if (spent_ > p.most_bytes()) fail_repeated_values();
      return value;
    } catch (const Error& e) {
      fail_input("", fmt::format("'{}' {}", excerpt(key), e.problem()));
    }
  }

  void add_value(std::string_view key, FrameValue value, ValueHint hint, std::size_t n) {
    if (value.of != FrameValue::Of::text && value.count() == 1 && !(n == 1 && value.rank > 1)) {  // [1]
      value.rank = 0;
      hint.scope = ValueScope::frame;
    }
    if (hint.field == Field::forces) hint.scope = ValueScope::atom;
    fields_.add(key, value, hint);
  }

  const Settings& settings_;
  FrameFields fields_;
  std::deque<std::vector<std::byte>> scratch_;
  std::uint64_t spent_ = 0;  // bytes of this frame's values
  JsonParser json_parser_;
  std::optional<JsonSettings> json_settings_;
  std::optional<JsonFrameReader> json_;
};

// ---- LMDB ---------------------------------------------------------------------------------------

struct Rows {
  std::shared_ptr<const LmdbFile> file;
  Settings settings;
  std::vector<std::pair<std::uint64_t, Bytes>> rows;
  std::string note = {};  // of the file as a whole
};

class LmdbDecoder final : public FrameDecoder {
 public:
  LmdbDecoder(std::shared_ptr<const Rows> all, std::size_t first) : all_(std::move(all)), first_(first), frame_(all_->settings) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const auto& [key, value] = all_->rows[first_ + static_cast<std::size_t>(i)];
    if (!all_->note.empty()) remarks.note(all_->note);
    try {
      const Pickle pickle(value);
      frame_.read(pickle, pickle.root(), structure, remarks);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: key {}", all_->settings.name, key));
    }
  }

 private:
  std::shared_ptr<const Rows> all_;
  std::size_t first_;
  PickledFrame frame_;
};

class LmdbPickles final : public FormatReader {
 public:
  LmdbPickles(const std::string& path, const ReadOptions& options) {
    auto file = std::make_shared<LmdbFile>(path);
    auto all = std::make_shared<Rows>(Rows{file, Settings(file->name(), options), {}});
    std::optional<std::uint64_t> length;
    file->for_each([&](const LmdbEntry& e) {
      std::uint64_t key = 0;
      const auto [end, error] = std::from_chars(e.key.data(), e.key.data() + e.key.size(), key);
      if (error == std::errc() && end == e.key.data() + e.key.size()) all->rows.emplace_back(key, e.value);
      if (e.key == "length") length = read_length(e.value, file->name());
      return true;
    });
    std::ranges::sort(all->rows, {}, [](const auto& r) { return r.first; });
    if (length && *length > all->rows.size()) {
      fail_input(file->name(), fmt::format("says it has {} entries and has {}", *length, all->rows.size()), "the file is not complete; copy it again");
    }
    if (length && *length < all->rows.size()) {
      all->note = fmt::format("{}: its 'length' is {}, what it has beyond (numbered entries: {}) is left out", file->name(), *length, all->rows.size() - *length);
      all->rows.resize(static_cast<std::size_t>(*length));
    }
    all_ = std::move(all);
  }

  std::unique_ptr<FrameBatch> next() override {
    const std::size_t first = taken_;
    for (std::size_t bytes = 0; taken_ < all_->rows.size() && bytes < kBatchBytes && taken_ - first < kBatchRows; ++taken_) {
      bytes += all_->rows[taken_].second.size();
    }
    if (taken_ == first) return nullptr;
    auto all = all_;
    return std::make_unique<IndependentFrames>(first, taken_ - first, position(), [all, first] { return std::make_unique<LmdbDecoder>(all, first); });
  }

  InputState input_state() const override { return {position(), std::nullopt}; }

 private:
  static std::uint64_t read_length(Bytes value, const std::string& name) {
    const Pickle p(value);
    if (p.root().kind != PickleKind::integer || p.root().integer < 0) fail_input(name, "has a length that is no whole number");
    return static_cast<std::uint64_t>(p.root().integer);
  }

  std::uint64_t position() const {
    const std::size_t rows = all_->rows.size();
    if (taken_ == rows) return all_->file->bytes();
    return static_cast<std::uint64_t>(static_cast<double>(all_->file->bytes()) * (static_cast<double>(taken_) / static_cast<double>(rows)));
  }

  std::shared_ptr<const Rows> all_;
  std::size_t taken_ = 0;
};

// ---- pickle files -------------------------------------------------------------------------------

struct PickleFile {
  MappedFile map;
  Settings settings;
  std::optional<Pickle> pickle;
  std::vector<std::uint32_t> frames;
};

class FileDecoder final : public FrameDecoder {
 public:
  FileDecoder(std::shared_ptr<const PickleFile> all, std::size_t first) : all_(std::move(all)), first_(first), frame_(all_->settings) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const std::size_t at = first_ + static_cast<std::size_t>(i);
    const Pickle& p = *all_->pickle;
    try {
      frame_.read(p, at < all_->frames.size() ? p[all_->frames[at]] : p.root(), structure, remarks);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: item {}", all_->settings.name, at));
    }
  }

 private:
  std::shared_ptr<const PickleFile> all_;
  std::size_t first_;
  PickledFrame frame_;
};

class PickleReader final : public FormatReader {
 public:
  PickleReader(const std::string& path, const ReadOptions& options)
      : all_(std::make_shared<PickleFile>(PickleFile{MappedFile(path), Settings(path, options), std::nullopt, {}})) {
    try {
      const Bytes bytes = all_->map.bytes();
      all_->pickle.emplace(is_torch_file(as_text(bytes)) ? read_torch_file(bytes, path) : Pickle(bytes));
    } catch (const Error& e) {
      throw e.where().empty() ? e.within(path) : e;
    }
    const PickleValue& root = all_->pickle->root();
    if (root.kind == PickleKind::list || root.kind == PickleKind::tuple) {
      all_->frames = root.items;
      frames_ = root.items.size();
    }
  }

  std::unique_ptr<FrameBatch> next() override {
    const std::size_t first = taken_;
    for (std::uint64_t bytes = 0; taken_ < frames_ && taken_ - first < 64 && bytes < kBatchBytes; ++taken_) {
      const Pickle& p = *all_->pickle;
      bytes += p.weight(taken_ < all_->frames.size() ? p[all_->frames[taken_]] : p.root(), kBatchBytes);
    }
    if (taken_ == first) return nullptr;
    std::shared_ptr<const PickleFile> all = all_;
    return std::make_unique<IndependentFrames>(first, taken_ - first, position(), [all, first] { return std::make_unique<FileDecoder>(all, first); });
  }

  InputState input_state() const override { return {position(), std::nullopt}; }

 private:
  std::uint64_t position() const { return frames_ == 0 ? 0 : all_->map.bytes().size() / frames_ * taken_; }

  std::shared_ptr<PickleFile> all_;
  std::size_t frames_ = 1, taken_ = 0;
};

}  // namespace

int sniff_lmdb_pickle(std::string_view head) { return is_torch_file(head) ? 3 : looks_like_pickle(head) ? 2 : 0; }

int sniff_lmdb_pickle_path(const std::string& path, std::string_view head) {
  if (looks_like_lmdb(head)) return looks_like_pickle(first_numbered_entry(path).second) ? 3 : 0;
  return sniff_lmdb_pickle(head);
}

bool is_lmdb_pickle_folder(const std::string& folder) { return !lmdb_file_of(folder).empty() && looks_like_pickle(first_numbered_entry(folder).second); }

std::unique_ptr<FormatReader> open_lmdb_pickle(const std::string& path, const ReadOptions& options) {
  const std::string file = lmdb_file_of(path);
  if (file.empty()) fail_input(path, "holds no data.mdb");
  const MappedFile map(file);
  if (looks_like_lmdb(as_text(map.bytes().first(std::min<std::size_t>(map.bytes().size(), 4096))))) return std::make_unique<LmdbPickles>(path, options);
  return std::make_unique<PickleReader>(file, options);
}

}  // namespace atp
