// `atp verify --sums` and `--check`: lists of whole files' checksums.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>

#include "cmd/options.h"
#include "cmd/terminal.h"
#include "cmd/verify.h"
#include "core/base/parallel.h"
#include "core/io/fd.h"
#include "core/io/file_sums.h"

namespace atp {
namespace {

// A name with a backslash or newline is escaped as sha256sum does it, and the line marked by a backslash.
std::string escaped(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\\' && i + 1 < name.size()) {
      ++i;
      out += name[i] == 'n' ? '\n' : name[i];
    } else {
      out += name[i];
    }
  }
  return out;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// What a list says of one file.
struct Wanted {
  std::string name;
  std::string xxh128, sha256;  // empty: nothing
};

// "HASH  NAME" (also "HASH *NAME") or "ALGORITHM (NAME) = HASH". False for any other line.
bool parse_line(std::string_view line, Wanted& wanted) {
  const bool marked = line.starts_with('\\');
  if (marked) line.remove_prefix(1);
  std::string_view hash, name;
  const auto open = line.find(" (");
  const std::string_view algorithm = line.substr(0, open == std::string_view::npos ? 0 : open);
  if (algorithm == "SHA256" || algorithm == "XXH128" || algorithm == "XXH3_128") {
    const auto close = line.rfind(") = ");
    if (close == std::string_view::npos || close < open + 2) return false;
    name = line.substr(open + 2, close - open - 2);
    hash = line.substr(close + 4);
    if (hash.size() != (algorithm == "SHA256" ? 64u : 32u)) return false;
  } else {
    const auto space = line.find(' ');
    if (space == std::string_view::npos || space + 2 >= line.size() || (line[space + 1] != ' ' && line[space + 1] != '*')) return false;
    hash = line.substr(0, space);
    name = line.substr(space + 2);
  }
  if (!is_hex(hash) || name.empty()) return false;
  wanted.name = marked ? unescaped(name) : std::string(name);
  if (hash.size() == 64) {
    wanted.sha256 = lower(hash);
  } else if (hash.size() == 32) {
    wanted.xxh128 = lower(hash);
  } else {
    return false;
  }
  return true;
}

// A file, pipe or, as "-", stdin.
std::string read_whole_list(const std::string& path) {
  constexpr std::size_t kLargest = 256 << 20;
  const Fd fd(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) fail_input(path, "no such file");
  if (!fd) fail_system(path, "cannot open", errno);
  std::string text;
  std::vector<std::byte> piece(1 << 16);
  while (const std::size_t n = read_some(fd, piece, path)) {
    text += as_text(Bytes(piece).first(n));
    if (text.size() > kLargest) fail_input(path, fmt::format("has more than {} bytes, too many for a checksum list", kLargest));
  }
  return text;
}

std::vector<Wanted> read_list(const std::string& path) {
  std::istringstream in(read_whole_list(path));
  std::vector<Wanted> list;
  std::uint64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    Wanted wanted;
    if (!parse_line(line, wanted)) {
      fail_input(fmt::format("{}:{}", path, number), "is no line of a checksum list",
                 "lists have 'SHA-256  NAME' as sha256sum prints it, or 'XXH128 (NAME) = HASH'");
    }
    // The two sums of a file follow each other in our lists: it is then read once.
    if (!list.empty() && list.back().name == wanted.name && list.back().sha256.empty() != wanted.sha256.empty() &&
        list.back().xxh128.empty() != wanted.xxh128.empty()) {
      if (!wanted.sha256.empty()) list.back().sha256 = wanted.sha256;
      if (!wanted.xxh128.empty()) list.back().xxh128 = wanted.xxh128;
    } else {
      list.push_back(std::move(wanted));
    }
  }
  if (list.empty()) fail_input(path, "names no file");
  return list;
}

std::uint64_t total_bytes(const std::vector<Wanted>& list) {
  std::uint64_t total = 0;
  for (const auto& wanted : list) {
    std::error_code error;
    const auto size = std::filesystem::file_size(wanted.name, error);
    if (!error) total += size;
  }
  return total;
}

struct Summed {
  const Wanted* wanted;
  FileSums sums;
  std::uint64_t bytes = 0;
  std::optional<Error> refused;
};

// Sums the files on all threads, one file a thread, and hands them on in order.
void sum_all(const std::vector<Wanted>& list, bool all_sums, const std::function<void(Summed&&)>& consume) {
  Progress progress("summing", total_bytes(list), true);
  std::size_t next = 0;
  std::uint64_t done = 0;
  const auto produce = [&]() -> std::unique_ptr<Summed> {
    if (next == list.size()) return nullptr;
    auto item = std::make_unique<Summed>();
    item->wanted = &list[next++];
    return item;
  };
  const auto work = [&](Summed& item) {
    try {
      const auto file = open_input_file(item.wanted->name);
      item.sums = sums_of(*file, {all_sums || !item.wanted->xxh128.empty(), all_sums || !item.wanted->sha256.empty()});
      item.bytes = file->size();
    } catch (const Error& e) {
      item.refused = e;
    }
    return std::move(item);
  };
  ordered_parallel<Summed, Summed>(jobs(), produce, work, [&](Summed&& item) {
    done += item.bytes;
    progress.advance_to(done);
    consume(std::move(item));
  });
}

}  // namespace

Exit print_sums(const VerifyCommand& command) {
  const NamedFiles named = files_of(command.inputs);
  if (!named.refused.empty()) throw named.refused[0].error.within(named.refused[0].path);
  std::vector<Wanted> list;
  for (const auto& file : named.files) list.push_back({file, "", ""});
  sum_all(list, true, [&](Summed&& item) {
    if (item.refused) throw *item.refused;
    const std::string name = escaped(item.wanted->name);
    const char* mark = name == item.wanted->name ? "" : "\\";
    print(fmt::format("{}XXH128 ({}) = {}\n{}{}  {}\n", mark, name, item.sums.xxh128, mark, item.sums.sha256, name));
  });
  return Exit::ok;
}

Exit check_sums(const VerifyCommand& command) {
  const std::vector<Wanted> list = read_list(command.check);
  std::uint64_t wrong = 0, refused = 0;
  JsonWriter w;
  w.begin_object().key("files").begin_array();
  sum_all(list, false, [&](Summed&& item) {
    const Wanted& wanted = *item.wanted;
    const bool sound = !item.refused && item.sums.xxh128 == wanted.xxh128 && item.sums.sha256 == wanted.sha256;
    refused += item.refused.has_value();
    wrong += !sound && !item.refused;
    const std::string what = item.refused ? item.refused->problem() : sound ? "fits" : "is not what the list says";
    if (command.json) {
      w.begin_object().key("path").string(wanted.name).key("sound").boolean(sound).key("message").string(what).end_object();
    } else if (command.format == "github") {
      CheckedFile file;
      file.report.path = wanted.name;
      if (!sound) file.report.damage.add({std::nullopt, 0, 0, damage_kind::checksum, what});
      print(report_github(file));
    } else if (!sound || !common_options().quiet) {
      print(fmt::format("{}: {}\n", printable(wanted.name), sound ? "OK" : styled(what, Style::red)));
    }
  });
  if (command.json) {
    w.end_array().key("sound").boolean(wrong + refused == 0).end_object();
    print(w.text() + "\n");
  }
  if (wrong != 0) return Exit::no;
  return refused != 0 ? Exit::input : Exit::ok;
}

}  // namespace atp
