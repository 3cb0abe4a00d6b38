#include "formats/deepmd.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/chem/elements.h"
#include "core/io/mapped_file.h"
#include "core/io/npy.h"
#include "formats/array_frames.h"
#include "formats/byte_source.h"
#include "formats/deepmd_lmdb.h"
#include "formats/excerpt.h"
#include "formats/last_number.h"
#include "formats/line_reader.h"
#include "formats/lmdb_file.h"
#include "formats/number.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBatchBytes = std::uint64_t{4} << 20;

// What the arrays of one set point into.
struct Holder {
  std::vector<MappedFile> files;
  std::vector<std::vector<std::byte>> own;
};

bool exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::vector<std::string> sets_of(const std::string& folder) {
  std::vector<std::string> sets;
  std::error_code error;
  for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().native().starts_with("set.") && it->is_directory(ignored)) sets.push_back(it->path().native());
  }
  std::ranges::sort(sets);
  return sets;
}

std::vector<std::string> words_of_file(const std::string& path) {
  LineReader lines(std::make_unique<ByteSource>(path));
  std::vector<std::string> words;
  while (const auto line = lines.next()) {
    for (const std::string_view word : split_words(*line)) words.emplace_back(word);
  }
  return words;
}

template <class T>
std::vector<std::byte> bytes_of_vector(const std::vector<T>& values) {
  const Bytes bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

class DeepmdReader : public FormatReader {
 public:
  DeepmdReader(const std::string& path, const ReadOptions& options) : path_(path), sets_(sets_of(path)) {
    raw_ = sets_.empty();
    if (raw_) sets_.push_back(path);
    read_types();
    ArrayMap map{{"positions", "coord"}, {"numbers", "type"}, {"cell", "box"}};
    auto settings = std::make_shared<FrameArrays::Settings>(FrameArrays::Settings{path, FieldRules(options), InputUnits(options), std::move(map)});
    declare_standard_units(settings->units);
    settings_ = std::move(settings);
  }

  std::unique_ptr<FrameBatch> next() override {
    while (!arrays_ || next_ == arrays_->frames()) {
      throw_if_interrupted();
      if (arrays_) frames_ += arrays_->frames();
      if (set_ == sets_.size()) return nullptr;
      arrays_ = open_set(sets_[set_++]);
      next_ = 0;
    }
    const std::uint64_t count = std::clamp<std::uint64_t>(kBatchBytes / arrays_->bytes_per_frame(), 1, arrays_->frames() - next_);
    const std::uint64_t first = next_;
    next_ += count;
    return make_array_batch(arrays_, first, count, frames_ + first, bytes_);
  }

  InputState input_state() const override { return {bytes_, std::nullopt}; }

 private:
  void read_types() {
    for (const std::string& word : words_of_file(path_ + "/type.raw")) {
      std::int64_t type;
      if (!parse_integer(word, type) || type < 0) fail_input(path_ + "/type.raw", fmt::format("'{}' is no type of an atom", excerpt(word)));
      types_.push_back(type);
    }
    if (types_.empty()) fail_input(path_ + "/type.raw", "names no atoms");
    if (!exists(path_ + "/type_map.raw")) fail_input(path_, "has no type_map.raw, so its types are no elements", "write the symbols of types 0, 1, ... into type_map.raw");
    for (const std::string& word : words_of_file(path_ + "/type_map.raw")) {
      const auto z = atomic_number_of(word);
      elements_.push_back(z ? *z : -2);  // complained about when an atom has it
      names_.push_back(word);
    }
  }

  std::int64_t element_of(std::int64_t type) const {
    if (type == -1) return -1;  // a virtual atom
    if (type < 0 || static_cast<std::size_t>(type) >= elements_.size()) fail_input(path_, fmt::format("has atoms of type {}, and type_map.raw names {} types", type, elements_.size()));
    const int z = elements_[static_cast<std::size_t>(type)];
    if (z < 0) fail_input(path_ + "/type_map.raw", fmt::format("'{}' is no chemical element", excerpt(names_[static_cast<std::size_t>(type)])));
    return z;
  }

  std::shared_ptr<const FrameArrays> open_set(const std::string& set) {
    holder_ = std::make_shared<Holder>();
    std::vector<FrameArray> arrays = raw_ ? read_raw_files(set) : read_npy_files(set);
    const auto coord = std::ranges::find(arrays, "coord", &FrameArray::name);
    if (coord == arrays.end()) fail_input(set, fmt::format("has no coord.{}", raw_ ? "raw" : "npy"));
    const std::uint64_t frames = coord->shape.empty() ? 0 : coord->shape[0];
    const bool periodic = !exists(path_ + "/nopbc");
    if (!periodic && std::erase_if(arrays, [](const FrameArray& a) { return a.name == "virial"; }) != 0) notes_.emplace_back("systems without periodic boundaries have no stress: their virial is left out");
    if (!periodic) std::erase_if(arrays, [](const FrameArray& a) { return a.name == "box"; });
    if (periodic && std::ranges::find(arrays, "box", &FrameArray::name) == arrays.end()) fail_input(set, "has no box", "a system without periodic boundaries has an empty file 'nopbc'");
    for (FrameArray& a : arrays) {
      if (a.shape.empty() || a.shape[0] != frames) fail_input(fmt::format("{}/{}", set, a.name), fmt::format("has not one row for each of {} frames", frames));
      shape_rows(a);
      tell_property(a);
    }
    add_types(arrays, frames);
    auto all = std::make_shared<FrameArrays>(settings_, set, std::move(arrays), false, holder_);
    for (std::string& note : notes_) all->add_note(std::move(note));
    notes_.clear();
    return all;
  }

  // [frames, 3 n] becomes [frames, n, 3]; what is one number for each atom has n columns.
  void shape_rows(FrameArray& a) const {
    if (a.shape.size() != 2) return;
    const std::uint64_t n = types_.size(), width = a.shape[1];
    const bool vectors = a.name == "coord" || a.name == "force" || a.name == "force_mag" || a.name == "spin" || a.name == "velocity";
    const bool of_atoms = vectors || a.name.starts_with("atom_") || a.name.starts_with("atomic_") || a.name == "aparam";
    if (vectors && width != 3 * n) fail_input(path_, fmt::format("{} has {} columns, {} atoms have {}", a.name, width, n, 3 * n));
    if (a.name == "aparam" && width % n != 0) fail_input(path_, fmt::format("aparam has {} columns, {} atoms need a multiple of that", width, n));
    if (of_atoms && width % n == 0 && width / n > 1) a.shape = {a.shape[0], n, width / n};
    if (a.name == "aparam") a.scope = ValueScope::atom;
    for (const std::string_view name : {"fparam", "dos", "hessian", "dipole", "polarizability"}) {
      if (a.name == name) a.scope = ValueScope::frame;
    }
  }

  // What DeePMD has no fields for here.
  void tell_property(const FrameArray& a) {
    for (const std::string_view name : {"coord", "box", "energy", "force", "virial", "real_atom_types"}) {
      if (a.name == name) return;
    }
    const bool of_atoms = a.scope != ValueScope::frame && a.shape.size() > 1 && a.shape[1] == types_.size();
    notes_.push_back(fmt::format("{} is kept as a property of the {}", a.name, of_atoms ? "atoms" : "records"));
  }

  void add_types(std::vector<FrameArray>& arrays, std::uint64_t frames) {
    std::vector<std::int64_t> numbers;
    FrameArray type{"type", 'i', 8, {types_.size()}, {}, std::nullopt};
    const auto real = std::ranges::find(arrays, "real_atom_types", &FrameArray::name);
    if (real == arrays.end()) {
      for (const std::int64_t t : types_) numbers.push_back(element_of(t));
    } else {
      if (real->kind == 'f' || real->shape.size() != 2 || real->shape[1] != types_.size()) fail_input(path_, "real_atom_types has not one type for each atom");
      for (std::uint64_t i = 0; i < frames * types_.size(); ++i) numbers.push_back(element_of(integer_at(*real, real->data.data() + i * real->item_bytes)));
      type.shape = {frames, types_.size()};
      arrays.erase(real);
    }
    type.data = holder_->own.emplace_back(bytes_of_vector(numbers));
    arrays.push_back(std::move(type));
  }

  std::vector<std::string> files_of(const std::string& folder, std::string_view extension) const {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) {
      if (it->path().extension() == extension) files.push_back(it->path().native());
    }
    if (error) fail_system(folder, "cannot read the directory", error.value());
    std::ranges::sort(files);
    return files;
  }

  std::vector<FrameArray> read_npy_files(const std::string& set) {
    std::vector<FrameArray> arrays;
    for (const std::string& file : files_of(set, ".npy")) {
      holder_->files.emplace_back(file);
      const Bytes bytes = holder_->files.back().bytes();
      bytes_ += bytes.size();
      const NpyArray a = parse_any_npy(bytes, file);
      if (a.kind == 'O' || a.kind == 'S' || a.kind == 'U') {
        notes_.push_back(fmt::format("{} is no array of numbers and is left out", fs::path(file).filename().string()));
        continue;
      }
      arrays.push_back({fs::path(file).stem().native(), a.kind, a.item_bytes, a.shape, plain_data(a, holder_->own.emplace_back()), std::nullopt});
    }
    return arrays;
  }

  void check_last_number(const LineReader& lines, std::string_view line, LastNumber& number) {
    if (!lines.unfinished()) return number.add(line);
    const LastNumber::Is is = number.judge(line);
    if (is == LastNumber::Is::cut) lines.fail(LastNumber::cut(line), LastNumber::kFix);
    if (is == LastNumber::Is::doubtful) notes_.push_back(LastNumber::doubt(lines.place(), line));
  }

  std::vector<FrameArray> read_raw_files(const std::string& folder) {
    std::vector<FrameArray> arrays;
    for (const std::string& file : files_of(folder, ".raw")) {
      const std::string name = fs::path(file).stem().native();
      if (name == "type" || name == "type_map") continue;
      LineReader lines(std::make_unique<ByteSource>(file));
      std::vector<double> values;
      std::uint64_t rows = 0;
      LastNumber number;
      while (const auto line = lines.next()) {
        const auto words = split_words(*line);
        if (words.empty()) continue;
        ++rows;
        for (const std::string_view word : words) {
          double v;
          if (!parse_real(word, v)) lines.fail(fmt::format("'{}' is no number", excerpt(word)));
          values.push_back(v);
        }
        if (values.size() % rows != 0 || values.size() / rows != words.size()) lines.fail("has another number of columns than the lines before");
        check_last_number(lines, *line, number);
      }
      bytes_ += lines.position();
      if (rows == 0) continue;
      const std::uint64_t columns = values.size() / rows;
      arrays.push_back({name, 'f', 8, {rows, columns}, holder_->own.emplace_back(bytes_of_vector(values)), std::nullopt});
    }
    return arrays;
  }

  std::string path_;
  std::vector<std::string> sets_;
  bool raw_ = false;
  std::vector<std::int64_t> types_;  // of the atoms
  std::vector<int> elements_;        // of the types
  std::vector<std::string> names_;
  std::shared_ptr<const FrameArrays::Settings> settings_;
  std::shared_ptr<Holder> holder_;  // of the set in work
  std::vector<std::string> notes_;
  std::shared_ptr<const FrameArrays> arrays_;
  std::size_t set_ = 0;
  std::uint64_t next_ = 0, frames_ = 0, bytes_ = 0;
};

}  // namespace

int sniff_nothing(std::string_view /*head*/) { return 0; }

int sniff_deepmd_path(const std::string& path, std::string_view head) { return looks_like_lmdb(head) && is_deepmd_lmdb(path) ? 3 : 0; }

bool is_deepmd_folder(const std::string& folder) {
  if (exists(folder + "/type.raw")) return exists(folder + "/coord.raw") || !sets_of(folder).empty();
  return !lmdb_file_of(folder).empty() && is_deepmd_lmdb(folder);
}

std::unique_ptr<FormatReader> open_deepmd(const std::string& path, const ReadOptions& options) {
  if (!lmdb_file_of(path).empty() && !exists(path + "/type.raw")) return open_deepmd_lmdb(path, options);
  return std::make_unique<DeepmdReader>(path, options);
}

}  // namespace atp
