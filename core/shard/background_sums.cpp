#include "core/shard/background_sums.h"

#include <atomic>
#include <utility>

#include "core/base/interrupt.h"

namespace atp {

BackgroundSums::BackgroundSums(std::size_t files, int threads) : sums_(files) {
  for (int i = 0; i < threads && static_cast<std::size_t>(i) < files; ++i) threads_.emplace_back([this] { work(); });
}

BackgroundSums::~BackgroundSums() {
  {
    std::lock_guard lock(mutex_);
    given_up_ = complete_ = true;
  }
  wake_.notify_all();
  for (auto& t : threads_) {
    if (t.joinable()) t.join();
  }
}

void BackgroundSums::add(std::size_t file, std::string path) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({file, std::move(path)});
  }
  wake_.notify_one();
}

void BackgroundSums::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !waiting_.empty() || complete_; });
      if (given_up_ || waiting_.empty()) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      sums_[job.file] = sums_of(*open_input_file(job.path), {}, [this](std::uint64_t) {
        throw_if_interrupted();
        std::lock_guard lock(mutex_);
        if (given_up_) throw Interrupted{0};  // nobody waits for it any more
      });
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      given_up_ = true;
    }
  }
}

const std::vector<FileSums>& BackgroundSums::finish() {
  {
    std::lock_guard lock(mutex_);
    complete_ = true;
  }
  wake_.notify_all();
  for (auto& t : threads_) t.join();
  threads_.clear();
  if (error_) std::rethrow_exception(error_);
  return sums_;
}

}  // namespace atp
