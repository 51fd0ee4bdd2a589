#include "agent/tunnel/strongswan/proposals.h"

#include <gtest/gtest.h>

#include "policy_generated.h"
#include "tests/unit/agent/strongswan/made_tunnel.h"

namespace vpn::agent::strongswan {
namespace {

using test::MadeTunnel;
using Texts = std::vector<std::string>;

Result<Proposals> made(MadeTunnel& tunnel, const ProposalSettings& settings = {}) {
  const policy::Policy policy = tunnel.maker.make();
  return proposals(*policy.body().tunnels()->Get(0)->ike(), settings);
}
std::string refusal(MadeTunnel& tunnel, const ProposalSettings& settings = {}) {
  const auto out = made(tunnel, settings);
  return out ? "accepted" : out.error().where + ": " + out.error().what;
}

TEST(Proposals, AreWhatThePayloadSays) {
  MadeTunnel tunnel;
  auto out = made(tunnel);
  EXPECT_EQ(out->ike, Texts{"aes256-sha256-prfsha256-modp2048"});
  EXPECT_EQ(out->esp, Texts{"aes256-sha256"});
  tunnel.ike().perfect_forward_secrecy = true;
  tunnel.ike().child_sa->encryption = "AES-128-GCM";
  tunnel.ike().child_sa->dh_group = 31;
  tunnel.ike().ike_sa->encryption = "AES-256-GCM";
  tunnel.ike().ike_sa->integrity = "SHA2-384";
  tunnel.ike().ike_sa->dh_group = 20;
  out = made(tunnel);
  EXPECT_EQ(out->ike, Texts{"aes256gcm16-prfsha384-ecp384"});
  EXPECT_EQ(out->esp, Texts{"aes128gcm16-curve25519"});
  EXPECT_FALSE(out->post_quantum);
}

TEST(Proposals, KnowEveryWordOfTheSchema) {
  for (const char* cipher : {"3DES", "AES-128", "AES-256", "AES-128-GCM", "AES-256-GCM", "ChaCha20Poly1305"}) {
    for (const char* integrity : {"SHA1-96", "SHA1-160", "SHA2-256", "SHA2-384", "SHA2-512"}) {
      MadeTunnel tunnel;
      tunnel.ike().ike_sa->encryption = tunnel.ike().child_sa->encryption = cipher;
      tunnel.ike().ike_sa->integrity = tunnel.ike().child_sa->integrity = integrity;
      EXPECT_EQ(refusal(tunnel), "accepted") << cipher << integrity;
    }
  }
  for (const std::uint16_t group :
       std::initializer_list<std::uint16_t>{1, 2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 31, 32}) {
    MadeTunnel tunnel;
    tunnel.ike().ike_sa->dh_group = group;
    EXPECT_EQ(refusal(tunnel), "accepted") << group;
    EXPECT_EQ(refusal(tunnel, {true, true}) == "accepted", group >= 14) << group;
    tunnel.ike().strict_algorithms = true;
    EXPECT_EQ(refusal(tunnel) == "accepted", group >= 14) << group;
  }
}

TEST(Proposals, RefuseWhatIsUnknownOrBroken) {
  MadeTunnel tunnel;
  tunnel.ike().child_sa->encryption = "DES";
  EXPECT_EQ(refusal(tunnel), "ChildSecurityAssociationParameters: DES protects nothing: its keys have 56 bits");
  tunnel.ike().child_sa->encryption = "ROT13";
  EXPECT_EQ(refusal(tunnel), "ChildSecurityAssociationParameters: cipher 'ROT13' is unknown");
  tunnel.ike().child_sa->encryption = "AES-256";
  tunnel.ike().ike_sa->integrity = "MD5";
  EXPECT_EQ(refusal(tunnel), "IKESecurityAssociationParameters: integrity check 'MD5' is unknown");
  tunnel.ike().ike_sa->integrity = "SHA2-256";
  tunnel.ike().ike_sa->dh_group = 22;
  EXPECT_EQ(refusal(tunnel), "IKESecurityAssociationParameters: Diffie-Hellman group 22 is unknown");
  tunnel.ike().ike_sa.reset();
  EXPECT_EQ(refusal(tunnel), "IKESecurityAssociationParameters: the policy has no algorithms");
}

TEST(Proposals, AreStrictWhenTheProfileIs) {
  MadeTunnel tunnel;
  tunnel.ike().strict_algorithms = true;
  tunnel.ike().ike_sa->encryption = "AES-128";
  EXPECT_NE(refusal(tunnel).find("weaker than the child's"), std::string::npos);
  tunnel.ike().child_sa->encryption = "3DES";
  EXPECT_NE(refusal(tunnel).find("forbids 3DES"), std::string::npos);
}

TEST(Proposals, AskForMlKemWhereCharonHasIt) {
  MadeTunnel tunnel;
  tunnel.ike().ike_sa->post_quantum = {0, 36, 37};
  tunnel.ike().child_sa->post_quantum = {37};
  auto out = made(tunnel);
  EXPECT_TRUE(out->post_quantum);
  EXPECT_EQ(out->ike, Texts{"aes256-sha256-prfsha256-modp2048-ke2_mlkem768-ke3_mlkem1024"});
  EXPECT_EQ(out->esp, Texts{"aes256-sha256-modp2048-ke1_mlkem1024"});
  EXPECT_NE(refusal(tunnel, {false, false}).find("this charon has no ML-KEM"), std::string::npos);
  tunnel.ike().post_quantum_fallback = true;
  EXPECT_EQ(made(tunnel)->ike.size(), 2u);
  out = made(tunnel, {false, false});
  EXPECT_EQ(out->ike, Texts{"aes256-sha256-prfsha256-modp2048"});
  EXPECT_FALSE(out->post_quantum);
}

TEST(Proposals, RefuseFurtherExchangesThatAreNone) {
  MadeTunnel tunnel;
  tunnel.ike().ike_sa->post_quantum = {35};
  EXPECT_NE(refusal(tunnel).find("key exchange 35"), std::string::npos);
  tunnel.ike().ike_sa->post_quantum = std::vector<std::uint16_t>(8, 36);
  EXPECT_NE(refusal(tunnel).find("more than seven"), std::string::npos);
  tunnel.ike().ike_sa->post_quantum = {0, 0};
  EXPECT_FALSE(made(tunnel)->post_quantum);
}

}  // namespace
}  // namespace vpn::agent::strongswan
