// What the parts of `atp verify` share. Private to cmd/verify*.cpp and their tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/verify.h"
#include "core/base/error.h"
#include "core/base/json_writer.h"

namespace atp {

struct VerifyCommand {
  std::vector<std::string> inputs;
  bool quick = false;
  bool values = false;
  bool strict = false;
  std::optional<double> max_force;  // the file's unit; implies values
  bool repair = false;
  bool dry_run = false;
  std::string salvage;  // the new file; empty: no salvage
  bool force = false;
  bool manifest = false;
  bool sums = false;
  std::string check;    // a list of sums; empty: none
  bool json = false;
  std::string format = "text";
};

inline constexpr double kMaxForce = 100;  // eV/Å

// The command. Returns ok, or no when there is damage (or, if strict, a finding); throws Error.
Exit verify(const VerifyCommand& command);

// ---- the modes ----------------------------------------------------------------------------------

Exit verify_datasets(const VerifyCommand& command);
Exit repair_files(const VerifyCommand& command);
Exit salvage(const VerifyCommand& command);
Exit print_sums(const VerifyCommand& command);
Exit check_sums(const VerifyCommand& command);

// The files of all inputs. An input that names none is an Error when it is the only one.
struct NamedFiles {
  std::vector<std::string> files;
  std::vector<std::string> manifests;  // folders with a manifest.json, in or below the inputs
  struct Refusal {
    std::string path;
    Error error;
  };
  std::vector<Refusal> refused;
};
NamedFiles files_of(const std::vector<std::string>& inputs);

// ---- what is printed ----------------------------------------------------------------------------

// A file that was checked, or why it could not be.
struct CheckedFile {
  FileReport report;
  std::optional<Error> refused;

  static CheckedFile refusal(const std::string& path, const Error& error);
};

struct VerifyTotals {
  std::uint64_t files = 0, damaged = 0, refused = 0, damage = 0, findings = 0;
  std::uint64_t records = 0, bytes_read = 0;
  double seconds = 0;
  std::optional<Exit> first_refusal;

  void add(const CheckedFile& file);
  Exit exit(bool strict) const;
};

std::string report_text(const CheckedFile& file, const VerifyCommand& command);
std::string report_github(const CheckedFile& file);
void write_report_json(JsonWriter& w, const CheckedFile& file);
std::string summary_line(const VerifyTotals& totals, const VerifyCommand& command);

// "record 17: bytes 8192..9000: ...", without the file.
std::string damage_line(const Damage& damage);
void write_damage_json(JsonWriter& w, const Bounded<Damage>& damage);

}  // namespace atp
