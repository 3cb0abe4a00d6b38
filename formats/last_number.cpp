#include "formats/last_number.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/excerpt.h"
#include "formats/number.h"

namespace atp {
namespace {

constexpr std::uint64_t kEnough = 3;  // lines before, to call their digits a rule
constexpr std::size_t kLeastDecimals = 2;

std::string_view last_word(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  const std::size_t blank = line.find_last_of(" \t,;");
  return blank == std::string_view::npos ? line : line.substr(blank + 1);
}

bool is_number(std::string_view word) {
  double value = 0;
  return parse_real(word, value) && word.find_first_of("0123456789") != std::string_view::npos;
}

}  // namespace

std::optional<LastNumber::Digits> LastNumber::digits_of(std::string_view word) {
  if (!is_number(word)) return std::nullopt;
  const std::size_t exponent = std::min(word.find_first_of("eEdD"), word.size());
  const std::size_t point = std::min(word.find('.'), exponent);
  return Digits{exponent - std::min(point + 1, exponent), word.size() - exponent};
}

void LastNumber::add(std::string_view line) {
  const auto digits = digits_of(last_word(line));
  uniform_ = uniform_ && digits && (!digits_ || *digits_ == *digits);
  digits_ = digits;
  ++lines_;
}

LastNumber::Is LastNumber::judge(std::string_view last_line) const {
  if (last_line.ends_with(' ') || last_line.ends_with('\t')) return Is::whole;
  const auto digits = digits_of(last_word(last_line));
  if (!digits) return Is::whole;
  if (!uniform_ || !digits_ || lines_ < kEnough || digits_->decimals < kLeastDecimals) return Is::doubtful;
  if (*digits == *digits_) return Is::whole;
  return digits->decimals <= digits_->decimals && digits->exponent <= digits_->exponent ? Is::cut : Is::doubtful;
}

std::string LastNumber::doubt(const std::string& place, std::string_view last_line) {
  return fmt::format("{} ends without a newline within its last number '{}': it may have been cut off", place, excerpt(last_word(last_line)));
}

std::string LastNumber::cut(std::string_view last_line) {
  return fmt::format("the file ends within its last number '{}', the lines before have more digits", excerpt(last_word(last_line)));
}

}  // namespace atp
