#include "core/base/nearest_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace atp {
namespace {

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// Insertions, deletions, replacements and swaps of neighbours that turn a into b.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string w = lower(word);
  std::string best;
  std::size_t best_distance = SIZE_MAX, begun = 0;
  std::string begins;
  for (const std::string& candidate : candidates) {
    const std::string c = lower(candidate);
    const std::size_t distance = edit_distance(w, c);
    // One slip in three letters; a word that has to be replaced as a whole is no slip.
    const std::size_t most = std::max<std::size_t>(1, std::max(w.size(), c.size()) / 3);
    if (distance <= most && distance < std::max(w.size(), c.size()) && distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
    if (w.size() >= 2 && c.starts_with(w)) {
      begins = candidate;
      ++begun;
    }
  }
  return best.empty() && begun == 1 ? begins : best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string name = nearest_name(word, candidates);
  return name.empty() ? "" : fmt::format("did you mean '{}'?", name);
}

}  // namespace atp
