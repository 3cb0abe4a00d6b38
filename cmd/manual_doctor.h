// The manual of `atp doctor`. Private to commands.
#pragma once

#include <string_view>

#include "cmd/commands.h"

namespace atp {

inline constexpr Example kDoctorExamples[] = {
    {"atp doctor", "the build, this machine, the current folder"},
    {"atp doctor /scratch /home/me", "the file systems of two folders, and what is known to go wrong there"},
    {"atp doctor --json > report.json", "for a bug report"},
};

inline constexpr std::string_view kDoctorDetails =
    "Prints what a bug report needs: version, commit, compiler and optional parts of the build; CPU, what it can do and how many "
    "of them this process may use; memory and the job's limit; the kernel; limits of this session (ulimit); the terminal; and the "
    "environment variables that change what atp does. Values of tokens, and names and passwords in the addresses of proxies, are never shown.\n"
    "\n"
    "For each folder (without any: the current one) it names the file system and its mount options, tries whether locks work, which pack "
    "--append, shard and the Hub's cache rely on, and lists known traps: locks that hold on one node only, appends that "
    "other nodes see late, containers' layers that are thrown away. Nothing is left behind there. How fast it is, atp bench --dir measures.";

}  // namespace atp
