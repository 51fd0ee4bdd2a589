// One finding for one cause: code, place, underlined text and message of each.
#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Case {
  const char* name;
  const char* body;     ///< within <plist>, from line 3 on
  const char* finding;  ///< the one
  const char* tree;     ///< what is read all the same
};

class XmlFault : public testing::TestWithParam<Case> {};

TEST_P(XmlFault, IsOneFindingAtItsPlace) {
  const Case& c = GetParam();
  const Reading r = read_plist(c.body);
  EXPECT_THAT(r.findings(), ElementsAre(c.finding));
  EXPECT_EQ(r.tree(), c.tree);
}

const Case structure[] = {
    {"MisspeltElement", "<dict><key>A</key>\n<interger>1</interger><key>B</key><true/></dict>",
     "VP1013 4:1 '<interger>' a property list has no element <interger> [A]", "{A: !null, B: true}"},
    {"MisspeltContainer", "<dict><key>A</key><dcit><key>x</key><string>y</string>text</dcit></dict>",
     "VP1013 3:19 '<dcit>' a property list has no element <dcit> [A]", "{A: !null}"},
    {"MisspeltKey", "<dict><kye>A</kye><string>x</string><key>B</key><true/></dict>",
     "VP1013 3:7 '<kye>' a property list has no element <kye>", "{B: true}"},
    {"KeyInArray", "<array><key>A</key><string>x</string><key>B</key><true/></array>",
     "VP1022 3:8 '<key>A</key>' <key> stands in <array>; only a <dict> has keys", "none"},
    {"KeyInArrayInDict", "<dict><key>R</key><array>\n<key>A</key><string>x</string></array></dict>",
     "VP1022 4:1 '<key>A</key>' <key> stands in <array>; only a <dict> has keys [R]", "{R: [\"x\"]}"},
    {"KeyInPlist", "<key>A</key><string>x</string><key>B</key><string>y</string>",
     "VP1022 3:1 '<key>A</key>' <key> stands in <plist>; only a <dict> has keys", "none"},
    {"ValueWithoutKey", "<dict><key>A</key><true/>\n <string>x</string><key>B</key><true/></dict>",
     "VP1020 4:2 '<string>' <string> in a dictionary has no <key> before it", "{A: true, B: true}"},
    {"ContainerWithoutKey", "<dict><dict><key>A</key><true/></dict><key>B</key><true/></dict>",
     "VP1020 3:7 '<dict>' <dict> in a dictionary has no <key> before it", "{B: true}"},
    {"TwoKeys", "<dict><key>A</key>\n<key>B</key><true/></dict>",
     "VP1021 3:7 '<key>A</key>' the key 'A' has no value: another key follows [A]", "{B: true}"},
    {"KeyAtTheEnd", "<dict><key>A</key><true/><key>B</key>\n</dict>",
     "VP1021 3:26 '<key>B</key>' the last key of this dictionary has no value [B]", "{A: true}"},
    {"TextBetween", "<dict>\n  key>A</key-like\n<key>B</key><true/></dict>",
     "VP1016 4:3 'key>A' text stands between the elements of <dict>: 'key>A'", "none"},
    {"TextBetweenIsPassedOver", "<dict><key>A</key>oops<true/></dict>",
     "VP1016 3:19 'oops' text stands between the elements of <dict>: 'oops'", "{A: true}"},
    {"CdataBetween", "<dict><![CDATA[x]]></dict>",
     "VP1016 3:7 '<![CDATA[x]]>' text stands between the elements of <dict>: '<![CDATA[x]]>'", "{}"},
    {"SeveralRoots", "<dict/><dict/><dict/>",
     "VP1015 3:8 '<dict/>' a property list holds one value only; this is another", "{}"},
    {"NestedPlist", "<dict><key>A</key><plist><dict/></plist></dict>",
     "VP1013 3:19 '<plist>' <plist> stands within a property list [A]", "{A: !null}"},
    {"RootArray", "<array/>",
     "VP1024 3:1 '<array/>' the root of a profile is a dictionary; this file holds a value of type array", "none"},
    {"NoValue", "<!-- nothing -->", "VP1023 2:1 '<plist version=\"1.0\">' the property list has no value", "none"},
};

const Case tags[] = {
    {"WrongEndTag", "<dict><key>A</key><string>x</sting></dict>",
     "VP1012 3:28 '</sting>' </sting> does not close <string> [A]", "none"},
    {"CrossedTags", "<dict><key>A</key><array></dict></array>",
     "VP1011 3:19 '<array>' <array> is not closed: </dict> follows [A]", "none"},
    {"UnclosedString", "<dict>\n<key>A</key>\n<string>x\n<key>B</key><true/></dict>",
     "VP1011 5:1 '<string>' <string> is not closed: <key> begins within it [A]", "none"},
    {"MissingSlash", "<dict><key>A<key><string>x</string></dict>",
     "VP1011 3:7 '<key>' <key> is not closed: <key> begins within it", "none"},
    {"UnclosedInnerDict",
     "<dict>\n  <key>A</key>\n  <dict>\n    <key>B</key>\n    <true/>\n  <key>C</key>\n  <true/>\n</dict>",
     "VP1011 5:3 '<dict>' <dict> is not closed: the next </dict> belongs to an element around it [A]", "none"},
    {"UnclosedOuterDict", "<dict>\n<key>A</key>\n<true/>",
     "VP1011 3:1 '<dict>' <dict> is not closed: </plist> follows [A]", "none"},
    {"EndTagTooMany", "<dict>\n<key>A</key><true/>\n</array>\n</dict>",
     "VP1012 5:1 '</array>' </array> does not close <dict> [A]", "none"},
    {"TagWithoutEnd", "<dict><key>A</key><true/\n></dict>",
     "VP1010 3:19 '<true/' the tag <true> is not closed by '>' [A]", "none"},
    {"EndTagWithoutEnd", "<dict><key>A</key <true/></dict>",
     "VP1010 3:13 '</key' the end tag </key is not closed by '>'", "none"},
    {"LessInText", "<dict><key>A</key><string>a < b</string></dict>", "VP1010 3:29 '<' '<' begins no tag here [A]",
     "none"},
    {"LessBetween", "<dict>< key>A</key></dict>", "VP1010 3:7 '<' '<' begins no tag here", "none"},
    {"TwiceTheSameAttribute", "<dict a='1' b='2' a='3'/>",
     "VP1010 3:19 'a='3'' the attribute 'a' stands twice in <dict>", "none"},
    {"LessInAttribute", "<dict a='<'/>", "VP1010 3:10 '<' '<' is not allowed in the value of an attribute", "none"},
    {"AttributeWithoutQuotes", "<dict a=1/>",
     "VP1010 3:7 'a' the value of the attribute 'a' stands in no quotation marks", "none"},
    {"AttributeWithoutValue", "<dict a/>", "VP1010 3:7 'a' the attribute 'a' of <dict> has no value", "none"},
    {"AttributesWithoutSpace", "<dict a='1'b='2'/>", "VP1010 3:12 'b' there is no space before this attribute", "none"},
    {"DashesInComment", "<dict><!-- a -- b --></dict>", "VP1010 3:14 '--' '--' is not allowed within a comment",
     "none"},
    {"CommentWithoutEnd", "<dict><!-- a </dict>", "VP1010 3:7 '<!--' the comment is not closed by '-->'", "none"},
    {"CdataWithoutEnd", "<dict><key>A</key><string><![CDATA[ a </string></dict>",
     "VP1010 3:27 '<![CDATA[' the CDATA section is not closed by ']]>' [A]", "none"},
    {"CdataEndInText", "<dict><key>A</key><string>a ]]> b</string></dict>",
     "VP1010 3:29 ']]>' ']]>' is not allowed in text [A]", "none"},
    {"SecondDeclaration", "<dict/><?xml version='1.0'?>",
     "VP1010 3:8 '<?xml version='1.0'?>' an XML declaration may stand at the start of the file only", "none"},
    {"BareAmpersand", "<dict><key>A</key><string>R&D</string></dict>", "VP1017 3:28 '&' '&' stands alone [A]", "none"},
    {"UndefinedEntity", "<dict><key>A&nbsp;B</key><true/></dict>",
     "VP1017 3:13 '&nbsp;' the entity '&nbsp;' is not defined", "none"},
    {"BadReference", "<dict><key>A</key><string>&#0;</string></dict>",
     "VP1005 3:27 '&#0;' '&#0;' is no character that XML allows [A]", "none"},
    {"SurrogateReference", "<dict><key>A</key><string>&#xD800;</string></dict>",
     "VP1005 3:27 '&#xD800;' '&#xD800;' is no character that XML allows [A]", "none"},
    {"EntityInAttribute", "<dict a='&x;'/>", "VP1017 3:10 '&x;' the entity '&x;' is not defined", "none"},
};

const Case values[] = {
    {"Integer", "<dict><key>A</key>\n<integer>1x</integer><key>B</key><true/></dict>",
     "VP1030 4:1 '<integer>1x</integer>' '1x' is no integer [A]", "{A: !0, B: true}"},
    {"EmptyInteger", "<dict><key>A</key><integer/></dict>", "VP1030 3:19 '<integer/>' the integer is empty [A]",
     "{A: !0}"},
    {"LargeInteger", "<dict><key>A</key><integer>9223372036854775808</integer></dict>",
     "VP1030 3:19 '<integer>9223372036854775808</integer>' the integer 9223372036854775808 does not fit into 64 bits "
     "[A]",
     "{A: !0}"},
    {"Real", "<dict><key>A</key><array><real>1,5</real></array></dict>",
     "VP1031 3:26 '<real>1,5</real>' '1,5' is no real number [A[0]]", "{A: [!0r]}"},
    {"Date", "<dict><key>A</key><date>2027-02-29T00:00:00Z</date></dict>",
     "VP1032 3:19 '<date>2027-02-29T00:00:00Z</date>' '2027-02-29T00:00:00Z' is no date [A]",
     "{A: !2027-02-29T00:00:00Z}"},
    {"Base64", "<dict><key>A</key><data>\n  aGk-\n</data></dict>",
     "VP1033 4:6 '-' '-' is not allowed in base64 here [A]", "{A: !<>}"},
    {"Base64Letter", "<dict><key>A</key><data>aG\xe2\x80\xa6k=</data></dict>",
     "VP1033 3:27 '\xe2\x80\xa6' '\xe2\x80\xa6' is not allowed in base64 here [A]", "{A: !<>}"},
    {"Base64BehindPadding", "<dict><key>A</key><data>aGk=aGk=</data></dict>",
     "VP1033 3:29 'a' 'a' is not allowed in base64 here [A]", "{A: !<>}"},
    {"Base64CutOff", "<dict><key>A</key><data>aGk</data></dict>",
     "VP1033 3:28 '</' the base64 text is not complete: characters are missing before its end [A]", "{A: !<>}"},
    {"Boolean", "<dict><key>A</key><true>yes</true></dict>",
     "VP1034 3:19 '<true>yes</true>' <true> has a content: 'yes' [A]", "{A: !true}"},
};

std::string case_name(const testing::TestParamInfo<Case>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Structure, XmlFault, testing::ValuesIn(structure), case_name);
INSTANTIATE_TEST_SUITE_P(Tags, XmlFault, testing::ValuesIn(tags), case_name);
INSTANTIATE_TEST_SUITE_P(Values, XmlFault, testing::ValuesIn(values), case_name);

TEST(XmlFaults, DifferentCausesAreDifferentFindings) {
  const Reading r = read_plist("<dict><key>A</key><integer>x</integer><key>B</key><date>y</date></dict>");
  EXPECT_THAT(r.findings(), ElementsAre(testing::StartsWith("VP1030 3:19"), testing::StartsWith("VP1032 3:51")));
}

TEST(XmlFaults, HelpSaysWhatIsMeant) {
  EXPECT_EQ(read_plist("<dict><key>A</key><interger>1</interger></dict>").sink.all().at(0).help,
            "did you mean <integer>?");
  EXPECT_EQ(read_plist("<dict><key>A</key><String>1</String></dict>").sink.all().at(0).help, "did you mean <string>?");
  EXPECT_EQ(read_plist("<dict><key>A</key><string>1</sting></dict>").sink.all().at(0).help, "did you mean </string>?");
}

TEST(XmlFaults, MismatchPointsToTheTagThatIsOpen) {
  const Reading r = read_plist("<dict>\n<key>A</key><string>x</sting></dict>");
  const findings::Finding& f = r.sink.all().at(0);
  ASSERT_EQ(f.related.size(), 1u);
  EXPECT_EQ(f.related[0].message, "<string> was opened here");
  EXPECT_EQ(f.source->position(f.related[0].span.begin).line, 4u);
}

TEST(XmlFaults, TooManyAreCutShort) {
  std::string body = "<array>";
  for (int i = 0; i < 1000; ++i) body += "<integer>x</integer>";
  const Reading r = read_plist(body + "</array>");
  EXPECT_EQ(r.sink.all().size(), 101u);
  EXPECT_EQ(r.sink.all().back().message, "the file has too many faults; the rest is not read (the limit is 100)");
  EXPECT_EQ(r.document, nullptr);
}

struct FileCase {
  const char* name;
  std::string text;
  std::vector<std::string> findings;
  const char* tree;
};

class XmlFile : public testing::TestWithParam<FileCase> {};

TEST_P(XmlFile, IsReadAs) {
  const Reading r = read_text(GetParam().text);
  EXPECT_EQ(r.findings(), GetParam().findings);
  EXPECT_EQ(r.tree(), GetParam().tree);
}

const std::string declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const std::string apple_type =
    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n";
const std::string body = "<plist version=\"1.0\"><dict/></plist>\n";

const FileCase files[] = {
    {"Ordinary", declaration + apple_type + body, {}, "{}"},
    {"SingleQuotes", "<?xml version='1.0' encoding='utf-8' standalone='no'?>" + body, {}, "{}"},
    {"NoDeclaration", body, {"VP1007 1:1 '<plist' the file has no XML declaration"}, "{}"},
    {"StartsAtDoctype", apple_type + body, {"VP1007 2:1 '<plist' the file has no XML declaration"}, "{}"},
    {"SpaceBefore",
     "\n " + declaration + body,
     {"VP1008 2:2 '<?xml' white space stands before the XML declaration"},
     "{}"},
    {"ByteOrderMark", "\xef\xbb\xbf" + declaration + body, {}, "{}"},
    {"CommentsAround", declaration + "<!-- a --><?tool x?>" + body + "<!-- b -->\n<?tool?>", {}, "{}"},
    {"AsciiDeclared", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" + body, {}, "{}"},
    {"Utf16Declared",
     "<?xml version=\"1.0\" encoding=\"UTF-16\"?>" + body,
     {"VP1006 1:31 'UTF-16' the declaration says UTF-16, but the file is in ASCII"},
     "none"},
    {"LatinDeclared",
     "<?xml version=\"1.0\" encoding=\"latin1\"?><!-- \xc3\xa4 -->" + body,
     {"VP1006 1:31 'latin1' the declaration says latin1, but the file is in UTF-8"},
     "none"},
    {"DeclarationMalformed",
     "<?xml encoding=\"UTF-8\"?>" + body,
     {"VP1010 1:1 '<?xml encoding=\"UTF-8\"?>' the XML declaration is malformed"},
     "none"},
    {"Fragment",
     "<dict>\n<key>A</key><true/></dict>",
     {"VP1014 1:1 '<dict>' the file begins with <dict>; a property list begins with <plist>"},
     "none"},
    {"KeyFragment",
     "<key>A</key><true/>",
     {"VP1014 1:1 '<key>' the file begins with <key>; a property list begins with <plist>"},
     "none"},
    {"MisspeltPlist",
     declaration + "<pilst><dict/></pilst>",
     {"VP1013 2:1 '<pilst>' a property list begins with <plist>, not with <pilst>"},
     "none"},
    {"Html",
     "<!DOCTYPE html>\n<html></html>",
     {"VP1001 1:1 '<!DOCTYPE html' this is an HTML page, not a profile"},
     "none"},
    {"HtmlWithoutDoctype", "<html></html>", {"VP1001 1:1 '<html>' this is an HTML page, not a profile"}, "none"},
    {"OtherXml",
     "<?xml version=\"1.0\"?><svg/>",
     {"VP1001 1:22 '<svg/>' this is another kind of XML: its root is <svg>, that of a property list is <plist>"},
     "none"},
    {"TwoFiles",
     declaration + body + declaration + body,
     {"VP1015 3:1 '<?xml version=\"1.0\" encoding=\"UTF-8\"?>' there is more behind </plist>"},
     "none"},
    {"TextBehind", declaration + body + "bye", {"VP1015 3:1 'bye' there is more behind </plist>"}, "none"},
    {"InternalSubset",
     declaration + "<!DOCTYPE plist [<!ENTITY a \"aa\">]><plist><string>&a;</string></plist>",
     {"VP1018 2:1 '<!DOCTYPE plist [' the document type brings declarations of its own"},
     "none"},
    {"CutOffInDict",
     declaration + "<plist version=\"1.0\"><dict>\n<key>A</key>",
     {"VP1019 3:12 '>' the file ends within <dict> [A]"},
     "none"},
    {"CutOffInText", declaration + "<plist><dict><key>Pay", {"VP1019 2:21 'y' the file ends within <key>"}, "none"},
    {"CutOffInTag", declaration + "<plist><di", {"VP1019 2:8 '<di' the file ends within the tag <di>"}, "none"},
    {"CutOffInEndTag", declaration + "<plist><dict></di", {"VP1019 2:17 'i' the file ends within <dict>"}, "none"},
    {"CutOffBeforeRoot", declaration, {"VP1019 1:1 '" + declaration + "' the file ends before any element"}, "none"},
    {"Nul",
     declaration + "<plist><dict><key>A" + std::string(1, '\0') + "</key></dict></plist>",
     {"VP1005 2:20 '" + std::string(1, '\0') + "' the character NUL is not allowed in XML"},
     "none"},
    {"Control",
     declaration + "<plist>\x1b</plist>",
     {"VP1005 2:8 '\x1b' the character 0x1b is not allowed in XML"},
     "none"},
    {"InvalidUtf8",
     declaration + "<plist><dict><key>\xc3\xa4\xff</key></dict></plist>",
     {"VP1004 2:20 '\xff' the byte 0xff is not valid UTF-8 here"},
     "none"},
};

INSTANTIATE_TEST_SUITE_P(Files, XmlFile, testing::ValuesIn(files), [](const auto& c) { return c.param.name; });

TEST(XmlLimits, EachIsAnErrorThatNamesIt) {
  ReadOptions options;
  options.limits.depth = 4;
  EXPECT_THAT(read_plist("<array><array><array><array/></array></array></array>", options).findings(),
              ElementsAre("VP1003 3:22 '<array/>' elements are nested too deep (the limit is 4) [[0][0]]"));
  options = {};
  options.limits.values = 2;
  EXPECT_THAT(read_plist("<array><true/><true/></array>", options).findings(),
              ElementsAre("VP1003 3:15 '<true/>' the file has too many values (the limit is 2) [[0]]"));
  options = {};
  options.limits.string_bytes = 3;
  EXPECT_THAT(read_plist("<dict><key>A</key><string>long</string></dict>", options).findings(),
              ElementsAre("VP1003 3:19 '<string>' a text is too long (the limit is 3) [A]"));
}

TEST(XmlLimits, MillionsOfOpenTagsAreCheap) {
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "<array>";
  const Reading r = read_text(declaration + "<plist>" + deep);
  EXPECT_THAT(r.findings(), ElementsAre(testing::HasSubstr("nested too deep (the limit is 64)")));
}

}  // namespace
}  // namespace vpn::document
