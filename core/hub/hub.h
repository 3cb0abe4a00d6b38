// The Hub's interface for datasets: which commit, which files, and where a file's bytes are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hub/client.h"
#include "core/hub/names.h"

namespace atp {

// A file of a repository, or at a plain address. Hashes are lower-case hexadecimal; empty where not known.
struct RemoteFile {
  std::string path;            // in the repository, or below the folder it is pulled into
  std::uint64_t size = 0;
  bool size_known = true;
  std::string git_sha1;        // of the blob; for large files that of their pointer
  std::string sha256;          // of the content; large files
  std::string xxh128;          // of the content; from a manifest
  std::string label;           // what messages call it; empty: its address
  HubAddress hub;              // repo, commit and path; an empty repo: a plain address
  std::optional<Url> url;      // plain addresses

  // What names the blob in the cache: the SHA-256 of large files, the git SHA-1 of others.
  const std::string& etag() const { return sha256.empty() ? git_sha1 : sha256; }
  // "hf://owner/name/path", or the address without its query.
  std::string name() const;
};

// Where a file's bytes can be had now. A signed address is good for about an hour and is neither printed nor stored.
struct Location {
  Url url;
  std::string etag;  // of a plain address: validators()
  std::uint64_t size = 0;
};

// What a plain address's answer says of its content's version: ETag and Last-Modified, or nothing. Of two answers they
// differ by the first of them that both have: servers do not put all of it into each.
std::string validators(const HttpAnswer& answer);
bool validators_differ(std::string_view a, std::string_view b);

// What a list of files says, as the Hub and the cache's trees/ have it. Pure. Throw Error (exit 5, at `where`) for what
// is no such list, a path that may not become a file and a hash that is none.
std::vector<RemoteFile> parse_tree(const std::string& json, const HubAddress& of, const std::string& where);
std::string parse_commit(const std::string& json, const std::string& where);
// The address of the next page: the Link of rel "next"; empty when there is none.
std::string next_link(std::string_view header);

// The commit that the revision stands for now. Throws Error (exit 5).
std::string find_commit(HttpClient& client, const HubAddress& address);
// All files below address.path in the commit, at any depth.
std::vector<RemoteFile> list_files(HttpClient& client, const HubAddress& address, const std::string& commit);
// The file address.path of the commit. Throws Error (exit 5) when it is not there.
RemoteFile find_file(HttpClient& client, const HubAddress& address, const std::string& commit);

// Where the file can be fetched, by HEAD. Throws Error (exit 5) when the server states another commit, hash or size
// than `file` has; what `file` does not know is not compared.
Location locate(HttpClient& client, const RemoteFile& file);

RequestAbout about(const RemoteFile& file);

}  // namespace atp
