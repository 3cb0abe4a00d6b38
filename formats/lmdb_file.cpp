#include "formats/lmdb_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/little.h"

namespace atp {

namespace {

// The structs of LMDB's mdb.c, version 1 of its data format, as a 64-bit machine writes them.
struct PageHead {
  le_u64 number;
  le_u16 pad, flags;
  le_u16 lower, upper;  // or, of an overflow page, the count of pages
};
static_assert(sizeof(PageHead) == 16);

struct Tree {
  le_u32 page_size;  // in the first of the two trees of a meta page
  le_u16 flags, depth;
  le_u64 branches, leaves, overflows, entries, root;
};
static_assert(sizeof(Tree) == 48);

struct Meta {
  PageHead head;
  le_u32 magic, version;
  le_u64 address, map_size;
  Tree free_pages, data;
  le_u64 last_page, transaction;
};
static_assert(sizeof(Meta) == 152);

struct Node {
  le_u16 low, high, flags, key_size;
};
static_assert(sizeof(Node) == 8);

constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr unsigned kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8;
constexpr unsigned kBigData = 1, kSubDatabase = 2, kDuplicates = 4;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr unsigned kMostDepth = 32;  // LMDB's own limit
constexpr std::uint64_t kMostPageSize = 65536;

std::optional<Meta> meta_at(Bytes bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Meta)) return std::nullopt;
  const Meta m = load<Meta>(bytes.data() + offset);
  if (m.magic != kMagic || (m.head.flags & kMeta) == 0) return std::nullopt;
  return m;
}

bool is_page_size(std::uint64_t n) { return n >= 256 && n <= kMostPageSize && (n & (n - 1)) == 0; }

}  // namespace

struct LmdbFile::Walk {
  const std::function<bool(const LmdbEntry&)>& visit;
  std::vector<bool> seen;  // pages
};

LmdbFile::LmdbFile(const std::string& path) : name_(lmdb_file_of(path)) {
  if (name_.empty()) fail_input(path, "holds no data.mdb, so it is no LMDB database");
  map_ = MappedFile(name_);
  bytes_ = map_.bytes();
  open();
}

LmdbFile::LmdbFile(Bytes bytes, std::string name) : name_(std::move(name)), bytes_(bytes) { open(); }

void LmdbFile::fail(const std::string& what) const { fail_input(name_, what, "the file is damaged or cut short; copy it again"); }

// Of the two meta pages the one of the later transaction counts.
void LmdbFile::open() {
  const auto first = meta_at(bytes_, 0);
  if (!first) fail("is no LMDB file: its first page is no meta page");
  page_size_ = first->free_pages.page_size;
  if (!is_page_size(page_size_)) fail(fmt::format("says its pages have {} bytes, which cannot be", page_size_));
  if (bytes_.size() / page_size_ < 2) fail(fmt::format("has {} bytes, less than its first two pages", bytes_.size()));
  const auto second = meta_at(bytes_, page_size_);
  const Meta meta = second && second->free_pages.page_size == page_size_ && second->transaction > first->transaction ? *second : *first;
  if (meta.version != 1) {
    fail_input(name_, fmt::format("is an LMDB file of format version {}, atp reads version 1", static_cast<std::uint32_t>(meta.version)),
               "copy it with mdb_copy of LMDB 0.9");
  }
  root_ = meta.data.root;
  entries_ = meta.data.entries;
  if ((meta.data.flags & 0xFF & ~0x08U) != 0) fail_input(name_, "is an LMDB database with duplicate or reversed keys, which no dataset has");
}

Bytes LmdbFile::page(std::uint64_t number, const Walk& walk) const {
  if (number < 2 || number >= walk.seen.size()) fail(fmt::format("its tree names page {}, the file has {}", number, walk.seen.size()));
  return bytes_.subspan(static_cast<std::size_t>(number * page_size_), static_cast<std::size_t>(page_size_));
}

void LmdbFile::for_each(const std::function<bool(const LmdbEntry&)>& visit) const {
  Walk walk{visit, std::vector<bool>(static_cast<std::size_t>(bytes_.size() / page_size_))};
  if (root_ != kNoPage) visit_page(root_, 0, walk);
}

bool LmdbFile::visit_page(std::uint64_t number, unsigned depth, Walk& walk) const {
  const Bytes bytes = page(number, walk);
  if (walk.seen[static_cast<std::size_t>(number)] || depth > kMostDepth) fail(fmt::format("its tree comes back to page {}", number));
  walk.seen[static_cast<std::size_t>(number)] = true;
  const PageHead head = load<PageHead>(bytes.data());
  const bool leaf = (head.flags & kLeaf) != 0;
  if (head.number != number || leaf == ((head.flags & kBranch) != 0) || head.lower < sizeof head || head.lower > bytes.size()) {
    fail(fmt::format("page {} is no page of its tree", number));
  }
  throw_if_interrupted();
  const std::size_t nodes = (head.lower - sizeof head) / 2;
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::size_t at = load<std::uint16_t>(bytes.data() + sizeof head + 2 * i);
    if (at < head.lower || at > bytes.size() || bytes.size() - at < sizeof(Node)) fail(fmt::format("page {}: node {} lies at {}", number, i, at));
    if (leaf) {
      if (!visit_leaf(bytes.subspan(at), walk)) return false;
      continue;
    }
    const Node node = load<Node>(bytes.data() + at);
    const std::uint64_t child = std::uint64_t{node.low} | std::uint64_t{node.high} << 16 | std::uint64_t{node.flags} << 32;
    if (!visit_page(child, depth + 1, walk)) return false;
  }
  return true;
}

bool LmdbFile::visit_leaf(Bytes bytes, const Walk& walk) const {
  const Node node = load<Node>(bytes.data());
  const std::uint64_t size = std::uint64_t{node.low} | std::uint64_t{node.high} << 16;
  Bytes rest = bytes.subspan(sizeof node);
  if (node.key_size > rest.size()) fail(fmt::format("a key has {} bytes, its page ends before", static_cast<unsigned>(node.key_size)));
  LmdbEntry entry;
  entry.key = as_text(rest.first(node.key_size));
  rest = rest.subspan(node.key_size);
  if ((node.flags & (kSubDatabase | kDuplicates)) != 0) return true;  // a database of its own under a name
  if ((node.flags & kBigData) == 0) {
    if (size > rest.size()) fail(fmt::format("a value has {} bytes, its page ends before", size));
    entry.value = rest.first(static_cast<std::size_t>(size));
  } else {
    if (rest.size() < 8) fail("a node ends before the page number of its value");
    entry.value = overflow(load<std::uint64_t>(rest.data()), size);
  }
  return walk.visit(entry);
}

Bytes LmdbFile::overflow(std::uint64_t number, std::uint64_t size) const {
  const std::uint64_t pages = bytes_.size() / page_size_;
  if (number < 2 || number >= pages) fail(fmt::format("a value lies in page {}, the file has {}", number, pages));
  const Bytes rest = bytes_.subspan(static_cast<std::size_t>(number * page_size_));
  const PageHead head = load<PageHead>(rest.data());
  if (head.number != number || (head.flags & kOverflow) == 0) fail(fmt::format("page {} holds no value", number));
  if (size > rest.size() - sizeof head) fail(fmt::format("a value of {} bytes in page {} goes beyond the end of the file", size, number));
  return rest.subspan(sizeof head, static_cast<std::size_t>(size));
}

bool looks_like_lmdb(std::string_view head) {
  return head.size() >= sizeof(Meta) && load<std::uint32_t>(head.data() + sizeof(PageHead)) == kMagic;
}

std::string lmdb_file_of(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  std::string inner = (fs::path(path) / "data.mdb").string();
  return fs::is_regular_file(inner, error) ? inner : std::string();
}

std::pair<std::string, std::string> first_numbered_entry(const std::string& path) {
  std::pair<std::string, std::string> found;
  if (lmdb_file_of(path).empty()) return found;
  try {
    const LmdbFile file(path);
    file.for_each([&](const LmdbEntry& e) {
      if (e.key.empty() || e.key.find_first_not_of("0123456789") != std::string_view::npos) return true;
      found = {std::string(e.key), std::string(as_text(e.value))};
      return false;
    });
  } catch (const Error&) {
  }
  return found;
}

}  // namespace atp
