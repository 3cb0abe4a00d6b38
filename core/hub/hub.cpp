#include "core/hub/hub.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <set>

#include "core/base/json_writer.h"
#include "core/hub/range_get.h"

namespace atp {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMostPages = 20000;
constexpr std::size_t kMostFiles = 5'000'000;

[[noreturn]] void fail(const std::string& where, std::string what, std::string fix = {}) {
  throw Error(Exit::network, where, std::move(what), std::move(fix));
}

dom::element parsed(dom::parser& parser, const std::string& json, const std::string& where) {
  dom::element root;
  if (const auto error = parser.parse(json).get(root); error != simdjson::SUCCESS) {
    fail(where, fmt::format("the server's answer is no JSON: {}", simdjson::error_message(error)), "is it a Hub that HF_ENDPOINT names?");
  }
  return root;
}

std::string hash_at(dom::element e, const char* key, std::size_t digits, const std::string& where) {
  std::string_view text;
  if (e[key].get(text) != simdjson::SUCCESS || !is_hex(text, digits)) fail(where, fmt::format("the server gives no {} of {} hexadecimal digits", key, digits));
  return std::string(text);
}

RemoteFile parse_entry(dom::element e, const HubAddress& of, const std::string& where) {
  RemoteFile file;
  std::string_view path;
  if (e["path"].get(path) != simdjson::SUCCESS) fail(where, "the server lists a file without a path");
  if (const auto problem = path_problem(path); !problem.empty()) fail(where, fmt::format("the server lists the path '{}', which is not taken: {}", path, problem));
  file.path = std::string(path);
  file.hub = of;
  file.hub.path = file.path;
  if (e["size"].get(file.size) != simdjson::SUCCESS) fail(where, fmt::format("the server gives no size of '{}'", path));
  file.git_sha1 = hash_at(e, "oid", 40, where);
  dom::element lfs;
  if (e["lfs"].get(lfs) == simdjson::SUCCESS && !lfs.is_null()) {
    file.sha256 = hash_at(lfs, "oid", 64, where);
    if (lfs["size"].get(file.size) != simdjson::SUCCESS) fail(where, fmt::format("the server gives no size of '{}'", path));
  }
  return file;
}

RequestAbout about_address(const HubAddress& a) { return {a.text(), a.repo, a.revision, a.path}; }

HttpRequest get(Url url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

std::string trimmed_etag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

std::optional<std::uint64_t> number(std::string_view text) {
  HttpAnswer a;
  a.headers.emplace_back("content-length", std::string(text));
  return a.content_length();
}

Location locate_on_hub(HttpClient& client, const RemoteFile& file) {
  const HubAddress& hub = file.hub;
  const RequestAbout what = about(file);
  HttpRequest request = get(client.shared().environment.at(fmt::format("/datasets/{}/resolve/{}/{}", hub.repo, percent_encoded(hub.revision), percent_encoded(hub.path, "/"))));
  request.method = HttpRequest::Method::head;
  const HttpAnswer answer = client.ask(request, what);

  const auto commit = answer.header("x-repo-commit");
  if (!is_commit(commit)) fail(what.where, "the server names no commit for it", "is it a Hub that HF_ENDPOINT names?");
  if (is_commit(hub.revision) && commit != hub.revision) fail(what.where, fmt::format("the server answers with commit {}, {} was asked for", commit, hub.revision));
  Location location;
  const auto linked = answer.header("x-linked-etag");
  location.etag = trimmed_etag(linked.empty() ? answer.header("etag") : linked);
  if (!is_hex(location.etag, 64) && !is_hex(location.etag, 40)) fail(what.where, "the server gives an etag that is neither SHA-256 nor SHA-1");
  auto size = number(answer.header("x-linked-size"));
  if (!size && !answer.is_redirect()) size = answer.content_length();
  location.size = size.value_or(file.size);  // some proxies drop it; the hash decides
  location.url = answer.is_redirect() ? redirect_target(request.url, answer, what.where) : request.url;
  return location;
}

// The answer of the last address that redirects lead to; request.url is that address then.
HttpAnswer follow(HttpClient& client, HttpRequest& request, const RemoteFile& file) {
  for (int hops = 0;;) {
    HttpAnswer answer = client.ask(request, about(file));
    if (!answer.is_redirect()) return answer;
    if (++hops > kMostRedirects) fail(file.name(), fmt::format("it redirects more than {} times", kMostRedirects));
    request.url = redirect_target(request.url, answer, file.name());
  }
}

// For servers that take no HEAD, as those of signed addresses, which are good for one method: the answer to a request
// for the first byte says how many there are.
Location locate_by_first_byte(HttpClient& client, const RemoteFile& file) {
  HttpRequest request = get(*file.url);
  request.range = {0, 0};
  std::optional<HttpAnswer> head;
  request.sink = [&](const HttpAnswer& answer, Bytes) {
    head = answer;
    return answer.status == 206;  // of a whole file no more is wanted
  };
  try {
    follow(client, request, file);
  } catch (const Error&) {
    if (!head) throw;
  }
  std::optional<std::uint64_t> size;
  if (std::uint64_t first = 0, last = 0, all = 0; head && parse_content_range(head->header("content-range"), first, last, all)) size = all;
  if (head && head->status == 200) size = head->content_length();
  if (!size) fail(file.name(), "the server does not say its size");
  return {request.url, validators(*head), *size};
}

// Whether a server that refuses so may only have something against the method.
bool may_mean_the_method(int status) { return status == 400 || status == 401 || status == 403 || status == 405 || status == 501; }

Location locate_plain(HttpClient& client, const RemoteFile& file) {
  HttpRequest request = get(*file.url);
  request.method = HttpRequest::Method::head;
  try {
    const HttpAnswer answer = follow(client, request, file);
    if (const auto size = answer.content_length()) return {request.url, validators(answer), *size};
  } catch (const Refused& e) {
    if (!may_mean_the_method(e.status)) throw;
  }
  return locate_by_first_byte(client, file);
}

}  // namespace

std::string validators(const HttpAnswer& answer) {
  const std::string etag = trimmed_etag(answer.header("etag"));
  const auto date = answer.header("last-modified");
  return etag.empty() && date.empty() ? "" : fmt::format("{}\n{}", etag, date);
}

bool validators_differ(std::string_view a, std::string_view b) {
  const auto of = [](std::string_view text) {
    const auto end = std::min(text.find('\n'), text.size());
    return std::pair(text.substr(0, end), text.substr(std::min(end + 1, text.size())));
  };
  const auto [etag, date] = of(a);
  const auto [other_etag, other_date] = of(b);
  if (!etag.empty() && !other_etag.empty()) return etag != other_etag;
  return !date.empty() && !other_date.empty() && date != other_date;
}

std::string RemoteFile::name() const {
  if (!label.empty()) return label;
  return hub.repo.empty() ? url->without_query() : hub.text();
}

RequestAbout about(const RemoteFile& file) {
  if (!file.hub.repo.empty()) return {file.name(), file.hub.repo, file.hub.revision, file.hub.path};
  return {file.name(), "", "", ""};
}

std::vector<RemoteFile> parse_tree(const std::string& json, const HubAddress& of, const std::string& where) {
  dom::parser parser;
  dom::array entries;
  if (parsed(parser, json, where).get(entries) != simdjson::SUCCESS) fail(where, "the server's answer is no list of files");
  std::vector<RemoteFile> files;
  for (const dom::element e : entries) {
    std::string_view type;
    if (e["type"].get(type) != simdjson::SUCCESS) fail(where, "the server lists something without a type");
    if (type == "file") files.push_back(parse_entry(e, of, where));
  }
  return files;
}

std::string parse_commit(const std::string& json, const std::string& where) {
  dom::parser parser;
  return hash_at(parsed(parser, json, where), "sha", 40, where);
}

// <address>; rel="next", <address>; rel="last"
std::string next_link(std::string_view header) {
  for (;;) {
    const auto begin = header.find('<');
    const auto end = header.find('>', begin == std::string_view::npos ? begin : begin + 1);
    if (begin == std::string_view::npos || end == std::string_view::npos) return {};
    const auto next = header.find('<', end);
    const auto parameters = header.substr(end + 1, next == std::string_view::npos ? next : next - end - 1);
    if (parameters.find("rel=\"next\"") != std::string_view::npos || parameters.find("rel=next") != std::string_view::npos) {
      return std::string(header.substr(begin + 1, end - begin - 1));
    }
    if (next == std::string_view::npos) return {};
    header = header.substr(next);
  }
}

std::string find_commit(HttpClient& client, const HubAddress& address) {
  const RequestAbout what = about_address(address);
  std::string commit;
  const Url url = client.shared().environment.at(fmt::format("/api/datasets/{}/revision/{}", address.repo, percent_encoded(address.revision)));
  client.ask_json(get(url), what, [&](const std::string& body) { commit = parse_commit(body, what.where); });
  return commit;
}

std::vector<RemoteFile> list_files(HttpClient& client, const HubAddress& address, const std::string& commit) {
  const HubAddress pinned{address.repo, commit, address.path};
  const RequestAbout what = about_address(address);
  const std::string folder = address.path.empty() ? "" : "/" + percent_encoded(address.path);
  Url url = client.shared().environment.at(fmt::format("/api/datasets/{}/tree/{}{}?recursive=true&expand=false", address.repo, commit, folder));
  const Url first = url;
  std::vector<RemoteFile> files;
  std::set<std::string> seen;
  for (;;) {
    if (!seen.insert(url.text()).second) fail(what.where, "the server's list of files leads back to a page that was there");
    if (seen.size() > kMostPages) fail(what.where, fmt::format("the server's list of files has more than {} pages", kMostPages));
    std::vector<RemoteFile> page;
    const HttpAnswer answer = client.ask_json(get(url), what, [&](const std::string& body) { page = parse_tree(body, pinned, what.where); });
    for (RemoteFile& file : page) {
      if (is_below(file.path, address.path)) files.push_back(std::move(file));
    }
    if (files.size() > kMostFiles) fail(what.where, fmt::format("the server lists more than {} files", kMostFiles));
    const std::string link = next_link(answer.header("link"));
    if (link.empty()) break;
    auto next = url.resolve(link);
    if (!next) fail(what.where, "the server's list of files goes on at what is no address");
    // A mirror hands the Hub's own links on.
    if (const Url hub = *Url::parse("https://huggingface.co"); next->same_origin(hub) && !first.same_origin(hub)) next = client.shared().environment.at(next->target);
    if (!next->same_origin(first)) fail(what.where, "the server's list of files goes on at another server");
    url = *next;
  }
  std::sort(files.begin(), files.end(), [](const RemoteFile& a, const RemoteFile& b) { return a.path < b.path; });
  const auto twice = std::adjacent_find(files.begin(), files.end(), [](const RemoteFile& a, const RemoteFile& b) { return a.path == b.path; });
  if (twice != files.end()) fail(what.where, fmt::format("the server lists '{}' twice", twice->path));
  return files;
}

RemoteFile find_file(HttpClient& client, const HubAddress& address, const std::string& commit) {
  const RequestAbout what = about_address(address);
  HttpRequest request = get(client.shared().environment.at(fmt::format("/api/datasets/{}/paths-info/{}", address.repo, commit)));
  request.method = HttpRequest::Method::post;
  JsonWriter json;
  json.begin_object().key("paths").begin_array().string(address.path).end_array().key("expand").boolean(false).end_object();
  request.json = json.take();
  std::vector<RemoteFile> files;
  client.ask_json(request, what, [&](const std::string& body) { files = parse_tree(body, {address.repo, commit, address.path}, what.where); });
  for (RemoteFile& file : files) {
    if (file.path == address.path) return std::move(file);
  }
  fail(what.where, fmt::format("'{}' is not in {} at {}", address.path, address.repo, address.revision), fmt::format("atp pull --list {} shows what is", address.repo));
}

Location locate(HttpClient& client, const RemoteFile& file) {
  const Location location = file.hub.repo.empty() ? locate_plain(client, file) : locate_on_hub(client, file);
  if (file.size_known && location.size != file.size) fail(file.name(), fmt::format("the server states {} bytes, {} are expected", location.size, file.size), "pull again: it may have changed meanwhile");
  if (!file.hub.repo.empty() && !file.etag().empty() && location.etag != file.etag()) fail(file.name(), fmt::format("the server states the hash {}, {} is expected", location.etag, file.etag()), "pull again: it may have changed meanwhile");
  return location;
}

}  // namespace atp
