// Names on the Hub (repositories, revisions, paths) and what of them may reach the network or the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// Something in a dataset repository: a folder, a file, or with an empty path all of it.
struct HubAddress {
  std::string repo;               // "owner/name" or "name"
  std::string revision = "main";  // branch, tag, refs/pr/N or 40 hexadecimal digits
  std::string path;               // '/'-separated, no leading or trailing '/'

  // "hf://owner/name@revision/path".
  std::string text() const;
};

// Whether an argument means something that is not on this machine.
bool is_hub_address(std::string_view text);   // hf://
bool is_http_address(std::string_view text);  // http:// or https://
inline bool is_remote(std::string_view text) { return is_hub_address(text) || is_http_address(text); }

// hf://OWNER/NAME[@REVISION]/PATH; hf://datasets/OWNER/NAME... means the same. Throws Error (exit 2).
HubAddress parse_hub_address(std::string_view text);

// Why it cannot be the name of a repository; empty when it can.
std::string repo_problem(std::string_view repo);
std::string revision_problem(std::string_view revision);
// Why a path that a server gave may not become a file: absolute, "..", backslash and the like. Empty when it may.
std::string path_problem(std::string_view path);

// A path as a user writes it: without surrounding blanks and slashes and "." parts. Throws Error (exit 2) for "..".
std::string cleaned_path(std::string_view path);

// What an address of the Hub's pages for people shows, ".../datasets/OWNER/NAME" and what it has below except files
// (resolve, raw). `path`: the address without endpoint and query. Nothing when it is no such page.
std::optional<HubAddress> address_of_page(std::string_view path);

bool is_commit(std::string_view revision);  // 40 hexadecimal digits

// An argument as it may be printed and stored: of an http(s) address neither query nor fragment nor user, which may be
// secrets; all else as it is.
std::string shown_address(std::string_view argument);

// Whether a file is part of the dataset `path`: itself, or an .atp file or manifest.json below it.
bool is_dataset_part(std::string_view file, std::string_view path);
// Whether it is `path` itself or below it; everything is below "".
bool is_below(std::string_view file, std::string_view path);

// "datasets--owner--name".
std::string cache_folder_name(std::string_view repo);

}  // namespace atp
