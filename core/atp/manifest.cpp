#include "core/atp/manifest.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/atp/dataset.h"
#include "core/atp/generation.h"
#include "core/atp/slots.h"
#include "core/base/error.h"
#include "core/io/file_sums.h"

namespace atp {
namespace {

namespace fs = std::filesystem;
namespace dom = simdjson::dom;

constexpr std::uint64_t kLargestManifest = std::uint64_t{1} << 30;

struct Named {
  std::string name;  // relative to the folder
  std::optional<std::uint64_t> records, atoms, bytes;
  std::optional<std::string> xxh128, sha256;
};

struct Manifest {
  std::vector<Named> files;
  std::map<std::string, std::size_t> place_of;  // in files, by name
  std::vector<std::string> problems;            // values that are not what they should be
  bool names_files = false;
  std::optional<std::uint64_t> samples, most_samples, file_count;
  std::optional<std::string> compression;
  std::optional<std::int64_t> level;
};

// The value of a key. A value of another type is a problem of the manifest, not an absent one.
template <class T>
std::optional<T> value_at(dom::element e, const char* key, const char* type, const std::string& of, Manifest& m) {
  T v{};
  const auto error = e[key].get(v);
  if (error == simdjson::SUCCESS) return v;
  if (error != simdjson::NO_SUCH_FIELD && !e[key].is_null()) {
    m.problems.push_back(fmt::format("{}{} is {}, not {}", of.empty() ? "" : of + ": ", key, simdjson::minify(e[key].value_unsafe()).substr(0, 60), type));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_at(dom::element e, const char* key, const std::string& of, Manifest& m) {
  return value_at<std::uint64_t>(e, key, "a number", of, m);
}

std::optional<std::string> text_at(dom::element e, const char* key, const std::string& of, Manifest& m) {
  const auto v = value_at<std::string_view>(e, key, "a string", of, m);
  return v ? std::optional(std::string(*v)) : std::nullopt;
}

// Lower case, as our own hashes are.
std::optional<std::string> hash_at(dom::element e, const char* key, const std::string& of, Manifest& m) {
  auto text = text_at(e, key, of, m);
  if (!text) return text;
  for (char& c : *text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
  }
  return text;
}

// Some pipelines wrote the paths of the machine they ran on.
std::string relative_name(std::string_view name) {
  const fs::path path(name);
  return (path.is_absolute() ? path.filename() : path.lexically_normal()).string();
}

Named read_named(dom::element e, Manifest& m) {
  Named named;
  std::string_view text;
  if (e.get(text) == simdjson::SUCCESS) {
    named.name = relative_name(text);
    return named;
  }
  if (!e.is_object()) return named;
  for (const char* key : {"path", "name", "file"}) {
    if (named.name.empty()) named.name = relative_name(text_at(e, key, "", m).value_or(""));
  }
  named.records = number_at(e, "records", named.name, m);
  if (!named.records) named.records = number_at(e, "n_samples", named.name, m);
  named.atoms = number_at(e, "atoms", named.name, m);
  named.bytes = number_at(e, "bytes", named.name, m);
  named.xxh128 = hash_at(e, "xxh3_128", named.name, m);
  named.sha256 = hash_at(e, "sha256", named.name, m);
  return named;
}

// Takes what is new, and says where two statements differ.
template <class T>
void unite(std::optional<T>& known, std::optional<T>&& said, const char* what, const std::string& name, Manifest& m) {
  if (!said) return;
  if (known && *known != *said) m.problems.push_back(fmt::format("{}: its {} is {} here and {} there", name, what, *known, *said));
  known = std::move(said);
}

// Two lists may name the same files: what either one says of a file counts.
void add_named(Manifest& m, Named named) {
  const auto [at, is_new] = m.place_of.emplace(named.name, m.files.size());
  if (is_new) {
    m.files.push_back(std::move(named));
    return;
  }
  Named& known = m.files[at->second];
  unite(known.records, std::move(named.records), "number of records", known.name, m);
  unite(known.atoms, std::move(named.atoms), "number of atoms", known.name, m);
  unite(known.bytes, std::move(named.bytes), "size", known.name, m);
  unite(known.xxh128, std::move(named.xxh128), "XXH3-128", known.name, m);
  unite(known.sha256, std::move(named.sha256), "SHA-256", known.name, m);
}

Manifest read_manifest(const std::string& path) {
  const auto file = open_input_file(path);
  if (file->size() > kLargestManifest) fail_input(path, fmt::format("has {} bytes, too many for a manifest", file->size()));
  const auto bytes = read_block(*file, 0, file->size());
  dom::parser parser;
  dom::element root;
  // simdjson copies from a null pointer when there is nothing to parse.
  if (bytes.empty() || parser.parse(reinterpret_cast<const char*>(bytes.data()), bytes.size()).get(root) != simdjson::SUCCESS || !root.is_object()) {
    fail_input(path, "is not a JSON object");
  }
  Manifest m;
  m.samples = number_at(root, "n_samples", "", m);
  m.most_samples = number_at(root, "max_samples_per_file", "", m);
  m.file_count = number_at(root, "n_files", "", m);
  m.compression = text_at(root, "compression", "", m);
  m.level = value_at<std::int64_t>(root, "compression_level", "a number", "", m);
  for (const char* key : {"output_files", "files"}) {
    const auto list = value_at<dom::array>(root, key, "a list", "", m);
    if (!list) continue;
    m.names_files = true;
    for (const auto e : *list) add_named(m, read_named(e, m));
  }
  return m;
}

class ManifestCheck {
 public:
  ManifestCheck(const std::string& folder, const ManifestOptions& options) : folder_(folder), options_(options) {
    report_.path = (fs::path(folder) / "manifest.json").string();
  }

  FileReport run() {
    manifest_ = read_manifest(report_.path);
    report_.bytes = fs::file_size(report_.path);
    for (const auto& problem : manifest_.problems) report("", problem);
    std::set<std::string> there;
    for (const auto& path : files_below(folder_, [](const std::string& p) { return p.ends_with(".atp"); })) {
      there.insert(fs::path(path).lexically_relative(folder_).string());
    }
    if (!manifest_.names_files) {
      for (const auto& name : there) manifest_.files.push_back({name, {}, {}, {}, {}, {}});
    }
    for (const Named& named : manifest_.files) {
      check_file(named);
      there.erase(fs::path(named.name).lexically_normal().string());
    }
    for (const auto& name : there) report(name, "is there, but the manifest does not name it");
    check_totals();
    return std::move(report_);
  }

 private:
  void report(const std::string& name, const std::string& what) {
    report_.damage.add({std::nullopt, 0, 0, damage_kind::manifest, name.empty() ? what : name + ": " + what});
  }

  template <class T>
  void compare(const std::string& name, std::string_view what, const T& found, const std::optional<T>& stated) {
    if (stated && found != *stated) report(name, fmt::format("{} is {}, the manifest says {}", what, found, *stated));
  }

  void check_file(const Named& named);
  void check_header(const Named& named, const InputFile& file);
  void check_hashes(const Named& named, const InputFile& file);
  void check_totals();

  const std::string& folder_;
  const ManifestOptions& options_;
  Manifest manifest_;
  FileReport report_;
  std::uint64_t hashed_ = 0;
};

void ManifestCheck::check_file(const Named& named) {
  const fs::path relative = fs::path(named.name).lexically_normal();
  if (named.name.empty() || relative.empty() || *relative.begin() == ".." || named.name.find('\0') != std::string::npos) {
    return report(named.name.empty() ? "an entry of the list" : named.name, "is no name of a file in the folder");
  }
  try {
    const auto file = open_input_file((fs::path(folder_) / relative).string());
    compare(named.name, "its size", file->size(), named.bytes);
    check_header(named, *file);
    if (options_.hashes) check_hashes(named, *file);
  } catch (const Error& e) {
    report(named.name, e.problem());
  }
}

void ManifestCheck::check_header(const Named& named, const InputFile& file) {
  const auto newest = read_slots(file).newest();
  if (!newest) return report(named.name, "no header slot is valid");
  const Slot& slot = newest->slot;
  compare(named.name, "the number of records", slot.num_molecules, named.records);
  if (named.atoms) {
    Bounded<Damage> ignored;  // the file's own check reports it
    compare(named.name, "the number of atoms", check_generation(file, slot, ignored).atoms, named.atoms);
  }
  if (manifest_.most_samples && slot.num_molecules > *manifest_.most_samples) {
    report(named.name, fmt::format("holds {} records, at most {} were to be in a file", slot.num_molecules, *manifest_.most_samples));
  }
  if (manifest_.compression) {
    const Codec codec{static_cast<CodecId>(slot.codec), slot.level};
    const std::string name(codec_names()[slot.codec]);
    compare(named.name, "its codec", name, manifest_.compression);
    if (codec.id == CodecId::zstd) compare(named.name, "its zstd level", std::int64_t{slot.level}, manifest_.level);
  }
  report_.records += slot.num_molecules;
}

void ManifestCheck::check_hashes(const Named& named, const InputFile& file) {
  if (!named.xxh128 && !named.sha256) return;
  const FileSums sums = sums_of(file, {named.xxh128.has_value(), named.sha256.has_value()}, [&](std::uint64_t bytes) {
    if (options_.progress) options_.progress(hashed_ + bytes);
  });
  hashed_ += file.size();
  report_.bytes_read += file.size();
  compare(named.name, "its XXH3-128", sums.xxh128, named.xxh128);
  compare(named.name, "its SHA-256", sums.sha256, named.sha256);
}

void ManifestCheck::check_totals() {
  compare("", "the number of files", std::uint64_t{manifest_.files.size()}, manifest_.file_count);
  compare("", "the number of records in all files", report_.records, manifest_.samples);
}

}  // namespace

FileReport check_manifest(const std::string& folder, const ManifestOptions& options) { return ManifestCheck(folder, options).run(); }

}  // namespace atp
