#include "tests/crash/simulated_disk.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <stdexcept>

#include "core/base/error.h"
#include "core/io/fd.h"

namespace atp::test {
namespace {

constexpr std::size_t kSector = 512;

void write_into(FileBytes& file, std::uint64_t offset, Bytes bytes) {
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

// ---- what a running program sees ----------------------------------------------------------------

class SimulatedFile final : public OutputFile {
 public:
  SimulatedFile(SimulatedDisk& disk, std::size_t number, std::string path) : disk_(disk), number_(number), path_(std::move(path)) {}

  const std::string& path() const override { return path_; }
  void write_at(std::uint64_t offset, Bytes bytes) override {
    if (bytes.empty()) return;
    disk_.run({SimulatedDisk::Do::write, number_, offset, FileBytes(bytes.begin(), bytes.end()), {}}, path_, "cannot write");
  }
  void truncate(std::uint64_t size) override {
    disk_.run({SimulatedDisk::Do::truncate, number_, size, {}, {}}, path_, "cannot truncate");
  }
  void sync_data() override { sync(); }
  void sync_all() override { sync(); }
  void start_writeback(std::uint64_t, std::uint64_t) override {}
  std::uint64_t size() override { return bytes().size(); }
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) override {
    if (offset >= bytes().size()) return 0;
    const std::size_t n = std::min<std::size_t>(out.size(), bytes().size() - offset);
    std::copy_n(bytes().begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    return n;
  }
  MappedFile map() override {
    const Fd fd(::memfd_create("simulated", MFD_CLOEXEC));
    if (::write(fd.get(), bytes().data(), bytes().size()) != static_cast<ssize_t>(bytes().size())) {
      throw std::runtime_error("memfd");
    }
    return MappedFile(fd, path_);
  }

 private:
  void sync() { disk_.run({SimulatedDisk::Do::sync_file, number_, 0, {}, {}}, path_, "cannot sync"); }
  const FileBytes& bytes() const { return disk_.contents_[number_]; }

  SimulatedDisk& disk_;
  std::size_t number_;
  std::string path_;
};

void SimulatedDisk::put(const std::string& path, FileBytes bytes) {
  at_start_[path] = folder_[path] = contents_.size();
  content_at_start_.push_back(bytes);
  contents_.push_back(std::move(bytes));
}

void SimulatedDisk::fail_at(std::uint64_t step, Fault fault) {
  failing_step_ = step;
  fault_ = fault;
}

std::map<std::string, FileBytes> SimulatedDisk::files() const {
  std::map<std::string, FileBytes> out;
  for (const auto& [path, number] : folder_) out[path] = contents_[number];
  return out;
}

void SimulatedDisk::apply(const Step& step, FileBytes& bytes) {
  if (step.what == Do::write) write_into(bytes, step.offset, step.bytes);
  if (step.what == Do::truncate) bytes.resize(step.offset);
}

void SimulatedDisk::run(Step step, const std::string& path, const char* operation) {
  const bool fails = failing_step_ && (log_.size() == *failing_step_ || (fault_.for_good && log_.size() > *failing_step_));
  if (fails) {
    // What was done of it stays in the log as an ordinary write; a sync that failed covers nothing.
    const auto done = static_cast<std::size_t>(static_cast<double>(step.bytes.size()) * fault_.done);
    step.bytes.resize(done);
    step.what = Do::write;
  }
  switch (step.what) {
    case Do::write:
    case Do::truncate: apply(step, contents_[step.file]); break;
    case Do::link: folder_[step.path] = step.file; break;
    case Do::unlink: folder_.erase(step.path); break;
    case Do::sync_file:
    case Do::sync_folder: break;
  }
  log_.push_back(std::move(step));
  if (fails) fail_system(path, operation, fault_.code);
}

std::unique_ptr<OutputFile> SimulatedDisk::create_beside(const std::string& target) {
  const std::string path = target + ".tmp-" + std::to_string(counter_++);
  const std::size_t number = contents_.size();
  contents_.emplace_back();
  content_at_start_.emplace_back();
  run({Do::link, number, 0, {}, path}, path, "cannot create");
  return std::make_unique<SimulatedFile>(*this, number, path);
}

std::unique_ptr<OutputFile> SimulatedDisk::open_existing(const std::string& path) {
  return std::make_unique<SimulatedFile>(*this, folder_.at(path), path);
}

// A real rename() is one step; here its halves may be lost separately, as those of link and unlink may.
void SimulatedDisk::rename(const std::string& from, const std::string& to, bool replace) {
  if (!replace && folder_.contains(to)) throw Error(Exit::system, to, "exists already");
  const std::size_t number = folder_.at(from);
  run({Do::link, number, 0, {}, to}, to, "cannot rename onto it");
  remove(from);
  run({Do::sync_folder, 0, 0, {}, {}}, "folder", "cannot sync");
}

void SimulatedDisk::remove(const std::string& path) noexcept {
  if (folder_.erase(path) != 0) log_.push_back({Do::unlink, 0, 0, {}, path});
}

// ---- what a power cut leaves --------------------------------------------------------------------

// A file's last synced bytes, and the steps since.
struct SimulatedDisk::Pending {
  FileBytes synced;
  std::vector<const Step*> steps;
  std::set<std::uint64_t> sizes;  // any of these may be the file's size

  // The file with the sectors that `kept` says (step number, sector of that step), before its size is set.
  FileBytes with(const std::function<bool(std::size_t, std::size_t)>& kept) const {
    FileBytes bytes = synced;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Step& step = *steps[i];
      if (step.what == Do::truncate) {
        if (kept(i, 0)) apply(step, bytes);
        continue;
      }
      // Sectors are those of the disk, not of the write.
      for (std::uint64_t at = step.offset, sector = 0; at < step.offset + step.bytes.size(); ++sector) {
        const std::uint64_t end = std::min((at / kSector + 1) * kSector, step.offset + step.bytes.size());
        if (kept(i, sector)) write_into(bytes, at, Bytes(step.bytes).subspan(at - step.offset, end - at));
        at = end;
      }
    }
    return bytes;
  }

  std::size_t sectors(std::size_t i) const {
    const Step& step = *steps[i];
    if (step.what == Do::truncate || step.bytes.empty()) return 1;
    return (step.offset + step.bytes.size() - 1) / kSector - step.offset / kSector + 1;
  }
};

SimulatedDisk::Pending SimulatedDisk::pending_after(std::uint64_t steps, std::size_t file) const {
  Pending pending;
  pending.synced = content_at_start_[file];
  FileBytes seen = pending.synced;
  pending.sizes = {seen.size()};
  for (std::uint64_t i = 0; i < steps; ++i) {
    const Step& step = log_[i];
    if (step.file != file) continue;
    if (step.what == Do::sync_file) {
      pending.synced = seen;
      pending.steps.clear();
      pending.sizes = {seen.size()};
    } else if (step.what == Do::write || step.what == Do::truncate) {
      if (step.what == Do::write && step.bytes.empty()) continue;  // a step that failed
      apply(step, seen);
      pending.steps.push_back(&step);
      pending.sizes.insert(seen.size());
    }
  }
  return pending;
}

// The files that `path` may stand for: changes of the folder since its last sync, each there or not.
std::vector<std::optional<std::size_t>> SimulatedDisk::names_after(std::uint64_t steps, const std::string& path) const {
  std::optional<std::size_t> synced;
  if (const auto found = at_start_.find(path); found != at_start_.end()) synced = found->second;
  std::set<std::optional<std::size_t>> possible = {synced};
  std::optional<std::size_t> seen = synced;
  for (std::uint64_t i = 0; i < steps; ++i) {
    const Step& step = log_[i];
    if (step.what == Do::sync_folder) possible = {seen};
    if ((step.what != Do::link && step.what != Do::unlink) || step.path != path) continue;
    seen = step.what == Do::link ? std::optional(step.file) : std::nullopt;
    possible.insert(seen);
  }
  return {possible.begin(), possible.end()};
}

void SimulatedDisk::power_cut(std::uint64_t steps, const std::string& path, std::mt19937_64& random, int random_states,
                              const Visit& visit) const {
  for (const auto& file : names_after(steps, path)) {
    if (!file) {
      visit(std::nullopt);
      continue;
    }
    const Pending pending = pending_after(steps, *file);
    const auto with_every_size = [&](FileBytes bytes) {
      for (const std::uint64_t size : pending.sizes) {
        FileBytes sized = bytes;
        sized.resize(size);
        visit(sized);
      }
    };
    with_every_size(pending.with([](auto, auto) { return true; }));
    if (pending.steps.empty()) continue;
    with_every_size(pending.with([](auto, auto) { return false; }));
    for (std::size_t i = 0; i < pending.steps.size(); ++i) {
      with_every_size(pending.with([&](std::size_t s, auto) { return s == i; }));
      with_every_size(pending.with([&](std::size_t s, auto) { return s != i; }));
      with_every_size(pending.with([&](std::size_t s, auto) { return s <= i; }));
      // Torn at every sector, from either end.
      for (std::size_t cut = 1; cut < pending.sectors(i); ++cut) {
        with_every_size(pending.with([&](std::size_t s, std::size_t sector) { return s < i || (s == i && sector < cut); }));
        with_every_size(pending.with([&](std::size_t s, std::size_t sector) { return s != i || sector >= cut; }));
      }
    }
    for (int k = 0; k < random_states; ++k) {
      const std::uint64_t odds = 1 + random() % 7;
      const bool by_sector = k % 2 == 0;
      const std::uint64_t salt = random();
      with_every_size(pending.with([&](std::size_t s, std::size_t sector) {
        std::minstd_rand hash(static_cast<std::uint32_t>(salt + s * 7919 + (by_sector ? sector * 104729 : 0)));
        hash.discard(3);
        return hash() % 8 < odds;
      }));
    }
  }
}

}  // namespace atp::test
