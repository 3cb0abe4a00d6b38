// Text files that end within a line: whether the number they end with is whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atp {

// Whoever writes by hand may leave out the last newline; a file that was cut off has none, and its last number may lack
// digits and still be one. Lines of the same table are shown one after the other; the last one is judged by them.
class LastNumber {
 public:
  enum class Is {
    whole,     // no number, or with as many digits as all lines before
    doubtful,  // nothing tells
    cut,       // all lines before have more digits
  };

  void add(std::string_view line);
  Is judge(std::string_view last_line) const;

  // For a note: "x.xyz:12 ends without a newline within its last number '0.12': it may have been cut off".
  static std::string doubt(const std::string& place, std::string_view last_line);
  // For an error that it has been.
  static std::string cut(std::string_view last_line);
  static constexpr const char* kFix = "copy the file again, or end it with a newline if it is whole";

 private:
  struct Digits {
    std::size_t decimals = 0, exponent = 0;
    bool operator==(const Digits&) const = default;
  };
  static std::optional<Digits> digits_of(std::string_view word);

  std::optional<Digits> digits_;  // of all lines so far
  std::uint64_t lines_ = 0;
  bool uniform_ = true;
};

}  // namespace atp
