#include "core/base/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace atp {

Error::Error(Exit exit, std::string where, std::string what, std::string fix)
    : exit_(exit), where_(std::move(where)), problem_(std::move(what)), fix_(std::move(fix)) {
  if (!where_.empty()) line_ = where_ + ": ";
  line_ += problem_;
  if (!fix_.empty()) line_ += "; " + fix_;
  for (char& c : line_) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';  // one line, whatever a file name holds
  }
}

Error Error::within(const std::string& where) const {
  return {exit_, where_.empty() ? where : where + ": " + where_, problem_, fix_};
}

void fail_input(std::string where, std::string what, std::string fix) {
  throw Error(Exit::input, std::move(where), std::move(what), std::move(fix));
}

namespace {

const char* advice(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT: return "free some space or write elsewhere";
    case EMFILE: return "raise the limit with ulimit -n";
    case EROFS: return "write elsewhere";
    default: return "";
  }
}

}  // namespace

void fail_system(std::string where, const std::string& operation, int code) {
  std::string reason = std::strerror(code);
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = static_cast<char>(reason[0] + 32);
  // A missing input is the user's slip, not the system's refusal.
  const Exit exit = code == ENOENT ? Exit::input : Exit::system;
  throw Error(exit, std::move(where), operation + ": " + reason, advice(code));
}

}  // namespace atp
