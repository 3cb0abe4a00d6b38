// Parses everything, then runs one command; the only place that prints errors and picks exit codes.
#include <fcntl.h>
#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "cmd/commands.h"
#include "cmd/manual.h"
#include "cmd/options.h"
#include "cmd/pack_advice.h"
#include "cmd/terminal.h"
#include "cmd/usage.h"
#include "cmd/version.h"
#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/base/nearest_name.h"
#include "core/io/mapped_file.h"
#include "core/io/temporary_name.h"
#include "core/mpi/ranks.h"

namespace atp {
namespace {

// A file opened while one of the standard streams is closed would get its number, and messages
// would be written into it. The stand-ins refuse to be used, as a closed stream does.
void keep_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1) (void)::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
}

// Batches come and go by the megabyte. What one gives back the next one takes: given to the kernel in between, every page would be cleared
// and faulted in anew, a quarter of the time of packing.
void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

const Command& command_named(const std::string& name) {
  if (const Command* command = find_command(name)) return *command;
  std::string fix = did_you_mean(name, command_names());
  throw Error(Exit::usage, "", fmt::format("unknown command '{}'", name), fix.empty() ? "see atp help" : fix);
}

Exit show_help(const std::vector<std::string>& about) {
  if (about.size() > 1) {
    throw Error(Exit::usage, "", fmt::format("unexpected argument '{}'", about[1]), "write atp help COMMAND");
  }
  print(about.empty() || about[0] == "help" ? overview() : command_help(command_named(about[0])));
  return Exit::ok;
}

Exit run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return show_help({});
  const std::string& first = arguments[0];
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (first == "help") return show_help(rest);
  if (first == "--help" || first == "-h") return show_help({});
  if (first == "--version" || first == "-V") {
    print(version_text());
    return Exit::ok;
  }
  if (first.starts_with('-') && first.size() > 1) {
    const std::string meant = did_you_mean(first, {"--help", "--version"});
    throw Error(Exit::usage, "", fmt::format("option '{}' stands before the command", first), meant.empty() ? "write atp COMMAND [OPTIONS]" : meant);
  }

  const Command& command = command_named(first);
  set_command_name(command.name);
  guard_mapped_reads(command.name.data());  // a literal, so it ends in NUL and lives for ever
  DeclaredCommand declared = declare(command);
  try {
    parse_arguments(declared, rest);
  } catch (const CLI::CallForHelp&) {
    print(command_help(command));
    return Exit::ok;
  }
  if (command.name == "pack") return declared.run();
  try {
    return declared.run();
  } catch (const Error& e) {
    throw with_pack_advice(e);
  }
}

// The result so far goes out even when an error follows it. The error is what counts then.
int fail(Exit exit, const std::string& text) {
  try {
    flush_stdout();
  } catch (...) {
  }
  print_error(text);
  return static_cast<int>(exit);
}

int run_and_report(const std::vector<std::string>& arguments) {
  try {
    const Exit exit = run(arguments);
    flush_stdout();
    return static_cast<int>(exit);
  } catch (const Error& e) {
    return fail(e.exit(), without_temporary_names(e.what()));
  } catch (const FailedElsewhere& e) {  // that process says why
    return static_cast<int>(e.exit);
  } catch (const Interrupted& e) {
    return 128 + e.signal;
  } catch (const ClosedPipe&) {
    return static_cast<int>(Exit::ok);
  } catch (const std::bad_alloc&) {
    return fail(Exit::system, "out of memory; use fewer threads with -j");
  } catch (const std::exception& e) {
    return fail(Exit::system, fmt::format("unexpected failure: {}", e.what()));
  }
}

}  // namespace
}  // namespace atp

int main(int argc, char** argv) {
  atp::keep_standard_streams();
  atp::keep_freed_memory();
  // A closed pipe is an error of write(), so that destructors run and temporary files go.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file beyond ulimit -f
  atp::catch_interrupts();
  try {
    return atp::run_and_report(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (...) {  // out of memory while saying so
    std::fputs("atp: out of memory\n", stderr);
    return static_cast<int>(atp::Exit::system);
  }
}
