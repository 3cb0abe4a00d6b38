#include "core/bench/crew.h"

#include <algorithm>

namespace atp {

Crew::Crew(std::size_t size) : errors_(std::max<std::size_t>(1, size)) {
  for (std::size_t part = 1; part < errors_.size(); ++part) threads_.emplace_back([this, part] { wait_for_work(part); });
}

Crew::~Crew() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (auto& t : threads_) t.join();
}

void Crew::share(std::size_t n, const Work& work) {
  {
    std::lock_guard lock(mutex_);
    work_ = &work;
    n_ = n;
    busy_ = threads_.size();
    ++round_;
  }
  changed_.notify_all();
  run(0);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return busy_ == 0; });
  for (const auto& error : errors_) {
    if (error) std::rethrow_exception(error);
  }
}

void Crew::wait_for_work(std::size_t part) {
  for (std::uint64_t done = 0;; ++done) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return over_ || round_ != done; });
    if (over_) return;
    lock.unlock();
    run(part);
    lock.lock();
    if (--busy_ == 0) changed_.notify_all();
  }
}

void Crew::run(std::size_t part) {
  errors_[part] = nullptr;
  try {
    (*work_)(part, n_ * part / errors_.size(), n_ * (part + 1) / errors_.size());
  } catch (...) {
    errors_[part] = std::current_exception();
  }
}

}  // namespace atp
