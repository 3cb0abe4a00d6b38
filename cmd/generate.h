// Man pages and shell completions, printed from the declarations of the commands.
#pragma once

#include <map>
#include <string>

namespace atp {

// File name -> content. `man atp.5` is written by hand and not among them.
std::map<std::string, std::string> generate_man();
std::map<std::string, std::string> generate_completions();

}  // namespace atp
