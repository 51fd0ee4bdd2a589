#include "agent/tunnel/identity.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "policy_generated.h"
#include "tests/unit/agent/strongswan/made_tunnel.h"

namespace vpn::agent::strongswan {
namespace {

using test::MadeIdentity;
using test::MadeTunnel;

Result<DeviceIdentity> open(MadeTunnel& tunnel) {
  const policy::Policy policy = tunnel.maker.make();
  return open_identity(*policy.body().identities()->Get(0), tunnel.find());
}

TEST(Identity, IsTakenApart) {
  const std::vector<std::pair<const char*, KeyKind>> kinds{
      {"RSA", KeyKind::rsa}, {"P-256", KeyKind::ecdsa256}, {"P-384", KeyKind::ecdsa384}, {"P-521", KeyKind::ecdsa521}};
  for (const auto& [name, kind] : kinds) {
    const MadeIdentity made("device", name);
    MadeTunnel tunnel;
    tunnel.with_identity(made);
    const auto identity = open(tunnel);
    ASSERT_TRUE(identity) << identity.error().what;
    EXPECT_EQ(identity->kind, kind);
    const auto der = made.der();
    EXPECT_EQ(text_of(identity->certificate), text_of(std::as_bytes(std::span(der))));
    const auto* bytes = reinterpret_cast<const unsigned char*>(identity->key.data());
    EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(identity->key.size()));
    EXPECT_NE(key, nullptr);
    EVP_PKEY_free(key);
  }
}

TEST(Identity, IsRefusedWithAReason) {
  const MadeIdentity made("device");
  MadeTunnel wrong, missing, empty, garbage;
  wrong.with_identity(made);
  wrong.secrets[1] = "shut";
  EXPECT_NE(open(wrong).error().what.find("cannot be opened"), std::string::npos);
  missing.with_identity(made);
  missing.secrets.erase(1);
  EXPECT_NE(open(missing).error().what.find("password is not among the secrets"), std::string::npos);
  missing.secrets.erase(0);
  EXPECT_NE(open(missing).error().what.find("container is not among the secrets"), std::string::npos);
  garbage.with_identity(made);
  garbage.secrets[0] = "0\x82";
  EXPECT_FALSE(open(garbage));
  empty.with_identity(made);
  empty.maker.body.identities[0]->secret = policy::none;
  empty.maker.body.identities[0]->kind = "acme";
  EXPECT_NE(open(empty).error().what.find("of kind acme"), std::string::npos);
  EXPECT_EQ(open(empty).error().where, "0C6E1B1E-0000-4000-8000-000000000002");
}

TEST(Authorities, AreTheCertificatesOfTheProfileThatMayIssueOthers) {
  const MadeIdentity authority("Root", "P-256", true), plain("Server"), device("Device", "P-256", true);
  MadeTunnel tunnel;
  tunnel.trust(plain);
  tunnel.trust(authority);
  tunnel.with_identity(device);
  tunnel.maker.body.identities.back()->certificate = device.der();
  const policy::Policy policy = tunnel.maker.make();
  const auto found = authorities(policy.body());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].common_name, "Root");
}

TEST(Authorities, AreReadFromAFile) {
  EXPECT_EQ(authorities(std::string("/nonexistent/ca.pem")).error().kind, ErrorKind::unreadable);
  std::string folder = testing::TempDir() + "authoritiesXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const MadeIdentity first("First", "P-256", true), plain("Plain"), second("Second", "P-256", true);
  std::ofstream file(folder + "/ca.pem");
  file << "# comment\n";
  for (const MadeIdentity* made : {&first, &plain, &second}) {
    const auto der = made->der();
    std::string text(4 * der.size() / 3 + 8, '\0');
    text.resize(static_cast<std::size_t>(
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), der.data(), static_cast<int>(der.size()))));
    file << "-----BEGIN CERTIFICATE-----\n";
    for (std::size_t at = 0; at < text.size(); at += 64) file << text.substr(at, 64) << "\n";
    file << "-----END CERTIFICATE-----\n";
  }
  file.close();
  const auto found = authorities(folder + "/ca.pem");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].common_name, "First");
  EXPECT_EQ((*found)[1].common_name, "Second");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vpn::agent::strongswan
