#include "core/bench/mount.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "core/base/error.h"

namespace atp {
namespace {

struct Magic {
  std::uint64_t number;
  std::string_view type;
  bool network;
};

// linux/magic.h, and for those outside of the kernel: lustre/include/uapi/linux/lustre/lustre_user.h (0x0BD00BD0),
// IBM's gpfs.h (0x47504653, "GPFS"), BeeGFS' beegfs_client (0x19830326), fs/smb/client/cifsfs.c.
constexpr Magic kMagics[] = {
    {0xEF53, "ext4", false},      {0x58465342, "xfs", false},        {0x9123683E, "btrfs", false},   {0x01021994, "tmpfs", false},
    {0x858458F6, "ramfs", false}, {0x794C7630, "overlay", false},    {0x2FC12FC1, "zfs", false},     {0xF2F52010, "f2fs", false},
    {0x4D44, "vfat", false},      {0x2011BAB0, "exfat", false},      {0x65735546, "fuse", false},    {0x6969, "nfs", true},
    {0x0BD00BD0, "lustre", true}, {0x47504653, "gpfs", true},        {0x19830326, "beegfs", true},   {0x00C36400, "ceph", true},
    {0xFF534D42, "cifs", true},   {0xFE534D42, "smb2", true},        {0x01021997, "9p", true},       {0x6A656A63, "virtiofs", false},
    {0x7461636F, "ocfs2", true},  {0x01161970, "gfs2", true},        {0x5346414F, "afs", true},      {0xCA451A4E, "bcachefs", false},
    {0x73717368, "squashfs", false}, {0xE0F5E1E2, "erofs", false},
};

// FUSE file systems that are known to lie on other machines.
constexpr std::array<std::string_view, 8> kNetworkFuse = {"fuse.sshfs",     "fuse.glusterfs", "fuse.ceph-fuse", "fuse.s3fs",
                                                          "fuse.juicefs", "fuse.gcsfuse",   "fuse.rclone",    "fuse.dfuse"};

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool octal = text[i] == '\\' && i + 3 < text.size() && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1, text.begin() + static_cast<std::ptrdiff_t>(i) + 4, [](char c) { return c >= '0' && c <= '7'; });
    if (!octal) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

bool leads_to(std::string_view point, std::string_view path) {
  return point == "/" || path == point || (path.starts_with(point) && path.size() > point.size() && path[point.size()] == '/');
}

std::string text_of_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string lustre_details(const std::string& path) {
  std::vector<std::byte> layout(65536);
  const ssize_t n = ::getxattr(path.c_str(), "lustre.lov", layout.data(), layout.size());
  return n <= 0 ? "default stripes" : describe_lustre_layout(Bytes(layout).first(static_cast<std::size_t>(n)));
}

}  // namespace

std::string Mount::describe() const {
  std::string text = type;
  if (!source.empty() && source != type && source != "none") text += " on " + source;
  if (!point.empty()) text += fmt::format(" ({})", point);
  if (!details.empty()) text += ", " + details;
  return text;
}

std::string_view file_system_of_magic(std::uint64_t magic) {
  for (const Magic& m : kMagics) {
    if (m.number == magic) return m.type;
  }
  return "";
}

bool is_network_type(std::string_view type) {
  if (type == "nfs4" || type == "smb3") return true;
  if (std::find(kNetworkFuse.begin(), kNetworkFuse.end(), type) != kNetworkFuse.end()) return true;
  return std::any_of(std::begin(kMagics), std::end(kMagics), [&](const Magic& m) { return m.type == type && m.network; });
}

std::optional<MountLine> mount_line_for(std::string_view mountinfo, std::string_view path) {
  std::optional<MountLine> best;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue: man 5 proc.
    std::istringstream words(line);
    std::string skipped, point, options, word;
    if (!(words >> skipped >> skipped >> skipped >> skipped >> point >> options)) continue;
    while (words >> word && word != "-") {
    }
    MountLine found;
    std::string more;
    if (!(words >> found.type >> found.source)) continue;
    words >> more;
    found.point = unescaped(point);
    found.source = unescaped(found.source);
    found.options = options;
    // The second list repeats some of the first.
    std::istringstream each(more);
    for (std::string option; std::getline(each, option, ',');) {
      if ((',' + options + ',').find(',' + option + ',') == std::string::npos) found.options += ',' + option;
    }
    // Of mounts over each other the last one counts.
    if (leads_to(found.point, path) && (!best || found.point.size() >= best->point.size())) best = std::move(found);
  }
  return best;
}

std::string describe_lustre_layout(Bytes attribute) {
  // struct lov_user_md_v1 and _v3 (lustre_user.h): magic u32, pattern u32, object id 16 bytes, stripe size u32, stripes u16.
  constexpr std::uint32_t kV1 = 0x0BD10BD0, kV3 = 0x0BD30BD0, kComposite = 0x0BD60BD0;
  if (attribute.size() < 4) return {};
  const auto magic = load<std::uint32_t>(attribute.data());
  if (magic == kComposite) return "progressive layout";
  if ((magic != kV1 && magic != kV3) || attribute.size() < 32) return {};
  const auto size = load<std::uint32_t>(attribute.data() + 24);
  const auto stripes = load<std::uint16_t>(attribute.data() + 28);
  return fmt::format("{} of {} KiB", stripes == 0xFFFF ? "stripes on all targets" : fmt::format("{} stripe{}", stripes, stripes == 1 ? "" : "s"), size / 1024);
}

Mount mount_of(const std::string& folder) {
  Mount m;
  m.folder = folder;
  struct statfs fs {};
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    if (errno == ENOENT) throw Error(Exit::input, folder, "does not exist");
    fail_system(folder, "open", errno);
  }
  if (!S_ISDIR(status.st_mode)) fail_input(folder, "is not a folder", "name a folder");
  if (::statfs(folder.c_str(), &fs) != 0) fail_system(folder, "look at the file system", errno);
  m.type = file_system_of_magic(static_cast<std::uint64_t>(fs.f_type) & 0xFFFFFFFF);
  m.free_bytes = static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize);
  m.device = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  char real[PATH_MAX];
  if (::realpath(folder.c_str(), real)) {
    if (auto line = mount_line_for(text_of_file("/proc/self/mountinfo"), real)) {
      // The kernel's own word tells ext3 from ext4 and one FUSE file system from another.
      m.type = line->type;
      m.point = line->point;
      m.source = line->source;
      m.options = line->options;
    }
  }
  if (m.type.empty()) m.type = fmt::format("unknown (0x{:x})", static_cast<std::uint64_t>(fs.f_type));
  m.network = is_network_type(m.type);
  m.in_memory = m.type == "tmpfs" || m.type == "ramfs";
  if (m.type == "lustre") m.details = lustre_details(folder);
  return m;
}

}  // namespace atp
