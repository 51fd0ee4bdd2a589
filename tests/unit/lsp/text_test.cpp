// The stream, positions, and the tolerant scan.
#include "compiler/lsp/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "compiler/lsp/frames.h"
#include "compiler/lsp/place.h"

namespace vpn::lsp {
namespace {

using testing::ElementsAre;

std::vector<std::string> contents(FrameReader& reader, std::string_view bytes, std::size_t piece) {
  std::vector<Frame> frames;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    reader.feed(bytes.substr(0, piece), frames);
  std::vector<std::string> out;
  for (Frame& frame : frames) out.push_back(frame.kind == Frame::Kind::message ? frame.content : "too large");
  return out;
}

TEST(Frames, AreCutWhereverTheStreamIs) {
  const std::string stream =
      framed("{}") + "content-type: x\r\nCONTENT-LENGTH:  3 \r\n\r\nabc" + framed("") + framed("d");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;
    EXPECT_THAT(contents(reader, stream, piece), ElementsAre("{}", "abc", "", "d")) << piece;
    EXPECT_FALSE(reader.lost());
  }
}

TEST(Frames, AHeaderWithoutSenseIsTheEnd) {
  for (const std::string header :
       {"Content-Length: x\r\n\r\n", "Content-Length: -1\r\n\r\n", "A: b\r\n\r\n", "nonsense\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length: 99999999999999999999\r\n\r\n"}) {
    FrameReader reader;
    EXPECT_THAT(contents(reader, header + "{}" + framed("{}"), 7), ElementsAre()) << header;
    EXPECT_TRUE(reader.lost()) << header;
  }
  FrameReader endless;
  contents(endless, std::string(largest_header + 1, 'a'), 1000);
  EXPECT_TRUE(endless.lost());
}

TEST(Frames, TooLargeAMessageIsPassedOver) {
  FrameReader reader;
  std::vector<Frame> frames;
  reader.feed("Content-Length: " + std::to_string(largest_message + 1) + "\r\n\r\n", frames);
  const std::string piece(std::size_t{1} << 20, 'x');
  for (std::size_t sent = 0; sent < largest_message; sent += piece.size()) reader.feed(piece, frames);
  reader.feed("x" + framed("next"), frames);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].kind, Frame::Kind::too_large);
  EXPECT_EQ(frames[1].content, "next");
}

TEST(Text, CountsInTheAgreedUnits) {
  const std::string content = "a\xC3\xBC\xF0\x9D\x84\x9E|\n\xE2\x82\xAC";  // a ü 𝄞 | newline €
  for (const auto& [encoding, bar] : {std::pair{Encoding::utf8, 7U}, {Encoding::utf16, 4U}, {Encoding::utf32, 3U}}) {
    const Text text(content, encoding);
    EXPECT_EQ(text.position(7), (Position{0, bar}));
    EXPECT_EQ(text.offset({0, bar}), 7U);
    EXPECT_EQ(text.offset({1, 0}), 9U);
  }
  const Text text(content, Encoding::utf16);
  EXPECT_EQ(text.offset({0, 3}), 3U) << "between the halves of a pair: before the character";
  EXPECT_EQ(text.offset({0, 99}), 8U) << "the end of the line";
  EXPECT_EQ(text.offset({9, 0}), content.size());
  EXPECT_EQ(text.position(99), (Position{1, 1}));
}

TEST(Text, KnowsEveryLineEnd) {
  const Text text("a\rb\r\nc\nd", Encoding::utf16);
  EXPECT_EQ(text.position(2), (Position{1, 0}));
  EXPECT_EQ(text.position(5), (Position{2, 0}));
  EXPECT_EQ(text.position(7), (Position{3, 0}));
  EXPECT_EQ(text.offset({1, 5}), 3U);
}

/// Any edit gives the same lines as the text read anew.
TEST(Text, EditsKeepTheLinesRight) {
  std::mt19937 random(20261123);
  const std::vector<std::string> pieces{"", "a", "\n", "\r", "\r\n", "x\ny", "\n\r\n", "\xC3\xBC"};
  Text text("one\r\ntwo\nthree\r", Encoding::utf16);
  for (int i = 0; i < 3000; ++i) {
    const std::string before = text.content();
    const Position a{static_cast<std::uint32_t>(random() % 6), static_cast<std::uint32_t>(random() % 5)};
    const Position b{a.line + static_cast<std::uint32_t>(random() % 3), static_cast<std::uint32_t>(random() % 5)};
    text.replace({a, b}, pieces[random() % pieces.size()]);
    if (text.content().size() > 60) text.replace({{1, 0}, {8, 0}}, "");
    const Text anew(text.content(), Encoding::utf16);
    for (std::size_t at = 0; at <= text.content().size(); ++at)
      ASSERT_EQ(text.position(at), anew.position(at))
          << "seed 20261123, edit " << i << ", from " << testing::PrintToString(before);
    for (std::uint32_t line = 0; line < 12; ++line) ASSERT_EQ(text.offset({line, 1}), anew.offset({line, 1})) << i;
  }
}

struct Found {
  Cursor::At at;
  std::string path, replaced;
  bool operator==(const Found& other) const {
    return at == other.at && path == other.path && replaced == other.replaced;
  }
};
std::ostream& operator<<(std::ostream& out, const Found& f) {
  return out << static_cast<int>(f.at) << " " << f.path << " '" << f.replaced << "'";
}

/// What the scan makes of the place "|".
Found look(std::string text) {
  const std::size_t offset = text.find('|');
  text.erase(offset, 1);
  const Outline outline(text);
  const Cursor at = cursor(outline, offset);
  const Meaning of = meaning(outline, at.node != no_node ? at.node : at.container);
  return {at.at, of.path, std::string(outline.text(at.replaced))};
}

constexpr const char* head =
    "<plist><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.vpn.managed</string>";

TEST(Scan, FindsThePlaceInBrokenMarkup) {
  using At = Cursor::At;
  const std::string h = head;
  EXPECT_EQ(look(h + "<key>IKEv2</key><dict>|"), (Found{At::member, "IKEv2", ""}));
  EXPECT_EQ(look(h + "<key>IKEv2</key><dict><ke|"), (Found{At::member, "IKEv2", "<ke"}));
  EXPECT_EQ(look(h + "<key>IKEv2</key><dict>\nRem|\n</dict></dict>"), (Found{At::member, "IKEv2", "Rem"}));
  EXPECT_EQ(look(h + "<key>IKEv2</key><dict><key>Remo|"), (Found{At::key, "IKEv2.Remo", "Remo"}));
  EXPECT_EQ(look(h + "<key>VPN|\n<key>VPNType</key>"), (Found{At::key, "VPN", "VPN"}));
  EXPECT_EQ(look(h + "<key>VPNType</key>|"), (Found{At::element, "VPNType", ""}));
  EXPECT_EQ(look(h + "<key>VPNType</key>\n<str|"), (Found{At::element, "VPNType", "<str"}));
  EXPECT_EQ(look(h + "<key>VPNType</key><string>IK|"), (Found{At::value, "VPNType", "IK"}));
  EXPECT_EQ(look(h + "<key>VPNType</key><string>|</string>"), (Found{At::value, "VPNType", ""}));
  EXPECT_EQ(look(h + "</string></x><key>OnDemandRules</key><array>|</array>"),
            (Found{At::element, "OnDemandRules", ""}));
  EXPECT_EQ(look(h + "<!-- <dict> | --></dict>"), (Found{At::comment, "", ""}));
  EXPECT_EQ(look("<plist><dict><key>PayloadContent</key><array>|</array>"), (Found{At::element, "PayloadContent", ""}));
}

TEST(Scan, FindsThePlaceInBrokenJson) {
  using At = Cursor::At;
  const std::string h = R"({"Type": "com.apple.configuration.network.vpn.ikev2", "Payload": {)";
  EXPECT_EQ(look(h + "|"), (Found{At::member, "Payload", ""}));
  EXPECT_EQ(look(h + "\"Host|"), (Found{At::key, "Payload.Host", "Host"}));
  EXPECT_EQ(look(h + "\"Host|\n \"EnablePFS\": true"), (Found{At::key, "Payload.Host", "Host"}));
  EXPECT_EQ(look(h + "\"EnablePFS\": |"), (Found{At::element, "Payload.EnablePFS", ""}));
  EXPECT_EQ(look(h + "\"EnablePFS\": tr|, \"x\": 1"), (Found{At::value, "Payload.EnablePFS", "tr"}));
  EXPECT_EQ(look(h + "\"NetworkRouting\": {|"), (Found{At::member, "Payload.NetworkRouting", ""}));
  EXPECT_EQ(look(h + R"("OnDemand": {"Rules": [{"Action": "Con|)"),
            (Found{At::value, "Payload.OnDemand.Rules[].Action", "Con"}));
}

TEST(Scan, IsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<dict><key>a</key>";
  const Outline outline(deep);
  EXPECT_LT(outline.innermost(deep.size()), 1000U);
  const std::string brackets(100'000, '[');
  const Outline arrays(brackets);
  EXPECT_EQ(meaning(arrays, arrays.innermost(brackets.size())).key, nullptr);
}

}  // namespace
}  // namespace vpn::lsp
