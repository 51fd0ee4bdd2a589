// What a file is, by its content; encodings; limits; Source.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

struct Case {
  const char* name;
  std::string text;
  std::string finding;
};

class NoProfile : public testing::TestWithParam<Case> {};

TEST_P(NoProfile, IsSaidToBeNone) {
  const Reading r = read_text(GetParam().text);
  EXPECT_THAT(r.findings(), ElementsAre(GetParam().finding));
  EXPECT_EQ(r.document, nullptr);
}

const Case cases[] = {
    {"Empty", "", "VP1002 the file is empty"},
    {"Blank", "\xef\xbb\xbf \r\n", "VP1002 the file holds nothing but white space"},
    {"Text", "\nhello, world\n", "VP1001 2:1 'hello, world' the file begins with 'hello, world', not a profile"},
    {"Zip", "PK\x03\x04rest", "VP1001 the file is a ZIP archive, not a profile"},
    {"Binary", "\x01\x02\x03", "VP1001 the file is of an unknown binary format, not a profile"},
    {"Utf32", "\xff\xfe\0\0<\0\0\0"s, "VP1004 the file is in UTF-32"},
};
INSTANTIATE_TEST_SUITE_P(Cases, NoProfile, testing::ValuesIn(cases), [](const auto& c) { return c.param.name; });

std::string utf16(std::u16string_view text, bool big_endian) {
  std::string out = big_endian ? "\xfe\xff" : "\xff\xfe";
  for (const char16_t c : text) {
    out += static_cast<char>(big_endian ? c >> 8 : c & 0xff);
    out += static_cast<char>(big_endian ? c & 0xff : c >> 8);
  }
  return out;
}

TEST(Encoding, Utf16IsConvertedAndSpansReferToTheConvertedText) {
  for (const bool big_endian : {false, true}) {
    const Reading r = read_text(
        utf16(u"<?xml version=\"1.0\" "
              u"encoding=\"UTF-16\"?>\r\n<plist><dict>\r\n<key>\u00e4\U0001F600</key><string>x</string></dict></plist>",
              big_endian));
    EXPECT_THAT(r.findings(), IsEmpty());
    EXPECT_EQ(r.tree(), "{\xc3\xa4\xf0\x9f\x98\x80: \"x\"}");
    EXPECT_FALSE(r.document->source().is_original());
    const Position p = r.document->source().position(r.document->root().dictionary()[0].value.span.begin);
    EXPECT_EQ(p.line, 3u);
    EXPECT_EQ(p.column, 14u);
  }
}

TEST(Encoding, Utf16JsonIsReadToo) { EXPECT_EQ(read_text(utf16(u"{\"A\": true}", false)).tree(), "{A: true}"); }

TEST(Encoding, ALoneSurrogateIsAnErrorAtItsPlace) {
  const Reading r =
      read_text(utf16(u"<plist>\n <string>", false) + "\x00\xd8"s + utf16(u"</string></plist>", false).substr(2));
  EXPECT_THAT(r.findings(), ElementsAre("VP1004 2:10 '\xef\xbf\xbd' the text is not valid UTF-16 here"));
}

TEST(Encoding, HalfAUnitIsAnError) {
  const Reading r = read_text(utf16(u"<plist><dict/></plist>", false) + "x");
  EXPECT_THAT(r.findings(), ElementsAre("VP1004 1:23 '\xef\xbf\xbd' the text is not valid UTF-16 here"));
}

TEST(Limits, AFileThatIsTooLargeIsAFinding) {
  ReadOptions options;
  options.limits.file_bytes = 10;
  EXPECT_THAT(read_text("<plist></plist>", options).findings(),
              ElementsAre("VP1003 the file is too large: it has 15 bytes (the limit is 10)"));
}

TEST(SourceTest, CountsLinesAndColumns) {
  const Source s("x",
                 "\xef\xbb\xbf"
                 "ab\r\nc\xc3\xa4"
                 "d\n\re");
  EXPECT_EQ(s.line_count(), 4u);
  EXPECT_EQ(s.line(1), "ab");
  EXPECT_EQ(s.line(2),
            "c\xc3\xa4"
            "d");
  EXPECT_EQ(s.line(3), "");
  EXPECT_EQ(s.line(4), "e");
  EXPECT_EQ(s.line(5), "");
  EXPECT_EQ(s.line(0), "");
  const auto at = [&](std::uint32_t offset) {
    const Position p = s.position(offset);
    return std::to_string(p.line) + ":" + std::to_string(p.column);
  };
  EXPECT_EQ(at(0), "1:1");
  EXPECT_EQ(at(3), "1:1");
  EXPECT_EQ(at(4), "1:2");
  EXPECT_EQ(at(7), "2:1");
  EXPECT_EQ(at(10), "2:3");
  EXPECT_EQ(at(13), "4:1");
  EXPECT_EQ(at(14), "4:2");
  EXPECT_EQ(at(999), "4:2");
  EXPECT_EQ(at(Span::npos), "0:0");
}

TEST(SourceTest, ColumnsOfLongLinesCountCodePoints) {
  std::string text = "first\n";
  for (int i = 0; i < 20'000; ++i) text += i % 3 == 0 ? "\xc3\xa4" : "b";
  text += "\nlast";
  const Source s("x", text);
  std::uint32_t column = 1;
  for (std::uint32_t offset = 6; text[offset] != '\n'; ++offset) {
    if ((static_cast<unsigned char>(text[offset]) & 0xc0u) == 0x80u) continue;
    ASSERT_EQ(s.position(offset).line, 2u);
    ASSERT_EQ(s.position(offset).column, column++) << offset;
  }
  EXPECT_EQ(s.position(static_cast<std::uint32_t>(text.size() - 1)).column, 4u);
}

// A file in one line: without memory of what was counted, this takes minutes.
TEST(SourceTest, PositionsInOneLongLineTakeLinearTime) {
  const Source s("x", std::string(std::size_t{8} << 20, 'a'));
  for (std::uint32_t offset = 0; offset < (8u << 20); offset += 32) ASSERT_EQ(s.position(offset).column, offset + 1);
}

TEST(SourceTest, ALastLineEndBeginsNoLine) {
  EXPECT_EQ(Source("x", "a\nb\n").line_count(), 2u);
  EXPECT_EQ(Source("x", "").line_count(), 1u);
}

TEST(SourceTest, ReadsFilesAndRefusesWhatItCannot) {
  const std::string folder = testing::TempDir() + "/source_test";
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/a";
  std::ofstream(path) << "text";
  const auto source = Source::read(path, 4);
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ((*source)->text(), "text");
  EXPECT_EQ((*source)->name(), path);
  EXPECT_TRUE((*source)->is_original());
  const auto large = Source::read(path, 3);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().kind, ErrorKind::invalid_input);
  EXPECT_EQ(Source::read(folder, 100).error().kind, ErrorKind::unreadable);
  EXPECT_EQ(Source::read(folder + "/none", 100).error().kind, ErrorKind::unreadable);
  EXPECT_EQ(Source::read("/dev/zero", 1000).error().kind, ErrorKind::invalid_input);
  std::filesystem::remove_all(folder);
}

TEST(Comments, AreKeptInOrder) {
  const Reading r = read_text(
      "<?xml version='1.0'?><!-- 1 --><plist><dict><!-- 2 --><key>A<!-- 3 --></key><true/></dict></plist><!-- 4 -->");
  std::string all;
  for (const Comment& c : r.document->comments)
    all += r.document->source().text().substr(c.text.begin, c.text.end - c.text.begin);
  EXPECT_EQ(all, "<!-- 1 --><!-- 2 --><!-- 3 --><!-- 4 -->");
}

}  // namespace
}  // namespace vpn::document
