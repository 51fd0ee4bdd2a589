#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

TEST(JsonReader, ReadsEveryTypeWithItsPlace) {
  const Reading r = read_text(
      "{\n  \"A\": \"x\\u00e4\\n\", \"B\": [1, -2.5e1 ,true,null, {}],\n  \"A\": 9223372036854775807, "
      "\"C\":\"plain\"}\n");
  EXPECT_THAT(r.findings(), IsEmpty());
  EXPECT_EQ(r.tree(), "{A: \"x\xc3\xa4\n\", B: [1, -25r, true, null, {}], A: 9223372036854775807, C: \"plain\"}");
  EXPECT_EQ(r.document->format, Format::json);
  EXPECT_EQ(r.source_of("A"), "\"x\\u00e4\\n\"");
  EXPECT_EQ(r.source_of("B"), "[1, -2.5e1 ,true,null, {}]");
  EXPECT_EQ(r.source_of("B/0"), "1");
  EXPECT_EQ(r.source_of("B/1"), "-2.5e1");
  EXPECT_EQ(r.source_of("B/2"), "true");
  EXPECT_EQ(r.source_of("B/3"), "null");
  EXPECT_EQ(r.source_of("B/4"), "{}");
  EXPECT_EQ(r.source_of("C"), "\"plain\"");
  const Member& last = r.document->root().dictionary()[3];
  EXPECT_EQ(r.document->source().text().substr(last.key_span.begin, 3), "\"C\"");
  EXPECT_EQ(r.document->source().position(last.value.span.begin).line, 3u);
}

TEST(JsonReader, TakesSeveralDeclarations) {
  EXPECT_EQ(read_text("[{\"Type\": \"a\"}, {\"Type\": \"b\"}]").tree(), "[{Type: \"a\"}, {Type: \"b\"}]");
}

TEST(JsonReader, PassesOverAByteOrderMark) {
  const Reading r = read_text("\xef\xbb\xbf{\"A\": true}");
  EXPECT_THAT(r.findings(), IsEmpty());
  EXPECT_EQ(r.source_of("A"), "true");
  EXPECT_EQ(r.document->source().position(r.at("A")->span.begin).column, 7u);
}

struct Case {
  const char* name;
  std::string text;
  std::string finding;
  std::string tree = "none";
};

class JsonFault : public testing::TestWithParam<Case> {};

TEST_P(JsonFault, IsOneFindingAtItsPlace) {
  const Reading r = read_text(GetParam().text);
  EXPECT_THAT(r.findings(), ElementsAre(GetParam().finding));
  EXPECT_EQ(r.tree(), GetParam().tree);
}

const Case cases[] = {
    {"TrailingComma", "{\"A\": 1,\n}", "VP1040 1:8 ',' a comma stands before the closing bracket [A]"},
    {"TrailingCommaInArray", "{\"A\": [1,\n]}", "VP1040 1:9 ',' a comma stands before the closing bracket [A[1]]"},
    {"MissingComma", "{\"A\": 1\n \"B\": 2}", "VP1040 2:2 '\"' a comma is missing before this [A]"},
    {"MissingColon", "{\"A\" 1}", "VP1040 1:6 '1' unexpected number literal; expected ':' [A]"},
    {"MissingColonBeforeString", "{\"A\" \"x\"}", "VP1040 1:6 '\"' a ':' is missing before this [A]"},
    {"MissingValue", "{\"A\": }", "VP1040 1:7 '}' the value of this member is missing [A]"},
    {"Comment", "{ // x\n}", "VP1040 1:3 '/' JSON has no comments"},
    {"SingleQuotes", "{'A': 1}", "VP1040 1:2 ''' a string stands in double quotation marks, not in single ones"},
    {"NameWithoutQuotes", "{A: 1}", "VP1040 1:2 'A' invalid literal"},
    {"NaN", "{\"A\": NaN}", "VP1040 1:7 'N' JSON has no NaN and no Infinity [A]"},
    {"BadEscape", "{\"A\": \"a\\x\"}", "VP1040 1:10 'x' invalid string: forbidden character after backslash [A]"},
    {"LoneSurrogate", "{\"A\": \"\\ud800\"}",
     "VP1040 1:14 '\"' invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF [A]"},
    {"LineEndInString", "{\"A\": \"a\nb\"}",
     "VP1040 1:9 '\n' invalid string: control character U+000A (LF) must be escaped to "
     "\\u000A or \\n [A]"},
    {"LeadingZero", "{\"A\": 01}", "VP1040 1:8 '1' unexpected number literal; expected '}' [A]"},
    {"Unclosed", "{\"A\": [1, 2\n", "VP1019 1:12 '\n' the file ends within an array [A[2]]"},
    {"UnclosedString", "{\"A\": \"abc}\n",
     "VP1040 1:12 '\n' invalid string: control character U+000A (LF) must be escaped to "
     "\\u000A or \\n [A]"},
    {"CutOffInString", "{\"A\": \"ab", "VP1019 1:9 'b' the file ends within a string [A]"},
    {"CutOffAfterKey", "{\"A\"", "VP1019 1:4 '\"' the file ends within an object [A]"},
    {"WrongBracket", "{\"A\": [1}", "VP1040 1:9 '}' unexpected '}'; expected ']' [A[1]]"},
    {"Behind", "{}\n{}", "VP1015 2:1 '{}' there is more behind the declaration"},
    {"LargeInteger", "{\"A\": 9223372036854775808}",
     "VP1030 1:7 '9223372036854775808' the integer 9223372036854775808 does not fit into 64 bits [A]", "{A: !0}"},
    {"HugeInteger", "{\"A\": 99999999999999999999999}",
     "VP1030 1:7 '99999999999999999999999' the integer 99999999999999999999999 does not fit into 64 bits [A]",
     "{A: !0}"},
    {"HugeReal", "{\"A\": 1e999}", "VP1031 1:7 '1e999' the number 1e999 is too large [A]"},
    {"EscapedNul", "{\"A\": \"\\u0000\"}", "VP1005 1:7 '\"\\u0000\"' the text has the character NUL in it [A]",
     "{A: !\"\0\"}"s},
    {"Nul", "{\"A\": \"\0\"}"s, "VP1005 1:8 '\0' the character NUL is not allowed in JSON"s},
    {"InvalidUtf8", "{\"A\": \"\xff\"}", "VP1004 1:8 '\xff' the byte 0xff is not valid UTF-8 here"},
    {"EmptyArray", "[]", "VP1024 1:1 '[]' a declaration is an object; this is an empty array"},
    {"ArrayOfOthers", "[{}, 1]", "VP1024 1:6 '1' a declaration is an object; this is a value of type integer"},
};

INSTANTIATE_TEST_SUITE_P(Cases, JsonFault, testing::ValuesIn(cases), [](const auto& c) { return c.param.name; });

TEST(JsonLimits, EachIsAnErrorThatNamesIt) {
  ReadOptions options;
  options.limits.depth = 2;
  EXPECT_THAT(read_text("{\"A\": [[]]}", options).findings(),
              ElementsAre("VP1003 1:8 '[' objects are nested too deep (the limit is 2) [A[0]]"));
  options = {};
  options.limits.values = 2;
  EXPECT_THAT(read_text("{\"A\": [1,2,3]}", options).findings(),
              ElementsAre("VP1003 1:12 '3' the file has too many values (the limit is 2) [A[2]]"));
  options = {};
  options.limits.string_bytes = 3;
  EXPECT_THAT(read_text("{\"A\": \"long\"}", options).findings(),
              ElementsAre("VP1003 1:7 '\"long\"' a text is too long (the limit is 3) [A]"));
  EXPECT_EQ(read_text("{\"A\":" + std::string(1'000'000, '[')).sink.all().at(0).code, findings::Code::limit_exceeded);
}

}  // namespace
}  // namespace vpn::document
