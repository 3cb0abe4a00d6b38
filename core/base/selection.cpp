#include "core/base/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"

namespace atp {
namespace {

// Sizes are unsigned and steps negative; in 128 bits neither needs a special case.
__extension__ typedef __int128 Wide;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::string_view trimmed(std::string_view s) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

[[noreturn]] void fail(std::string what) {
  throw Error(Exit::usage, "", std::move(what), "write records like 0,5,10:20,-1 or ::2");
}

// Numbers too large for 64 bits are cut to the limits, where Python's slices cannot tell the difference.
std::int64_t parse_integer(std::string_view text, std::string_view part) {
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits.front() == '-';
  if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    fail(fmt::format("'{}' is no record number and no slice", part));
  }
  Wide value = 0;
  for (const char c : digits) value = std::min<Wide>(value * 10 + (c - '0'), Wide{kHighest} + 1);
  if (negative) value = -value;
  return static_cast<std::int64_t>(std::clamp<Wide>(value, kLowest, kHighest));
}

std::optional<std::int64_t> parse_bound(std::string_view text, std::string_view part) {
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  return parse_integer(text, part);
}

}  // namespace

Selection Selection::parse(std::string_view spec) {
  if (trimmed(spec).empty()) fail("no records are named");
  Selection result;
  for (bool more = true; more;) {
    const auto comma = spec.find(',');
    more = comma != std::string_view::npos;
    const std::string_view text = trimmed(spec.substr(0, comma));
    if (more) spec.remove_prefix(comma + 1);
    if (text.empty()) fail("a record number is missing beside a comma");

    Part part{false, std::nullopt, std::nullopt, 1};
    const auto first = text.find(':');
    if (first == std::string_view::npos) {
      part.start = parse_integer(text, text);
    } else {
      part.slice = true;
      const auto second = text.find(':', first + 1);
      part.start = parse_bound(text.substr(0, first), text);
      part.stop =
          parse_bound(text.substr(first + 1, second == std::string_view::npos ? second : second - first - 1), text);
      if (second != std::string_view::npos) part.step = parse_bound(text.substr(second + 1), text).value_or(1);
      if (part.step == 0) fail(fmt::format("the step of '{}' is 0", text));
    }
    result.parts_.push_back(part);
  }
  return result;
}

bool Selection::needs_size() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& p) { return p.start.value_or(0) < 0 || p.stop.value_or(0) < 0 || p.step < 0; });
}

// Slices as PySlice_AdjustIndices resolves them.
Selection::Range Selection::resolve(const Part& part, std::uint64_t size) {
  const Wide n = size;
  if (!part.slice) {
    const Wide i = *part.start < 0 ? *part.start + n : Wide{*part.start};
    if (i < 0 || i >= n) {
      const std::string what = size == 0 ? fmt::format("there is no record {}: the dataset is empty", *part.start)
                                         : fmt::format("record {} is outside 0..{}", *part.start, size - 1);
      throw Error(Exit::usage, "", what);
    }
    return {static_cast<std::uint64_t>(i), 1, 1};
  }
  const bool down = part.step < 0;
  const Wide lowest = down ? -1 : 0, highest = down ? n - 1 : n;
  const auto adjust = [&](std::int64_t bound) {
    return std::clamp<Wide>(bound < 0 ? bound + n : Wide{bound}, lowest, highest);
  };
  const Wide start = part.start ? adjust(*part.start) : (down ? highest : lowest);
  const Wide stop = part.stop ? adjust(*part.stop) : (down ? lowest : highest);
  const Wide distance = down ? start - stop : stop - start;
  if (distance <= 0) return {0, 1, 0};
  const Wide step = down ? -Wide{part.step} : Wide{part.step};
  return {static_cast<std::uint64_t>(start), part.step, static_cast<std::uint64_t>((distance - 1) / step + 1)};
}

std::uint64_t Selection::count(std::uint64_t size) const {
  std::uint64_t total = 0;
  for (const Part& part : parts_) {
    const std::uint64_t n = resolve(part, size).count;
    total = n > kMost - total ? kMost : total + n;  // many whole copies of an enormous dataset
  }
  return total;
}

void Selection::check_not_empty(std::uint64_t size) const {
  if (count(size) == 0 && size != 0) {
    throw Error(Exit::usage, "", "--records selects none of the records", "slices are START:STOP:STEP, as in Python");
  }
}

void Selection::for_each(std::uint64_t size, const std::function<void(std::uint64_t)>& fn) const {
  for (const Part& part : parts_) {
    const Range range = resolve(part, size);
    Wide i = range.start;
    for (std::uint64_t k = 0; k < range.count; ++k, i += range.step) fn(static_cast<std::uint64_t>(i));
  }
}

bool Selection::contains(std::uint64_t i, std::uint64_t size) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    const Range range = resolve(part, size);
    if (range.count == 0) return false;
    const Wide distance = Wide{i} - Wide{range.start};
    return distance % range.step == 0 && distance / range.step >= 0 && distance / range.step < Wide{range.count};
  });
}

std::optional<std::uint64_t> Selection::end() const {
  std::uint64_t end = 0;
  for (const Part& part : parts_) {
    if (part.slice && !part.stop) return std::nullopt;
    const auto size = part.slice ? static_cast<std::uint64_t>(*part.stop) : kMost;
    const Range range = resolve(part, size);
    if (range.count == 0) continue;
    end = std::max(end, static_cast<std::uint64_t>(Wide{range.start} + Wide{range.count - 1} * range.step + 1));
  }
  return end;
}

}  // namespace atp
