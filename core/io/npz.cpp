#include "core/io/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "core/base/error.h"
#include "core/io/deflate.h"
#include "core/io/zip_layout.h"

namespace atp {
namespace {

using namespace zip;

constexpr std::uint64_t kMostRatio = 1032;  // deflate cannot do better

struct Member {
  std::string_view name;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored = 0, unpacked = 0, offset = 0;
};

class Archive {
 public:
  Archive(Bytes bytes, const std::string& file) : bytes_(bytes), file_(file) { read_directory(); }

  NpzData unpack(const Member& member) const;
  const std::vector<Member>& members() const { return members_; }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_input(file_, what, "write it again with numpy.savez"); }
  template <class T>
  T at(std::uint64_t offset) const {
    if (offset > bytes_.size() || sizeof(T) > bytes_.size() - offset) fail("is a damaged zip archive: it is cut off");
    return load<T>(bytes_.data() + offset);
  }
  void read_directory();
  Member read_entry(std::uint64_t& offset) const;
  void read_extra64(Bytes extra, Member& member) const;
  Bytes range(std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) fail("is a damaged zip archive: it is cut off");
    return bytes_.subspan(offset, length);
  }

  Bytes bytes_;
  const std::string& file_;
  std::vector<Member> members_;
};

void Archive::read_directory() {
  // The end record comes last but for a comment of at most 64 KiB.
  const std::uint64_t size = bytes_.size();
  const std::uint64_t lowest = size > sizeof(EndRecord) + 0xffff ? size - sizeof(EndRecord) - 0xffff : 0;
  std::optional<std::uint64_t> end;
  for (std::uint64_t at_end = size < sizeof(EndRecord) ? 0 : size - sizeof(EndRecord) + 1; !end && at_end-- > lowest;) {
    if (load<std::uint32_t>(bytes_.data() + at_end) == kEnd) end = at_end;
  }
  if (!end) fail("is a damaged zip archive: it has no directory");
  const auto record = at<EndRecord>(*end);
  std::uint64_t entries = record.entries, offset = record.central_offset;
  if (*end >= 20 && load<std::uint32_t>(bytes_.data() + *end - 20) == kLocator64) {
    const auto end64 = at<Zip64End>(load<std::uint64_t>(bytes_.data() + *end - 20 + 8));
    if (end64.signature != kEnd64) fail("is a damaged zip archive: its directory cannot be found");
    entries = end64.entries, offset = end64.central_offset;
  }
  if (entries > size / sizeof(CentralHeader)) fail(fmt::format("is a damaged zip archive: it claims {} members", entries));
  for (std::uint64_t i = 0; i < entries; ++i) members_.push_back(read_entry(offset));
}

Member Archive::read_entry(std::uint64_t& offset) const {
  const auto entry = at<CentralHeader>(offset);
  if (entry.signature != kCentral) fail("is a damaged zip archive: its directory does not hold together");
  Member member{as_text(range(offset + sizeof entry, entry.name_length)), entry.method, entry.crc, entry.stored, entry.unpacked, entry.offset};
  read_extra64(range(offset + sizeof entry + entry.name_length, entry.extra_length), member);
  offset += sizeof entry + entry.name_length + entry.extra_length + entry.comment_length;
  return member;
}

void Archive::read_extra64(Bytes extra, Member& member) const {
  while (extra.size() >= 4) {
    const auto id = load<std::uint16_t>(extra.data());
    const auto length = load<std::uint16_t>(extra.data() + 2);
    if (length > extra.size() - 4) fail("is a damaged zip archive: a field of its directory is cut off");
    ByteReader field(extra.subspan(4, length));
    extra = extra.subspan(4 + std::size_t{length});
    if (id != 1) continue;
    for (std::uint64_t* value : {&member.unpacked, &member.stored, &member.offset}) {
      if (*value == kIn64 && field.rest().size() >= 8) *value = field.number<std::uint64_t>("its zip64 field");
    }
  }
}

NpzData Archive::unpack(const Member& member) const {
  const auto local = at<LocalHeader>(member.offset);
  if (local.signature != kLocal) fail(fmt::format("is a damaged zip archive: member '{}' is not where it should be", member.name));
  const Bytes stored = range(member.offset + sizeof local + local.name_length + local.extra_length, member.stored);
  if (member.method != 0 && member.method != 8) fail(fmt::format("member '{}' is compressed in a way that is not known ({})", member.name, member.method));
  if (member.method == 0 ? member.unpacked != member.stored : member.unpacked / kMostRatio > member.stored) {
    fail(fmt::format("is a damaged zip archive: member '{}' claims {} bytes", member.name, member.unpacked));
  }
  NpzData found;
  std::vector<std::byte>& out = found.own;
  if (member.method == 0) {
    found.data = stored;
  } else {
    out.resize(member.unpacked);
    if (!inflate_exactly(stored, out)) fail(fmt::format("is a damaged zip archive: member '{}' does not decompress", member.name));
    found.data = out;
  }
  if (crc32_of(found.data) != member.crc) {
    fail(fmt::format("is a damaged zip archive: the checksum of member '{}' does not fit", member.name));
  }
  return found;
}

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

bool looks_like_zip(Bytes bytes) { return bytes.size() >= 4 && load<std::uint32_t>(bytes.data()) == kLocal; }

std::vector<std::byte> npz_member(Bytes bytes, std::string_view name, const std::string& file) {
  NpzData found = npz_data(bytes, name, file);
  return found.own.empty() ? std::vector<std::byte>(found.data.begin(), found.data.end()) : std::move(found.own);
}

NpzData npz_data(Bytes bytes, std::string_view name, const std::string& file) {
  const Archive archive(bytes, file);
  std::vector<std::string_view> names;
  for (const Member& member : archive.members()) {
    if (member.name == fmt::format("{}.npy", name)) return archive.unpack(member);
    if (names.size() < 10) names.push_back(member.name);
  }
  fail_input(file, fmt::format("has no array '{}', but {}", name, names.empty() ? "is empty" : fmt::format("{}", fmt::join(names, ", "))),
             fmt::format("save it with numpy.savez(file, {}=counts)", name));
}

NpzData zip_data(Bytes bytes, std::string_view name, const std::string& file) {
  const Archive archive(bytes, file);
  for (const Member& member : archive.members()) {
    if (member.name == name) return archive.unpack(member);
  }
  fail_input(file, fmt::format("has no member '{}'", name));
}

std::vector<std::string> npz_names(Bytes bytes, const std::string& file) {
  std::vector<std::string> names;
  const Archive archive(bytes, file);
  for (const Member& member : archive.members()) names.emplace_back(member.name.substr(0, member.name.size() - (member.name.ends_with(".npy") ? 4 : 0)));
  return names;
}

std::vector<NpzArrayName> npz_arrays(Bytes bytes, const std::string& file) {
  const Archive archive(bytes, file);
  std::vector<NpzArrayName> arrays;
  for (const Member& member : archive.members()) {
    if (member.name.ends_with(".npy")) arrays.push_back({std::string(member.name.substr(0, member.name.size() - 4)), member.unpacked});
  }
  return arrays;
}

std::string zip_archive(const std::vector<std::pair<std::string, std::string>>& members, const std::string& file) {
  std::string out, directory;
  for (const auto& [name, data] : members) {
    if (out.size() + data.size() > 0xfff00000) {
      throw Error(Exit::system, file, "arrays of 4 GiB and more do not fit into this .npz", "use --format npy");
    }
    const std::uint32_t crc = crc32_of(as_bytes(data));
    const auto bytes = static_cast<std::uint32_t>(data.size());
    const auto length = static_cast<std::uint16_t>(name.size());
    append(directory, CentralHeader{kCentral, 20, 20, 0, 0, 0, kDate, crc, bytes, bytes, length, 0, 0, 0, 0, 0x01800000, static_cast<std::uint32_t>(out.size())});
    directory += name;
    append(out, LocalHeader{kLocal, 20, 0, 0, 0, kDate, crc, bytes, bytes, length, 0});
    out += name;
    out += data;
  }
  const auto count = static_cast<std::uint16_t>(members.size());
  const EndRecord end{kEnd, 0, 0, count, count, static_cast<std::uint32_t>(directory.size()), static_cast<std::uint32_t>(out.size()), 0};
  out += directory;
  append(out, end);
  return out;
}

}  // namespace atp
