// A wrong command line, told in our words.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cmd/commands.h"

namespace atp {

// Parses the arguments behind the command's name. Throws Error (exit 2) for a wrong command line,
// CLI::CallForHelp when help is asked for.
void parse_arguments(DeclaredCommand& declared, std::vector<std::string> arguments);

}  // namespace atp
