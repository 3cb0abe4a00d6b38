#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <system_error>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/byte_source.h"
#include "formats/excerpt.h"
#include "formats/extxyz.h"
#include "formats/foreign.h"
#include "formats/format.h"

namespace atp {

namespace {

// The only list of formats.
constexpr Format kFormats[] = {
    {"extxyz", "extxyz, xyz", "extended XYZ of ASE, QUIP, MACE, NequIP and others, plain frames too", sniff_extxyz,
     open_extxyz, ""},
    {"xyz", "xyz", "plain XYZ: species x y z, the comment kept as text", sniff_xyz, open_xyz, ""},
};

constexpr std::string_view kCompressions[] = {".gz", ".xz", ".zst", ".bz2"};

std::string names_of_formats() {
  std::string names;
  for (const Format& f : kFormats) {
    if (!names.empty()) names += ", ";
    names += f.name;
  }
  return names;
}

// Letters to change, add or leave out to make one word of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::string_view nearest_format(std::string_view name) {
  std::string_view best;
  std::size_t least = 3;  // a slip of the finger, not another word
  for (const Format& f : kFormats) {
    const std::size_t d = edit_distance(name, f.name);
    if (d < least && d < f.name.size()) {
      least = d;
      best = f.name;
    }
  }
  return best;
}

bool has_suffix(std::string_view name, std::string_view extensions) {
  while (!extensions.empty()) {
    const std::size_t comma = extensions.find(',');
    std::string_view extension = extensions.substr(0, comma);
    extensions.remove_prefix(comma == std::string_view::npos ? extensions.size() : comma + 1);
    while (extension.starts_with(' ')) extension.remove_prefix(1);
    if (name.size() > extension.size() + 1 && name.ends_with(extension) &&
        name[name.size() - extension.size() - 1] == '.') {
      return true;
    }
  }
  return false;
}

bool is_input_name(std::string_view name) {
  for (const std::string_view compression : kCompressions) {
    if (!name.ends_with(compression)) continue;
    name.remove_suffix(compression.size());
    break;
  }
  return std::any_of(std::begin(kFormats), std::end(kFormats),
                     [&](const Format& f) { return has_suffix(name, f.extensions); });
}

[[noreturn]] void fail_unknown(const std::string& name, std::string_view head) {
  const Foreign foreign = recognise_foreign(head);
  const std::string reads = "this version reads: " + names_of_formats();
  if (foreign.looks_like.empty()) {
    const std::string_view line = head.substr(0, head.find('\n'));
    fail_input(name, fmt::format("is of no format atp knows (it begins with '{}')", excerpt(line)),
               "pass --from NAME if you know better; " + reads);
  }
  fail_input(name, fmt::format("looks like {}", foreign.looks_like),
             foreign.advice.empty() ? reads : fmt::format("{} ({})", reads, foreign.advice));
}

const Format& recognise(const std::string& name, std::string_view head) {
  const Format* best = nullptr;
  int certainty = 0;
  for (const Format& f : kFormats) {
    const int c = f.sniff(head);
    if (c > certainty) {
      certainty = c;
      best = &f;
    }
  }
  if (best == nullptr) fail_unknown(name, head);
  return *best;
}

std::vector<std::string> files_below(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored) && is_input_name(it->path().filename().native()))
      found.push_back(it->path().native());
  }
  if (error) fail_system(folder, "cannot read the directory", error.value());
  if (found.empty()) {
    fail_input(folder, "holds no file with a known extension",
               "known are .xyz and .extxyz, also with .gz .xz .zst .bz2");
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> files_matching(const std::string& pattern) {
  struct Matches {
    glob_t g = {};
    ~Matches() { ::globfree(&g); }
  } matches;
  const int code = ::glob(pattern.c_str(), 0, nullptr, &matches.g);
  if (code == GLOB_NOSPACE) throw std::bad_alloc();
  if (code != 0 || matches.g.gl_pathc == 0) fail_input(pattern, "matches no file");
  std::vector<std::string> found;
  for (std::size_t i = 0; i < matches.g.gl_pathc; ++i) {
    std::string path = matches.g.gl_pathv[i];
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
      found.push_back(std::move(path));
      continue;
    }
    for (std::string& below : files_below(path)) found.push_back(std::move(below));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::span<const Format> formats() { return kFormats; }

const Format& format_named(std::string_view name) {
  for (const Format& f : kFormats) {
    if (f.name == name) return f;
  }
  const std::string_view near = nearest_format(name);
  throw Error(Exit::usage, "", fmt::format("unknown format '{}'", excerpt(name)),
              near.empty() ? "formats are " + names_of_formats() : fmt::format("did you mean '{}'?", near));
}

std::unique_ptr<FormatReader> open_input(const std::string& path, std::string_view from, const ReadOptions& options) {
  auto source = std::make_unique<ByteSource>(path);
  const std::string_view head = source->peek();
  if (head.empty()) fail_input(source->name(), "is empty");
  const Format& format = from.empty() ? recognise(source->name(), head) : format_named(from);
  if (format.open == nullptr) {
    fail_input(source->name(), fmt::format("is {}, which this build of atp cannot read", format.name),
               std::string(format.missing));
  }
  auto reader = format.open(std::move(source), options);
  reader->set_format(format.name);
  return reader;
}

std::uint64_t count_frames(const std::vector<std::string>& paths, std::string_view from, const ReadOptions& options, bool skip_bad) {
  std::uint64_t frames = 0;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-" || (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))) {
      throw Error(Exit::usage, path == "-" ? "<stdin>" : path, "records of a stream cannot be counted from its end",
                  "name the records from the beginning");
    }
    try {
      const auto reader = open_input(path, from, options);
      while (const auto batch = reader->next()) {
        throw_if_interrupted();
        frames += batch->frames();
      }
    } catch (const Error&) {
      if (!skip_bad) throw;
    }
  }
  return frames;
}

std::vector<std::string> input_files(const std::string& argument) {
  if (argument == "-") return {argument};
  std::error_code error;
  const auto status = std::filesystem::status(argument, error);
  if (std::filesystem::is_directory(status)) return files_below(argument);
  if (std::filesystem::exists(status)) return {argument};
  if (argument.find_first_of("*?[") != std::string::npos) return files_matching(argument);
  fail_system(argument, "cannot open", error ? error.value() : ENOENT);
}

}  // namespace atp
