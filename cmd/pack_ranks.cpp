#include "cmd/pack_ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cmd/rank_text.h"
#include "core/shard/split.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

std::uint64_t size_of(const std::string& path) { return input_bytes(path).value_or(0); }

// ---- a part as text --------------------------------------------------------------------------------

void put_all(std::string& out, const std::set<std::string>& texts) {
  put(out, texts.size());
  for (const auto& text : texts) put(out, text);
}

std::set<std::string> get_all(ByteReader& in) {
  std::set<std::string> texts;
  for (std::uint64_t n = get_number(in); n > 0; --n) texts.insert(get_text(in));
  return texts;
}

void put_key(std::string& out, const Schema::Key& key) {
  put(out, static_cast<std::uint64_t>(key.first));
  put(out, key.second);
}

Schema::Key get_key(ByteReader& in) {
  const auto kind = static_cast<Kind>(get_number(in));
  return {kind, get_text(in)};
}

void put_guesses(std::string& out, const ScopeGuesses& guesses) {
  put(out, guesses.size());
  for (const auto& [key, guess] : guesses) {
    put(out, key);
    put(out, guess.origin);
    put(out, guess.atoms);
    put(out, std::uint64_t{guess.column});
    put(out, std::uint64_t{guess.plain});
  }
}

ScopeGuesses get_guesses(ByteReader& in) {
  ScopeGuesses guesses;
  for (std::uint64_t n = get_number(in); n > 0; --n) {
    const std::string key = get_text(in), origin = get_text(in);
    const std::uint64_t atoms = get_number(in);
    const bool column = get_number(in) != 0, plain = get_number(in) != 0;
    guesses.emplace(key, ScopeGuess{origin, atoms, column, plain});
  }
  return guesses;
}

void put_report(std::string& out, const PackReport& r) {
  for (const std::uint64_t v : {r.records, r.atoms, r.raw_bytes, r.stored_bytes, r.bytes_in, r.skipped_count, r.bad_files}) put(out, v);
  for (const std::uint64_t v : r.with_builtin) put(out, v);
  put(out, r.mapped.size());
  for (const auto& [field, hows] : r.mapped) {
    put(out, field);
    put_all(out, hows);
  }
  put_all(out, r.notes);
  put_all(out, r.patterns);
  put_guesses(out, r.guesses);
  put(out, r.skipped.size());
  for (const Error& e : r.skipped) {
    put(out, static_cast<std::uint64_t>(e.exit()));
    for (const std::string* text : {&e.where(), &e.problem(), &e.fix()}) put(out, *text);
  }
}

PackReport get_report(ByteReader& in) {
  PackReport r;
  for (std::uint64_t* v : {&r.records, &r.atoms, &r.raw_bytes, &r.stored_bytes, &r.bytes_in, &r.skipped_count, &r.bad_files}) *v = get_number(in);
  for (std::uint64_t& v : r.with_builtin) v = get_number(in);
  for (std::uint64_t n = get_number(in); n > 0; --n) {
    const std::string field = get_text(in);
    r.mapped[field] = get_all(in);
  }
  r.notes = get_all(in);
  r.patterns = get_all(in);
  r.guesses = get_guesses(in);
  for (std::uint64_t n = get_number(in); n > 0; --n) {
    const auto exit = static_cast<Exit>(get_number(in));
    const std::string where = get_text(in), problem = get_text(in), fix = get_text(in);
    r.skipped.emplace_back(exit, where, problem, fix);
  }
  return r;
}

std::string text_of(const PackedPart& part) {
  std::string out;
  const std::vector<std::byte> schema = part.lock.schema.encode();
  put(out, std::string(as_text(schema)));
  put(out, part.lock.origins.size());
  for (const auto& [key, origin] : part.lock.origins) {
    put_key(out, key);
    put(out, origin);
  }
  put(out, part.lock.exact.size());
  for (const auto& key : part.lock.exact) put_key(out, key);
  put_guesses(out, part.lock.unsettled);
  put_report(out, part.report);
  put(out, part.sources.size());
  for (std::size_t i = 0; i < part.sources.size(); ++i) {
    const Metadata::Source& s = part.sources[i];
    put(out, s.name);
    for (const std::uint64_t v : {s.size, std::uint64_t{s.xxh3.has_value()}, s.xxh3.value_or(0), part.records[i]}) put(out, v);
  }
  return out;
}

PackedPart part_of(const std::string& text) {
  ByteReader in(as_bytes(text));
  PackedPart part;
  const std::string schema = get_text(in);
  part.lock.schema = Schema::decode(as_bytes(schema));
  for (std::uint64_t n = get_number(in); n > 0; --n) {
    const Schema::Key key = get_key(in);
    part.lock.origins[key] = get_text(in);
  }
  for (std::uint64_t n = get_number(in); n > 0; --n) part.lock.exact.insert(get_key(in));
  part.lock.unsettled = get_guesses(in);
  part.report = get_report(in);
  for (std::uint64_t n = get_number(in); n > 0; --n) {
    Metadata::Source s{get_text(in), 0, std::nullopt};
    s.size = get_number(in);
    const bool hashed = get_number(in) != 0;
    const std::uint64_t hash = get_number(in);
    if (hashed) s.xxh3 = hash;
    part.sources.push_back(std::move(s));
    part.records.push_back(get_number(in));
  }
  return part;
}

// ---- parts as one ----------------------------------------------------------------------------------

constexpr const char* kInOneProcess = "pack in one process to hear of the first such frame, or leave the field out with --drop";

std::string origin_of(const Lock& lock, const Schema::Key& key) {
  const auto found = lock.origins.find(key);
  return found == lock.origins.end() ? "" : found->second;
}

void rename_moments_as(Lock& lock, const Schema& other) {
  if (has_total_moment(other) && lock.schema.entries.contains(std::pair(Kind::atom, std::string_view("magmom"))) && rename_moments(lock.schema)) lock.unsettled.erase("magmom");
}

const SchemaEntry* guessed_entry(const Lock& lock, const std::string& key) {
  const auto found = lock.schema.entries.find(std::pair(Kind::atom, std::string_view(key)));
  return found == lock.schema.entries.end() || !lock.unsettled.contains(key) ? nullptr : &found->second;
}

// What only the shape made an atom property in one of them is the molecule's where it is that in the other.
void move_unsettled(Lock& lock, const Schema& other) {
  for (const auto& [key, guess] : lock.unsettled) {
    const SchemaEntry* const entry = guessed_entry(lock, key);
    const auto of_molecule = other.entries.find(std::pair(Kind::molecule, std::string_view(key)));
    if (entry == nullptr || of_molecule == other.entries.end()) continue;
    if (join(Kind::molecule, as_of_molecule(*entry, guess.rows()), of_molecule->second)) move_scope(lock.schema, key, guess.rows());
  }
}

// Likewise in both, where they do not go together as the atoms'.
void move_contradicting(Lock& whole, Lock& next) {
  for (const auto& [key, guess] : next.unsettled) {
    const SchemaEntry* const b = guessed_entry(next, key);
    const SchemaEntry* const a = b == nullptr ? nullptr : guessed_entry(whole, key);
    if (a == nullptr) continue;
    const ScopeGuess& before = whole.unsettled.at(key);
    if (!join_as_of_molecule(*a, before, *b, guess)) continue;
    move_scope(whole.schema, key, before.rows());
    move_scope(next.schema, key, guess.rows());
    whole.origins.emplace(Schema::Key(Kind::molecule, key), guess.origin);
  }
}

void join_locks(Lock& whole, Lock next) {
  rename_moments_as(whole, next.schema);
  rename_moments_as(next, whole.schema);
  move_contradicting(whole, next);
  move_unsettled(whole, next.schema);
  move_unsettled(next, whole.schema);
  std::set<std::string, std::less<>> known;
  for (const auto& [key, entry] : next.schema.entries) {
    if (key.first == Kind::atom && !next.unsettled.contains(key.second)) known.insert(key.second);
  }
  whole.settle(next.unsettled, known);
  if (const auto misfit = widen(whole.schema, next.schema)) {
    const std::string before = origin_of(whole, misfit->key);
    fail_input(origin_of(next, misfit->key), misfit->problem + (before.empty() ? "" : " in " + before), kInOneProcess);
  }
  for (const auto& [key, guess] : whole.unsettled) check_not_mixed(whole.schema, key, guess);
  whole.exact.insert(next.exact.begin(), next.exact.end());
  whole.origins.insert(next.origins.begin(), next.origins.end());  // those that were first stay
  for (const auto& key : whole.exact) {
    const auto entry = whole.schema.entries.find(key);
    if (entry == whole.schema.entries.end() || type_info(entry->second.type).scalar != Scalar::f64) continue;
    fail_input(origin_of(whole, key), fmt::format("{} has integers beyond 2^53 in some inputs and floats in others", key.second), kInOneProcess);
  }
}

}  // namespace

std::vector<std::string> inputs_of_rank(const std::vector<std::string>& inputs, int rank, int ranks) {
  std::vector<std::uint64_t> prefix{0};
  for (const auto& input : inputs) prefix.push_back(prefix.back() + size_of(input) + 1);
  const auto runs = std::min<std::uint64_t>(inputs.size(), static_cast<std::uint64_t>(ranks));
  const auto r = static_cast<std::uint64_t>(rank);
  if (r >= runs) return {};
  const std::vector<std::uint64_t> bounds = split_evenly(prefix, runs);
  return {inputs.begin() + static_cast<std::ptrdiff_t>(bounds[r]), inputs.begin() + static_cast<std::ptrdiff_t>(bounds[r + 1])};
}

void check_for_ranks(const PackOptions& o, const std::vector<std::string>& inputs) {
  const auto refuse = [](const std::string& where, const std::string& what) { throw Error(Exit::usage, where, what, "pack in one process"); };
  if (o.limit) refuse("", "--limit counts frames over all inputs, which several processes cannot");
  if (!o.records.empty()) refuse("", "--records counts frames over all inputs, which several processes cannot");
  for (const auto& input : inputs) {
    std::error_code error;
    if (input == "-") refuse("", "stdin cannot be shared by several processes");
    if (!fs::is_regular_file(input, error) && !fs::is_directory(input, error)) refuse(input, "is no file or folder, and cannot be shared by several processes");
  }
}

void check_same_inputs(Ranks& ranks, const std::vector<std::string>& inputs) {
  if (ranks.size() == 1) return;
  std::string list;
  for (const auto& input : inputs) {
    put(list, input);
    put(list, size_of(input));
  }
  const std::vector<std::string> lists = ranks.exchange(list);
  ranks.together([&] {
    const auto other = std::ranges::find_if(lists, [&](const std::string& l) { return l != lists[0]; });
    if (!ranks.first() || other == lists.end()) return;
    fail_input("", fmt::format("process {} finds other inputs than process 0", other - lists.begin()), "see that the inputs are the same on all nodes");
  });
}

PackedPart whole_of_parts(Ranks& ranks, const PackedPart& mine) {
  if (ranks.size() == 1) return mine;
  PackedPart whole;
  const std::vector<std::string> parts = ranks.exchange(text_of(mine));
  ranks.together([&] {
    for (const auto& text : parts) {
      const PackedPart part = part_of(text);
      try {
        join_locks(whole.lock, part.lock);
      } catch (const Error&) {
        if (ranks.first()) throw;  // all come to the same
      }
      whole.report.add(part.report);
      whole.sources.insert(whole.sources.end(), part.sources.begin(), part.sources.end());
      whole.records.insert(whole.records.end(), part.records.begin(), part.records.end());
    }
  });
  whole.report.chosen = mine.report.chosen;  // of the options, which are everyone's
  whole.report.settle(whole.lock);
  return whole;
}

}  // namespace atp
