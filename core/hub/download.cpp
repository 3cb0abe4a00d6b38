#include "core/hub/download.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <list>
#include <map>

#include "core/base/interrupt.h"
#include "core/hub/download_file.h"
#include "core/hub/range_get.h"
#include "core/hub/retry.h"

namespace atp {
namespace {

// Workers take ranges of files that are open, or open the next file; a thread for each open file hashes it as it grows.
class Download {
 public:
  Download(const std::vector<PullItem>& items, HttpShared& shared, const DownloadOptions& options)
      : items_(items), shared_(shared), options_(options) {}

  void run();

 private:
  struct Open {
    std::shared_ptr<DownloadFile> file;
    std::thread hasher;
    bool finished = false;
  };
  struct Work {
    std::shared_ptr<DownloadFile> file;  // with a range of it,
    std::unique_ptr<RangeTask> range;
    std::optional<std::size_t> item;     // or an item to open
  };

  void worker();
  bool next(Work& work);
  std::optional<std::size_t> take_item();
  void give_back(std::size_t number);
  void open(std::size_t number, HttpClient& client);
  void fetch(DownloadFile& file, RangeTask& task, HttpClient& client);
  void hash(DownloadFile& file);
  void close_finished();
  void file_done(std::size_t number, bool fetched);
  void fail(std::exception_ptr error);
  void guarded(const std::function<void()>& action);

  template <class... Arguments>
  void tell(const std::function<void(Arguments...)>& event, std::type_identity_t<Arguments>... arguments) {
    const std::lock_guard lock(event_mutex_);
    if (event) event(arguments...);
  }

  const std::vector<PullItem>& items_;
  HttpShared& shared_;
  const DownloadOptions& options_;

  std::mutex event_mutex_;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::list<Open> open_;
  std::size_t next_item_ = 0, opening_ = 0, done_ = 0;
  // Files of the same content are one blob with one lock: by locks that are in use, the items that wait for them; and
  // those whose turn has come.
  std::map<std::string, std::vector<std::size_t>> in_use_;
  std::deque<std::size_t> ready_;
  std::exception_ptr error_;
};

// The first error ends all: the other threads look at shared_.stop.
void Download::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  shared_.stop = true;
  changed_.notify_all();
}

void Download::guarded(const std::function<void()>& action) {
  try {
    action();
  } catch (const HttpFailure&) {  // stopped: somebody else has said why
    fail(nullptr);
  } catch (...) {
    fail(std::current_exception());
  }
}

void Download::file_done(std::size_t number, bool fetched) {
  tell(options_.events.done, number, fetched);
  if (options_.check) options_.check(items_[number], fetched);
  const std::lock_guard lock(mutex_);
  give_back(number);
  ++done_;
  changed_.notify_all();
}

void Download::open(std::size_t number, HttpClient& client) {
  const PullItem& item = items_[number];
  FileLock lock(item.target.lock, [&] {
    if (shared_.note) shared_.note(fmt::format("another process is fetching {}; waiting for it", item.file.path));
  });
  if (item.target.present()) {
    lock = {};
    file_done(number, false);
    return;
  }
  auto file = std::make_shared<DownloadFile>(number, item, std::move(lock), locate(client, item.file));
  tell(options_.events.opened, number, file->size(), file->kept());
  const std::lock_guard guard(mutex_);
  Open& opened = open_.emplace_back();
  opened.file = std::move(file);
  opened.hasher = std::thread([this, &opened] {
    guarded([&] { hash(*opened.file); });
    const std::lock_guard own(mutex_);
    opened.finished = true;
    changed_.notify_all();
  });
}

void Download::hash(DownloadFile& file) {
  for (int attempt = 1;; ++attempt) {
    std::string found;
    if (file.hash_all(shared_, found)) break;
    file.restart(shared_);
    tell(options_.events.restarted, file.number());
    if (attempt == 2) {
      remove_partial(file.item().target.partial);
      throw Error(Exit::network, file.item().file.name(), fmt::format("its {} is {}, {} is expected; it was fetched twice", file.hash_name(), found, file.wanted_hash()),
                  "the server holds a damaged file, or something on the way changes it");
    }
    if (shared_.note) shared_.note(fmt::format("{}: its {} is wrong; fetching it anew", file.item().file.path, file.hash_name()));
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  file.publish();
  file_done(file.number(), true);
}

void Download::fetch(DownloadFile& file, RangeTask& task, HttpClient& client) {
  struct Release {
    DownloadFile& file;
    const RangeTask& task;
    ~Release() { file.release(task); }
  } const release{file, task};
  file.renew_after_restart(client);
  if (task.whole) tell(options_.events.restarted, file.number());
  auto [location, version] = file.location();
  RangeGet get;
  get.at = task.at;
  get.end = task.end;
  get.size = file.size();
  get.name = file.item().file.name();
  if (file.item().file.hub.repo.empty()) get.etag = location.etag;
  get.whole_allowed = task.whole || (task.begin == 0 && task.end == file.size());
  get.take = [&](Bytes bytes) {
    const bool going_on = file.add(task, bytes);
    if (going_on) tell(options_.events.advanced, file.number(), bytes.size());
    return going_on;
  };
  if (!file.item().file.hub.repo.empty()) {
    get.renew = [&, known = version]() mutable {
      file.renew_location(client, known);
      auto [fresh, now] = file.location();
      known = now;
      return fresh.url;
    };
  }
  if (get_range(client, location.url, get, about(file.item().file)) != RangeEnd::ranges_ignored) return;
  const int failures = file.ignore_ranges(task);
  if (failures > kMostRetries) {
    throw Error(Exit::network, get.name, "the server sends only the whole file, and the connection broke each time", "try again later");
  }
  if (failures > 0) wait_to_retry(failures, nullptr, shared_);
}

bool Download::next(Work& work) {
  std::unique_lock lock(mutex_);
  for (;;) {
    throw_if_interrupted();
    close_finished();
    if (shared_.stop || done_ == items_.size()) return false;
    for (Open& open : open_) {
      if (open.finished) continue;
      if ((work.range = open.file->take(options_.connections))) {
        work.file = open.file;
        return true;
      }
    }
    if (open_.size() + opening_ < static_cast<std::size_t>(options_.connections) && (work.item = take_item())) {
      ++opening_;
      return true;
    }
    changed_.wait_for(lock, std::chrono::milliseconds(100));
  }
}

// Called with the mutex held.
std::optional<std::size_t> Download::take_item() {
  if (!ready_.empty()) {
    const std::size_t number = ready_.front();
    ready_.pop_front();
    return number;
  }
  while (next_item_ < items_.size()) {
    const std::size_t number = next_item_++;
    const auto [in_use, taken] = in_use_.try_emplace(items_[number].target.lock);
    if (taken) return number;
    in_use->second.push_back(number);
  }
  return std::nullopt;
}

// The item's lock is free again: the next one that waits may have it. Called with the mutex held.
void Download::give_back(std::size_t number) {
  const auto in_use = in_use_.find(items_[number].target.lock);
  if (in_use->second.empty()) {
    in_use_.erase(in_use);
    return;
  }
  ready_.push_back(in_use->second.back());
  in_use->second.pop_back();
}

// Called with the mutex held; a finished hasher needs it no more.
void Download::close_finished() {
  for (auto at = open_.begin(); at != open_.end();) {
    if (!at->finished) {
      ++at;
      continue;
    }
    at->hasher.join();
    at = open_.erase(at);
  }
}

void Download::worker() {
  HttpClient client(shared_);
  for (Work work; next(work); work = {}) {
    if (work.item) {
      open(*work.item, client);
      const std::lock_guard lock(mutex_);
      --opening_;
      changed_.notify_all();
    } else {
      fetch(*work.file, *work.range, client);
    }
  }
}

void Download::run() {
  std::vector<std::thread> threads;
  try {
    for (int i = 0; i < options_.connections; ++i) threads.emplace_back([this] { guarded([this] { worker(); }); });
  } catch (const std::system_error&) {  // those that run do the work
    if (threads.empty()) throw;
  }
  for (std::thread& thread : threads) thread.join();
  for (Open& open : open_) open.hasher.join();
  open_.clear();
  shared_.stop = false;
  if (error_) std::rethrow_exception(error_);
  throw_if_interrupted();
}

}  // namespace

void download(const std::vector<PullItem>& items, HttpShared& shared, const DownloadOptions& options) {
  if (!items.empty()) Download(items, shared, options).run();
}

std::uint64_t kept_bytes(const PullTarget& target) {
  struct stat status = {};
  if (::stat(target.partial.c_str(), &status) != 0) return 0;
  return 512 * static_cast<std::uint64_t>(status.st_blocks);
}

}  // namespace atp
