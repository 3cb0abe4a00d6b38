#include "formats/vasp_convergence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "formats/line_reader.h"
#include "formats/number.h"

namespace atp {
namespace {

std::string first_word(std::string_view text) {
  const auto words = split_words(text);
  std::string word(words.empty() ? std::string_view() : words[0]);
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

// "100;" as "100": a list may go on behind it.
std::optional<std::int64_t> first_integer(std::string_view text) {
  const std::string word = first_word(text);
  std::int64_t v;
  if (!parse_integer(std::string_view(word).substr(0, word.find(';')), v)) return std::nullopt;
  return v;
}

}  // namespace

void LoopLimits::set(std::string_view name, std::string_view value) {
  if (name == "NELM") return set_nelm(value);
  if (name == "ALGO" || name == "IALGO") return set_algorithm(value);
  if (name == "LEPSILON") {
    const std::string word = first_word(value);
    lepsilon_ = word.starts_with('t') || word.starts_with(".t");
  } else if (name == "IBRION") {
    const auto v = first_integer(value);
    response_by_ibrion_ = v == 7 || v == 8;
  } else if (name == "EDIFF") {
    double v;
    ediff_.reset();
    if (read_reals(value, {&v, 1}) == 1) ediff_ = v;
  }
}

// What is no number of steps tells nothing: then no step is called unconverged for its number.
void LoopLimits::set_nelm(std::string_view value) {
  const auto v = first_integer(value);
  told_ = true;
  nelm_ = v && *v > 0 ? static_cast<std::uint64_t>(*v) : std::numeric_limits<std::uint64_t>::max();
}

void LoopLimits::set_algorithm(std::string_view value) {
  const std::string word = first_word(value);
  const auto is_one_of = [&](const auto&... names) { return ((word == names) || ...); };
  if (is_one_of("2", "3", "4", "none", "nothing", "eigenval", "subrot")) {
    algorithm_ = Algorithm::once;
  } else if (is_one_of("90", "exact")) {
    algorithm_ = Algorithm::exact;
  } else {
    algorithm_ = Algorithm::loop;
  }
}

void OutcarLoop::look_at(std::string_view line) {
  static constexpr std::string_view kIteration = "Iteration", kAborting = "aborting loop", kChange = "total energy-change (2. order)";
  if (line.front() == '-') {
    if (const std::size_t at = line.find(kIteration); at != std::string_view::npos) {
      // "Iteration    1(  60)": the step of the loop is the one in parentheses, or is "***".
      const std::size_t open = line.find('(', at), close = line.find(')', at);
      const std::string_view inner = open < close && close != std::string_view::npos ? line.substr(open + 1, close - open - 1) : std::string_view();
      const auto step = first_integer(inner);
      steps_ = step && *step > 0 ? static_cast<std::uint64_t>(*step) : steps_ + 1;
      change_.reset();
      change_bands_.reset();
    } else if (const std::size_t words = line.find(kAborting); words != std::string_view::npos) {
      const std::string_view why = line.substr(words + kAborting.size());
      gave_up_ = gave_up_ || why.find("EDIFF was not reached") != std::string_view::npos || why.find("hard stop") != std::string_view::npos;
    }
  } else if (line[1] == 't' || line[2] == 't') {  // few lines are worth a closer look
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::size_t colon = line.starts_with(kChange) ? line.find(':') : std::string_view::npos;
    if (colon == std::string_view::npos) return;
    const std::string_view numbers = line.substr(colon + 1);  // "-0.1349628E+04  (-0.2724720E+05)"
    const std::size_t open = std::min(numbers.find('('), numbers.size());
    const std::string_view inner = numbers.substr(std::min(open + 1, numbers.size()));
    double v;
    if (read_reals(numbers.substr(0, open), {&v, 1}) == 1) change_ = v;
    if (read_reals(inner.substr(0, inner.find(')')), {&v, 1}) == 1) change_bands_ = v;
  }
}

// As VASP judges: the changes of the energy and of the sum of the eigenvalues.
bool OutcarLoop::below(double ediff) const {
  return change_ && change_bands_ && std::fabs(*change_) < ediff && std::fabs(*change_bands_) < ediff;
}

// In VASP 5 a loop that ends at NELM says that EDIFF is reached all the same, so there the numbers have to show it.
bool OutcarLoop::unconverged(const LoopLimits& limits) const {
  if (!limits.has_loop()) return false;
  if (gave_up_) return true;
  return limits.reached(steps_) && !(limits.ediff() && below(*limits.ediff()));
}

void UnconvergedSteps::add(ReadyFrame& frame, bool unconverged) {
  ++steps_;
  if (!unconverged) return;
  ++unconverged_;
  if (first_.size() < kNamed) first_.push_back(frame.origin.frame);
  frame.structure.put_i64(Kind::molecule, kProperty, 1);
}

bool is_unconverged(const Structure& s) {
  const auto* const mark = s.find(Kind::molecule, UnconvergedSteps::kProperty);
  if (mark == nullptr || (type_info(mark->type).form != Form::scalar)) return false;
  return std::ranges::any_of(mark->payload, [](std::byte b) { return b != std::byte{0}; });
}

void UnconvergedSteps::tell(const std::string& file, std::vector<std::string>& notes) const {
  if (unconverged_ == 0) return;
  notes.push_back(fmt::format("{}: {} of {} step{} did not converge electronically (step{} {}{})", file, unconverged_, steps_, steps_ == 1 ? "" : "s", unconverged_ == 1 ? "" : "s",
                     fmt::join(first_, ", "), unconverged_ > first_.size() ? ", ..." : ""));
}

}  // namespace atp
