#include "agent/tunnel/openvpn/management.h"

#include <gtest/gtest.h>

namespace vpn::agent::openvpn {
namespace {

TEST(ManagementLine, TellsStates) {
  const Line line = read_line(">STATE:1700000000,CONNECTED,SUCCESS,10.8.0.2,192.0.2.1,1194,,,fd00::2\r");
  EXPECT_EQ(line.kind, Line::Kind::state);
  EXPECT_EQ(line.what, "CONNECTED");
  ASSERT_GE(line.more.size(), 4u);
  EXPECT_EQ(line.more[2], "192.0.2.1");
  EXPECT_EQ(line.more[3], "1194");
  EXPECT_EQ(read_line("1700000000,CONNECTED,SUCCESS,10.8.0.2,192.0.2.1,1194,,").what, "CONNECTED");
  EXPECT_EQ(read_line(">STATE:").kind, Line::Kind::other);
}

TEST(ManagementLine, TellsWhatIsAskedAndWhatFailed) {
  const Line need = read_line(">PASSWORD:Need 'Auth' username/password");
  EXPECT_EQ(need.kind, Line::Kind::password);
  EXPECT_EQ(need.what, "Auth");
  EXPECT_FALSE(need.failed);
  EXPECT_TRUE(read_line(">PASSWORD:Verification Failed: 'Auth'").failed);
  EXPECT_EQ(read_line(">PASSWORD:Auth-Token:x").kind, Line::Kind::other);
  EXPECT_EQ(read_line(">HOLD:Waiting for hold release:0").kind, Line::Kind::hold);
  EXPECT_EQ(read_line(">FATAL:no").what, "no");
  EXPECT_EQ(read_line("END").kind, Line::Kind::end);
  EXPECT_EQ(read_line("SUCCESS: hold release succeeded").kind, Line::Kind::success);
  EXPECT_EQ(read_line(">INFO:OpenVPN Management Interface Version 5 -- type 'help', a,b,c,d,e,f").kind,
            Line::Kind::other);
}

TEST(ManagementLine, AWordStaysOneWord) {
  WipedText out;
  EXPECT_TRUE(quote("a \"b\" \\ c", out));
  EXPECT_EQ(std::string_view(out), "\"a \\\"b\\\" \\\\ c\"");
  WipedText bad;
  EXPECT_FALSE(quote("a\nsignal SIGTERM", bad));
}

}  // namespace
}  // namespace vpn::agent::openvpn
