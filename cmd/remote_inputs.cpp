#include "cmd/remote_inputs.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "cmd/options.h"
#include "cmd/pull.h"
#include "cmd/remote.h"
#include "cmd/terminal.h"
#include "core/base/interrupt.h"
#include "core/io/fd.h"

namespace atp {
namespace {

constexpr std::uint64_t kFreely = 100'000'000;

// The bytes of the dataset that are not in the cache.
std::uint64_t missing_bytes(const HubCache& cache, const RemoteDataset& dataset) {
  std::uint64_t bytes = 0;
  for (const RemoteFile& file : dataset_part(dataset)) {
    if (!cache.target(file).current() && !cache.blob(file)) bytes += file.size;
  }
  return bytes;
}

bool said_yes() {
  const Fd in(::dup(0));
  std::byte answer[16];
  const std::size_t n = read_some(in, answer, "standard input");
  return n > 0 && (answer[0] == std::byte{'y'} || answer[0] == std::byte{'Y'});
}

void fetch_one(std::string& input) {
  if (is_http_address(input)) {
    throw Error(Exit::usage, shown_address(input), "is on a server, and this command reads files", fmt::format("fetch it first: atp pull {}", shown_address(input)));
  }
  PullCommand command;
  command.source = input;
  const auto shared = remote_access();
  RemoteDataset dataset = find_remote(*shared, input);
  const HubCache cache(shared->environment.cache, shared->environment.symlinks);
  if (!shared->environment.offline) confirm_transfer(input, missing_bytes(cache, dataset));
  input = pull_quietly(command, *shared, std::move(dataset));
}

}  // namespace

void confirm_transfer(const std::string& address, std::uint64_t bytes) {
  if (bytes <= kFreely || common_options().yes) return;
  const std::string where = shown_address(address);
  const std::string what = fmt::format("{} must be fetched", human_bytes(bytes));
  if (::isatty(0) == 1 && ::isatty(2) == 1) {
    note(fmt::format("{}: {}; go on? [y/N]", where, what));
    if (said_yes()) return;
  }
  throw Error(Exit::usage, where, what, fmt::format("pass --yes, or fetch it first: atp pull {}", where));
}

std::string cached_input(const std::string& address) {
  const auto shared = remote_access();
  const HubCache cache(shared->environment.cache, shared->environment.symlinks);
  const HubAddress hub = parse_hub_address(address);
  if (!shared->environment.offline && !cache.commit_of(hub.repo, hub.revision)) return {};
  const RemoteDataset dataset = find_on_hub(*shared, hub);
  for (const RemoteFile& file : dataset_part(dataset)) {
    if (!cache.target(file).current()) return {};
  }
  const std::string snapshot = cache.snapshot(hub.repo, dataset.commit);
  return hub.path.empty() ? snapshot : snapshot + "/" + hub.path;
}

void fetch_inputs(std::vector<std::string>& inputs) {
  for (std::string& input : inputs) {
    if (is_remote(input)) fetch_one(input);
  }
}

}  // namespace atp
