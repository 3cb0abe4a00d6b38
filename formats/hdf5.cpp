#include "formats/hdf5.h"

#ifdef ATP_HAVE_HDF5

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/io/fd.h"
#include "core/io/mapped_file.h"
#include "core/io/page_cache.h"
#include "formats/array_map.h"
#include "formats/excerpt.h"
#include "formats/frame_sizes.h"
#include "formats/hdf5_dataset.h"
#include "formats/hdf5_id.h"
#include "formats/hdf5_scope.h"

namespace atp {
namespace {

constexpr unsigned kSymbolBytes = 8;
constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kLeastFrame = 64;  // in memory: frames without an atom need no bytes in the file
constexpr std::uint64_t kLargestFrame = std::uint64_t{1} << 30;
constexpr unsigned kDeepest = 16;
constexpr std::size_t kMostGroups = 20'000'000;
constexpr std::uint64_t kWorthLettingGo = std::uint64_t{16} << 10;
// What a dataset may claim beyond what the file stores of it.
constexpr std::uint64_t kMostRatio = 1032;

using Id = Hdf5Id;

// What the arrays of a batch point into.
struct Buffers {
  std::shared_ptr<const MappedFile> file;
  std::vector<Bytes> in_file;  // large parts of it
  std::vector<std::vector<std::byte>> arrays;

  Buffers() = default;
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  ~Buffers() {  // else a file of any size would end up in memory as a whole
    for (const Bytes part : in_file) let_go(part);
  }
};

class Hdf5Reader : public FormatReader {
 public:
  Hdf5Reader(const std::string& path, const ReadOptions& options) : path_(path), rules_(rules_with(options, options.hdf5_arrays)), units_(options), map_(options.hdf5_arrays) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to print
    H5PLset_loading_state(0);                     // no code from wherever a variable of the environment says
    const Fd fd = open_for_reading(path);
    file_bytes_ = std::make_shared<const MappedFile>(fd, path);
    bytes_ = file_bytes_->bytes().size();
    const Id access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_file_locking(access.get(), false, true);
    file_ = Id(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
    if (!file_) fail_input(path, "is no HDF5 file that can be read", "it may be cut off or damaged: copy or download it again");
    const Id root(H5Gopen2(file_.get(), "/", H5P_DEFAULT));
    if (!root) fail_input(path, "has no root group");
    find_groups(root.get(), "/", 0);
    visited_.clear();
    if (groups_.empty()) fail_nothing();
  }

  std::unique_ptr<FrameBatch> next() override {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // each thread has its own
    std::vector<std::unique_ptr<FrameBatch>> parts;
    std::uint64_t bytes = 0;
    while (bytes < kBatchBytes) {
      throw_if_interrupted();
      if (datasets_.empty() || next_ == group_frames_) {
        if (group_ == groups_.size()) break;
        open_group(groups_[group_++]);
        if (group_frames_ == 0) continue;
      }
      const std::uint64_t count = frames_within(kBatchBytes - bytes);
      bytes += count * frame_bytes_ + (begins_.empty() ? 0 : begins_.back() * atom_bytes_) + 1024;
      parts.push_back(read_part(count));
    }
    if (parts.empty()) return nullptr;
    return parts.size() == 1 ? std::move(parts.front()) : std::make_unique<JoinedBatch>(std::move(parts));
  }

  InputState input_state() const override { return {group_ == groups_.size() && next_ == group_frames_ ? bytes_ : 0, std::nullopt}; }

 private:
  // How many of the group's next frames need no more than that, at least one; begins_ are theirs.
  std::uint64_t frames_within(std::uint64_t bytes) {
    const std::uint64_t left = group_frames_ - next_;
    begins_.clear();
    if (!sizes_) return std::clamp<std::uint64_t>(bytes / std::max<std::uint64_t>(frame_bytes_, 1), 1, left);
    begins_ = sizes_->begins_within(bytes, frame_bytes_, atom_bytes_);
    return begins_.size() - 1;
  }

  struct Link {
    std::string name;
    H5L_type_t type;
  };

  static herr_t add_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
    static_cast<std::vector<Link>*>(links)->push_back({name, info->type});
    return 0;
  }

  std::vector<Link> links_of(hid_t group, const std::string& where) {
    std::vector<Link> links;
    hsize_t index = 0;
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, add_link, &links) < 0) fail_input(path_, fmt::format("group '{}' is damaged", excerpt(where)));
    std::erase_if(links, [&](const Link& link) { return link.type != H5L_TYPE_HARD && !leads_to_data(group, where, link); });
    return links;
  }

  // Says no to the first link on a way that leads out of the file.
  static herr_t refuse_to_leave(const char*, const char*, const char*, const char*, unsigned*, hid_t, void* leaves) {
    *static_cast<bool*>(leaves) = true;
    return -1;
  }

  // A link by name to data of the same file is as good as the data. Groups are read where they lie, once.
  bool leads_to_data(hid_t group, const std::string& where, const Link& link) {
    bool leaves = link.type != H5L_TYPE_SOFT;
    const Id access(H5Pcreate(H5P_LINK_ACCESS));
    H5Pset_elink_cb(access.get(), refuse_to_leave, &leaves);
    H5O_info_t info;
    const bool there = !leaves && H5Oexists_by_name(group, link.name.c_str(), access.get()) > 0 &&
                       H5Oget_info_by_name(group, link.name.c_str(), &info, access.get()) >= 0;
    if (leaves) {
      fail_input(path_, fmt::format("'{}{}' is a link to another file, which atp does not follow", excerpt(where), excerpt(link.name)), "copy what it leads to into the file");
    }
    if (there && info.type == H5O_TYPE_DATASET) return true;
    link_notes_ = there ? "links to groups are left out: what they lead to is read where it lies" : "links that lead nowhere are left out";
    return false;
  }

  // Groups with positions and atomic numbers, in name order.
  void find_groups(hid_t group, const std::string& where, unsigned depth) {
    throw_if_interrupted();
    if (depth > kDeepest) fail_input(path_, fmt::format("has groups more than {} deep", kDeepest));
    const std::vector<Link> links = links_of(group, where);
    std::vector<std::string> names;
    for (const Link& link : links) names.push_back(link.name);
    const bool positions = positions_among(names, map_).has_value(), numbers = numbers_among(names, map_).has_value();
    const bool frames = positions && numbers;
    if (frames) {
      if (groups_.size() == kMostGroups) fail_input(path_, fmt::format("has more than {} groups", kMostGroups));
      groups_.push_back(where);
    } else if (positions) {
      without_numbers_ = fmt::format("groups with positions and no atomic numbers are left out, as '{}'", excerpt(where));
    }
    for (const std::string& name : names) {
      if (frames && (name == "properties" || name == "property_weights")) continue;  // the frame's own, as MACE keeps them
      H5O_info_t info;
      if (H5Oget_info_by_name(group, name.c_str(), &info, H5P_DEFAULT) < 0) fail_input(path_, fmt::format("'{}{}' is damaged", excerpt(where), excerpt(name)));
      if (info.type != H5O_TYPE_GROUP) {
        if (seen_.size() < 20) seen_.push_back(where + name);
        continue;
      }
      if (!visited_.insert(info.addr).second) continue;  // a second link to the same group
      const Id child(H5Gopen2(group, name.c_str(), H5P_DEFAULT));
      if (!child) fail_input(path_, fmt::format("'{}{}' is damaged", excerpt(where), excerpt(name)));
      find_groups(child.get(), where + name + "/", depth + 1);
    }
  }

  [[noreturn]] void fail_nothing() const {
    std::string found;
    for (const std::string& name : seen_) found += (found.empty() ? "" : ", ") + excerpt(name);
    fail_input(path_, fmt::format("holds no group with positions and atomic numbers (found: {})", found.empty() ? "nothing" : found),
               "name them, for example --hdf5-map positions=coords,numbers=z,energy=E,forces=F");
  }

  void open_group(const std::string& where) {
    datasets_.clear();
    unreadable_.clear();
    guessed_.clear(), table_.clear();
    sizes_.reset();
    next_ = next_atom_ = group_frames_ = 0;
    where_ = where;
    const Id group(H5Gopen2(file_.get(), where.c_str(), H5P_DEFAULT));
    if (!group) fail_input(path_, fmt::format("group '{}' is damaged", excerpt(where)));
    for (const Link& link : links_of(group.get(), where)) {
      H5O_info_t info;
      if (H5Oget_info_by_name(group.get(), link.name.c_str(), &info, H5P_DEFAULT) < 0) fail_input(path_, fmt::format("'{}{}' is damaged", excerpt(where), excerpt(link.name)));
      if (info.type == H5O_TYPE_DATASET) add_dataset(group.get(), link.name, where);
      // MACE keeps what belongs to a configuration in groups of their own; its weights were energy_weight and so on before.
      const bool weights = link.name == "property_weights";
      if (info.type == H5O_TYPE_GROUP && (weights || link.name == "properties")) {
        const Id inner(H5Gopen2(group.get(), link.name.c_str(), H5P_DEFAULT));
        const std::string within = where + link.name + "/";
        for (const Link& p : links_of(inner.get(), within)) add_dataset(inner.get(), p.name, within, weights ? "_weight" : "");
      }
    }
    measure();
    if (!settings_) make_settings();
    add_conversions();
  }

  void add_dataset(hid_t group, const std::string& name, const std::string& where, const char* ending = "") {
    Dataset5 d;
    d.name = name + ending;
    d.id = Id(H5Dopen2(group, name.c_str(), H5P_DEFAULT));
    if (!d.id) fail_input(path_, fmt::format("'{}{}' is damaged", excerpt(where), excerpt(name)));
    const Id plist(H5Dget_create_plist(d.id.get()));
    if (H5Pget_external_count(plist.get()) > 0 || H5Pget_layout(plist.get()) == H5D_VIRTUAL) {
      fail_input(path_, fmt::format("the data of '{}{}' lie in another file, which atp does not follow", excerpt(where), excerpt(name)), "copy them into the file");
    }
    const Id space(H5Dget_space(d.id.get()));
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 0 || rank > 8 || H5Sget_simple_extent_type(space.get()) == H5S_NULL) return;
    std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
    d.shape.assign(dims.begin(), dims.end());
    if (!find_type(d)) {
      if (is_table_of_frames(d)) table_ = d.name;
      unreadable_ += (unreadable_.empty() ? "" : ", ") + d.name;
      return;
    }
    std::uint64_t claimed = d.item_bytes;
    for (const std::uint64_t n : d.shape) {
      if (n != 0 && claimed > UINT64_MAX / 2 / n) fail_input(path_, fmt::format("'{}{}' claims a size that cannot be", excerpt(where), excerpt(name)));
      claimed *= n;
    }
    if (claimed / kMostRatio > H5Dget_storage_size(d.id.get()) + 4096) {
      fail_input(path_, fmt::format("'{}{}' claims {} bytes and stores {}", excerpt(where), excerpt(name), claimed, H5Dget_storage_size(d.id.get())));
    }
    for (const char* attribute : {"units", "u", "unit"}) {
      if (!d.unit.empty()) break;
      d.unit = text_attribute(d.id.get(), attribute);
      d.unit_by = fmt::format("attribute '{}'", attribute);
    }
    d.in_file = place_of(d, plist.get(), claimed);
    datasets_.push_back(std::move(d));
  }

  // Where a dataset lies that needs nothing of the library: in one piece, without a filter, of a type that memory has.
  // Reading it there saves a copy, and all threads share the work.
  Bytes place_of(const Dataset5& d, hid_t plist, std::uint64_t bytes) const {
    if (!d.type || H5Pget_layout(plist) != H5D_CONTIGUOUS || H5Pget_nfilters(plist) != 0 || H5Dget_storage_size(d.id.get()) != bytes) return {};
    const Id type(H5Dget_type(d.id.get()));
    if (H5Tequal(type.get(), d.type.get()) <= 0) return {};
    const haddr_t at = H5Dget_offset(d.id.get());
    const Bytes file = file_bytes_->bytes();
    if (at == HADDR_UNDEF || at > file.size() || bytes > file.size() - at) return {};
    return file.subspan(at, bytes);
  }

  const Dataset5* find(std::string_view name) const {
    const auto found = std::ranges::find(datasets_, name, &Dataset5::name);
    return found == datasets_.end() ? nullptr : &*found;
  }

  void measure() {
    std::vector<std::string> names;
    for (const Dataset5& d : datasets_) names.push_back(d.name);
    const auto positions = positions_among(names, map_);
    if (!positions) fail_input(path_, fmt::format("group '{}' has no positions that are numbers", excerpt(where_)));
    const Dataset5& p = *find(*positions);
    if (p.shape.size() != 2 && p.shape.size() != 3) fail_input(path_, fmt::format("'{}{}' has {} dimensions, positions have 2 or 3", excerpt(where_), p.name, p.shape.size()));
    single_ = p.shape.size() == 2;
    const std::uint64_t atoms = p.shape[single_ ? 0 : 1];
    if (single_) divide(p.name, atoms);
    if (!single_ && !sizes_) check_no_sizes_asked(map_, p.name, fmt::format("{}:{}", path_, excerpt(where_)));
    group_frames_ = sizes_ ? sizes_->frames() : single_ ? 1 : p.shape[0];
    std::vector<FrameArray> shapes;
    frame_bytes_ = sizes_ ? kLeastFrame : 0;
    atom_bytes_ = 0;
    for (const Dataset5& d : datasets_) {
      const bool repeated = !single_ && !is_sliced(d) && is_one_value(d);  // for each frame
      shapes.push_back({d.name, d.kind, d.item_bytes, repeated ? std::vector{group_frames_} : d.shape, {}, std::nullopt});
      std::uint64_t bytes = d.item_bytes;
      for (std::size_t i = is_sliced(d) ? 1 : 0; i < d.shape.size(); ++i) bytes *= d.shape[i];
      const bool of_atoms = d.rows == ArrayRows::atoms;
      if (bytes > kLargestFrame / std::max<std::uint64_t>(of_atoms ? sizes_->largest() : 1, 1)) {
        fail_input(path_, fmt::format("'{}{}' has {} bytes {}", excerpt(where_), d.name, bytes, of_atoms ? "an atom, too many for a frame" : "a frame"));
      }
      (of_atoms ? atom_bytes_ : frame_bytes_) += bytes;
    }
    check_array_map(without_sizes(map_), shapes, {group_frames_, atoms, single_, sizes_.has_value()}, fmt::format("{}: {}", path_, excerpt(where_)));
  }

  // Positions [n, 3] are one frame, or all frames' one after the other, when a dataset says where each begins; it goes.
  void divide(const std::string& positions, std::uint64_t rows) {
    const std::string where = path_ + ":" + excerpt(where_);
    std::vector<SizesArray> all;
    for (const Dataset5& d : datasets_) all.push_back(sizes_array(d));
    sizes_ = FrameSizes::find(all, map_, positions, rows, where);
    if (!sizes_ && !table_.empty()) {
      fail_input(where, fmt::format("'{}' is a table that says which rows of '{}' belong to which frame, and tables of that kind are not read", excerpt(table_), excerpt(positions)),
                 "write its columns as datasets of their own");
    }
    if (!sizes_) return;
    single_ = false;
    std::erase_if(datasets_, [&](const Dataset5& d) { return sizes_->is_of(d.name); });
    for (Dataset5& d : datasets_) {
      d.rows = sizes_->rows_of(d.name, d.shape, map_, rules_);
      if (d.kind != 'S' && sizes_->is_guess(d.name, d.shape, map_, rules_)) guessed_ += (guessed_.empty() ? "" : ", ") + d.name;
    }
  }

  bool is_sliced(const Dataset5& d) const {
    if (sizes_) return d.rows == ArrayRows::frames || d.rows == ArrayRows::atoms;
    return !single_ && !d.shape.empty() && d.shape[0] == group_frames_ && !(d.shape.size() == 1 && is_numbers(d));
  }

  // [n] atomic numbers in a group of n frames are of the atoms.
  bool is_numbers(const Dataset5& d) const { return numbers_among({d.name}, map_).has_value(); }

  // The units of the layouts that are known by their names.
  void make_settings() {
    const auto has = [&](const char* name) { return find(name) != nullptr; };
    const auto declare = [&](const char* energy, const char* length, const char* by) {
      units_.declare(Quantity::energy, energy, by);
      units_.declare(Quantity::length, length, by);
    };
    if (has("conformations") && has("dft_total_energy")) {
      declare("hartree", "bohr", "the SPICE layout");
    } else if (has("coordinates") && has("wb97x_dz.energy")) {
      declare("hartree", "A", "the ANI-1x layout");
    } else if (has("coordinates") && has("species") && has("energies")) {
      declare("hartree", "A", "the ANI-2x layout");
    } else if (has("coord") && has("numbers")) {
      declare("eV", "A", "the AIMNet layout");
    } else if (has("atXYZ") && has("atNUM")) {
      declare("eV", "A", "the QM7-X layout");
    } else if (where_.find("/config_") != std::string::npos && has("positions") && has("atomic_numbers")) {
      declare("eV", "A", "the MACE layout");
    }
    settings_ = std::make_shared<const FrameArrays::Settings>(FrameArrays::Settings{path_, rules_, units_, without_sizes(map_), true});
  }

  // What attributes say counts for one dataset each; what --units says counts before.
  void add_conversions() {
    conversions_.assign(datasets_.size(), std::nullopt);
    for (std::size_t i = 0; i < datasets_.size(); ++i) {
      const Dataset5& d = datasets_[i];
      const auto quantity = quantity_of_array(d.name, map_, rules_);
      if (d.unit.empty() || !quantity || d.kind != 'f') continue;
      InputUnits own = units_;
      try {
        own.declare(*quantity, d.unit, d.unit_by);
      } catch (const Error& e) {
        throw Error(e.exit(), fmt::format("{}: {}{}", path_, where_, d.name), e.problem(), e.fix());
      }
      conversions_[i] = own.find(*quantity);
    }
  }

  std::unique_ptr<FrameBatch> read_part(std::uint64_t count) {
    auto buffers = std::make_shared<Buffers>();
    buffers->file = file_bytes_;
    std::vector<FrameArray> arrays;
    const std::uint64_t atoms = begins_.empty() ? 0 : begins_.back();
    std::string text;  // names of what is not one value a frame
    std::vector<std::pair<std::string, std::string>> texts;
    std::vector<std::pair<std::string, FrameArrays::Texts>> frame_texts;
    for (std::size_t i = 0; i < datasets_.size(); ++i) {
      const Dataset5& d = datasets_[i];
      if (!d.type && !is_numbers(d) && (is_one_value(d) || (is_sliced(d) && d.rows != ArrayRows::atoms && product(d.shape) == group_frames_))) {
        // MACE's "None" is none.
        auto values = texts_of(d, first_row(d), d.rows == ArrayRows::atoms ? atoms : count);
        if (!is_one_value(d)) {
          frame_texts.emplace_back(d.name, std::move(values));
        } else if (values[0] && *values[0] != "None") {
          texts.emplace_back(d.name, std::move(*values[0]));
        }
        continue;
      }
      const bool several_texts = !d.type && !is_numbers(d);
      if (several_texts || (!is_sliced(d) && !single_ && !is_numbers(d) && d.rows != ArrayRows::whole)) {
        if (!several_texts && is_one_value(d)) {
          const Bytes value = read(d, 0, d.shape, *buffers);
          if (d.kind == 'S') {
            texts.emplace_back(d.name, std::string(as_text(value).substr(0, as_text(value).find('\0'))));
          } else {
            arrays.push_back({d.name, d.kind, d.item_bytes, {count}, repeated(value, count, *buffers), conversions_[i], ValueScope::guess, sizes_ ? ArrayRows::frames : ArrayRows::by_shape});
          }
          continue;
        }
        if (!text.empty()) text += ", ";
        text += d.name;
        continue;
      }
      std::vector<std::uint64_t> shape = d.shape;
      if (is_sliced(d)) shape[0] = d.rows == ArrayRows::atoms ? atoms : count;
      if (!d.type) {
        const Bytes symbols = texts_of_width(texts_of(d, first_row(d), d.rows == ArrayRows::atoms ? atoms : count), kSymbolBytes, buffers->arrays.emplace_back());
        arrays.push_back({d.name, 'S', kSymbolBytes, std::move(shape), symbols, std::nullopt, ValueScope::guess, d.rows});
        continue;
      }
      const Bytes data = read(d, first_row(d), shape, *buffers);
      const ValueScope scope = sizes_ ? ValueScope::guess : scopes_.of(d.name, file_.get(), groups_, map_);
      arrays.push_back({d.name, d.kind, d.item_bytes, std::move(shape), data, conversions_[i], scope, d.rows});
    }
    auto frames = std::make_shared<FrameArrays>(settings_, path_ + ":" + excerpt(where_), std::move(arrays), single_, std::move(buffers), begins_);
    if (where_ != "/") frames->add_text("group", where_.substr(1, where_.size() - 2));
    for (auto& [key, value] : texts) frames->add_text(std::move(key), std::move(value));
    for (auto& [key, values] : frame_texts) frames->add_texts(std::move(key), std::move(values));
    if (!link_notes_.empty()) frames->add_note(link_notes_);
    if (!without_numbers_.empty()) frames->add_note(without_numbers_);
    if (!unreadable_.empty()) frames->add_note(fmt::format("neither numbers nor texts, and left out: {}", excerpt(unreadable_)));
    if (!text.empty()) frames->add_note(fmt::format("not one value for each frame, and left out: {}", excerpt(text)));
    if (sizes_) frames->add_note(sizes_->told(guessed_));
    next_ += count;
    next_atom_ += atoms;
    const std::uint64_t first = frames_;
    frames_ += count;
    const std::uint64_t position = bytes_ / groups_.size() * group_;
    return make_array_batch(std::move(frames), 0, count, first, position);
  }

  std::uint64_t first_row(const Dataset5& d) const { return d.rows == ArrayRows::atoms ? next_atom_ : next_; }

  static Bytes repeated(Bytes value, std::uint64_t count, Buffers& buffers) {
    auto& out = buffers.arrays.emplace_back();
    out.reserve(static_cast<std::size_t>(count * value.size()));
    for (std::uint64_t i = 0; i < count; ++i) out.insert(out.end(), value.begin(), value.end());
    return out;
  }

  Bytes read(const Dataset5& d, std::uint64_t first, const std::vector<std::uint64_t>& shape, Buffers& buffers) const {
    std::uint64_t bytes = d.item_bytes;
    for (const std::uint64_t n : shape) bytes *= n;
    if (bytes == 0) return {};
    if (!d.in_file.empty()) {
      const Bytes part = d.in_file.subspan(is_sliced(d) ? first * (bytes / shape[0]) : 0, bytes);
      if (bytes >= kWorthLettingGo) buffers.in_file.push_back(part);
      return part;
    }
    std::vector<std::byte>& out = buffers.arrays.emplace_back(bytes);
    const Id from = selection(d.id.get(), is_sliced(d) ? first : 0, shape);
    const std::vector<hsize_t> counts(shape.begin(), shape.end());
    const Id to(shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(counts.size()), counts.data(), nullptr));
    if (!from || H5Dread(d.id.get(), d.type.get(), to.get(), from.get(), H5P_DEFAULT, out.data()) < 0) {
      fail_input(path_, fmt::format("'{}{}' cannot be read", excerpt(where_), excerpt(d.name)), "the file is damaged or compressed with a filter that is not there");
    }
    return out;
  }

  // Of variable length: of `frames` frames from `first` on, or all.
  FrameArrays::Texts texts_of(const Dataset5& d, std::uint64_t first, std::uint64_t frames) const {
    std::vector<std::uint64_t> shape = d.shape;
    if (is_sliced(d)) shape[0] = frames;
    try {
      return read_texts(d, is_sliced(d) ? first : 0, shape);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}:{}{}", path_, excerpt(where_), excerpt(d.name)));
    }
  }

  std::string path_;
  FieldRules rules_;
  InputUnits units_;
  ArrayMap map_;
  std::shared_ptr<const MappedFile> file_bytes_;
  std::uint64_t bytes_ = 0;
  Id file_;
  std::vector<std::string> groups_;  // "/mol/"
  Hdf5Scopes scopes_;
  std::vector<std::string> seen_;
  std::string link_notes_, without_numbers_;
  std::set<haddr_t> visited_;
  std::shared_ptr<const FrameArrays::Settings> settings_;

  // The group in work.
  std::size_t group_ = 0;
  std::string where_;
  std::vector<Dataset5> datasets_;
  std::string unreadable_, table_;  // names
  std::vector<std::optional<Conversion>> conversions_;
  bool single_ = false;
  std::uint64_t group_frames_ = 0, frame_bytes_ = 0, next_ = 0, frames_ = 0;
  std::optional<FrameSizes> sizes_;    // of frames that follow each other
  std::vector<std::uint64_t> begins_;  // of those of the next part, from 0 on
  std::uint64_t atom_bytes_ = 0, next_atom_ = 0;
  std::string guessed_;  // names, as FrameSizes::is_guess says
};

}  // namespace

std::unique_ptr<FormatReader> open_hdf5(const std::string& path, const ReadOptions& options) { return std::make_unique<Hdf5Reader>(path, options); }

}  // namespace atp

#endif

namespace atp {

int sniff_hdf5(std::string_view head) { return head.starts_with("\x89HDF\r\n\x1A\n") ? 3 : 0; }

}  // namespace atp
