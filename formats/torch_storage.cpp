#include "formats/torch_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "core/base/error.h"
#include "core/io/npz.h"
#include "formats/excerpt.h"
#include "formats/half.h"
#include "formats/pickle.h"

namespace atp {

namespace {

using Of = FrameValue::Of;

constexpr TorchDtype kTorch[] = {
    {"FloatStorage", 4, Of::f32, true},           {"DoubleStorage", 8, Of::f64, true}, {"LongStorage", 8, Of::i64},
    {"IntStorage", 4, Of::i32},                   {"BoolStorage", 1, Of::logical},     {"HalfStorage", 2, std::nullopt, true, 'h'},
    {"BFloat16Storage", 2, std::nullopt, true, 'b'}, {"ShortStorage", 2, std::nullopt, false, 'i'}, {"CharStorage", 1, std::nullopt, false, 'i'},
    {"ByteStorage", 1, std::nullopt, false, 'u'},
};
constexpr TorchDtype kNumpy[] = {
    {"f4", 4, Of::f32, true},          {"f8", 8, Of::f64, true},           {"i8", 8, Of::i64},
    {"i4", 4, Of::i32},                {"b1", 1, Of::logical},             {"f2", 2, std::nullopt, true, 'h'},
    {"i2", 2, std::nullopt, false, 'i'}, {"i1", 1, std::nullopt, false, 'i'}, {"u1", 1, std::nullopt, false, 'u'},
    {"u2", 2, std::nullopt, false, 'u'}, {"u4", 4, std::nullopt, false, 'u'},
};

constexpr std::string_view kMagic = "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19\x2E";
constexpr std::string_view kZipPickle = "/data.pkl";

bool starts_with_magic(Bytes file) { return as_text(file).starts_with(kMagic); }

// What the second pickle of the old format says of the machine.
bool is_little_endian(const Pickle& system) {
  const PickleValue* little = system.find(system.root(), "little_endian");
  if (little == nullptr || little->kind != PickleKind::logical) fail_input("", "is a file of torch that does not say in which order its bytes are");
  return little->logical;
}

}  // namespace

std::optional<TorchDtype> torch_dtype(std::string_view name) {
  if (name.starts_with("torch ")) name.remove_prefix(6);
  const auto* found = std::ranges::find(kTorch, name, &TorchDtype::name);
  return found == std::end(kTorch) ? std::nullopt : std::optional(*found);
}

std::optional<TorchDtype> numpy_dtype(std::string_view name) {
  if (!name.empty() && (name[0] == '<' || name[0] == '|' || name[0] == '=')) name.remove_prefix(1);
  const auto* found = std::ranges::find(kNumpy, name, &TorchDtype::name);
  return found == std::end(kNumpy) ? std::nullopt : std::optional(*found);
}

void copy_element(const TorchDtype& type, const std::byte* from, std::byte* to) {
  if (type.of) {
    std::memcpy(to, from, type.bytes);
  } else if (type.kind == 'h') {
    store(to, float_of_half(load<std::uint16_t>(from)));
  } else if (type.kind == 'b') {
    store(to, std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(from)} << 16));
  } else {
    std::uint64_t v = 0;
    std::memcpy(&v, from, type.bytes);
    const unsigned unused = 64 - 8 * type.bytes;
    store(to, type.kind == 'u' ? static_cast<std::int64_t>(v) : static_cast<std::int64_t>(v << unused) >> unused);
  }
}

TorchStorage read_torch_storage(Bytes file, const std::function<Pickle(Bytes)>& unpickle) {
  if (!starts_with_magic(file)) {
    const bool zip = as_text(file).starts_with("PK");
    fail_input("", zip ? "has a tensor in torch's zip format, which no pickle of a dataset has" : "has a tensor storage that is not torch's");
  }
  Bytes rest = file.subspan(kMagic.size());
  const auto next = [&] {
    Pickle p = unpickle(rest);
    rest = rest.subspan(p.size());
    return p;
  };
  next();  // protocol version
  const Pickle system = next();
  const bool big_endian = !is_little_endian(system);
  const Pickle object = next();
  const PickleValue& id = object.root();
  if (id.kind != PickleKind::tuple || id.items.size() < 5 || object[id.items[0]].text() != "storage") fail_input("", "has a tensor storage without a name");
  const PickleValue& type = object[id.items[1]];
  const PickleValue& count = object[id.items[4]];
  const auto dtype = torch_dtype(type.text());
  if (type.kind != PickleKind::global || !dtype) fail_input("", fmt::format("has a tensor of '{}', which atp does not read", excerpt(type.text())));
  const Pickle keys = next();
  if (keys.root().items.size() != 1) fail_input("", "has a tensor file of several storages");
  ByteReader in(rest);
  const auto n = in.number<std::uint64_t>("a tensor");
  if (count.kind != PickleKind::integer || static_cast<std::uint64_t>(count.integer) != n || n > in.rest().size() / dtype->bytes) {
    fail_input("", fmt::format("has a tensor of {} values and {} bytes", n, in.rest().size()));
  }
  return {std::string(dtype->name), in.take(n * dtype->bytes, "a tensor"), dtype->bytes, big_endian};
}

bool is_torch_file(std::string_view head) {
  if (head.starts_with(kMagic)) return true;
  if (!head.starts_with("PK\x03\x04") || head.size() < 46) return false;
  // The first member's name stands behind 30 bytes.
  return head.substr(30, load<std::uint16_t>(as_bytes(head).data() + 26)).ends_with(kZipPickle);
}

namespace {

Pickle read_zip(Bytes file, const std::string& name) {
  std::string prefix;
  for (const std::string& member : npz_names(file, name)) {
    if (member.ends_with(kZipPickle)) prefix = member.substr(0, member.size() - (kZipPickle.size() - 1));
  }
  if (prefix.empty()) fail_input(name, "is no file of torch.save: it has no data.pkl");
  const auto member = [&](const std::string& path) {
    const NpzData found = zip_data(file, path, name);
    if (!found.own.empty()) fail_input(name, fmt::format("has a compressed '{}', which torch does not write", path));
    return found.data;
  };
  bool big_endian = false;  // files from before torch 2.1 do not say so
  for (const std::string& other : npz_names(file, name)) big_endian |= other == prefix + "byteorder" && as_text(member(other)).starts_with("big");
  if (big_endian) {  // copies will be made of them
    std::uint64_t bytes = 0;
    for (const std::string& other : npz_names(file, name)) bytes += other.starts_with(prefix + "data/") ? member(other).size() : 0;
    if (bytes > file.size()) fail_input(name, "has tensors that overlap in the file");
  }
  Pickle p = Pickle::in_torch_file(member(prefix + "data.pkl"));
  p.fill_storages([&](std::string_view key) { return member(prefix + "data/" + std::string(key)); }, big_endian);
  return p;
}

Pickle read_legacy(Bytes file, const std::string& name) {
  Bytes rest = file.subspan(kMagic.size());
  const auto skip = [&](const Pickle& p) { rest = rest.subspan(p.size()); };
  skip(Pickle(rest));  // protocol version
  const Pickle system(rest);
  const bool big_endian = !is_little_endian(system);
  skip(system);
  Pickle p = Pickle::in_torch_file(rest);
  skip(p);
  const Pickle keys(rest);
  skip(keys);
  // Each storage says how many values it has; how long those are, the pickle said.
  std::map<std::string, std::uint64_t, std::less<>> item_bytes;
  p.for_each_storage([&](std::string_view key, std::uint64_t bytes) { item_bytes.emplace(key, bytes); });
  std::map<std::string, Bytes, std::less<>> storages;
  ByteReader in(rest);
  for (const std::uint32_t k : keys.root().items) {
    const std::string key(keys[k].text());
    const auto n = in.number<std::uint64_t>("a tensor");
    const auto bytes = item_bytes.find(key);
    if (bytes == item_bytes.end() || n > in.rest().size() / bytes->second) fail_input(name, fmt::format("has a tensor of {} values and {} bytes", n, in.rest().size()));
    storages.emplace(key, in.take(n * bytes->second, "a tensor"));
  }
  p.fill_storages([&](std::string_view key) {
    const auto found = storages.find(key);
    return found == storages.end() ? Bytes() : found->second;
  }, big_endian);
  return p;
}

}  // namespace

Pickle read_torch_file(Bytes file, const std::string& name) { return starts_with_magic(file) ? read_legacy(file, name) : read_zip(file, name); }

}  // namespace atp
