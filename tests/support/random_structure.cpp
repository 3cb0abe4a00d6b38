#include "tests/support/random_structure.h"

#include <algorithm>
#include <string>

namespace atp::test {

std::uint64_t below(std::mt19937_64& random, std::uint64_t n) { return random() % n; }

std::vector<std::byte> noise(std::mt19937_64& random, std::uint64_t bytes) {
  std::vector<std::byte> out(bytes);
  for (auto& b : out) b = static_cast<std::byte>(random());
  return out;
}

namespace {

using Random = std::mt19937_64;

// Keys that are legal and awkward: empty, NUL, newline, the longest, a builtin's name.
std::string odd_key(Random& random, std::uint64_t i) {
  switch (below(random, 6)) {
    case 0: return std::string("nul\0", 4) + std::to_string(i);
    case 1: return "line\n" + std::to_string(i);
    case 2: return std::string(250, 'k') + std::to_string(i);
    case 3: return i == 0 ? "" : "energy" + std::string(i, '_');
    case 4: return "\xff\xfe" + std::to_string(i);
    default: return "key" + std::to_string(i);
  }
}

std::vector<std::byte> tensor(Random& random, Type type, std::vector<std::uint32_t> dims) {
  std::uint64_t count = 1;
  for (const auto d : dims) count *= d;
  std::vector<std::byte> out;
  out.push_back(static_cast<std::byte>(dims.size()));
  const Bytes raw = std::as_bytes(std::span(dims));
  out.insert(out.end(), raw.begin(), raw.end());
  const auto values = noise(random, count * type_info(type).element);
  out.insert(out.end(), values.begin(), values.end());
  return out;
}

std::vector<std::byte> payload(Random& random, Kind kind, Type type, std::uint64_t n) {
  const TypeInfo& info = type_info(type);
  switch (info.form) {
    case Form::null: return {};
    case Form::text: return noise(random, kind == Kind::atom ? 0 : below(random, 40));
    case Form::scalar:
    case Form::bool3:
    case Form::mat3: return noise(random, info.element);
    case Form::array:
    case Form::vec3: return noise(random, info.element * (kind == Kind::atom ? n : below(random, 9)));
    case Form::tensor: break;
  }
  std::vector<std::uint32_t> dims(below(random, 5));
  for (auto& d : dims) d = static_cast<std::uint32_t>(below(random, 4));
  if (kind == Kind::atom) {
    if (dims.empty()) dims.resize(1);
    dims[0] = static_cast<std::uint32_t>(n);
  }
  return tensor(random, type, dims);
}

constexpr Type kCustomTypes[] = {
    Type::f64, Type::i64, Type::string, Type::f64_array, Type::vec3_f32, Type::i64_array, Type::f32_array, Type::vec3_f64,
    Type::i32_array, Type::null, Type::tensor_f32, Type::tensor_f64, Type::tensor_i32, Type::tensor_i64};

void add_builtins(Structure& s, Random& random, bool plain) {
  for (const auto& b : kBuiltins) {
    if (below(random, 3) == 0) continue;
    const Type type = !plain && b.type_in_3 && below(random, 2) == 0 ? *b.type_in_3 : b.type;
    s.put_bytes(Kind::builtin, b.key, type, b.per_atom ? noise(random, type_info(type).element * s.n_atoms())
                                                       : payload(random, Kind::builtin, type, s.n_atoms()));
  }
}

}  // namespace

void fill_random(Structure& s, Random& random, bool plain) {
  s.clear();
  const std::uint64_t n = below(random, 12);
  for (std::uint64_t i = 0; i < n; ++i) s.atomic_numbers.push_back(static_cast<std::uint8_t>(random()));
  s.positions_type = !plain && below(random, 2) == 0 ? Type::vec3_f64 : Type::vec3_f32;
  s.positions = noise(random, n * type_info(s.positions_type).element);
  add_builtins(s, random, plain);
  const std::uint64_t customs = below(random, 10);
  for (std::uint64_t i = 0; i < customs; ++i) {
    Kind kind = below(random, 2) == 0 ? Kind::atom : Kind::molecule;
    Type type = kCustomTypes[below(random, std::size(kCustomTypes))];
    std::string key = odd_key(random, i);
    if (plain) {  // the key says kind and type; lengths that the lock fixes are left out
      const bool varies = type_info(type).form == Form::tensor || type_info(type).form == Form::text;
      if (!varies) kind = Kind::atom;
      key = std::string(kind == Kind::atom ? "a_" : "m_") + std::string(type_info(type).name);
    }
    const Form form = type_info(type).form;
    if (kind == Kind::atom && form == Form::scalar && n != 1) continue;
    s.put_bytes(kind, key, type, payload(random, kind, type, n));
  }
}

bool same(Structure a, Structure b) {
  a.sort_sections();
  b.sort_sections();
  const auto sa = a.sections(), sb = b.sections();
  return a.atomic_numbers == b.atomic_numbers && a.positions_type == b.positions_type && a.positions == b.positions &&
         std::equal(sa.begin(), sa.end(), sb.begin(), sb.end(), [](const auto& x, const auto& y) {
           return x.kind == y.kind && x.type == y.type && x.key == y.key && x.payload == y.payload;
         });
}

}  // namespace atp::test
