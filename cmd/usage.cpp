#include "cmd/usage.h"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/options.h"
#include "core/base/error.h"

namespace atp {
namespace {

class Complaint {
 public:
  Complaint(const DeclaredCommand& declared, const std::vector<std::string>& arguments)
      : command_(declared.command->name), app_(*declared.app), arguments_(arguments) {}

  // What CLI11 would misread: an empty value makes it take the next argument, and a value that is
  // left out makes it take the next option.
  void check_arguments() const {
    for (std::size_t i = 0; i < arguments_.size() && arguments_[i] != "--"; ++i) {
      const std::string& argument = arguments_[i];
      const auto equals = argument.find('=');
      const CLI::Option* option = app_.get_option_no_throw(argument.substr(0, equals));
      if (option == nullptr || argument.size() < 2 || argument[0] != '-' || option->get_items_expected_max() == 0)
        continue;
      if (equals == argument.size() - 1)
        fail(fmt::format("option '{}' has an empty value", argument.substr(0, equals)));
      if (equals != std::string::npos) continue;
      if (i + 1 < arguments_.size() && arguments_[i + 1].starts_with("--") &&
          (arguments_[i + 1] == "--" || app_.get_option_no_throw(arguments_[i + 1]) != nullptr)) {
        fail_without_value(*option);
      }
      ++i;  // the value, whatever it looks like
    }
  }

  // Options and arguments nobody takes.
  void check_extras() const {
    for (const std::string& extra : app_.remaining()) {
      if (extra.starts_with("--") && extra.size() > 2) fail_unknown(extra.substr(0, extra.find('=')), "");
      if (extra.starts_with('-') && extra.size() > 1 && extra != "--") {
        // A known flag may have been taken off the front of -abc: name what was typed.
        const auto typed = std::find_if(arguments_.begin(), arguments_.end(), [&](const std::string& a) {
          return a.size() > extra.size() && a[0] == '-' && a[1] != '-' && a.ends_with(extra.substr(1));
        });
        const std::string whole = typed == arguments_.end() ? extra : *typed;
        fail_unknown(extra.substr(0, 2) + (whole.size() > 2 ? fmt::format("' in '{}", whole) : ""), whole.substr(1));
      }
      if (extra != "--") fail(fmt::format("unexpected argument '{}'", extra));
    }
  }

  [[noreturn]] void rephrase(const CLI::ParseError& error) const {
    const std::string text = error.what();
    const std::string name = text.substr(0, text.find_first_of(": "));
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) fail_missing(name);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
      if (text.find("flag override") != std::string::npos) fail(fmt::format("option '--{}' takes no value", name));
      if (text.find("At Most") != std::string::npos) fail(fmt::format("option '{}' is given more than once", name));
      if (const CLI::Option* option = app_.get_option_no_throw(name)) fail_without_value(*option);
    }
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
      static constexpr std::string_view kHead = "Could not convert: ";
      const auto equals = text.find(" = ");
      if (text.starts_with(kHead) && equals != std::string::npos) {
        const std::string which = text.substr(kHead.size(), equals - kHead.size());
        const CLI::Option* option = app_.get_option_no_throw(which);
        fail(fmt::format("'{}' is no value for '{}'", text.substr(equals + 3), which),
             option == nullptr ? "" : fmt::format("it takes {}", option->get_type_name()));
      }
    }
    if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) fail_pair(text, " excludes ", "cannot go with");
    if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr) fail_pair(text, " requires ", "needs");
    std::string own = text;
    if (!own.empty() && own[0] >= 'A' && own[0] <= 'Z') own[0] = static_cast<char>(own[0] + 32);
    fail(own);
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& fix = {}) const {
    throw Error(Exit::usage, "", what, fix.empty() ? fmt::format("see atp {} --help", command_) : fix);
  }

  [[noreturn]] void fail_without_value(const CLI::Option& option) const {
    fail(fmt::format("option '{}' needs a value ({})", option.get_name(), option.get_type_name()));
  }

  [[noreturn]] void fail_unknown(const std::string& shown, const std::string& word) const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) {
      if (option->get_group().empty()) continue;
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    // "-codec" is near "--codec" by what follows the dashes.
    fail(fmt::format("unknown option '{}'", shown), did_you_mean(word.size() > 1 ? "--" + word : shown, names));
  }

  [[noreturn]] void fail_missing(const std::string& name) const {
    const CLI::Option* option = app_.get_option_no_throw(name);
    if (option == nullptr || !option->nonpositional()) fail(fmt::format("{} is missing", name));
    std::string names;
    for (const auto& s : option->get_snames()) names += (names.empty() ? "-" : "/-") + s;
    for (const auto& l : option->get_lnames()) names += (names.empty() ? "--" : "/--") + l;
    fail(fmt::format("{} {} is missing", names, option->get_type_name()));
  }

  [[noreturn]] void fail_pair(const std::string& text, std::string_view between, std::string_view ours) const {
    const auto at = text.find(between);
    if (at == std::string::npos) fail(text);
    fail(fmt::format("option '{}' {} '{}'", text.substr(0, at), ours, text.substr(at + between.size())));
  }

  std::string_view command_;
  const CLI::App& app_;
  const std::vector<std::string>& arguments_;
};

}  // namespace

void parse_arguments(DeclaredCommand& declared, std::vector<std::string> arguments) {
  const Complaint complaint(declared, arguments);
  complaint.check_arguments();
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  declared.app->allow_extras();
  try {
    declared.app->parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& error) {
    complaint.check_extras();  // a mistyped option explains a missing one
    complaint.rephrase(error);
  }
  complaint.check_extras();
  // An unset variable of a script, mostly: doing without what was asked for would be the wrong guess.
  for (const CLI::Option* option : declared.app->get_options()) {
    const auto& values = option->results();
    if (std::find(values.begin(), values.end(), "") != values.end()) {
      throw Error(Exit::usage, "", fmt::format("{} has an empty value", option->get_name()), "leave it out, or pass one");
    }
  }
}

}  // namespace atp
