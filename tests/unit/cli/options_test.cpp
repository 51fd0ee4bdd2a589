#include "console/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/analyse/property.h"
#include "compiler/cli/commands.h"
#include "compiler/cli/shared_options.h"
#include "console/command.h"
#include "console/completion.h"
#include "console/help.h"

namespace vpn::cli {
namespace {

constexpr Option options[] = {
    {"format", 'f', "FORMAT", "how to print", "text,json"},
    {"platform", 0, "LIST", "for what", "ios,macos", true, true},
    {"quick", 'q', {}, "be quick", {}},
};
const Command command{"demo", "does nothing", "FILE…", 1, 2, options, "  vpnprofile demo x", nullptr};

// What the texts speak of; main() does this in the program.
const bool program_is_set = (set_program(vpnprofile), true);

Result<Arguments> parsed(std::vector<const char*> words) {
  EXPECT_TRUE(program_is_set);
  words.insert(words.begin(), "demo");
  return parse(command, static_cast<int>(words.size()), words.data());
}

TEST(Options, AreReadInEveryForm) {
  const auto a = parsed({"--format=json", "-q", "x", "--platform", "ios,macos", "--platform=ios", "--", "-y"});
  ASSERT_TRUE(a) << a.error().what;
  EXPECT_EQ(a->get("format"), "json");
  EXPECT_TRUE(a->has("quick"));
  EXPECT_THAT(a->words("platform"), testing::ElementsAre("ios", "macos", "ios"));
  EXPECT_THAT(a->positional(), testing::ElementsAre("x", "-y"));
  EXPECT_EQ(parsed({"-", "-f", "text"})->positional()[0], "-");
}

TEST(Options, MistakesSayWhatToDo) {
  const struct {
    std::vector<const char*> words;
    const char* what;
    const char* help;
  } cases[] = {
      {{"x", "--fromat", "json"}, "unknown option '--fromat'", "did you mean '--format'?"},
      {{"x", "--zzzzzz"}, "unknown option '--zzzzzz'", "demo --help"},
      {{"x", "--format", "xml"}, "--format does not take 'xml'", "one of text,json"},
      {{"x", "--platform", "ios,linus"}, "--platform does not take 'linus'", "ios,macos"},
      {{"x", "--color", "red"}, "--color does not take 'red'", "auto,always,never"},
      {{"x", "--format"}, "--format", "demo --help"},
      {{}, "too few arguments", "demo --help"},
      {{"a", "b", "c"}, "unexpected argument 'c'", "demo --help"},
  };
  for (const auto& c : cases) {
    const auto a = parsed(c.words);
    ASSERT_FALSE(a) << c.what;
    EXPECT_EQ(a.error().kind, ErrorKind::usage);
    EXPECT_THAT(a.error().what, testing::HasSubstr(c.what));
    EXPECT_THAT(a.error().help, testing::HasSubstr(c.help));
  }
}

TEST(Options, HelpNeedsNoArguments) {
  EXPECT_TRUE(parsed({"--help"}));
  EXPECT_TRUE(parsed({"--version"}));
}

TEST(Help, ShowsEveryOptionAndAnExample) {
  const std::string text = command_help(command);
  for (const char* part : {"-f, --format FORMAT", "(text,json)", "--platform LIST", "comma-separated", "--help",
                           "--color WHEN", "  vpnprofile demo x"})
    EXPECT_THAT(text, testing::HasSubstr(part));
}

TEST(Help, EveryCommandHasAnExampleThatNamesIt) {
  for (const Command* c : commands()) {
    EXPECT_THAT(std::string(c->example), testing::HasSubstr("vpnprofile " + std::string(c->name)));
    EXPECT_FALSE(c->summary.empty());
    for (const Option& o : c->options) EXPECT_FALSE(o.help.empty()) << o.name;
  }
}

TEST(Completion, NamesEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion(shell);
    for (const Command* c : commands()) {
      EXPECT_THAT(script, testing::HasSubstr(std::string(c->name)));
      for (const Option& o : c->options) EXPECT_THAT(script, testing::HasSubstr(std::string(o.name))) << shell;
    }
  }
  EXPECT_EQ(completion("tcsh"), "");
}

TEST(Completion, OffersTheBuiltInProperties) {
  std::string names;
  for (const analyse::BuiltIn& property : analyse::built_in_properties())
    names.append(names.empty() ? "" : ",").append(property.name);
  EXPECT_EQ(property_words, names);
}

TEST(ManPage, HasASectionForEveryCommand) {
  const std::string page = man_page();
  for (const Command* c : commands()) EXPECT_THAT(page, testing::HasSubstr(".SS vpnprofile " + std::string(c->name)));
  EXPECT_THAT(page, testing::HasSubstr(".SH EXIT STATUS"));
}

}  // namespace
}  // namespace vpn::cli
