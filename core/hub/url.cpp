#include "core/hub/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace atp {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool take_scheme(std::string_view& rest, bool& tls) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (rest.size() < scheme.size()) continue;
    if (!std::equal(scheme.begin(), scheme.end(), rest.begin(), [](char a, char b) { return a == lower(b); })) continue;
    tls = scheme.size() == 8;
    rest.remove_prefix(scheme.size());
    return true;
  }
  return false;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') &&
           std::all_of(host.begin() + 1, host.end() - 1, [](char c) { return hex_digit(c) >= 0 || c == ':' || c == '.'; });
  }
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_'; });
}

// Control characters would let an answer write into our request.
bool is_target(std::string_view target) {
  return std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c != 0x7f && c != '\\'; });
}

// People write blanks and letters of all kinds, and some servers redirect to them.
std::string encoded_target(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || static_cast<unsigned char>(c) >= 0x80) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

// "/a/../b" is "/b" (RFC 3986, 5.2.4). What follows '?' stays as it is.
std::string without_dot_parts(const std::string& target) {
  const std::size_t end = std::min(target.find('?'), target.size());
  std::string out;
  for (std::size_t at = 0; at < end;) {
    const std::size_t next = std::min(target.find('/', at + 1), end);
    const std::string_view part = std::string_view(target).substr(at, next - at);  // with its '/'
    at = next;
    if (part == "/.." && !out.empty()) out.erase(out.rfind('/'));
    if (part != "/." && part != "/..") out += part;
    else if (at == end) out += '/';
  }
  return out + target.substr(end);
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  Url url;
  if (!take_scheme(text, url.tls)) return std::nullopt;
  text = text.substr(0, text.find('#'));
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view host = text.substr(0, end);
  url.target = encoded_target(text.substr(end));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  url.port = url.tls ? 443 : 80;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && !host.ends_with(']')) {
    const std::string_view digits = host.substr(colon + 1);
    const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc() || last != digits.data() + digits.size() || url.port == 0) return std::nullopt;
    host = host.substr(0, colon);
  }
  if (!is_host(host) || !is_target(url.target)) return std::nullopt;
  url.host = std::string(host);
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);
  return url;
}

std::optional<Url> Url::resolve(std::string_view reference) const {
  if (reference.empty()) return std::nullopt;
  if (reference.starts_with("//")) return parse((tls ? "https:" : "http:") + std::string(reference));
  // A colon before any slash: a scheme, and only two are followed.
  if (const auto mark = reference.find_first_of(":/?#"); mark != std::string_view::npos && reference[mark] == ':') return parse(reference);
  std::string path;
  const std::string_view own = std::string_view(target).substr(0, target.find('?'));
  if (reference.starts_with('/')) {
    path = std::string(reference);
  } else if (reference.starts_with('?')) {
    path = std::string(own) + std::string(reference);
  } else {
    path = std::string(own.substr(0, own.rfind('/') + 1)) + std::string(reference);
  }
  auto url = parse(origin() + path);
  if (url) url->target = without_dot_parts(url->target);
  return url;
}

std::string Url::origin() const {
  const bool usual = port == (tls ? 443 : 80);
  return fmt::format("{}://{}{}", tls ? "https" : "http", host, usual ? "" : fmt::format(":{}", port));
}

std::string Url::text() const { return origin() + target; }
std::string Url::without_query() const { return origin() + target.substr(0, target.find('?')); }

std::string percent_encoded(std::string_view text, std::string_view keep) {
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '_' || c == '.' || c == '-' || c == '~' || keep.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace atp
