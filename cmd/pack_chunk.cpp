#include "cmd/pack_chunk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/options.h"
#include "core/base/interrupt.h"
#include "formats/utf8.h"
#include "formats/vasp_convergence.h"

namespace atp {
namespace {

std::string name_of(const std::string& input) { return input == "-" ? "<stdin>" : input; }

std::string describe(const FrameOrigin& origin, const std::string& input) {
  const std::string line = origin.line != 0 ? fmt::format(" (line {})", origin.line) : "";
  return fmt::format("frame {} of {}{}", origin.number(), origin.file(name_of(input)), line);
}

std::string place(const FrameOrigin& origin, const std::string& input) {
  const std::string file = origin.file(name_of(input));
  return origin.line != 0 ? fmt::format("{}:{}", file, origin.line) : file;
}

bool has_wildcard(const std::string& pattern) { return pattern.find_first_of("*?[") != std::string::npos; }

struct StopDecoding {};

// What a frame showed of properties before it.
struct MovedScopes {
  std::map<std::string, std::string, std::less<>> of_molecule;  // were taken for the atoms'; and that frame
  bool moments = false;                                         // rename_moments()
};

constexpr const char* kMomentsNote = "the atoms' 'magmom' is stored as 'magmoms', as ASE calls it, because 'magmom' is a number of the molecule in other frames";

constexpr const char* kUnconvergedNote =
    "steps that did not converge electronically are kept, with scf_unconverged = 1; --unconverged skip leaves them out, and so does atp shard --where 'scf_unconverged IS NULL'";

bool has(const Schema& schema, Kind kind, std::string_view key) { return schema.entries.contains(std::pair(kind, key)); }

class Packer final : public FrameSink {
 public:
  // `wider` is what earlier passes over the same frames found to be needed; it grows.
  // `moved` likewise.
  Packer(PackedChunk& chunk, const std::string& input, const Lock& lock, const PackRules& rules, Schema& wider, MovedScopes& moved)
      : chunk_(chunk), input_(input), lock_(lock), rules_(rules), wider_(wider), moved_(moved), encoder_(rules.codec),
        first_(chunk.work->batch->first_frame()) {}

  bool must_repeat() const { return must_repeat_; }

  void frame(Structure& s, const FrameOrigin& origin) override {
    if (!wanted(origin)) return;
    throw_if_interrupted();
    if (rules_.skip_unconverged && is_unconverged(s)) {
      return leave_out(Error(Exit::input, place(origin, input_), fmt::format("frame {} did not converge electronically", origin.number())));
    }
    before_move_.reset();
    const bool both_moments = chunk_.both_moments;
    try {
      filter(s);
      if (is_unconverged(s)) chunk_.notes.emplace(kUnconvergedNote);
      if (rules_.keep_source) put_source(s, origin);
      apply_dtype(s, rules_.dtype);
      settle_moments(s);
      note_scopes(s, origin);
      move_scopes(s, origin);
      if (rules_.narrow_to_lock) coerce(s, rules_.fixed, true);
      if (!wider_.entries.empty() || wider_.positions) coerce(s, wider_, false);
      add(s, origin);
    } catch (const Error& e) {
      if (e.exit() != Exit::input) throw;
      chunk_.both_moments = both_moments;
      take_back_moves();
      refuse(Error(e.exit(), place(origin, input_), fmt::format("frame {}: {}", origin.number(), e.problem()), e.fix()));
    }
  }

  void bad_frame(const Error& e, const FrameOrigin& origin) override {
    if (wanted(origin)) refuse(e);
  }

  void mapped(std::string_view field, std::string_view how) override {
    // Fields come in the same order frame after frame: what follows the last one is tried before the others.
    const auto known = [&](std::size_t i) { return seen_[i].second == how && seen_[i].first == field; };
    if (next_seen_ >= seen_.size()) next_seen_ = 0;
    std::size_t at = next_seen_;
    if (at == seen_.size() || !known(at)) {
      for (at = 0; at < seen_.size() && !known(at);) ++at;
    }
    next_seen_ = at + 1;
    if (at < seen_.size()) return;
    seen_.emplace_back(field, how);
    const bool dropped = std::find(rules_.drop.begin(), rules_.drop.end(), field) != rules_.drop.end();
    if (!dropped) chunk_.mapped[std::string(field)].emplace(how);
  }

  void note(std::string_view text) override { chunk_.notes.emplace(text); }

 private:
  bool wanted(const FrameOrigin& origin) const {
    return chunk_.work->wanted.empty() || chunk_.work->wanted[origin.frame - first_];
  }

  void filter(Structure& s) {
    if (rules_.keep.empty() && rules_.drop.empty()) return;
    std::vector<std::pair<Kind, std::string>> unwanted;
    for (const auto& section : s.sections()) {
      const auto matches = [&](const std::string& pattern) {
        // A builtin field goes only when it is named outright: --drop '*' is about the rest.
        if (section.kind == Kind::builtin && has_wildcard(pattern)) return false;
        if (!glob_match(pattern, section.key)) return false;
        chunk_.patterns.insert(pattern);
        return true;
      };
      const bool dropped = std::any_of(rules_.drop.begin(), rules_.drop.end(), matches);
      const bool kept = rules_.keep.empty() || section.kind == Kind::builtin ||
                        std::any_of(rules_.keep.begin(), rules_.keep.end(), matches);
      if (dropped || !kept) unwanted.emplace_back(section.kind, section.key);
    }
    for (const auto& [kind, key] : unwanted) s.erase(kind, key);
  }

  void put_source(Structure& s, const FrameOrigin& origin) const {
    if (s.find(Kind::molecule, "source") != nullptr || s.find(Kind::atom, "source") != nullptr) {
      fail_input("", "has a property 'source' of its own, which --keep-source would replace", "--drop source leaves it out");
    }
    std::string source;
    replace_bad_utf8(fmt::format("{}:{}", origin.file(source_name(input_)), origin.number()), source);
    s.put_string(Kind::molecule, "source", source);
  }

  void settle_moments(Structure& s) {
    if (s.find(Kind::atom, "magmom") != nullptr && s.find(Kind::atom, "magmoms") != nullptr) chunk_.both_moments = true;
    if (chunk_.both_moments || lock_.both_moments) return;
    auto& schema = chunk_.records.schema;
    const auto* const total = s.find(Kind::molecule, "magmom");
    if (total != nullptr && type_info(total->type).form == Form::scalar && has(schema, Kind::atom, "magmom") && !has(rules_.fixed, Kind::atom, "magmom") &&
        (keep_for_undo(), rename_moments(schema))) {
      schema.entries.emplace(Schema::Key(Kind::molecule, "magmom"), schema_entry_of(total->view()));
      moved_.moments = must_repeat_ = true;
    }
    const bool apart = moved_.moments || has_total_moment(schema);
    if (apart && rename_moments(s)) {
      chunk_.notes.emplace(kMomentsNote);
    }
  }

  // Before guesses are settled, which makes them look like the others.
  void note_scopes(const Structure& s, const FrameOrigin& origin) {
    guesses_.clear();
    for (const auto& section : s.sections()) {
      if (section.kind != Kind::builtin && rules_.scoped.contains(section.key)) chunk_.patterns.insert(section.key);
      if (section.kind != Kind::atom || section.scope == Structure::Scope::known) continue;
      const auto seen = chunk_.guesses.find(section.key);
      const bool column = section.scope == Structure::Scope::guessed_column;
      guesses_.emplace_back(section.key, ScopeGuess{seen == chunk_.guesses.end() ? describe(origin, input_) : "", s.n_atoms(), column, !column});
    }
  }

  // A frame that is left out moves nothing.
  void keep_for_undo() {
    if (!before_move_) before_move_ = Moves{chunk_.records.schema, moved_, must_repeat_};
  }

  void take_back_moves() {
    if (!before_move_) return;
    chunk_.records.schema = std::move(before_move_->schema);
    moved_ = std::move(before_move_->moved);
    must_repeat_ = before_move_->must_repeat;
    before_move_.reset();
  }

  void remember_scopes(const Structure& s) {
    for (auto& [key, guess] : guesses_) {
      const auto [seen, fresh] = chunk_.guesses.try_emplace(key, guess);
      if (!fresh) seen->second.join(guess);
    }
    for (const auto& section : s.sections()) {
      if (section.kind == Kind::atom && section.scope == Structure::Scope::known && !chunk_.known_atoms.contains(section.key)) chunk_.known_atoms.insert(section.key);
    }
  }

  const SchemaEntry* entry(Kind kind, std::string_view key) const {
    const auto found = chunk_.records.schema.entries.find(std::pair(kind, key));
    return found == chunk_.records.schema.entries.end() ? nullptr : &found->second;
  }

  // Of all frames before this one that have the property as one of the atoms for its shape alone.
  std::optional<ScopeGuess> guessed(std::string_view key) const {
    std::optional<ScopeGuess> all;
    for (const ScopeGuesses* guesses : {&lock_.unsettled, &std::as_const(chunk_.guesses)}) {
      const auto found = guesses->find(key);
      if (found == guesses->end()) continue;
      all ? all->join(found->second) : void(all = found->second);
    }
    return all;
  }

  // The same; nothing when the input, or the file appended to, said that it is the atoms'.
  std::optional<ScopeGuess> unsettled(std::string_view key) const {
    const bool known = chunk_.known_atoms.contains(key) || (has(lock_.schema, Kind::atom, key) && !lock_.unsettled.contains(key));
    return known ? std::nullopt : guessed(key);
  }

  // What the schema has as the atoms', and was guessed, is the molecule's after this frame, and the frames must be taken again.
  void move_in_schema(const std::string& key, const ScopeGuess& guess, const FrameOrigin& origin) {
    keep_for_undo();
    moved_.of_molecule.emplace(key, describe(origin, input_));
    move_scope(chunk_.records.schema, key, guess.rows());
    must_repeat_ = true;
  }

  bool would_lose_integers(const SchemaEntry& joined, const std::string& key) const {
    return type_info(joined.type).scalar == Scalar::f64 && is_exact({Kind::molecule, key});
  }

  // Puts what only its shape makes an atom property with the molecule's where the schema has it so, and the other way round moves
  // in the schema what was guessed before and this frame shows to be the molecule's; the frames must be taken again then.
  void move_scopes(Structure& s, const FrameOrigin& origin) {
    if (guesses_.empty() && lock_.unsettled.empty() && chunk_.guesses.empty()) return;
    for (auto& section : s.sections()) {
      const bool settled = section.kind == Kind::atom && section.scope == Structure::Scope::known;
      if (section.kind == Kind::builtin || settled) continue;
      const SchemaEntry* const before = entry(Kind::atom, section.key);
      const std::optional<ScopeGuess> guess = before == nullptr ? std::nullopt : unsettled(section.key);
      const SchemaEntry now = schema_entry_of(section.view());
      if (section.kind == Kind::atom) {
        const bool column = section.scope == Structure::Scope::guessed_column;
        const auto joined = guess ? join_as_of_molecule(*before, *guess, now, ScopeGuess{"", s.n_atoms(), column, !column}) : std::nullopt;
        if (joined && !would_lose_integers(*joined, section.key)) move_in_schema(section.key, *guess, origin);
        if (moved_.of_molecule.contains(section.key) || entry(Kind::molecule, section.key) != nullptr) make_of_molecule(section);
      } else if (guess) {
        const auto joined = join(Kind::molecule, as_of_molecule(*before, guess->rows()), now);
        if (joined && !would_lose_integers(*joined, section.key)) move_in_schema(section.key, *guess, origin);
      }
      if (section.kind == Kind::molecule) check_shapes_known(section.key);
    }
  }

  void check_shapes_known(const std::string& key) const {
    std::optional<ScopeGuess> all = guessed(key);
    for (const auto& [name, guess] : guesses_) {
      if (name == key) all ? all->join(guess) : void(all = guess);
    }
    if (all) check_not_mixed(chunk_.records.schema, key, *all);
  }

  void add(Structure& s, const FrameOrigin& origin) {
    const std::size_t fields = chunk_.records.schema.entries.size();
    std::string problem = encoder_.add(s, chunk_.records);
    if (!problem.empty()) {
      coerce(s, chunk_.records.schema, false);
      problem = encoder_.add(s, chunk_.records);
    }
    if (!problem.empty() && widen_for(s)) {
      must_repeat_ = true;  // records before this one have the narrower type
      return;
    }
    if (!problem.empty()) {
      chunk_.refused_by_lock = true;
      fail_input("", problem + where_before(s), advice_for(s));
    }
    if (chunk_.records.schema.entries.size() != fields) remember_new_fields(s, origin);
    remember_exact(s);
    remember_scopes(s);
    chunk_.atoms += s.n_atoms();
    for (const auto& section : s.sections()) {  // sorted by now, builtins first
      if (section.kind != Kind::builtin) break;
      ++chunk_.with_builtin[static_cast<std::size_t>(builtin_info(section.key) - kBuiltins.data())];
    }
  }

  bool was_guessed(std::string_view key) const {
    return guessed(key) || std::ranges::any_of(guesses_, [&](const auto& g) { return g.first == key; });
  }

  std::string advice_for(const Structure& s) const {
    for (const auto& section : s.sections()) {
      const Kind other = section.kind == Kind::atom ? Kind::molecule : Kind::atom;
      if (section.kind == Kind::builtin || entry(other, section.key) == nullptr || !was_guessed(section.key)) continue;
      return fmt::format("--scope {0}=atom or --scope {0}=molecule says what it is, --drop {0} leaves it out, --on-error skip such frames", section.key);
    }
    return rules_.append && !rules_.narrow_to_lock ? "without --dtype the types of the file count" : "--drop KEY leaves the field out, --on-error skip such frames";
  }

  bool is_exact(const Schema::Key& key) const { return lock_.exact.contains(key) || chunk_.exact.contains(key); }

  // Widens the lock for a frame that does not fit it, where that is possible for all its fields.
  bool widen_for(const Structure& s) {
    Schema schema = chunk_.records.schema;
    if (!widen(schema, s)) return false;
    Schema with_fixed = schema;
    if (!with_fixed.merge(rules_.fixed).empty()) return false;
    Schema found;
    if (schema.positions != chunk_.records.schema.positions) found.positions = schema.positions;
    for (const auto& [key, entry] : schema.entries) {
      if (chunk_.records.schema.entries.at(key) == entry) continue;
      if (type_info(entry.type).scalar == Scalar::f64 && is_exact(key)) return false;
      found.entries.emplace(key, entry);
    }
    if (found == Schema{}) return false;
    if (found.positions) wider_.positions = found.positions;
    for (const auto& [key, entry] : found.entries) wider_.entries.insert_or_assign(key, entry);
    chunk_.records.schema = std::move(schema);
    return true;
  }

  // Integers that no float holds exactly: their field must not become one later.
  void remember_exact(const Structure& s) {
    constexpr std::int64_t kExact = std::int64_t{1} << 53;
    for (const auto& section : s.sections()) {
      if (section.kind == Kind::builtin || type_info(section.type).scalar != Scalar::i64) continue;
      const NumbersView numbers = decode_value(section.view()).numbers;
      for (std::uint64_t i = 0; i < numbers.count; ++i) {
        const std::int64_t v = numbers.integer(i);
        if (v <= kExact && v >= -kExact) continue;
        remember_exact(section.key);
        break;
      }
    }
  }

  // Whatever scope and name it will have in the end.
  void remember_exact(const std::string& key) {
    for (const Kind kind : {Kind::atom, Kind::molecule}) chunk_.exact.emplace(kind, key);
    if (key == "magmom") remember_exact("magmoms");
  }

  // Looks at this frame's fields only: a file may bring a new key with every frame.
  void remember_new_fields(const Structure& s, const FrameOrigin& origin) {
    for (const auto& section : s.sections()) {
      const std::pair<Kind, std::string_view> key(section.kind, section.key);
      if (lock_.schema.entries.contains(key) || chunk_.origins.contains(key)) continue;
      chunk_.origins.emplace(Schema::Key{section.kind, section.key}, describe(origin, input_));
    }
  }

  // " (as in frame 3 of a.xyz)" for the field that does not fit.
  std::string where_before(const Structure& s) const {
    for (const auto& section : s.sections()) {
      const auto& entries = chunk_.records.schema.entries;
      auto locked = entries.find(std::pair<Kind, std::string_view>(section.kind, section.key));
      if (locked != entries.end() && locked->second == schema_entry_of(section.view())) continue;
      if (locked == entries.end() && section.kind != Kind::builtin) {
        locked = entries.find(std::pair<Kind, std::string_view>(section.kind == Kind::atom ? Kind::molecule : Kind::atom, section.key));
      }
      if (locked == entries.end()) continue;
      for (const auto* origins : {&lock_.origins, &std::as_const(chunk_.origins)}) {
        if (const auto found = origins->find(locked->first); found != origins->end()) return " in " + found->second;
      }
      return " in the file appended to";
    }
    return {};
  }

  void refuse(const Error& e) {
    if (!rules_.skip_errors) {
      chunk_.failure = e;
      throw StopDecoding{};
    }
    leave_out(e);
  }

  void leave_out(const Error& e) {
    ++chunk_.skipped_count;
    if (chunk_.skipped.size() < kReasonsKept) chunk_.skipped.push_back(e);
  }

  PackedChunk& chunk_;
  const std::string& input_;
  const Lock& lock_;
  const PackRules& rules_;
  Schema& wider_;
  MovedScopes& moved_;
  struct Moves {
    Schema schema;
    MovedScopes moved;
    bool must_repeat;
  };
  std::optional<Moves> before_move_;                         // of the frame in work, when it has moved something
  std::vector<std::pair<std::string, ScopeGuess>> guesses_;  // of the frame in work
  RecordEncoder encoder_;
  std::uint64_t first_;
  bool must_repeat_ = false;
  std::vector<std::pair<std::string, std::string>> seen_;
  std::size_t next_seen_ = 0;
};

}  // namespace

bool became_of_molecule(const Schema& schema, std::string_view key) {
  const auto entry = schema.entries.find(std::pair(Kind::molecule, key));
  return entry != schema.entries.end() && type_info(entry->second.type).form != Form::scalar;
}

void check_not_mixed(const Schema& schema, std::string_view key, const ScopeGuess& guess) {
  if (!guess.mixed() || !became_of_molecule(schema, key)) return;
  fail_input("", fmt::format("property '{}' is [n] in some frames and [n, 1] in others, and has other rows than atoms in some", key),
             fmt::format("--scope {}=molecule or --scope {}=atom says what it is, --drop {} leaves it out", key, key, key));
}

std::optional<SchemaEntry> join_as_of_molecule(const SchemaEntry& a, const ScopeGuess& of_a, const SchemaEntry& b, const ScopeGuess& of_b) {
  if (join(Kind::atom, a, b)) return std::nullopt;
  return join(Kind::molecule, as_of_molecule(a, of_a.rows()), as_of_molecule(b, of_b.rows()));
}

bool Lock::settle(const ScopeGuesses& guesses, const std::set<std::string, std::less<>>& known) {
  bool changed = std::erase_if(unsettled, [&](const auto& u) { return known.contains(u.first); }) != 0;
  for (const auto& [key, guess] : guesses) {
    if (known.contains(key)) continue;
    const auto before = unsettled.find(key);
    if (before == unsettled.end()) {
      if (has(schema, Kind::atom, key)) continue;  // the input had said so
      unsettled.emplace(key, guess);
      changed = true;
      continue;
    }
    const ScopeGuess was = before->second;
    before->second.join(guess);
    changed |= was.atoms != before->second.atoms || was.column != before->second.column || was.plain != before->second.plain;
  }
  return changed;
}

PackedChunk pack_chunk(std::unique_ptr<FrameWork> work, const std::string& input, const Lock& lock, const PackRules& rules) {
  Schema wider;
  MovedScopes moved;
  Structure scratch;
  for (;;) {
    PackedChunk chunk;
    chunk.work = std::move(work);
    chunk.records.schema = lock.schema;
    if (moved.moments && has(lock.schema, Kind::atom, "magmom")) {
      rename_moments(chunk.records.schema);
      chunk.notes.emplace(kMomentsNote);
    }
    for (const auto& [key, origin] : moved.of_molecule) {
      chunk.origins.emplace(Schema::Key(Kind::molecule, key), origin);
      const auto guess = lock.unsettled.find(key);
      if (guess != lock.unsettled.end() && has(lock.schema, Kind::atom, key)) move_scope(chunk.records.schema, key, guess->second.rows());
    }
    // Only fields that the lock has: those of this chunk may go again with a frame that is left out.
    if (wider.positions && lock.schema.positions) chunk.records.schema.positions = wider.positions;
    for (auto& [key, entry] : chunk.records.schema.entries) {
      if (const auto found = wider.entries.find(key); found != wider.entries.end()) entry = found->second;
    }
    chunk.lock_version = lock.version;
    Packer packer(chunk, input, lock, rules, wider, moved);
    try {
      chunk.work->batch->decode(scratch, packer);
    } catch (const StopDecoding&) {
    }
    if (!packer.must_repeat()) return chunk;
    // Types only ever widen, and each field a few times, so this ends.
    work = std::move(chunk.work);
  }
}

}  // namespace atp
