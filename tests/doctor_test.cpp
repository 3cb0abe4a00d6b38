// The traps of file systems that atp doctor names.
#include "cmd/doctor.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace atp;

namespace {

Mount mount(const char* type, const char* options) {
  Mount m;
  m.type = type;
  m.options = options;
  m.free_bytes = 1'000'000'000'000;
  return m;
}

bool says(const Mount& m, const char* words) {
  const auto traps = traps_of(m);
  return std::any_of(traps.begin(), traps.end(), [&](const std::string& t) { return t.find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("a local disk with room has no traps") { CHECK(traps_of(mount("ext4", "rw,relatime")).empty()); }

TEST_CASE("Lustre's locks depend on its mount options") {
  CHECK(says(mount("lustre", "rw,lazystatfs"), "without flock"));
  CHECK(says(mount("lustre", "rw,localflock"), "this node only"));
  CHECK_FALSE(says(mount("lustre", "rw,flock"), "lock"));
}

TEST_CASE("NFS: late appends, locks without a lock manager, soft mounts") {
  CHECK(says(mount("nfs4", "rw,hard"), "attribute cache"));
  CHECK_FALSE(says(mount("nfs4", "rw,hard"), "this node only"));
  CHECK(says(mount("nfs", "rw,nolock"), "this node only"));
  CHECK(says(mount("nfs", "rw,soft"), "mounted soft"));
}

TEST_CASE("what is read-only, full, in memory or a container's") {
  CHECK(says(mount("xfs", "ro,relatime"), "read-only"));
  CHECK(says(mount("overlay", "rw"), "container"));
  Mount m = mount("tmpfs", "rw");
  m.in_memory = true;
  m.free_bytes = 1000;
  CHECK(says(m, "memory"));
  CHECK(says(m, "less than 1 GB"));
}
