// The hashes by which the Hub and manifests name a file's content.
#pragma once

#include <memory>
#include <string>

#include "core/hub/hub.h"

namespace atp {

// The strongest hash that is known of the file, of content that comes in pieces. One thread.
class ContentHash {
 public:
  explicit ContentHash(const RemoteFile& file);
  ~ContentHash();

  // Whether there is a hash to compare with.
  bool known() const { return !wanted_.empty(); }
  const std::string& wanted() const { return wanted_; }
  const char* name() const { return name_; }  // "SHA-256"
  void update(Bytes bytes);
  std::string finish();  // once

 private:
  struct State;
  std::string wanted_;
  const char* name_ = "";
  std::unique_ptr<State> state_;
};

// Whether the file has the content that is known of it; false where nothing is. Reads it. Throws Error (exit 3, 4), Interrupted.
bool has_content(const std::string& path, const RemoteFile& file);

}  // namespace atp
