#include "agent/control/probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manual_loop.h"

namespace vpn::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

// With a clock that the test sets, and nobody who answers: what is asked, and what may leave meanwhile.
class ProbesTest : public testing::Test {
 protected:
  Prober::Network wifi() { return {"wlan0", 7, {*policy::Address::parse("192.168.1.1")}}; }
  std::vector<std::string> exempt() const {
    std::vector<std::string> out;
    for (const Exemption& e : probes_.exemptions()) {
      EXPECT_EQ(e.rule, Exemption::Rule::S1f);
      EXPECT_TRUE(e.expires) << "each has an end";
      EXPECT_EQ(e.interface, 7u);
      out.push_back(e.address.to_string() + " " + std::to_string(e.protocol) + " " + std::to_string(e.port));
    }
    return out;
  }
  ManualLoop loop_;
  int changes_ = 0, exemptions_ = 0;
  std::vector<std::string> told_, ever_;  // what could be reached at some time
  Probes probes_{loop_,
                 {[this] {
                    ++exemptions_;
                    for (std::string& e : exempt()) ever_.push_back(std::move(e));
                  },
                  [this] { ++changes_; }, [this](const std::string& text) { told_.push_back(text); }}};
};

TEST_F(ProbesTest, ALookUpFirstAndNothingForNobody) {
  probes_.network_changed("a", wifi(), {});
  probes_.want({"https://probe.example.com/x"});
  probes_.want({"https://probe.example.com/x"});
  EXPECT_TRUE(probes_.running());
  EXPECT_TRUE(exempt().empty()) << "not before it begins";
  loop_.advance(milliseconds(1));
  EXPECT_THAT(exempt(), ElementsAre("192.168.1.1 17 53"));
  EXPECT_EQ(exemptions_, 1);
  loop_.advance(milliseconds(10'000));
  EXPECT_FALSE(probes_.running());
  EXPECT_TRUE(exempt().empty());
  EXPECT_EQ(exemptions_, 2);
  EXPECT_EQ(changes_, 1);
  EXPECT_THAT(probes_.results(), ElementsAre(testing::Pair("https://probe.example.com/x", 0)));
  probes_.want({"https://probe.example.com/x"});
  EXPECT_FALSE(probes_.running()) << "once in a network";
}

TEST_F(ProbesTest, AResolverThatARuleRequires) {
  probes_.network_changed("a", wifi(), {});
  std::vector<bool> answered;
  const auto asked = probes_.prober().ask_resolver(*policy::Address::parse("192.0.2.53"), "wiki.corp.example",
                                                   [&](bool answers) { answered.push_back(answers); });
  loop_.advance(milliseconds(1));
  EXPECT_THAT(exempt(), ElementsAre("192.0.2.53 17 53"));
  loop_.advance(milliseconds(10'000));
  EXPECT_THAT(answered, ElementsAre(false));
  EXPECT_TRUE(exempt().empty());
}

TEST_F(ProbesTest, AnAddressNeedsNoLookUp) {
  probes_.network_changed("a", wifi(), {});
  probes_.want({"http://192.0.2.1:8080/"});
  loop_.advance(milliseconds(0));
  EXPECT_THAT(ever_, ElementsAre("192.0.2.1 6 8080"));
}

// A rule that rests on an answer holds over the sleep, or an include-all VPN would let go before the machine sleeps.
TEST_F(ProbesTest, AnswersOutliveTheSleepAndAreAskedAnew) {
  probes_.network_changed("a", wifi(), {});
  probes_.want({"http://192.0.2.1/"});
  loop_.advance(milliseconds(10'000));
  ASSERT_EQ(probes_.results().size(), 1u);
  ever_.clear();
  probes_.sleep();
  EXPECT_FALSE(probes_.running());
  EXPECT_EQ(probes_.results().size(), 1u);
  probes_.network_changed("a", wifi(), {});
  EXPECT_TRUE(probes_.running()) << "asked anew";
  EXPECT_EQ(probes_.results().size(), 1u) << "until it is answered";
  loop_.advance(milliseconds(10'000));
  EXPECT_THAT(ever_, ElementsAre("192.0.2.1 6 80"));
  probes_.want({"http://192.0.2.1/"});
  EXPECT_FALSE(probes_.running()) << "and once";
  probes_.sleep();
  probes_.network_changed("b", wifi(), {});
  EXPECT_TRUE(probes_.results().empty()) << "another network";
  EXPECT_FALSE(probes_.running());
}

TEST_F(ProbesTest, AnotherNetworkForgetsAndEndsEverything) {
  probes_.network_changed("a", wifi(), {});
  probes_.want({"not a url", "http://192.0.2.1/"});
  loop_.advance(milliseconds(1));
  EXPECT_THAT(probes_.results(), testing::Contains(testing::Pair("not a url", 0)));
  probes_.network_changed("b", {}, {});
  EXPECT_TRUE(probes_.results().empty());
  EXPECT_FALSE(probes_.running());
  EXPECT_TRUE(exempt().empty());
  probes_.want({"http://192.0.2.1/"});
  loop_.advance(milliseconds(1));
  EXPECT_THAT(probes_.results(), ElementsAre(testing::Pair("http://192.0.2.1/", 0))) << "no network, no answer";
}

TEST_F(ProbesTest, APortalIsLookedForWhereSomeRuleAsks) {
  const PortalProbe probe{"http://192.0.2.9/", 204, {}};
  probes_.set(false, probe, std::chrono::seconds(600));
  probes_.network_changed("a", wifi(), "https://192.0.2.7/api");
  loop_.advance(milliseconds(1));
  EXPECT_FALSE(probes_.running());
  probes_.set(true, probe, std::chrono::seconds(600));
  probes_.network_changed("a", wifi(), "https://192.0.2.7/api");
  loop_.advance(milliseconds(1));
  ASSERT_FALSE(ever_.empty());
  EXPECT_EQ(ever_.front(), "192.0.2.7 6 443") << "the network's own word first";
  ever_.clear();
  probes_.network_changed("a", wifi(), "urn:ietf:params:capport:unrestricted");
  loop_.advance(milliseconds(1));
  ASSERT_FALSE(ever_.empty());
  EXPECT_EQ(ever_.front(), "192.0.2.9 6 80");
  probes_.tunnel_changed(true);
  EXPECT_FALSE(probes_.running()) << "who reaches his server is not captive";
}

}  // namespace
}  // namespace vpn::agent
