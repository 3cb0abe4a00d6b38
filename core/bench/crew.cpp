#include "core/bench/crew.h"

#include <algorithm>

namespace atp {
namespace {

template <class Condition>
void spin_until(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

}  // namespace

Crew::Crew(std::size_t size) : errors_(std::max<std::size_t>(1, size)) {
  try {
    for (std::size_t part = 1; part < errors_.size(); ++part) threads_.emplace_back([this, part] { live(part); });
  } catch (...) {  // the system grants no more: those that are there must end, or the program would
    dismiss();
    throw;
  }
}

Crew::~Crew() { dismiss(); }

void Crew::dismiss() {
  over_ = true;
  { const std::lock_guard lock(mutex_); }  // none is between looking at over_ and falling asleep
  called_.notify_all();
  for (auto& t : threads_) t.join();
}

void Crew::assemble() {
  if (here_ == threads_.size()) return;
  {
    const std::lock_guard lock(mutex_);
    ++calls_;
  }
  called_.notify_all();
  spin_until([&] { return here_ == threads_.size(); });
}

void Crew::share(std::size_t n, const Work& work) {
  assemble();
  work_ = &work;
  n_ = n;
  here_ = 0;
  busy_ = threads_.size();
  ++round_;
  run(0);
  spin_until([&] { return busy_ == 0; });
  for (const auto& error : errors_) {
    if (error) std::rethrow_exception(error);
  }
}

void Crew::live(std::size_t part) {
  for (std::uint64_t rounds = 0;; ++rounds) {
    {
      std::unique_lock lock(mutex_);
      called_.wait(lock, [&] { return over_ || calls_ > rounds; });
    }
    ++here_;
    spin_until([&] { return over_ || round_ > rounds; });
    if (over_) return;
    run(part);
    --busy_;
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
