// HTTP by libcurl's multi interface, which lets us look up from a transfer that does not move.
#include "core/hub/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <thread>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostHeaderBytes = 64 << 10;
constexpr std::size_t kMostErrorBody = 64 << 10;  // of answers that are no success
constexpr int kPollMs = 100;
constexpr double kLeastRate = 1024;   // bytes a second
constexpr double kMostTimeouts = 30;  // a body without sink may take so many timeouts in all

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (!longer) throw std::bad_alloc();
  (void)list.release();
  list.reset(longer);
}

// What one exchange has become so far; the callbacks fill it.
struct Exchange {
  const HttpRequest& request;
  HttpShared& shared;
  HttpAnswer answer = {};
  std::size_t header_bytes = 0;
  std::uint64_t body_bytes = 0;
  Clock::time_point start = Clock::now(), active = start, window = start;
  std::uint64_t window_bytes = 0;  // received since `window`
  bool provisional = false;        // the headers that come are of a 1xx answer
  bool cut = false;                // of an answer that is no success, all that is wanted is there
  std::optional<HttpFailure> failure = {};
  std::exception_ptr error = {};  // thrown by the sink

  bool fail(Trouble trouble, std::string text) {
    if (!failure) failure = HttpFailure{trouble, std::move(text)};
    return false;
  }

  bool take_header(std::string_view line);
  bool take_body(Bytes piece);
  bool hold_back(std::size_t bytes);
  void check_time();
};

bool Exchange::take_header(std::string_view line) {
  header_bytes += line.size();
  if (header_bytes > kMostHeaderBytes) return fail(Trouble::too_large, "the answer's headers are larger than 64 KB");
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // another answer: what came before was only provisional
    answer.headers.clear();
    provisional = line.find(" 1") == line.find(' ');
    return true;
  }
  if (line.empty() && !provisional) active = Clock::now();  // all headers: a few at a time do not count
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  line.remove_prefix(colon + 1);
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  answer.headers.emplace_back(std::move(name), std::string(line));
  return true;
}

// Sleeps as long as --limit-rate asks.
bool Exchange::hold_back(std::size_t bytes) {
  double owed = shared.limiter.owed(bytes);
  if (owed <= 0) return true;
  const auto begin = Clock::now();
  for (; owed > 0; owed -= 0.05) {
    try {
      throw_if_interrupted();
    } catch (...) {
      error = std::current_exception();
      return false;
    }
    if (shared.stop) return fail(Trouble::stopped, "stopped");
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(owed, 0.05)));
  }
  // The server is not to blame for this time.
  const auto slept = Clock::now() - begin;
  window += slept;
  active += slept;
  return true;
}

bool Exchange::take_body(Bytes piece) {
  active = Clock::now();
  body_bytes += piece.size();
  window_bytes += piece.size();
  shared.bytes += piece.size();
  if (request.sink && (answer.status == 200 || answer.status == 206)) {
    try {
      if (!request.sink(answer, piece)) return fail(Trouble::refused_by_sink, "refused");
    } catch (...) {
      error = std::current_exception();
      return false;
    }
    return hold_back(piece.size());
  }
  const bool success = answer.status >= 200 && answer.status < 300;
  const std::size_t most = success ? request.most_body : kMostErrorBody;
  if (piece.size() > most - answer.body.size()) {
    if (success) return fail(Trouble::too_large, fmt::format("the answer is larger than {} bytes", most));
    piece = piece.first(most - answer.body.size());
    cut = true;
  }
  answer.body += as_text(piece);
  return !cut;
}

void Exchange::check_time() {
  throw_if_interrupted();
  if (shared.stop) throw HttpFailure{Trouble::stopped, "stopped"};
  const bool is_body = request.sink != nullptr;
  const double timeout = is_body ? shared.environment.download_timeout : shared.environment.metadata_timeout;
  if (seconds_since(active) > timeout) throw HttpFailure{Trouble::timeout, fmt::format("no bytes for {} s", timeout)};
  if (!is_body && seconds_since(start) > kMostTimeouts * timeout) throw HttpFailure{Trouble::timeout, fmt::format("not finished after {} s", kMostTimeouts * timeout)};
  if (body_bytes == 0) {
    window = Clock::now();
  } else if (const double passed = seconds_since(window); passed > timeout) {
    if (static_cast<double>(window_bytes) < kLeastRate * passed) {
      throw HttpFailure{Trouble::timeout, fmt::format("only {} bytes in {:.1f} s", window_bytes, passed)};
    }
    window = Clock::now();
    window_bytes = 0;
  }
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  return exchange.take_header({data, size * count}) ? size * count : 0;
}

struct BodyContext {
  Exchange* exchange;
  CURL* easy;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  const auto& body = *static_cast<BodyContext*>(context);
  long status = 0;
  curl_easy_getinfo(body.easy, CURLINFO_RESPONSE_CODE, &status);
  body.exchange->answer.status = static_cast<int>(status);
  return body.exchange->take_body(as_bytes({data, size * count})) ? size * count : 0;
}

Trouble trouble_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return Trouble::resolve;
    case CURLE_COULDNT_CONNECT: return Trouble::connect;
    case CURLE_OPERATION_TIMEDOUT: return Trouble::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM: return Trouble::tls;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR: return Trouble::closed;
    default: return Trouble::protocol;
  }
}

std::string text_of(Trouble trouble, CURLcode code, const char* detail) {
  switch (trouble) {
    case Trouble::resolve: return code == CURLE_COULDNT_RESOLVE_PROXY ? "the proxy's host name cannot be resolved" : "the host name cannot be resolved";
    case Trouble::connect: return "cannot connect";
    case Trouble::timeout: return "cannot connect in time";
    case Trouble::closed:
      if (code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING) return "the connection was closed early";
      if (code == CURLE_SSL_CONNECT_ERROR) return fmt::format("no TLS connection can be made: {}", detail);
      return "the connection broke";
    case Trouble::tls: return code == CURLE_SSL_CACERT_BADFILE ? detail : fmt::format("its certificate is not accepted: {}", detail);
    default: return curl_easy_strerror(code);
  }
}

void check(CURLMcode code) {
  if (code != CURLM_OK) throw HttpFailure{Trouble::protocol, curl_multi_strerror(code)};
}

// Why a proxy makes no tunnel to an https address: of libcurl's codes that is "the connection broke".
void check_proxy(CURL* easy) {
  long status = 0;
  if (curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status) != CURLE_OK || status < 300) return;
  const char* wants = status == 407 ? " and wants a user name and password" : "";
  throw HttpFailure{status >= 500 ? Trouble::busy_proxy : Trouble::proxy, fmt::format("the proxy refuses to connect (status {}){}", status, wants)};
}

}  // namespace

std::string_view network_missing() { return {}; }

struct HttpConnection::State {
  State() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) throw Error(Exit::system, "", fmt::format("libcurl does not start: {}", curl_easy_strerror(started)));
    multi = curl_multi_init();
    easy = curl_easy_init();
    if (!multi || !easy) {
      close();
      throw std::bad_alloc();
    }
    // A connection is what --jobs counts: requests do not share one, also where HTTP/2 could.
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }
  ~State() { close(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void close() {
    if (easy) curl_easy_cleanup(easy);
    if (multi) curl_multi_cleanup(multi);
  }

  void set_up(const HttpRequest& request, const HttpShared& shared);
  CURLcode run(Exchange& exchange);

  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  HeaderList headers;
  char detail[CURL_ERROR_SIZE] = {};
};

void HttpConnection::State::set_up(const HttpRequest& request, const HttpShared& shared) {
  const HubEnvironment& e = shared.environment;
  curl_easy_reset(easy);  // keeps connections and TLS sessions
  detail[0] = '\0';
  headers.reset();
  append(headers, "Accept-Encoding: identity");
  if (const auto token = e.token_for(request.url); !token.empty()) append(headers, "Authorization: Bearer " + std::string(token));
  if (request.method == HttpRequest::Method::post) append(headers, "Content-Type: application/json");

  curl_easy_setopt(easy, CURLOPT_URL, request.url.text().c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, request.url.tls ? "https" : "http");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // nothing of it to a proxy
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "atp/" ATP_VERSION);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name server that does not answer
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(1000 * (request.sink ? e.download_timeout : e.metadata_timeout)));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
  if (!e.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, e.ca_file.c_str());
  if (!e.ca_folder.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, e.ca_folder.c_str());
  if (request.range) curl_easy_setopt(easy, CURLOPT_RANGE, fmt::format("{}-{}", request.range->first, request.range->second).c_str());
  if (request.method == HttpRequest::Method::head) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (request.method == HttpRequest::Method::post) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.json.size()));
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request.json.data());
  }
}

CURLcode HttpConnection::State::run(Exchange& exchange) {
  BodyContext body{&exchange, easy};
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  check(curl_multi_add_handle(multi, easy));
  struct Removal {
    State* state;
    ~Removal() { curl_multi_remove_handle(state->multi, state->easy); }
  } const removal{this};
  for (;;) {
    int running = 0;
    check(curl_multi_perform(multi, &running));
    for (int left = 0; const CURLMsg* message = curl_multi_info_read(multi, &left);) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    exchange.check_time();
    check(curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr));
  }
}

HttpConnection::HttpConnection(HttpShared& shared) : shared_(&shared), state_(std::make_unique<State>()) {}
HttpConnection::HttpConnection(HttpConnection&&) noexcept = default;
HttpConnection::~HttpConnection() = default;

HttpAnswer HttpConnection::perform(const HttpRequest& request) {
  ++shared_->requests;
  state_->set_up(request, *shared_);
  Exchange exchange{request, *shared_};
  const CURLcode code = state_->run(exchange);
  if (exchange.error) std::rethrow_exception(exchange.error);
  if (exchange.failure) throw *exchange.failure;
  if (code != CURLE_OK && !exchange.cut) {
    check_proxy(state_->easy);
    const Trouble trouble = trouble_of(code);
    throw HttpFailure{trouble, text_of(trouble, code, state_->detail[0] ? state_->detail : curl_easy_strerror(code))};
  }
  long status = 0;
  curl_easy_getinfo(state_->easy, CURLINFO_RESPONSE_CODE, &status);
  exchange.answer.status = static_cast<int>(status);
  return std::move(exchange.answer);
}

}  // namespace atp
