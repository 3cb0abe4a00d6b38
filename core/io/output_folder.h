// A folder of files that appears complete or not at all.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

// Files are written into a folder beside the target; commit() puts it in place. The destructor removes what was
// not committed. One thread.
class OutputFolder {
 public:
  // Throws Error (exit 4): no folder can be made there.
  explicit OutputFolder(std::string target);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  // A folder within it, which must not exist; names of files may then begin with "NAME/".
  void make_folder(const std::string& name);
  // A file of these pieces one after the other, synced. Throws Error (exit 4), Interrupted.
  void write(const std::string& name, const std::vector<Bytes>& pieces);

  // Puts the folder in place, synced. An existing target is refused; with `replace` it is exchanged and then removed,
  // but only when `may_replace` accepts every name in it (so that nobody's data go by a mistyped name).
  void commit(bool replace, const std::function<bool(std::string_view)>& may_replace);

 private:
  std::string target_, path_;
  std::vector<std::string> folders_;  // within it
};

}  // namespace atp
