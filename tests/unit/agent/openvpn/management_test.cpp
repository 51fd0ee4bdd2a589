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

TEST(ManagementLine, TellsChallenges) {
  const Line fixed = read_line(">PASSWORD:Need 'Auth' username/password SC:1,Enter the code, please");
  ASSERT_TRUE(fixed.challenge);
  EXPECT_EQ(fixed.what, "Auth");
  EXPECT_EQ(*fixed.challenge, (Challenge{"Enter the code, please", true, true, ""}));
  EXPECT_FALSE(read_line(">PASSWORD:Need 'Auth' username/password SC:0,Code").challenge->echo);

  const Line dynamic = read_line(
      ">PASSWORD:Verification Failed: 'Auth' ['CRV1:R,E:Om01u7Fh4LrGBS7uh0SWmzwabUiGiW6l:Y3Ix:Your PIN: now']");
  EXPECT_TRUE(dynamic.failed);
  ASSERT_TRUE(dynamic.challenge);
  EXPECT_EQ(*dynamic.challenge, (Challenge{"Your PIN: now", true, true, "Om01u7Fh4LrGBS7uh0SWmzwabUiGiW6l"}));
  EXPECT_FALSE(read_challenge("CRV1:E:state:dXNlcg==:Go to the help desk")->answered);
  for (const char* bad : {"", "CRV1", "CRV1:R", "CRV1:R,E::user:text", "CRV2:R:a:b:c"})
    EXPECT_FALSE(read_challenge(bad)) << bad;
  EXPECT_FALSE(read_line(">PASSWORD:Verification Failed: 'Auth'").challenge);
}

TEST(ManagementLine, AnswersChallenges) {
  EXPECT_EQ(std::string_view(answer_text({"", false, true, "STATE"}, "password", "123456")), "CRV1::STATE::123456");
  EXPECT_EQ(std::string_view(answer_text({}, "password", "123456")), "SCRV1:cGFzc3dvcmQ=:MTIzNDU2");
  EXPECT_EQ(std::string_view(answer_text({}, "", "")), "SCRV1::");
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
