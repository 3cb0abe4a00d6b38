#include "core/hub/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/hub/url.h"

namespace atp {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string name_problem(std::string_view name) {
  if (name.empty() || name.size() > 96) return "a name has 1 to 96 characters";
  for (const char c : name) {
    if (!is_word(c) && c != '-' && c != '.') return "a name has letters, digits, '_', '-' and '.' only";
  }
  for (const char end : {name.front(), name.back()}) {
    if (end == '-' || end == '.') return fmt::format("a name neither begins nor ends with '{}'", end);
  }
  if (name.find("--") != std::string_view::npos || name.find("..") != std::string_view::npos) return "a name has no '--' and no '..'";
  if (name.ends_with(".git")) return "a name does not end in '.git'";
  return {};
}

[[noreturn]] void fail_usage(std::string_view text, const std::string& what, const char* fix) {
  throw Error(Exit::usage, std::string(text), what, fix);
}

}  // namespace

std::string HubAddress::text() const {
  std::string text = "hf://" + repo;
  if (revision != "main") text += "@" + percent_encoded(revision);
  return path.empty() ? text : text + "/" + path;
}

bool is_hub_address(std::string_view text) { return text.starts_with("hf://"); }
bool is_http_address(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

HubAddress parse_hub_address(std::string_view text) {
  constexpr const char* kForm = "write hf://OWNER/NAME[@REVISION]/PATH";
  std::string_view rest = text.substr(5);
  if (rest.starts_with("datasets/")) rest.remove_prefix(9);
  if (rest.starts_with("models/") || rest.starts_with("spaces/") || rest.starts_with("buckets/")) {
    fail_usage(text, "is not the address of a dataset repository", kForm);
  }
  HubAddress address;
  const auto slash = rest.find('/');
  const auto end = slash == std::string_view::npos ? slash : rest.find('/', slash + 1);
  if (slash == std::string_view::npos) fail_usage(text, "has no OWNER/NAME", kForm);
  std::string_view repo = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  if (const auto at = repo.find('@'); at != std::string_view::npos) {
    std::string revision(repo.substr(at + 1));
    repo = repo.substr(0, at);
    // refs/pr/N is a revision with slashes; others write them as %2F.
    if (revision == "refs") {
      const auto parts = split(rest, '/');
      if (parts.size() < 2) fail_usage(text, "has an unfinished revision", kForm);
      revision = fmt::format("refs/{}/{}", parts[0], parts[1]);
      rest.remove_prefix(std::min(rest.size(), parts[0].size() + parts[1].size() + 2));
    }
    const auto decoded = percent_decoded(revision);
    if (!decoded) fail_usage(text, fmt::format("has a revision '{}' with a '%' that encodes nothing", revision), kForm);
    address.revision = *decoded;
  }
  address.repo = std::string(repo);
  if (const auto problem = repo_problem(address.repo); !problem.empty()) fail_usage(text, fmt::format("'{}' is not a repository: {}", address.repo, problem), kForm);
  if (const auto problem = revision_problem(address.revision); !problem.empty()) fail_usage(text, problem, kForm);
  address.path = cleaned_path(rest);
  return address;
}

std::string repo_problem(std::string_view repo) {
  const auto parts = split(repo, '/');
  if (parts.size() > 2) return "it is written OWNER/NAME";
  for (const auto part : parts) {
    if (auto problem = name_problem(part); !problem.empty()) return problem;
  }
  return {};
}

std::string revision_problem(std::string_view revision) {
  if (revision.empty()) return "the revision is empty";
  if (revision.size() > 200) return "the revision is longer than 200 characters";
  if (revision.starts_with('/') || revision.ends_with('/')) return fmt::format("the revision '{}' begins or ends with '/'", revision);
  if (auto problem = path_problem(revision); !problem.empty()) return fmt::format("the revision '{}' cannot be: {}", revision, problem);
  return {};
}

std::string path_problem(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.size() > 4096) return "it is longer than 4096 bytes";
  if (path.front() == '/') return "it is absolute";
  if (path.size() > 1 && path[1] == ':') return "it begins with a drive letter";
  for (const char c : path) {
    if (c == '\\') return "it has a backslash";
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return "it has a control character";
  }
  for (const auto part : split(path, '/')) {
    if (part.empty()) return "it has an empty part";
    if (part == "." || part == "..") return fmt::format("it has a part '{}'", part);
    if (part.size() > 255) return "it has a part longer than 255 bytes";
  }
  return {};
}

std::string cleaned_path(std::string_view path) {
  while (!path.empty() && path.front() == ' ') path.remove_prefix(1);
  while (!path.empty() && path.back() == ' ') path.remove_suffix(1);
  std::string cleaned;
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (!cleaned.empty()) cleaned += '/';
    cleaned += part;
  }
  if (cleaned.empty()) return cleaned;
  if (const auto problem = path_problem(cleaned); !problem.empty()) {
    throw Error(Exit::usage, std::string(path), fmt::format("cannot be a path in a repository: {}", problem), "name a file or folder, as omat/train");
  }
  return cleaned;
}

std::optional<HubAddress> address_of_page(std::string_view path) {
  if (!path.starts_with("/datasets/")) return std::nullopt;
  std::vector<std::string_view> parts = split(path.substr(1), '/');
  while (parts.back().empty()) parts.pop_back();
  HubAddress address;
  if (parts.size() < 3 || (parts.size() > 3 && (parts[3] == "resolve" || parts[3] == "raw"))) return std::nullopt;
  address.repo = fmt::format("{}/{}", parts[1], parts[2]);
  if (!repo_problem(address.repo).empty()) return std::nullopt;
  if (parts.size() < 5 || (parts[3] != "tree" && parts[3] != "blob")) return address;
  const auto part = [&](std::size_t i) { return percent_decoded(parts[i]).value_or(""); };
  address.revision = part(4);
  for (std::size_t i = 5; i < parts.size(); ++i) address.path += (i > 5 ? "/" : "") + part(i);
  return address;
}

bool is_commit(std::string_view revision) { return is_hex(revision, 40); }

bool is_below(std::string_view file, std::string_view path) {
  return path.empty() || file == path || (file.size() > path.size() && file.starts_with(path) && file[path.size()] == '/');
}

std::string shown_address(std::string_view argument) {
  if (!is_http_address(argument)) return std::string(argument);
  argument = argument.substr(0, argument.find_first_of("?#"));
  const std::size_t host = argument.find("://") + 3, path = std::min(argument.find('/', host), argument.size());
  const std::size_t at = argument.substr(0, path).rfind('@');
  return std::string(argument.substr(0, host)) + std::string(argument.substr(at == argument.npos ? host : at + 1));
}

bool is_dataset_part(std::string_view file, std::string_view path) {
  if (file == path) return true;
  if (!is_below(file, path)) return false;
  return file.ends_with(".atp") || file == "manifest.json" || file.ends_with("/manifest.json");
}

std::string cache_folder_name(std::string_view repo) {
  std::string name = "datasets";
  for (const auto part : split(repo, '/')) name += "--" + std::string(part);
  return name;
}

}  // namespace atp
