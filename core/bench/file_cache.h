// The page cache as a benchmark handles it: emptied of a file, filled with it, looked at.
#pragma once

#include <string>
#include <vector>

namespace atp {

// The share of the files' pages that are in memory, 0 to 1; mapped and asked (mincore), nothing is read.
// Throws Error when a file cannot be opened.
double resident_share(const std::vector<std::string>& files);

// Asks the kernel to forget the files' pages, after what is dirty has been written; pages that some process has
// mapped stay. Returns the share that is in memory afterwards: above kGone the files are not cold.
double drop_from_cache(const std::vector<std::string>& files);
inline constexpr double kGone = 0.02;

// Reads the files from end to end, so that all are in the same state however they were written.
void read_into_cache(const std::vector<std::string>& files);

// Waits until what was made or removed in `folder` is on the disk. Not the whole file system: what other programs have
// left to be written may take minutes. Throws Error.
void settle_folder(const std::string& folder);

}  // namespace atp
