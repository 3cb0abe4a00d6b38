// A disk in memory that remembers every step, and what a power cut may leave of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/io/output_file.h"

namespace atp::test {

using FileBytes = std::vector<std::byte>;

// What a power cut may do, by POSIX: of the writes and truncates of a file that no completed sync
// covers, any may be lost, whole or by 512-byte sectors, in any order; likewise the file's size, so
// that holes (zeros) or old bytes appear; of the changes to the directory since its last sync, any.
// One thread at a time.
class SimulatedDisk final : public Disk {
 public:
  // What a step does when it is told to fail. Bytes may have been written all the same.
  struct Fault {
    int code = 0;          // errno
    double done = 0;       // the part of a failing write that was done nevertheless
    bool for_good = false; // all later steps fail as well
  };

  // A file that has always been there.
  void put(const std::string& path, FileBytes bytes);
  // Step `step` (from 0, syncs and directory changes counted) fails.
  void fail_at(std::uint64_t step, Fault fault);

  // Steps so far.
  std::uint64_t steps() const { return log_.size(); }
  // The files there are now, as a running program sees them.
  std::map<std::string, FileBytes> files() const;

  // Calls `visit` with what a power cut after the first `steps` steps may leave of `path`: nothing or a
  // file's bytes. `random` chooses among what is too much to enumerate.
  using Visit = std::function<void(const std::optional<FileBytes>&)>;
  void power_cut(std::uint64_t steps, const std::string& path, std::mt19937_64& random, int random_states, const Visit& visit) const;

  std::unique_ptr<OutputFile> create_beside(const std::string& target) override;
  std::unique_ptr<OutputFile> open_existing(const std::string& path) override;
  void rename(const std::string& from, const std::string& to, bool replace) override;
  void remove(const std::string& path) noexcept override;

 private:
  friend class SimulatedFile;

  enum class Do { write, truncate, sync_file, link, unlink, sync_folder };
  struct Step {
    Do what;
    std::size_t file = 0;      // write, truncate, sync_file, link
    std::uint64_t offset = 0;  // write; truncate: the new size
    FileBytes bytes{};         // write
    std::string path{};        // link, unlink
  };
  struct Pending;

  // Logs the step and does it, unless it is to fail. Throws Error (exit 4).
  void run(Step step, const std::string& path, const char* operation);
  static void apply(const Step& step, FileBytes& bytes);
  Pending pending_after(std::uint64_t steps, std::size_t file) const;
  std::vector<std::optional<std::size_t>> names_after(std::uint64_t steps, const std::string& path) const;

  std::vector<Step> log_;
  std::vector<FileBytes> contents_;             // by file number: as a running program sees them
  std::map<std::string, std::size_t> folder_;   // likewise
  std::map<std::string, std::size_t> at_start_;
  std::vector<FileBytes> content_at_start_;
  std::optional<std::uint64_t> failing_step_;
  Fault fault_;
  unsigned counter_ = 0;
};

}  // namespace atp::test
