// Where a folder lies: file system, device, options, as the kernel names them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/byte_reader.h"

namespace atp {

struct Mount {
  std::string folder;   // as it was given
  std::string type;     // "ext4", "nfs4", "lustre", ...
  std::string point, source, options;  // from mountinfo; empty where that is not there
  bool network = false, in_memory = false;
  std::uint64_t free_bytes = 0;  // for this user
  std::string device;            // "8:1"
  std::string details;           // Lustre's stripes; empty otherwise

  // "ext4 on /dev/vda (/)".
  std::string describe() const;
};

// Throws Error (exit 3, 4) when there is no such folder.
Mount mount_of(const std::string& folder);

// What statfs(2) calls f_type, for file systems that train anybody: "" when the number is not known.
std::string_view file_system_of_magic(std::uint64_t magic);
// Whether files of that type lie on other machines.
bool is_network_type(std::string_view type);

// The line of /proc/self/mountinfo whose mount has that device number ("8:1") and whose mount point is the longest
// that leads to `path`; nothing when there is none. Escapes (\040) are resolved.
struct MountLine {
  std::string point, type, source, options;
};
std::optional<MountLine> mount_line_for(std::string_view mountinfo, std::string_view path);

// "4 stripes of 1 MiB" out of the extended attribute lustre.lov; empty when the bytes are not such a layout.
std::string describe_lustre_layout(Bytes attribute);

}  // namespace atp
