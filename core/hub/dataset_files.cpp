#include "core/hub/dataset_files.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace atp {
namespace {

namespace fs = std::filesystem;
namespace dom = simdjson::dom;

std::vector<RemoteFile> below(std::vector<RemoteFile> files, const std::string& path) {
  std::erase_if(files, [&](const RemoteFile& f) { return !is_below(f.path, path); });
  return files;
}

// What lies in a snapshot, where no list of it has been kept.
std::vector<RemoteFile> files_of_snapshot(const std::string& folder, const HubAddress& address) {
  std::vector<RemoteFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code none;
    if (!at->is_regular_file(none)) continue;
    RemoteFile file;
    file.path = fs::path(at->path()).lexically_relative(folder).generic_string();
    if (!is_below(file.path, address.path)) continue;
    file.size = at->file_size(none);
    file.hub = {address.repo, address.revision, file.path};
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const RemoteFile& a, const RemoteFile& b) { return a.path < b.path; });
  return files;
}

RemoteDataset find_in_cache(const HubCache& cache, const HubAddress& address, const std::string& why) {
  const auto refuse = [&](std::string what) {
    throw Error(Exit::network, address.text(), fmt::format("{} and {} in the cache {}", why, what, cache.root()), "pull it once with the network");
  };
  RemoteDataset found;
  found.address = address;
  found.from_cache = true;
  const auto commit = cache.commit_of(address.repo, address.revision);
  if (!commit || !fs::is_directory(cache.snapshot(address.repo, *commit))) refuse(fmt::format("revision '{}' is not", address.revision));
  found.commit = *commit;
  HubAddress pinned = address;
  pinned.revision = *commit;
  const auto tree = cache.tree_of(address.repo, *commit);
  found.complete = tree.has_value() && address.path.empty();
  found.files = tree ? below(*tree, address.path) : files_of_snapshot(cache.snapshot(address.repo, *commit), pinned);
  if (found.files.empty()) refuse(address.path.empty() ? "nothing of it is" : fmt::format("'{}' is not", address.path));
  return found;
}

// What the cache has of a dataset, when it has all of it that it knows of.
std::optional<RemoteDataset> all_in_cache(const HubCache& cache, const HubAddress& address) {
  try {
    RemoteDataset found = find_in_cache(cache, address, "");
    for (const RemoteFile& file : dataset_part(found)) {
      if (!cache.target(file).current()) return std::nullopt;
    }
    return dataset_part(found).empty() ? std::nullopt : std::optional(std::move(found));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// The Hub lists folders; what is none may be a file.
std::vector<RemoteFile> list_below(HttpClient& client, const HubAddress& address, const std::string& commit) {
  try {
    return list_files(client, address, commit);
  } catch (const Refused& e) {
    if (e.status != 404 || address.path.empty()) throw;
    return {find_file(client, address, commit)};
  }
}

RemoteDataset ask_hub(HttpShared& shared, const HubCache& cache, const HubAddress& address, bool once) {
  RemoteDataset found;
  found.address = address;
  HttpClient client(shared);
  if (once) client.set_retries(1);
  const bool kept = is_commit(address.revision) && cache.tree_of(address.repo, address.revision);
  found.commit = kept ? address.revision : find_commit(client, address);
  if (auto tree = cache.tree_of(address.repo, found.commit)) {
    found.from_cache = kept;
    found.complete = address.path.empty();
    found.files = below(std::move(*tree), address.path);
  } else if (address.path.ends_with(".atp")) {
    found.files = {find_file(client, address, found.commit)};
  } else {
    found.files = list_below(client, address, found.commit);
    found.complete = address.path.empty();
  }
  return found;
}

std::string text_at(dom::element e, std::initializer_list<const char*> keys) {
  std::string_view text;
  for (const char* key : keys) {
    if (e[key].get(text) == simdjson::SUCCESS) return std::string(text);
  }
  return {};
}

// Some pipelines wrote the paths of the machine they ran on.
std::string manifest_path(std::string_view name, const std::string& where) {
  if (name.starts_with('/')) name = name.substr(name.rfind('/') + 1);
  while (name.starts_with("./")) name.remove_prefix(2);
  if (const auto problem = path_problem(name); !problem.empty()) fail_input(where, fmt::format("names the file '{}', which is not taken: {}", name, problem));
  return std::string(name);
}

std::string hash_at(dom::element e, const char* key, std::size_t digits, const std::string& where) {
  std::string text = text_at(e, {key});
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  if (!text.empty() && !is_hex(text, digits)) fail_input(where, fmt::format("has a {} that is none", key));
  return text;
}

// The address of the Hub's own page is what people have at hand; it shows a dataset and is none.
void refuse_page(const Url& url, const HubEnvironment& environment) {
  const std::string path = url.target.substr(0, url.target.find('?')), own = environment.at("").target;
  const bool hub = url.host == "huggingface.co" || url.host == "hf.co";
  if (!hub && !(url.same_origin(environment.endpoint) && path.starts_with(own))) return;
  if (const auto page = address_of_page(path.substr(hub ? 0 : own.size()))) {
    throw Error(Exit::usage, url.without_query(), "is a page about a dataset", fmt::format("name the dataset: {}", page->text()));
  }
}

}  // namespace

RemoteDataset find_on_hub(HttpShared& shared, const HubAddress& address) {
  const HubCache cache(shared.environment.cache, shared.environment.symlinks);
  if (shared.environment.offline) return find_in_cache(cache, address, shared.environment.offline_why);
  const auto cached = all_in_cache(cache, address);
  RemoteDataset found;
  try {
    found = ask_hub(shared, cache, address, cached.has_value());
  } catch (const NoAnswer& e) {
    if (!cached) throw;
    const std::size_t files = dataset_part(*cached).size();
    if (shared.warn) shared.warn(fmt::format("{}; going on with the {} that the cache has of commit {}", e.problem(), files == 1 ? "file" : fmt::format("{} files", files), cached->commit.substr(0, 12)));
    shared.environment.offline = true;  // what is there is all there is
    shared.environment.offline_why = "the network fails";
    return *cached;
  }
  // The commit would only make messages long.
  for (RemoteFile& file : found.files) file.label = HubAddress{address.repo, address.revision, file.path}.text();
  if (found.files.empty()) {
    throw Error(Exit::network, address.text(), fmt::format("there is no '{}' in {} at {}", address.path, address.repo, address.revision), fmt::format("atp pull --list {} shows what is", address.repo));
  }
  return found;
}

std::vector<RemoteFile> parse_manifest(const std::string& json, const std::string& where) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(json).get(root) != simdjson::SUCCESS || !root.is_object()) fail_input(where, "is no JSON object", "name a manifest.json or an .atp file");
  std::map<std::string, RemoteFile> files;
  for (const char* key : {"output_files", "files"}) {
    dom::array list;
    if (root[key].get(list) != simdjson::SUCCESS) continue;
    for (const dom::element e : list) {
      std::string_view plain;
      const bool is_name = e.get(plain) == simdjson::SUCCESS;
      const std::string path = manifest_path(is_name ? std::string(plain) : text_at(e, {"path", "name", "file"}), where);
      RemoteFile& file = files[path];
      file.path = path;
      file.size_known = file.size_known && file.size != 0;
      if (is_name) continue;
      file.size_known = e["bytes"].get(file.size) == simdjson::SUCCESS;
      file.sha256 = hash_at(e, "sha256", 64, where);
      file.xxh128 = hash_at(e, "xxh3_128", 32, where);
    }
  }
  if (files.empty()) fail_input(where, "names no files", "it needs output_files or files");
  std::vector<RemoteFile> sorted;
  for (auto& [path, file] : files) sorted.push_back(std::move(file));
  return sorted;
}

RemoteDataset find_at_url(HttpShared& shared, const std::string& address) {
  const auto url = Url::parse(address);
  if (!url) throw Error(Exit::usage, shown_address(address), "is not an http or https address", "write it as https://HOST/PATH");
  refuse_page(*url, shared.environment);
  if (shared.environment.offline) throw Error(Exit::network, url->without_query(), shared.environment.offline_why, "unset it");
  RemoteDataset found;
  found.url = url;
  const std::string path = url->target.substr(0, url->target.find('?'));
  const std::string name = percent_decoded(path.substr(path.rfind('/') + 1)).value_or("");
  if (!name.ends_with(".json")) {
    if (!path_problem(name).empty()) throw Error(Exit::usage, url->without_query(), "names no file", "name an .atp file or a manifest.json");
    RemoteFile file;
    file.path = name;
    file.size_known = false;
    file.url = url;
    found.files.push_back(std::move(file));
    return found;
  }
  HttpClient client(shared);
  HttpRequest request;
  request.url = *url;
  client.ask_json(request, {url->without_query(), "", "", ""}, [&](const std::string& body) {
    found.files = parse_manifest(body, url->without_query());
    found.manifest = body;
  });
  if (path_problem(name).empty()) found.manifest_name = name;
  for (RemoteFile& file : found.files) {
    file.url = url->resolve(percent_encoded(file.path, "/"));
    if (!file.url) fail_input(url->without_query(), fmt::format("names the file '{}', which makes no address", file.path));
  }
  return found;
}

RemoteDataset find_remote(HttpShared& shared, const std::string& address) {
  return is_hub_address(address) ? find_on_hub(shared, parse_hub_address(address)) : find_at_url(shared, address);
}

std::vector<RemoteFile> dataset_part(const RemoteDataset& dataset) {
  std::vector<RemoteFile> files;
  for (const RemoteFile& file : dataset.files) {
    if (dataset.url || is_dataset_part(file.path, dataset.address.path)) files.push_back(file);
  }
  return files;
}

std::vector<NamedDataset> named_datasets(const std::vector<RemoteFile>& files) {
  std::map<std::string, NamedDataset> by_folder;
  std::vector<NamedDataset> named;
  for (const RemoteFile& file : files) {
    if (!file.path.ends_with(".atp")) continue;
    const auto slash = file.path.rfind('/');
    if (slash == std::string::npos) {
      named.push_back({file.path, file.size, {&file}});
      continue;
    }
    NamedDataset& folder = by_folder[file.path.substr(0, slash)];
    folder.path = file.path.substr(0, slash);
    folder.shards.push_back(&file);
    folder.bytes += file.size;
  }
  for (auto& [path, folder] : by_folder) named.push_back(folder);
  return named;
}

}  // namespace atp
