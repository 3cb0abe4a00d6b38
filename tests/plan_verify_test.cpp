// --verify: every form of a plan, everything that plan.json says, every file.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cmd/plan_files.h"
#include "core/base/error.h"
#include "core/io/npz.h"
#include "tests/support/files.h"
#include "tests/support/plan_sizes.h"

using namespace atp;
using namespace atp::test;
namespace fs = std::filesystem;

namespace {

// 0 sound, 1 not, 3 an input error; its text in `said`.
int verified(const Sizes& s, std::string* said = nullptr) {
  try {
    return static_cast<int>(s.verify());
  } catch (const Error& e) {
    if (said != nullptr) *said = e.what();
    return static_cast<int>(e.exit());
  }
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
  const auto at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), by);
}

std::vector<std::string> files_under(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Whether two archives hold the same.
bool same_arrays(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  if (!looks_like_zip(a)) return false;
  for (const std::string& name : npz_names(a, "a")) {
    if (npz_member(a, name, "a") != npz_member(b, name, "b")) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a plan in any form is sound, and is not with a byte of its data changed or a file gone, added or cut") {
  for (const std::string format : {"npy", "npz", "jsonl"}) {
    for (const bool per_rank : {false, true}) {
      for (const std::string tail : {"pad", "repeat"}) {
        CAPTURE(format);
        CAPTURE(per_rank);
        CAPTURE(tail);
        Sizes s(random_counts(40, 60), random_counts(40, 900));
        s.command.format = format, s.command.per_rank = per_rank, s.command.tail = tail;
        s.command.strategy = "next-fit";  // its batches are no multiple of the GPUs
        s.command.shapes = 2, s.command.gpus = 3;
        plan_batches(s.command);
        CHECK(verified(s) == 0);
        if (tail != "repeat") continue;
        for (const std::string& path : files_under(s.dir / "plan")) {
          if (path.ends_with("plan.json")) continue;
          CAPTURE(path);
          const auto good = read_bytes(path);
          for (std::size_t i = 0; i < good.size(); i += 1 + good.size() / 23) {
            auto bad = good;
            bad[i] ^= std::byte{2};
            write_bytes(path, bad);
            CAPTURE(i);
            CHECK((verified(s) != 0 || same_arrays(good, bad)));  // a zip archive has fields that nobody reads
          }
          write_bytes(path, {good.begin(), good.end() - 1});
          CHECK(verified(s) != 0);
          fs::remove(path);
          CHECK(verified(s) == 1);
          write_bytes(path, good);
          write_text(path + ".orig", "foreign");
          CHECK(verified(s) == 1);
          fs::remove(path + ".orig");
        }
        CHECK(verified(s) == 0);
      }
    }
  }
}

TEST_CASE("parts and epochs are verified, and a part that says it is another is not sound") {
  for (const std::string format : {"npy", "npz", "jsonl"}) {
    Sizes s(random_counts(300, 60));
    s.command.format = format;
    s.command.start = 5;
    plan_batches(s.command);
    CHECK(verified(s) == 0);
    const std::string json = read_text(s.dir / "plan/plan.json");
    write_text(s.dir / "plan/plan.json", replaced(json, "\"first_step\":5", "\"first_step\":6"));
    CHECK(verified(s) != 0);
    write_text(s.dir / "plan/plan.json", replaced(json, "\"epoch_steps\":", "\"epoch_steps\":1"));
    CHECK(verified(s) != 0);
    s.command.start.reset();
    s.command.step = 3, s.command.force = true;
    plan_batches(s.command);
    CHECK(verified(s) == 0);
    s.command.step.reset();
    s.command.epochs = 3;
    plan_batches(s.command);
    CHECK(verified(s) == 0);
    fs::rename(s.dir / "plan/epoch-1", s.dir / "epoch-1");
    CHECK(verified(s) == 1);
    fs::rename(s.dir / "epoch-1", s.dir / "plan/epoch-3");
    CHECK(verified(s) == 1);
  }
}

TEST_CASE("whatever plan.json says wrong is found") {
  Sizes s(random_counts(203, 60), random_counts(203, 900));
  s.command.strategy = "next-fit", s.command.tail = "drop", s.command.shapes = 2, s.command.oversize = "skip", s.command.min_atoms = 2;
  s.command.mix = "atoms.npy=1.5";
  plan_batches(s.command);
  REQUIRE(verified(s) == 0);
  const std::string path = s.dir / "plan/plan.json", good = read_text(path);
  simdjson::dom::parser parser;
  const simdjson::padded_string text(good);
  const simdjson::dom::object root = parser.parse(text);
  // What leaves no trace in such a plan.
  const std::set<std::string_view> free{"seconds", "atp", "drop_last"};
  for (const auto& [key, value] : root) {
    const std::string field = "\"" + std::string(key) + "\":", is = simdjson::minify(value);
    for (std::string forged : {"null", "-1", "0", "1", "\"x\"", "4294967296", "18446744073709551615", "1e300", "[]", "{}", "true", "false", "\"jsonl\"", "\"atoms.npy=1000000\"", "\"deal\"", "\"repeat\"", "\"0000000000000000\""}) {
      if (forged == is || free.contains(key) || (key == "mix" && forged == "0")) continue;
      if ((key == "max_edges" || key == "max_graphs") && forged == "4294967296") continue;  // a limit that does not bind
      if (key == "cutoff" && forged != "0" && forged.find_first_not_of("0123456789e") == std::string::npos) continue;  // the edges come from a file here
      write_text(path, replaced(good, field + is, field + forged));
      CAPTURE(field);
      CAPTURE(forged);
      std::string said;
      const int exit = verified(s, &said);
      CHECK((exit == 1 || exit == 3));
      if (exit == 3) CHECK(said.starts_with(path));
    }
    write_text(path, replaced(good, field + is, field + is + "," + field + is));
    if (key != "seconds" && key != "atp") CHECK(verified(s) != 0);
  }
  write_text(path, replaced(good, "\"padding\":", "\"unknown\":1,\"padding\":"));
  CHECK(verified(s) == 1);
  for (std::size_t n = 0; n < good.size(); n += 1 + n / 16) {
    write_text(path, good.substr(0, n));
    CHECK(verified(s) == 3);
  }
}

TEST_CASE("arrays of other types and shapes are not a plan's") {
  Sizes s(random_counts(60, 60), random_counts(60, 900));
  plan_batches(s.command);
  for (const char* name : {"indices", "offsets", "schedule", "atoms", "edges", "graphs"}) {
    const std::string path = s.dir / (std::string("plan/") + name + ".npy"), good = read_text(path);
    const bool narrow = good.find("'<u4'") != std::string::npos;
    write_text(path, replaced(good, narrow ? "'<u4'" : "'<i8'", narrow ? "'<i4'" : "'<u8'"));
    CAPTURE(name);
    CHECK(verified(s) == 1);
    write_text(path, good + "more");
    CHECK(verified(s) == 1);
    write_text(path, good);
  }
  CHECK(verified(s) == 0);
}

TEST_CASE("edges that a plan does not know of are not its edges") {
  Sizes s(random_counts(60, 60), random_counts(60, 900));
  plan_batches(s.command);
  const std::string path = s.dir / "plan/plan.json", good = read_text(path);
  const auto at = good.find("\"edges_hash\":\"");
  write_text(path, good.substr(0, at) + "\"edges_hash\":null" + good.substr(at + 31));
  CHECK(verified(s) == 1);
  s.command.edges.clear();
  CHECK(verified(s) == 1);  // edges.npy is there
  s.command.output = s.dir / "without";
  plan_batches(s.command);
  CHECK(s.verify("without") == Exit::ok);
  s.command.edges = s.dir / "edges.npy";
  CHECK(s.verify("without") == Exit::no);
}

TEST_CASE("no graphs at all are planned with all files, edges among them") {
  Sizes s({});
  write_npy(s.dir / "edges.npy", {});
  s.command.edges = s.dir / "edges.npy";
  plan_batches(s.command);
  CHECK(array(s.dir / "plan/edges.npy").empty());
  CHECK(verified(s) == 0);
}
