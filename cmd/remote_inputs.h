// Inputs on a server, for commands that need all of their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atp {

// Replaces addresses by local paths: of what lies in the Hub's cache, else of what is pulled into it. More than 100 MB are
// pulled only with --yes, or when the user says so on the terminal. Throws Error (exit 2) when not, and for plain https://
// addresses; exit 5.
void fetch_inputs(std::vector<std::string>& inputs);

// The local path of an hf:// address whose files are all in the cache; empty when they are not.
std::string cached_input(const std::string& address);

// Asks before a command moves more than 100 MB. Throws Error (exit 2) when the answer is no, or nobody can be asked.
void confirm_transfer(const std::string& address, std::uint64_t bytes);

}  // namespace atp
