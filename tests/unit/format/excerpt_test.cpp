#include "compiler/format/excerpt.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace vpn::format {
namespace {

std::string excerpt_of(const std::string& text, document::Span span, unsigned width = 60) {
  const document::Source source("a.plist", text);
  Locator locator;
  return excerpt(source, span, locator.locate(source, span), {}, {{}, {}, {}, width, '^'});
}

TEST(Excerpt, UnderlinesTheSpan) {
  EXPECT_EQ(excerpt_of("a\n<key>Odd</key>\nb", {7, 10}),
            "  2 | <key>Odd</key>\n"
            "    |      ^^^\n");
}

TEST(Excerpt, TabsGoToStopsOfFour) {
  EXPECT_EQ(excerpt_of("\tx\ty", {3, 4}),
            "  1 |     x   y\n"
            "    |         ^\n");
}

TEST(Excerpt, WideCharactersTakeTwoColumnsCombiningNone) {
  EXPECT_EQ(excerpt_of("\xE6\x9D\xB1"
                       "e\xCC\x81"
                       "x",
                       {6, 7}),
            "  1 | \xE6\x9D\xB1"
            "e\xCC\x81"
            "x\n"
            "    |    ^\n");
}

TEST(Excerpt, AnEmptySpanIsOneMark) {
  EXPECT_EQ(excerpt_of("ab", {2, 2}),
            "  1 | ab\n"
            "    |   ^\n");
}

TEST(Excerpt, SpansOverManyLinesShowTheFirstAndTheLast) {
  EXPECT_EQ(excerpt_of("<a>\n  1\n  2\n </a>", {0, 17}),
            "  1 | <a>\n"
            "    | ^^^\n"
            "...\n"
            "  4 |  </a>\n"
            "    |  ^^^^\n");
}

TEST(Excerpt, ASpanUpToTheLineEndStaysOnItsLine) {
  EXPECT_EQ(excerpt_of("<a>\r\n<b>", {0, 5}),
            "  1 | <a>\n"
            "    | ^^^\n");
}

TEST(Excerpt, LongLinesAreCutAroundTheSpan) {
  const std::string text = std::string(100, 'x') + "Odd" + std::string(100, 'y');
  EXPECT_EQ(excerpt_of(text, {100, 103}, 30),
            "  1 | \xE2\x80\xA6xxxxxxxxxxOddyyyyyyyyyyyyyyyyy\xE2\x80\xA6\n"
            "    |            ^^^\n");
}

TEST(Excerpt, AVeryLongLineIsNotReadToItsEnds) {
  const std::string text = std::string(3000000, 'x') + "Odd" + std::string(3000000, 'y');
  const std::string shown = excerpt_of(text, {3000000, 3000003}, 40);
  EXPECT_NE(shown.find("xxxOddyyy"), std::string::npos);
  EXPECT_LT(shown.size(), 200U);
}

TEST(Excerpt, AByteOrderMarkIsNoText) {
  EXPECT_EQ(excerpt_of("\xEF\xBB\xBF<a>", {3, 6}),
            "  1 | <a>\n"
            "    | ^^^\n");
}

TEST(Excerpt, SpansBeyondTheTextAreCut) {
  EXPECT_EQ(excerpt_of("ab", {1, 900}),
            "  1 | ab\n"
            "    |  ^\n");
}

TEST(Locator, CountsOnFromTheLastPlace) {
  const document::Source source("a.plist",
                                "\xEF\xBB\xBF"
                                "ab\xC3\xA9"
                                "cd\nxy");
  Locator locator;
  const Place first = locator.locate(source, {3, 4});
  EXPECT_EQ(first.begin.column, 1U);
  EXPECT_EQ(first.end.column, 2U);
  const Place second = locator.locate(source, {7, 11});
  EXPECT_EQ(second.begin.line, 1U);
  EXPECT_EQ(second.begin.column, 4U);
  EXPECT_EQ(second.end.line, 2U);
  EXPECT_EQ(second.end.column, 2U);
  const Place back = locator.locate(source, {4, 5});
  EXPECT_EQ(back.begin.column, 2U);
  EXPECT_EQ(locator.locate(source, {}).begin.line, 0U);
}

}  // namespace
}  // namespace vpn::format
