#include "agent/tunnel/strongswan/vici_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vpn::agent::strongswan {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// The protocol's own example.
constexpr char example[] =
    "\3\4key1\0\6value1\1\10section1\1\13sub-section\3\4key2\0\6value2\2\4\5list1\5\0\5item1\5\0\5item2\6\2";
const std::string_view example_text(example, sizeof example - 1);

Section example_section() {
  Section out;
  out.set("key1", "value1");
  Section& section = out.section("section1");
  section.section("sub-section").set("key2", "value2");
  section.list("list1", std::vector<std::string>{"item1", "item2"});
  return out;
}

TEST(ViciMessage, WritesTheExampleOfTheProtocol) {
  const auto encoded = example_section().encode();
  ASSERT_TRUE(encoded);
  EXPECT_EQ(text_of(*encoded), example_text);
}

TEST(ViciMessage, ReadsTheExampleOfTheProtocol) {
  const auto message = Section::decode(bytes(example_text));
  ASSERT_TRUE(message) << message.error().what;
  EXPECT_EQ(message->text("key1"), "value1");
  const Section* section = message->find("section1");
  ASSERT_NE(section, nullptr);
  EXPECT_EQ(section->texts("list1"), (std::vector<std::string_view>{"item1", "item2"}));
  ASSERT_NE(section->find("sub-section"), nullptr);
  EXPECT_EQ(section->find("sub-section")->text("key2"), "value2");
  ASSERT_EQ(message->sections().size(), 1u);
  EXPECT_EQ(message->sections().front().first, "section1");
}

TEST(ViciMessage, WhatIsNotThereIsNothing) {
  const Section section = example_section();
  EXPECT_EQ(section.text("section1"), std::nullopt);
  EXPECT_EQ(section.find("key1"), nullptr);
  EXPECT_TRUE(section.texts("key1").empty());
  EXPECT_TRUE(Section().empty());
  EXPECT_FALSE(section.empty());
}

TEST(ViciMessage, ReadsAnEmptyMessageListAndValue) {
  EXPECT_TRUE(Section::decode({})->empty());
  const auto message = Section::decode(bytes(std::string_view("\4\0\6\3\0\0\0", 7)));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text(""), "");
}

TEST(ViciMessage, RefusesEveryCutOfTheExample) {
  // Cut at an element's end the rest is a message of its own, unless a section is open.
  const std::size_t first_element = 14;
  for (std::size_t size = 1; size < example_text.size(); ++size) {
    const auto message = Section::decode(bytes(example_text.substr(0, size)));
    EXPECT_EQ(message.has_value(), size == first_element) << size;
  }
}

TEST(ViciMessage, RefusesWhatIsNoMessage) {
  const std::vector<std::string_view> wrong{
      {"\0", 1},                 // no such element
      {"\7", 1},                 //
      {"\377", 1},               //
      {"\2", 1},                 // closes what is not open
      {"\6", 1},                 //
      {"\5\0\1a", 4},            // an item outside of a list
      {"\1\1a\6\2", 5},          // a list's end in a section
      {"\4\1a\4\1b\6\6", 8},     // lists do not nest
      {"\4\1a\3\1b\0\1c\6", 9},  // nor hold they values
      {"\4\1a\1\1b\2\6", 8},     // nor sections
      {"\1\1a", 3},              // left open
      {"\4\1a", 3},              //
      {"\3\5ab\0\1c", 7},        // a name beyond the end
      {"\3\1a\0\5b", 6},         // a value beyond the end
      {"\3\1a\377\377b", 6},     //
      {"\3", 1},                 //
      {"\3\1a\0", 4},            //
  };
  for (const std::string_view text : wrong) {
    const auto message = Section::decode(bytes(text));
    ASSERT_FALSE(message) << testing::PrintToString(text);
    EXPECT_EQ(message.error().kind, ErrorKind::invalid_input);
    EXPECT_NE(message.error().where.find("offset"), std::string::npos);
  }
}

TEST(ViciMessage, ReadsSixteenLevelsAndNoMore) {
  for (const std::size_t depth : {16u, 17u, 100'000u}) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += "\1\1a";
    text += std::string(depth, '\2');
    EXPECT_EQ(Section::decode(bytes(text)).has_value(), depth == 16) << depth;
  }
}

TEST(ViciMessage, RefusesToWriteWhatIsTooLong) {
  Section name, value, within, limits;
  name.set(std::string(256, 'n'), "v");
  value.set("n", std::string(65536, 'v'));
  within.section("s").list("l", std::vector<std::string>{std::string(65536, 'v')});
  limits.set(std::string(255, 'n'), std::string(65535, 'v'));
  EXPECT_FALSE(name.encode());
  EXPECT_FALSE(value.encode());
  EXPECT_FALSE(within.encode());
  const auto encoded = limits.encode();
  ASSERT_TRUE(encoded);
  EXPECT_EQ(Section::decode(*encoded)->text(std::string(255, 'n'))->size(), 65535u);
}

TEST(ViciMessage, TakesTheFirstOfTwoOfOneName) {
  Section section;
  section.set("a", "1").set("a", "2");
  EXPECT_EQ(Section::decode(*section.encode())->text("a"), "1");
}

}  // namespace
}  // namespace vpn::agent::strongswan
