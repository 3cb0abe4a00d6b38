// What `man atp-pull` says: long enough to be a file of its own.
#pragma once

#include <string_view>

namespace atp {

inline constexpr std::string_view kPullDetails =
    "Fetches all .atp files and manifest.json files in or below PATH of a dataset repository into the cache that "
    "huggingface_hub uses, in its layout, and prints the local path alone. What other programs have pulled is used, and they find "
    "without a network what atp has pulled. Where a repository holds several datasets, PATH must name one; --list shows them. With "
    "--local-dir, plain files and huggingface_hub's notes about them (.cache/huggingface) go into DIR. The revision is resolved to a "
    "commit first, and everything comes from that commit, even when a branch moves meanwhile.\n"
    "\n"
    "An https:// address names an .atp file, or a manifest.json as atp shard writes it, which stands for the shards it names. They go "
    "into --local-dir (default: the current folder) without any bookkeeping; files of the right size, and the right hash where the "
    "manifest has one, are not fetched again.\n"
    "\n"
    "--jobs is the number of connections (default: 8). Each file comes in ranges of up to 64 MB over several of them. What has been "
    "fetched is kept: after an interruption or a crash the same command goes on where it stopped, as a journal beside the partial "
    "file has the hash of each 4 MB that is whole; what does not have that hash is fetched again. A file appears under its name only "
    "when its hash is right: SHA-256 for large files, git's SHA-1 for small ones, what a manifest states for others. Wrong bytes are "
    "fetched anew once; then the pull fails with both hashes. Then each .atp file is checked as atp verify --quick does; --verify full "
    "reads all records, too, which is the default where no hash is known. A file that has its hash and is damaged all the same is "
    "reported, and the exit code is 1.\n"
    "\n"
    "Connections that break or bring no bytes (or fewer than 1 KB a second) for a timeout are made anew, and status 408, 429, 500, 502, 503, "
    "504 is tried again, 5 times in a row without progress, after 1, 2, 4, 8, 8 seconds or what RateLimit or Retry-After say (310 s at "
    "most). Ctrl-C ends a pull at once and keeps what was fetched.\n"
    "\n"
    "Security: the token goes to the scheme, host and port of HF_ENDPOINT and nowhere else, whatever redirects say. https never "
    "leads to http. Certificates are always checked. Paths and hashes from a server are checked before they name a file. --token "
    "FILE keeps a token out of the process list. Neither tokens nor signed addresses are printed or stored.\n"
    "\n"
    "Environment, with the meaning that huggingface_hub gives it: HF_ENDPOINT (default: https://huggingface.co); HF_HUB_CACHE, else "
    "$HF_HOME/hub; HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface; HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, "
    "else the file HF_TOKEN_PATH (default: $HF_HOME/token), none of them with HF_HUB_DISABLE_IMPLICIT_TOKEN=1; HF_HUB_OFFLINE or "
    "TRANSFORMERS_OFFLINE (1: make no request, use the cache only); HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT (seconds, default: 10; for "
    "questions about files, and for their bytes); HF_HUB_DISABLE_SYMLINKS (1: files instead of links in snapshots); "
    "HF_HUB_DISABLE_PROGRESS_BARS. Of others: SSL_CERT_FILE and SSL_CERT_DIR (certificate authorities); http_proxy, https_proxy, "
    "all_proxy and no_proxy; ATP_RETRY_WAIT (seconds before the first retry, default: 1).\n"
    "\n"
    "--json prints one object: path, repo, revision, commit, files [{path, bytes, etag}], fetched_files, fetched_bytes, requests, damaged_files, "
    "seconds; with --dry-run: dry_run, path, files [{path, bytes, present}], fetch_bytes, kept_bytes; with --list: repo, revision, commit, "
    "datasets [{path, shards, bytes}].\n"
    "\n"
    "Exit code: 0 done, 1 a file is damaged although its hash is right, 2 a wrong option, 4 the system refused (no space), 5 the network "
    "or the server refused.";

}  // namespace atp
