#include "core/bench/serve.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <thread>

#include "core/base/error.h"
#include "core/bench/child.h"
#include "core/bench/counters.h"
#include "core/bench/statistics.h"

namespace atp {
namespace {

// Molecules are made in chunks of this many bytes or molecules before the clock runs.
constexpr std::size_t kChunkBytes = std::size_t{64} << 20, kChunkMolecules = 65536;

std::uint64_t number(const std::vector<std::string>& words, std::size_t i) {
  std::uint64_t value = 0;
  if (i >= words.size()) throw Error(Exit::system, "", "a command is cut short");
  std::from_chars(words[i].data(), words[i].data() + words[i].size(), value);
  return value;
}

class Server {
 public:
  Server(Store& store, const Load& load) : store_(store), load_(load) {}

  std::string answer(const std::vector<std::string>& words) {
    const std::string& command = words.at(0);
    if (command == "write") return write(number(words, 1), std::stod(words.at(2)));
    if (command == "order") return order(words.at(1), number(words, 2));
    if (command == "open") return open();
    if (command == "pass") return pass(words);
    if (command == "meet") {
      for (const double at = std::stod(words.at(1)); now_seconds() < at;) std::this_thread::yield();
      return "ok";
    }
    if (command == "close") {
      store_.close();
      return "ok";
    }
    throw Error(Exit::system, "", fmt::format("unknown command '{}'", command));
  }

 private:
  std::string write(std::uint64_t molecules, double budget) {
    StoreShape shape;
    shape.molecules = molecules;
    for (std::uint64_t i = 0; i < molecules; ++i) {
      shape.atoms += load_.atoms(i);
      shape.payload += load_.payload(load_.atoms(i));
    }
    double seconds = 0;
    const auto timed = [&](const auto& work) {
      const double start = now_seconds();
      work();
      seconds += now_seconds() - start;
    };
    MoleculeChunk chunk;
    std::uint64_t done = 0;
    timed([&] { store_.begin(shape); });
    while (done < molecules && (done == 0 || seconds < budget)) {
      // Small chunks at first, or a slow store would be far beyond its time before it is looked at; soon large ones, or
      // what a store does at the end of each would count.
      const double soon = seconds > 0 ? static_cast<double>(done) / seconds * budget / 8 : 0;
      const std::size_t most = std::clamp<std::size_t>(static_cast<std::size_t>(soon), 64, std::min<std::size_t>(kChunkMolecules, std::max<std::size_t>(64, 16 * done)));
      chunk.clear();
      while (done + chunk.size() < molecules && chunk.size() < most && chunk.bytes() < kChunkBytes) load_.add(done + chunk.size(), chunk);
      const auto made = chunk.molecules();
      timed([&] { store_.add(made); });
      done += made.size();
    }
    timed([&] { store_.finish(); });
    return fmt::format("ok molecules {} seconds {}", done, seconds);
  }

  std::string order(const std::string& path, std::uint64_t molecules) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const auto size = file.tellg();
    if (!file || size < 0) throw Error(Exit::system, path, "cannot be read");
    order_.resize(static_cast<std::size_t>(size) / 8);
    file.seekg(0);
    file.read(reinterpret_cast<char*>(order_.data()), static_cast<std::streamsize>(order_.size() * 8));
    if (!file) throw Error(Exit::system, path, "cannot be read");
    if (molecules == 0) throw Error(Exit::system, "", "a store of no molecules cannot be read");
    molecules_ = molecules;
    return fmt::format("ok count {}", order_.size());
  }

  std::string open() {
    store_.close();
    const ResidentMemory before = resident_memory();
    const double start = now_seconds();
    store_.open();
    if (!order_.empty()) (void)store_.one_by_one(std::span(order_).first(1), nullptr);
    const double seconds = now_seconds() - start;
    const ResidentMemory after = resident_memory();
    const auto more = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
    return fmt::format("ok seconds {} resident {} anonymous {}", seconds, more(after.all, before.all), more(after.anonymous, before.anonymous));
  }

  std::string pass(const std::vector<std::string>& words) {
    const std::string& how = words.at(1);
    const std::uint64_t first = number(words, 2), count = number(words, 3), batch = number(words, 4);
    if (first > order_.size() || count > order_.size() - first) throw Error(Exit::system, "", "a pass goes beyond its list");
    const auto list = std::span(order_).subspan(first, count);
    Ticks ticks;
    Ticks* const wanted = number(words, 5) == 1 ? &ticks : nullptr;
    if (wanted) ticks.seconds().reserve(count);
    store_.get_ready();
    const ProcessCounters before = ProcessCounters::now();
    const double start = now_seconds();
    const std::uint64_t sum = how == "one" ? store_.one_by_one(list, wanted) : how == "batch" ? store_.in_batches(list, batch, wanted) : in_order(first, count, wanted);
    const double end = now_seconds();
    const ProcessCounters c = ProcessCounters::now() - before;
    std::string line = fmt::format("ok start {} end {} sum {} user {} system {} minor {} major {} io {} storage {} calls {}", start, end, sum, c.user_seconds,
                                   c.system_seconds, c.minor_faults, c.major_faults, c.has_io ? 1 : 0, c.storage_bytes, c.read_calls);
    if (ticks.seconds().size() >= kFewestTimes) line += fmt::format(" latency {}", fmt::join(shares(ticks.seconds()), ","));
    return line;
  }

  std::uint64_t in_order(std::uint64_t first, std::uint64_t count, Ticks* ticks) {
    std::uint64_t sum = 0;
    for_each_run(first, count, molecules_, [&](std::uint64_t from, std::uint64_t some) { sum += store_.sequential(from, some, ticks); });
    return sum;
  }

  static std::vector<double> shares(const std::vector<float>& seconds) {
    std::vector<double> sorted(seconds.begin(), seconds.end());
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> out;
    for (const double share : kLatencyShares) out.push_back(sorted.empty() ? 0 : percentile(sorted, share));
    return out;
  }

  Store& store_;
  const Load& load_;
  std::vector<std::uint64_t> order_;
  std::uint64_t molecules_ = 0;
};

}  // namespace

void serve_store(int socket, const std::function<std::unique_ptr<Store>()>& make, const Load& load) {
  Commands commands(socket);
  std::unique_ptr<Store> store = make();
  store->set_custom(load.custom());
  Server server(*store, load);
  for (std::vector<std::string> words; commands.next(words);) {
    try {
      commands.answer(server.answer(words));
    } catch (const Error& e) {
      commands.answer(fmt::format("{} {}", e.exit() == Exit::input ? kBadInput : "error", e.what()));
    } catch (const std::exception& e) {
      commands.answer(fmt::format("error {}", e.what()));
    }
  }
}

}  // namespace atp
