// HTTP addresses taken apart, as far as security needs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atp {

// An absolute http or https address. `host` is in lower case; `target` begins with '/' and is byte for byte as it was
// given, as signatures in a query must not change; only blanks and bytes that are not ASCII become %XX. A fragment is
// left out.
struct Url {
  bool tls = false;
  std::string host;  // with its brackets when it is an IPv6 address
  std::uint16_t port = 0;
  std::string target;

  // Nothing for all that is no such address: another scheme, user names, control characters, no host.
  static std::optional<Url> parse(std::string_view text);
  // What a Location or Link of this address's answer means; nothing when it is no http(s) address.
  std::optional<Url> resolve(std::string_view reference) const;

  std::string text() const;
  // For messages: a query may hold a signature.
  std::string without_query() const;
  // "https://host" or "https://host:port".
  std::string origin() const;
  // Scheme, host and port: what a token may go to.
  bool same_origin(const Url& other) const { return tls == other.tls && host == other.host && port == other.port; }
};

// Bytes outside A-Z a-z 0-9 _ . - ~ as %XX; `keep` are left as they are, too.
std::string percent_encoded(std::string_view text, std::string_view keep = {});
// The text behind %XX; nothing when a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);

// Digits 0-9 a-f only, exactly so many.
bool is_hex(std::string_view text, std::size_t digits);

}  // namespace atp
