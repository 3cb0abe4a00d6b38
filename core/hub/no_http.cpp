// Stands in for http.cpp in builds without libcurl.
#include "core/base/error.h"
#include "core/hub/http.h"

namespace atp {

std::string_view network_missing() { return "built without libcurl"; }

struct HttpConnection::State {};

HttpConnection::HttpConnection(HttpShared& shared) : shared_(&shared) {
  throw Error(Exit::usage, "", "this build of atp has no libcurl, and without it no network", "install libcurl4-openssl-dev and build again with -DATP_WITH_CURL=ON");
}
HttpConnection::HttpConnection(HttpConnection&&) noexcept = default;
HttpConnection::~HttpConnection() = default;
HttpAnswer HttpConnection::perform(const HttpRequest&) { return {}; }

}  // namespace atp
