#include "core/hub/range_get.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/hub/retry.h"

namespace atp {
namespace {

// Fewer bytes than these are no progress: a connection must not live for ever on drops.
constexpr std::uint64_t kProgress = 64 << 10;

bool take_number(std::string_view& text, std::uint64_t& n) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_text(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

// One attempt. What went wrong is in `problem`, empty when nothing did.
class Attempt {
 public:
  Attempt(HttpClient& client, RangeGet& get, const RequestAbout& about) : client_(client), get_(get), about_(about) {}

  // Follows redirects from `url`; the last address is in it.
  HttpAnswer run(Url& url);

  std::string problem;
  bool whole = false, ignored = false, stopped = false;

 private:
  bool begin(const HttpAnswer& head);
  bool take(const HttpAnswer& head, Bytes bytes);

  HttpClient& client_;
  RangeGet& get_;
  const RequestAbout& about_;
  bool begun_ = false;
};

bool Attempt::begin(const HttpAnswer& head) {
  begun_ = true;
  if (const auto encoding = head.header("content-encoding"); !encoding.empty() && encoding != "identity") {
    problem = "the server sends it compressed, although that was not asked for";
    return false;
  }
  if (head.status == 200) {
    const auto length = head.content_length();
    whole = get_.whole_allowed && get_.at == 0 && get_.end == get_.size && (!length || *length == get_.size);
    ignored = !whole;
    return whole;
  }
  std::uint64_t first = 0, last = 0, size = 0;
  if (!parse_content_range(head.header("content-range"), first, last, size)) {
    problem = "the server does not say which range it sends";
  } else if (size != get_.size) {
    problem = fmt::format("the server says that the file has {} bytes, {} are expected", size, get_.size);
  } else if (first != get_.at || last >= get_.end || last < first) {
    problem = fmt::format("the server sends bytes {} to {}, {} to {} were asked for", first, last, get_.at, get_.end - 1);
  }
  if (problem.empty() && !get_.etag.empty() && validators_differ(get_.etag, validators(head))) {
    throw Error(Exit::network, get_.name, "it has changed on the server while it was fetched", "pull again");
  }
  return problem.empty();
}

bool Attempt::take(const HttpAnswer& head, Bytes bytes) {
  if (!begun_ && !begin(head)) return false;
  if (bytes.size() > get_.end - get_.at) {
    problem = "the server sends more than was asked for";
    bytes = bytes.first(static_cast<std::size_t>(get_.end - get_.at));
  }
  if (!get_.take(bytes)) {
    stopped = true;
    return false;
  }
  get_.at += bytes.size();
  return problem.empty();
}

HttpAnswer Attempt::run(Url& url) {
  HttpRequest request;
  request.range = {get_.at, get_.end - 1};
  request.sink = [this](const HttpAnswer& head, Bytes bytes) { return take(head, bytes); };
  for (int hops = 0;; ++hops) {
    request.url = url;
    HttpAnswer answer = client_.perform(request);
    if (!answer.is_redirect()) return answer;
    if (hops == kMostRedirects) throw Error(Exit::network, about_.where, fmt::format("{} redirects more than {} times", url.origin(), kMostRedirects));
    url = redirect_target(url, answer, about_.where);
  }
}

// Whether the address, a signed one, may be good no more.
bool may_have_expired(int status) { return status == 400 || status == 401 || status == 403 || status == 404 || status == 410 || status == 416; }

}  // namespace

bool parse_content_range(std::string_view text, std::uint64_t& first, std::uint64_t& last, std::uint64_t& size) {
  return take_text(text, "bytes ") && take_number(text, first) && take_text(text, "-") && take_number(text, last) && take_text(text, "/") && take_number(text, size) &&
         text.empty();
}

RangeEnd get_range(HttpClient& client, Url url, RangeGet& get, const RequestAbout& about) {
  const HttpShared& shared = client.shared();
  const std::uint64_t begin = get.at;
  std::uint64_t marked = get.at;  // where the count of vain attempts began
  for (int attempt = 0; get.at < get.end;) {
    Attempt now(client, get, about);
    std::optional<HttpAnswer> answer;
    std::string problem;
    Url last = url;
    try {
      answer = now.run(last);
    } catch (const HttpFailure& f) {
      if (f.trouble == Trouble::stopped) throw;
      if (now.ignored) return RangeEnd::ranges_ignored;
      if (now.stopped) return RangeEnd::taker_stopped;
      if (f.trouble != Trouble::refused_by_sink && !f.transient()) throw failure(f, about.where, last);
      problem = now.problem.empty() ? f.text : now.problem;
    }
    if (get.at == get.end) break;
    // A whole file that broke off cannot be gone on with.
    if (now.whole || (get.whole_allowed && begin == 0 && get.at > 0 && now.ignored)) return RangeEnd::ranges_ignored;
    if (get.at - marked >= kProgress) {
      marked = get.at;
      attempt = 0;
      if (answer && answer->status == 206 && problem.empty()) continue;  // some send less at a time
    }
    ++attempt;
    if (answer && answer->status >= 300) {
      const bool own = last.same_origin(shared.environment.endpoint);
      const bool expired = get.renew && may_have_expired(answer->status) && !own;
      if (attempt > kMostRetries || !(expired || answer->status == 416 || is_transient(answer->status))) {
        if (expired) throw Error(Exit::network, about.where, fmt::format("{}, where the Hub sends to, refuses (status {})", last.origin(), answer->status), "try again later; is there a proxy in between?");
        throw refusal(*answer, about, shared.environment.token_for(last));
      }
      problem = fmt::format("status {}", answer->status);
      if (expired) {
        if (attempt > 1) wait_to_retry(attempt - 1, nullptr, shared);
        url = get.renew();
        continue;
      }
    } else if (answer && problem.empty()) {
      problem = answer->status == 206 || answer->status == 200 ? "the connection was closed early" : fmt::format("status {}", answer->status);
    }
    if (attempt > kMostRetries) {
      throw Error(Exit::network, get.name, fmt::format("bytes from {} on do not come: {} ({} attempts)", get.at, problem, attempt), "try again; atp pull goes on where it stopped");
    }
    wait_to_retry(attempt, answer ? &*answer : nullptr, shared);
  }
  return RangeEnd::complete;
}

}  // namespace atp
