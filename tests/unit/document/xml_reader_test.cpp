#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(XmlReader, ReadsEveryType) {
  const Reading r = read_plist(
      "<dict><key>s</key><string>a b</string><key>i</key><integer>-7</integer><key>h</key><integer>0x1F</integer>"
      "<key>p</key><integer>+3</integer><key>r</key><real>1.5</real><key>t</key><true/><key>f</key><false></false>"
      "<key>d</key><data>aGk=</data><key>w</key><date>2027-01-31T12:00:00Z</date><key>a</key><array><string/></array>"
      "<key>e</key><dict/></dict>");
  EXPECT_THAT(r.findings(), IsEmpty());
  EXPECT_EQ(r.tree(),
            "{s: \"a b\", i: -7, h: 31, p: 3, r: 1.5r, t: true, f: false, d: <6869>, w: 2027-01-31T12:00:00Z, a: "
            "[\"\"], e: {}}");
}

TEST(XmlReader, SpansAreThoseOfTheOriginalText) {
  const Reading r = read_plist(
      "<dict>\n\t<key>A&amp;B</key>\n\t<string>x &lt; "
      "y</string>\n\t<key>\xc3\xa4</key>\n\t<array>\n\t\t<true/>\n\t\t<integer "
      ">5</integer >\n\t</array>\n</dict>");
  EXPECT_THAT(r.findings(), IsEmpty());
  EXPECT_EQ(r.source_of("A&B"), "<string>x &lt; y</string>");
  EXPECT_EQ(r.at("A&B")->string(), "x < y");
  EXPECT_EQ(r.source_of("\xc3\xa4/0"), "<true/>");
  EXPECT_EQ(r.source_of("\xc3\xa4/1"), "<integer >5</integer >");
  const Member& first = r.document->root().dictionary()[0];
  EXPECT_EQ(r.document->source().text().substr(first.key_span.begin, first.key_span.end - first.key_span.begin),
            "A&amp;B");
  EXPECT_EQ(r.document->source().position(first.value.span.begin).line, 5u);
  EXPECT_EQ(r.document->source().position(first.value.span.begin).column, 2u);
}

}  // namespace
}  // namespace vpn::document
