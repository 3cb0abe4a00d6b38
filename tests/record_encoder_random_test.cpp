// RecordEncoder, which remembers what passed, held against one that remembers nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "core/atp/record_encoder.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/random_structure.h"

using namespace atp;

namespace {

using Random = std::mt19937_64;
using test::below;
using test::noise;

struct Field {
  Kind kind;
  Type type;
  std::string key;
  std::vector<std::byte> payload;
  std::size_t values = 0;  // of what is no array of the atoms
};

struct Input {
  std::vector<std::byte> numbers, positions;
  Type positions_type = Type::vec3_f32;
  std::vector<Field> fields;

  StructureView view(std::vector<SectionView>& sections) const {
    sections.clear();
    for (const Field& f : fields) sections.push_back({f.kind, f.type, f.key, f.payload});
    return {numbers, positions_type, positions, sections};
  }
  Structure owned() const {
    Structure s;
    const std::string_view z = as_text(numbers);
    s.atomic_numbers.assign(z.begin(), z.end());
    s.positions_type = positions_type;
    s.positions = positions;
    for (const Field& f : fields) s.append(f.kind, f.key, f.type) = f.payload;
    return s;
  }
};

constexpr Type kTypes[] = {Type::f64,      Type::i64,       Type::string,    Type::f64_array, Type::vec3_f32,   Type::i64_array,
                           Type::f32_array, Type::vec3_f64, Type::i32_array, Type::bool3,     Type::mat3_f64,   Type::f32,
                           Type::mat3_f32, Type::null,      Type::tensor_f32, Type::tensor_f64, Type::tensor_i32, Type::tensor_i64};

constexpr Type kUsualTypes[] = {Type::f32_array, Type::vec3_f64, Type::string, Type::null};

// Heads of all lengths about the words that a pattern compares; some differ in one letter.
std::string some_key(Random& random) {
  static constexpr std::size_t kLengths[] = {0, 1, 2, 4, 5, 8, 9, 10, 16, 17, 40, 254, 255};
  std::string key(kLengths[below(random, std::size(kLengths))], 'k');
  if (!key.empty()) key[below(random, key.size())] = static_cast<char>('a' + below(random, 3));
  return key;
}

bool is_per_atom(const Field& f) {
  const BuiltinInfo* b = f.kind == Kind::builtin ? builtin_info(f.key) : nullptr;
  return f.kind == Kind::atom || (b && b->per_atom);
}

void fill(Field& f, std::size_t n, Random& random) {
  const TypeInfo& info = type_info(f.type);
  const std::size_t values = is_per_atom(f) ? n : f.values;
  switch (info.form) {
    case Form::scalar:
    case Form::bool3:
    case Form::mat3: f.payload = noise(random, info.element); return;
    case Form::text: f.payload = noise(random, f.kind == Kind::atom ? 0 : below(random, 30)); return;
    case Form::null: f.payload.clear(); return;
    case Form::array:
    case Form::vec3: f.payload = noise(random, info.element * values); return;
    case Form::tensor: break;
  }
  f.payload = noise(random, 5 + info.element * values);
  f.payload[0] = std::byte{1};
  for (unsigned i = 0; i < 4; ++i) f.payload[1 + i] = static_cast<std::byte>(values >> (8 * i));
}

// Molecules of one kind have the same fields. Not every kind may be a record.
Input some_kind(Random& random) {
  Input kind;
  if (below(random, 4) == 0) kind.positions_type = Type::vec3_f64;
  for (const BuiltinInfo& b : kBuiltins) {
    if (below(random, 3) == 0) kind.fields.push_back({Kind::builtin, b.type_in_3 && below(random, 3) == 0 ? *b.type_in_3 : b.type, std::string(b.key), {}, b.key == "stress" || b.key == "cell" ? 1u : 3u});
  }
  for (std::size_t left = below(random, 6); left > 0; --left) {
    if (!kind.fields.empty() && kind.fields.back().kind != Kind::builtin && below(random, 2) == 0) {
      // But for a letter of its key the same as the one before: which is which tells whether they are in order.
      Field twin = kind.fields.back();
      if (!twin.key.empty()) ++twin.key[below(random, twin.key.size())];
      kind.fields.push_back(std::move(twin));
      continue;
    }
    const Type type = below(random, 3) == 0 ? kTypes[below(random, std::size(kTypes))] : kUsualTypes[below(random, std::size(kUsualTypes))];
    kind.fields.push_back({below(random, 2) == 0 ? Kind::atom : Kind::molecule, type, some_key(random), {}, below(random, 4)});
  }
  return kind;
}

Input one_of(const Input& kind, Random& random) {
  Input m = kind;
  const std::size_t n = below(random, 8) == 0 ? 0 : below(random, 6);
  m.numbers = noise(random, n);
  m.positions = noise(random, n * type_info(m.positions_type).element);
  for (Field& f : m.fields) fill(f, n, random);
  return m;
}

Input some_sound_kind(Random& random) {
  for (;;) {
    Input kind = some_kind(random);
    Structure s = one_of(kind, random).owned();
    std::vector<std::byte> record;
    try {
      encode_record(s, record);
      return kind;
    } catch (const Error&) {
      if (below(random, 8) == 0) return kind;
    }
  }
}

// The head of `to` becomes payload of `from`: the same bytes, other sections.
void swallow_next(Field& from, Field& to, Random& random) {
  from.payload.push_back(static_cast<std::byte>(to.kind));
  from.payload.push_back(static_cast<std::byte>(to.key.size()));
  for (const char c : to.key) from.payload.push_back(static_cast<std::byte>(c));
  from.payload.push_back(static_cast<std::byte>(to.type));
  to.payload = noise(random, below(random, 9));
}

// One thing that is other than in the molecules of the kind; not always wrong.
void change(Input& m, Random& random) {
  const auto what = below(random, 17);
  if (what == 0) return m.positions.resize(below(random, m.positions.size() + 30));
  if (what == 1) m.positions_type = m.positions_type == Type::vec3_f32 ? Type::vec3_f64 : Type::vec3_f32;
  if (what == 1 && below(random, 2) == 0) m.positions = noise(random, m.numbers.size() * type_info(m.positions_type).element);
  if (what == 2) return m.numbers.resize(below(random, 6));
  if (what == 3) return m.fields.push_back({static_cast<Kind>(below(random, 3)), kTypes[below(random, std::size(kTypes))], some_key(random), noise(random, below(random, 9)), 0});
  if (m.fields.empty()) return;
  Field& f = m.fields[below(random, m.fields.size())];
  Field& other = m.fields[below(random, m.fields.size())];
  switch (what) {
    case 4: f.payload = noise(random, f.payload.size()); break;  // of a tensor: another shape
    case 5: f.payload.resize(below(random, f.payload.size() + 9)); break;
    case 6: f.payload.resize(f.payload.size() + type_info(f.type).element); break;
    case 7: f.type = kTypes[below(random, std::size(kTypes))]; break;
    case 8: f.type = kTypes[below(random, std::size(kTypes))]; fill(f, m.numbers.size(), random); break;
    case 9: f.kind = static_cast<Kind>(below(random, 3)); break;
    case 10: f.key.resize(below(random, 12), 'k'); break;
    case 11: if (!f.key.empty()) f.key[below(random, f.key.size())] ^= 1; break;
    case 12: if (std::ranges::all_of(m.fields, [](const Field& o) { return o.key.size() <= kLongestKey; })) f.key += std::string(256, 'k'); break;
    case 13: f.key = other.key; break;
    case 14: m.fields.push_back(Field(f)); break;
    case 15: m.fields.erase(m.fields.begin() + (&f - m.fields.data())); break;
    case 16: swallow_next(f, other, random); break;
    default: break;
  }
}

// What is said of it; the record where nothing is.
template <class Fn>
std::string said(Fn&& fn) {
  try {
    return fn();
  } catch (const Error& e) {
    return "refused: " + std::string(e.what());
  }
}

// Encodes into `out` as the documentation says, with nothing that has been used before.
std::string encoded_plainly(const Input& input, Codec codec, EncodedRecords& out) {
  Structure s = input.owned();
  std::vector<std::byte> record;
  encode_record(s, record);
  if (std::string problem = out.schema.add(s); !problem.empty()) return problem;
  CodecContext fresh(codec);
  const std::size_t start = out.bytes.size();
  const std::size_t stored = fresh.compress(record, out.bytes);
  out.entries.push_back({static_cast<std::uint32_t>(stored), static_cast<std::uint32_t>(record.size()), static_cast<std::uint32_t>(s.n_atoms()),
                         record_checksum(Bytes(out.bytes).subspan(start))});
  return "";
}

bool same(const EncodedRecords& a, const EncodedRecords& b) {
  return a.bytes == b.bytes && a.schema == b.schema && std::ranges::equal(a.entries, b.entries, [](const auto& x, const auto& y) {
           return x.stored == y.stored && x.unpacked == y.unpacked && x.atoms == y.atoms && x.checksum == y.checksum;
         });
}

// How many were taken, refused, and held off by the schema.
struct Tally {
  int taken = 0, refused = 0, locked = 0;
};

void compare(Codec codec, std::uint64_t seed, int steps, Tally& tally) {
  Random random(seed);
  RecordEncoder encoder(codec);
  std::vector<Input> kinds(6);
  EncodedRecords outs[3], right[3];
  std::vector<SectionView> sections;
  for (int step = 0; step < steps; ++step) {
    if (step % 100 == 0) std::ranges::generate(kinds, [&] { return some_sound_kind(random); });
    Input input = one_of(kinds[below(random, 1 + below(random, kinds.size()))], random);
    for (std::size_t changes = below(random, 5); changes > 2; --changes) change(input, random);
    if (below(random, 3) == 0) std::ranges::shuffle(input.fields, random);
    const std::size_t to = below(random, 3);
    if (below(random, 8) == 0) outs[to] = right[to] = EncodedRecords();
    const std::string expected = said([&] { return encoded_plainly(input, codec, right[to]); });
    Structure owned = input.owned();
    const StructureView view = input.view(sections);
    const std::string problem = said([&] { return below(random, 2) == 0 ? encoder.add(view, outs[to]) : encoder.add(owned, outs[to]); });
    CAPTURE(seed);
    CAPTURE(step);
    REQUIRE(problem == expected);
    REQUIRE(same(outs[to], right[to]));
    ++(problem.empty() ? tally.taken : problem.starts_with("refused: ") ? tally.refused : tally.locked);
  }
}

}  // namespace

TEST_CASE("what an encoder takes, refuses and makes does not hang on what it has seen") {
  Tally tally;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    compare({}, seed, 1500, tally);
    compare({CodecId::lz4, 0}, seed, 100, tally);
    compare({CodecId::zstd, 1}, seed, 100, tally);
  }
  // All three happen often.
  CHECK(tally.taken > 1000);
  CHECK(tally.refused > 1000);
  CHECK(tally.locked > 500);
}
