#include "core/hub/client.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "core/hub/retry.h"

namespace atp {
namespace {

// Text of a server, made fit for one line of ours. It may hold a signed address, whose query nobody must see, or the token.
std::string presentable(std::string_view text, std::string_view token) {
  std::string out;
  bool query = false;
  for (const char c : text.substr(0, 300)) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '"' || c == '\'';
    query = !blank && (query || (c == '?' && out.find("://") != std::string::npos));
    if (!query) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  for (auto at = token.empty() ? out.npos : out.find(token); at != out.npos; at = out.find(token)) out.replace(at, token.size(), "...");
  return out;
}

std::string message_of(const HttpAnswer& answer, std::string_view token) {
  if (const auto text = answer.header("x-error-message"); !text.empty()) return presentable(text, token);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view text;
  if (parser.parse(answer.body).get(root) == simdjson::SUCCESS && root["error"].get(text) == simdjson::SUCCESS) return presentable(text, token);
  return {};
}

std::string with_details(std::string text, const HttpAnswer& answer, std::string_view token, bool message) {
  const std::string said = message ? message_of(answer, token) : "";
  if (!said.empty()) text += fmt::format(": '{}'", said);
  if (const auto id = answer.header("x-request-id"); !id.empty()) text += fmt::format(" (request {})", presentable(id, token));
  return text;
}

}  // namespace

Error refusal(const HttpAnswer& answer, const RequestAbout& about, std::string_view token) {
  const bool has_token = !token.empty();
  const auto code = answer.header("x-error-code");
  const auto error = [&](std::string what, std::string fix, bool message = false) {
    return Error(Exit::network, about.where, with_details(std::move(what), answer, token, message), std::move(fix));
  };
  const std::string message = message_of(answer, token);
  if (answer.status == 407) return error("the proxy refuses (status 407) and wants a user name and password", "set http_proxy as http://USER:PASSWORD@HOST:PORT");
  if (answer.status == 429) return error("the server still limits the number of requests", has_token ? "wait some minutes" : "wait some minutes, or set HF_TOKEN: limits are higher with a token");
  if (about.repo.empty()) {
    if (answer.status == 404 || answer.status == 410) return error(fmt::format("there is nothing at this address (status {})", answer.status), "look at its spelling");
    return error(fmt::format("the server refuses (status {})", answer.status), answer.status == 401 || answer.status == 403 ? "the server wants a login, which atp has not" : "", true);
  }
  if (code == "GatedRepo") {
    return error(fmt::format("access to {} must be asked for on its page", about.repo), has_token ? "ask there; the token must belong to the account that was let in" : "ask there, then set HF_TOKEN or pass --token");
  }
  if (code == "RevisionNotFound") return error(fmt::format("there is no revision '{}' of {}", about.revision, about.repo), "name a branch, a tag or a commit with --revision");
  if (code == "EntryNotFound") return error(fmt::format("'{}' is not in {} at {}", about.path, about.repo, about.revision), fmt::format("atp pull --list {} shows what is", about.repo));
  if (answer.status == 401 && message.find("Invalid") != std::string::npos) return error("the token is wrong or has expired", "log in again, or look at HF_TOKEN and --token");
  if (code == "RepoNotFound" || answer.status == 401 || answer.status == 404) {
    return error(fmt::format("there is no dataset {}, or it is private and {}", about.repo, has_token ? "the token may not see it" : "there is no token"),
                 has_token ? "look at its spelling" : "look at its spelling, or set HF_TOKEN");
  }
  if (answer.status == 403 && message.find("is disabled") != std::string::npos) return error("the repository is disabled", "", true);
  if (answer.status == 403) return error("the token lacks the permission", "make one that may read it", true);
  return error(fmt::format("the server refuses (status {})", answer.status), is_transient(answer.status) ? "try again later" : "", true);
}

Error failure(const HttpFailure& failure, const std::string& where, const Url& url) {
  std::string fix = "try again; atp pull goes on where it stopped";
  if (failure.trouble == Trouble::resolve || failure.trouble == Trouble::connect) fix = "look at the network, HF_ENDPOINT and the proxy variables";
  if (failure.trouble == Trouble::proxy || failure.trouble == Trouble::busy_proxy) fix = "look at https_proxy, or name the host in no_proxy";
  if (failure.trouble == Trouble::tls) fix = "a certificate of your own authority goes into SSL_CERT_FILE or --ca-file";
  if (failure.trouble == Trouble::too_large) fix = "is it the server that was meant?";
  return {Exit::network, where, fmt::format("{}: {}", url.origin(), failure.text), fix};
}

Url redirect_target(const Url& from, const HttpAnswer& answer, const std::string& where) {
  const auto to = from.resolve(answer.header("location"));
  if (!to) throw Error(Exit::network, where, fmt::format("{} redirects to what is no http address", from.origin()));
  if (from.tls && !to->tls) throw Error(Exit::network, where, fmt::format("{} redirects from https to http, which is not followed", from.origin()));
  return *to;
}

HttpClient::HttpClient(HttpShared& shared) : connection_(shared), retries_(kMostRetries) {}

HttpAnswer HttpClient::ask(HttpRequest& request, const RequestAbout& about) {
  const Url first = request.url;
  for (int attempt = 0, hops = 0;;) {
    std::optional<HttpAnswer> answer;
    try {
      answer = connection_.perform(request);
    } catch (const HttpFailure& problem) {
      if (problem.trouble == Trouble::stopped) throw;
      if (!problem.transient()) throw failure(problem, about.where, request.url);
      if (attempt >= most_retries(problem.trouble, retries_)) throw NoAnswer(failure(problem, about.where, request.url));
      wait_to_retry(++attempt, nullptr, shared());
      continue;
    }
    if (answer->is_redirect()) {
      const Url to = redirect_target(request.url, *answer, about.where);
      if (!to.same_origin(request.url)) return std::move(*answer);
      if (++hops > kMostRedirects) throw Error(Exit::network, about.where, fmt::format("{} redirects more than {} times", request.url.origin(), kMostRedirects));
      request.url = to;
      continue;
    }
    if (answer->status >= 200 && answer->status < 300) return std::move(*answer);
    if (!is_transient(answer->status) || attempt >= retries_) {
      const Error error = refusal(*answer, about, shared().environment.token_for(request.url));
      if (is_transient(answer->status)) throw NoAnswer(error);
      throw Refused(error, answer->status);
    }
    wait_to_retry(++attempt, &*answer, shared());
    request.url = first;
    hops = 0;
  }
}

HttpAnswer HttpClient::ask_json(HttpRequest request, const RequestAbout& about, const std::function<void(const std::string&)>& parse) {
  const Url first = request.url;
  for (int attempt = 0;;) {
    HttpAnswer answer = ask(request, about);
    if (answer.is_redirect()) throw Error(Exit::network, about.where, fmt::format("{} redirects to another server, where no list is taken from", request.url.origin()));
    try {
      if (const auto encoding = answer.header("content-encoding"); !encoding.empty() && encoding != "identity") {
        throw Error(Exit::network, about.where, fmt::format("the answer is compressed ({}), although that was not asked for", presentable(encoding, {})));
      }
      parse(answer.body);
      return answer;
    } catch (const Error&) {
      if (attempt == 2) throw;
    }
    wait_to_retry(++attempt, nullptr, shared());
    request.url = first;
  }
}

}  // namespace atp
