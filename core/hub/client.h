// Requests with retries and redirects, and refusals in the user's words.
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/hub/http.h"

namespace atp {

// What a request is about, for messages.
struct RequestAbout {
  std::string where;     // "hf://owner/name/path", or an address without its query
  std::string repo;      // empty: not on the Hub
  std::string revision;
  std::string path;
};

// Why the server refused, and what to do (exit 5). `token`: what was sent, to be kept out of the text; may be empty.
Error refusal(const HttpAnswer& answer, const RequestAbout& about, std::string_view token);
// What ask() throws when there was no answer at all, or none but that the server is too busy.
struct NoAnswer : Error {
  explicit NoAnswer(const Error& error) : Error(error) {}
};
// What ask() throws for any other status that is no success.
struct Refused : Error {
  Refused(const Error& error, int code) : Error(error), status(code) {}
  int status;
};
// Why there was no answer (exit 5).
Error failure(const HttpFailure& failure, const std::string& where, const Url& url);

// One thread.
class HttpClient {
 public:
  explicit HttpClient(HttpShared& shared);

  // The answer to a request, with redirects within the request's origin followed (10 at most) and what may pass tried
  // again (5 times). It is a success, or a redirect to another origin. Throws Error (exit 5) for anything else,
  // NoAnswer and Refused among them, HttpFailure with Trouble::stopped, Interrupted. `request.url` is the last address then.
  HttpAnswer ask(HttpRequest& request, const RequestAbout& about);
  // The same for JSON: a redirect to another origin is refused. `parse` has the body and throws Error for what is
  // damaged, which is tried again as well: bodies are cut off at times.
  HttpAnswer ask_json(HttpRequest request, const RequestAbout& about, const std::function<void(const std::string& body)>& parse);

  // How often what may pass is tried again, instead of 5 times.
  void set_retries(int retries) { retries_ = retries; }

  // One exchange, nothing else.
  HttpAnswer perform(const HttpRequest& request) { return connection_.perform(request); }
  HttpShared& shared() const { return connection_.shared(); }

 private:
  HttpConnection connection_;
  int retries_;
};

// Where a redirect leads. Throws Error (exit 5): nowhere, no http address, or from https to http.
Url redirect_target(const Url& from, const HttpAnswer& answer, const std::string& where);

inline constexpr int kMostRedirects = 10;

}  // namespace atp
