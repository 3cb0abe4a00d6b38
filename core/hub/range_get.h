// One range of a file, asked for until it is there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/hub/client.h"
#include "core/hub/hub.h"

namespace atp {

struct RangeGet {
  std::uint64_t at = 0, end = 0;  // bytes [at, end); `at` moves on as they come
  std::uint64_t size = 0;         // of the file
  std::string name;               // for messages
  std::string etag;               // validators() of a plain address: ranges of another content are refused
  bool whole_allowed = false;     // a 200 with the whole file will do, when `at` is 0
  // Takes the bytes at `at`, which is moved afterwards; false ends it.
  std::function<bool(Bytes)> take;
  // A new address, when the server says that this one's time is over. Empty: there is none.
  std::function<Url()> renew;
};

enum class RangeEnd {
  complete,
  taker_stopped,   // take() said so
  ranges_ignored,  // the server sent the whole file instead
};

// Gets it, with redirects followed and what may pass tried again: as long as bytes come, and 5 times in a row when none do.
// Throws Error (exit 5), HttpFailure (stopped), Interrupted, and what take() and renew() throw.
RangeEnd get_range(HttpClient& client, Url url, RangeGet& get, const RequestAbout& about);

// "bytes 0-99/1000"; false when it is none of that form.
bool parse_content_range(std::string_view text, std::uint64_t& first, std::uint64_t& last, std::uint64_t& size);

}  // namespace atp
