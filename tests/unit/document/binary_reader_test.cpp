#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::string_literals;

std::string big_endian(std::uint64_t n, unsigned size) {
  std::string out;
  for (unsigned i = size; i-- > 0;) out += static_cast<char>(n >> (8 * i) & 0xff);
  return out;
}

/// A binary property list of these objects, the first of them the root. References have one byte.
std::string binary(const std::vector<std::string>& objects) {
  std::string out = "bplist00", table;
  for (const std::string& object : objects) {
    table += big_endian(out.size(), 4);
    out += object;
  }
  const std::uint64_t at = out.size();
  return out + table + std::string(6, '\0') + "\x04\x01" + big_endian(objects.size(), 8) + big_endian(0, 8) +
         big_endian(at, 8);
}

const std::string key = "\x51k";  // "k"
std::string dictionary_of(const std::string& object) { return binary({"\xd1\x01\x02"s, key, object}); }

TEST(BinaryReader, HasKeyPathsInsteadOfPlaces) {
  const Reading r = read_text(binary({"\xd1\x01\x02"s, key, "\xa1\x03"s, "\x51\xff"s}));
  EXPECT_THAT(r.findings(), ElementsAre("VP1004 the text is not valid UTF-8 or UTF-16 [k[0]]"));
  EXPECT_EQ(r.tree(), "{k: [!\"\"]}");
  EXPECT_FALSE(r.document->root().span.known());
  EXPECT_EQ(r.document->format, Format::binary);
}

TEST(BinaryReader, ReadsWhatOtherWritersWrite) {
  EXPECT_EQ(read_text(dictionary_of("\x62\x00\xe4\x20\xac"s)).tree(), "{k: \"\xc3\xa4\xe2\x82\xac\"}");
  EXPECT_EQ(read_text(dictionary_of("\x10\xff"s)).tree(), "{k: 255}");
  EXPECT_EQ(read_text(dictionary_of("\x13\xff\xff\xff\xff\xff\xff\xff\xfe"s)).tree(), "{k: -2}");
  EXPECT_EQ(read_text(dictionary_of("\x14"s + big_endian(0, 8) + big_endian(7, 8))).tree(), "{k: 7}");
  EXPECT_EQ(read_text(dictionary_of("\x22\x3f\x80\x00\x00"s)).tree(), "{k: 1r}");
  EXPECT_EQ(read_text(dictionary_of("\x33"s + big_endian(0, 8))).tree(), "{k: 2001-01-01T00:00:00Z}");
  EXPECT_EQ(read_text(dictionary_of("\x33\x42\x22\x22\x22\x22\x22\x22\x22"s)).tree(), "{k: 3234-12-29T10:40:17Z}");
}

struct Case {
  const char* name;
  std::string text;
  const char* finding;
};

class BinaryFault : public testing::TestWithParam<Case> {};

TEST_P(BinaryFault, IsOneFinding) {
  const Reading r = read_text(GetParam().text);
  EXPECT_THAT(r.findings(), ElementsAre(GetParam().finding));
  EXPECT_EQ(r.document, nullptr);
}

/// Ten arrays of ten references to the next: 10^10 values in 200 bytes.
std::string shared_arrays() {
  std::vector<std::string> objects;
  for (char level = 1; level <= 10; ++level) objects.push_back("\xaa"s + std::string(10, level));
  objects.emplace_back("\x09");
  return binary(objects);
}

/// A text of 64 KB, referenced 250 times at each of two levels.
std::string shared_text() {
  const std::string refs = "\xaf\x10\xfa"s;
  return binary({refs + std::string(250, '\1'), refs + std::string(250, '\2'),
                 "\x5f\x12\x00\x01\x00\x00"s + std::string(65536, 'x')});
}

std::string nested(unsigned depth) {
  std::vector<std::string> objects;
  for (unsigned i = 1; i <= depth; ++i) objects.push_back("\xa1"s + static_cast<char>(i));
  objects.emplace_back("\x09");
  return binary(objects);
}

const Case cases[] = {
    {"Version", "bplist16" + std::string(100, 'x'),
     "VP1050 the version 'bplist16' of the binary property list is not known"},
    {"CutOff", "bplist00", "VP1019 the file ends within a binary property list"},
    {"Trailer", "bplist00" + std::string(40, '\xff'),
     "VP1050 the trailer of the binary property list is damaged; the file may be cut off"},
    {"ContainsItself", binary({"\xa1\x01"s, "\xa1\x00"s}),
     "VP1050 an object of the binary property list contains itself"},
    {"BillionLaughs", shared_arrays(), "VP1003 the file has too many values (the limit is 2600000)"},
    {"BillionLetters", shared_text(), "VP1003 the texts of the file are too long (the limit is 167772160)"},
    {"Deep", nested(100), "VP1003 objects are nested too deep (the limit is 64)"},
    {"Uid", dictionary_of("\x80\x01"s),
     "VP1050 the binary property list holds a UID, which only archives of programs have"},
    {"Null", dictionary_of("\0"s), "VP1050 the binary property list holds a null, which profiles do not have"},
    {"Set", dictionary_of("\xc0"s), "VP1050 the binary property list holds an object of an unknown kind"},
    {"LongString", dictionary_of("\x5f\x13\x00\x00\x00\x00\x40\x00\x00\x00"s),
     "VP1050 an object of the binary property list is longer than the file"},
    {"LengthOverflow", dictionary_of("\xaf\x13\xff\xff\xff\xff\xff\xff\xff\xff"s),
     "VP1050 an object of the binary property list is longer than the file"},
    {"Reference", binary({"\xa1\x09"s}), "VP1050 a reference of the binary property list points to no object"},
    {"NumberAsKey", binary({"\xd1\x01\x01"s, "\x10\x01"s}), "VP1050 a key of the binary property list is not a string"},
    {"NulInKey", binary({"\xd1\x01\x02"s, "\x53k\0x"s, "\x09"s}),
     "VP1005 a key of the binary property list has the character NUL in it"},
    {"LargeInteger", dictionary_of("\x14"s + big_endian(0, 8) + big_endian(1ull << 63, 8)),
     "VP1030 an integer does not fit into 64 bits"},
    {"DateNaN", dictionary_of("\x33\x7f\xf8\x00\x00\x00\x00\x00\x00"s),
     "VP1032 a date lies outside of the years 1 to 9999"},
    {"DateFarAway", dictionary_of("\x33\x7f\xe0\x00\x00\x00\x00\x00\x00"s),
     "VP1032 a date lies outside of the years 1 to 9999"},
    {"RootArray", binary({"\xa0"s}),
     "VP1024 the root of a profile is a dictionary; this file holds a value of type array"},
};

INSTANTIATE_TEST_SUITE_P(Cases, BinaryFault, testing::ValuesIn(cases), [](const auto& c) { return c.param.name; });

TEST(BinaryReader, EveryByteMayBeWrong) {
  const std::string text = binary({"\xd3\x01\x02\x03\x04\x05\x06"s, key, "\x51l"s, "\x51m"s, "\xa2\x05\x06"s,
                                   "\x62\x00\xe4\x20\xac"s, "\x33\x41\x00\x00\x00\x00\x00\x00\x00"s});
  ASSERT_THAT(read_text(text).findings(), IsEmpty());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string broken = text;
      broken[at] = static_cast<char>(byte);
      const Reading r = read_text(broken);
      ASSERT_EQ(r.document == nullptr, r.sink.has_errors() && r.tree() == "none");
    }
  }
}

}  // namespace
}  // namespace vpn::document
