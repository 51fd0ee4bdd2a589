// Secrets and signatures: where they go, and that they go nowhere else.
#include <nlohmann/json.hpp>

#include "compiler/lower/crypto.h"
#include "compiler/model/reader.h"
#include "keys.h"
#include "lowering.h"

namespace vpn::lower {
namespace {

using model::flag;
using model::profile;
using model::Profiles;
using model::text;
using model::vpn_payload;
using testing::HasSubstr;
using testing::Not;

const std::string secretive = profile(
    vpn_payload("IKEv2", text("SharedSecret", "horse-battery-1") + text("AuthPassword", "horse-battery-2"), "", "a") +
    vpn_payload(
        "VPN", text("Password", "horse-battery-3"),
        text("VPNSubType", "com.wireguard.ios") + "<key>VendorConfig</key><dict>" +
            text("WgQuickConfig", "[Interface]\nPrivateKey = horse-battery-4=\n[Peer]\nEndpoint = p.example:1\n") +
            text("Realm", "plain") +
            "<key>nested</key><dict><key>apiKey</key><string>horse-battery-5</string></dict></dict>",
        "b") +
    vpn_payload("IPSec",
                "<key>SharedSecret</key><data>aG9yc2UtYmF0dGVyeS02</data>" + text("XAuthPassword", "horse-battery-7"),
                "", "c"));

std::string_view bytes(const policy::Bytes& b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

std::vector<std::string> decode(const nlohmann::json& file) {
  std::vector<std::string> out;
  for (const auto& entry : file.at("secrets")) {
    const auto raw = model::decode_base64(entry.get<std::string>());
    out.emplace_back(raw->begin(), raw->end());
  }
  return out;
}

TEST(Secrets, AreNotInThePolicy) {
  const Profiles p(secretive);
  const Output output = must_lower(p.build());
  EXPECT_EQ(bytes(output.policy).find("horse"), std::string_view::npos);
  EXPECT_EQ(bytes(output.policy).find("aG9yc2U"), std::string_view::npos);
  EXPECT_NE(bytes(output.policy).find("plain"), std::string_view::npos);
}

TEST(Secrets, GoIntoAFileThatNamesItsPolicy) {
  const Profiles p(secretive);
  Output output = must_lower(p.build());
  const auto json = nlohmann::json::parse(output.secrets.text());
  const auto secrets = decode(json);
  EXPECT_THAT(secrets, testing::SizeIs(7));
  EXPECT_THAT(secrets, testing::Contains("horse-battery-6"));
  EXPECT_THAT(secrets, testing::Contains(HasSubstr("PrivateKey = horse-battery-4=")));
  const policy::Policy policy = open(std::move(output));
  EXPECT_EQ(policy.body().secret_count(), 7u);
  EXPECT_EQ(policy.body().secrets(), nullptr);
  std::string digest;
  for (const auto b : policy.header().sha256) digest += {"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]};
  EXPECT_EQ(json.at("policy"), digest);
  const fb::Tunnel& ike = *policy.body().tunnels()->Get(0);
  EXPECT_EQ(secrets.at(ike.ike()->secret()), "horse-battery-1");
  EXPECT_EQ(secrets.at(ike.ike()->password()), "horse-battery-2");
  const fb::Tunnel& wireguard = *policy.body().tunnels()->Get(1);
  EXPECT_EQ(secrets.at(wireguard.login()->password()), "horse-battery-3");
  std::map<std::string, std::uint32_t> settings;
  for (const fb::Setting* s : *wireguard.settings()) settings[s->key()->str()] = s->secret();
  EXPECT_EQ(settings.at("Realm"), policy::none);
  EXPECT_EQ(secrets.at(settings.at("nested.apiKey")), "horse-battery-5");
}

class Sealed : public testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(Sealed, OnlyTheDeviceOpensThem) {
  const auto& [type, pem] = GetParam();
  const Folder folder;
  const auto key = make_key(type);
  const auto certificate = make_certificate(key.get());
  write_certificate(folder / "device.cer", certificate.get(), pem);
  Options options;
  options.encrypt_to = folder / "device.cer";
  const Profiles p(secretive);
  Output output = must_lower(p.build(), options);
  EXPECT_TRUE(output.secrets.empty());
  EXPECT_EQ(bytes(output.policy).find("horse"), std::string_view::npos);
  const policy::Policy policy = open(std::move(output));
  const auto* sealed = policy.body().secrets();
  ASSERT_NE(sealed, nullptr);
  const std::string plain = open_sealed({sealed->data(), sealed->size()}, key.get(), certificate.get());
  EXPECT_THAT(decode(nlohmann::json::parse(plain)), testing::Contains("horse-battery-7"));
  const auto other = make_key(type);
  EXPECT_EQ(open_sealed({sealed->data(), sealed->size()}, other.get(), nullptr).find("horse"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Keys, Sealed, testing::Combine(testing::Values("RSA", "EC"), testing::Bool()));

TEST(Secrets, SealedWithAuthenticatedEncryption) {
  const Folder folder;
  const auto key = make_key("RSA");
  const auto certificate = make_certificate(key.get());
  write_certificate(folder / "device.pem", certificate.get(), true);
  const auto sealed = seal(model::Secret(std::string_view("text")), folder / "device.pem");
  ASSERT_TRUE(sealed.has_value());
  const OpenSsl<BIO> in(BIO_new_mem_buf(sealed->data(), static_cast<int>(sealed->size())));
  const OpenSsl<CMS_ContentInfo> cms(d2i_CMS_bio(in.get(), nullptr));
  EXPECT_EQ(OBJ_obj2nid(CMS_get0_type(cms.get())), NID_id_smime_ct_authEnvelopedData);
}

TEST(Secrets, NoSecretsNoFile) {
  const Folder folder;
  const auto key = make_key("EC");
  const auto certificate = make_certificate(key.get());
  write_certificate(folder / "device.pem", certificate.get(), true);
  Options options;
  options.encrypt_to = folder / "device.pem";
  const Profiles p(profile(vpn_payload("VPN", flag("IncludeAllNetworks", 1))));
  Output output = must_lower(p.build(), options);
  EXPECT_TRUE(output.secrets.empty());
  EXPECT_EQ(open(std::move(output)).body().secrets(), nullptr);
}

TEST(Secrets, BadCertificatesAreNamed) {
  const Folder folder;
  Options options;
  options.encrypt_to = folder / "missing.pem";
  const Profiles p(secretive);
  const model::Model m = p.build();
  EXPECT_EQ(lower(m, options).error().kind, ErrorKind::unreadable);
  std::ofstream(folder / "missing.pem") << "no certificate";
  const Error error = lower(m, options).error();
  EXPECT_EQ(error.kind, ErrorKind::invalid_input);
  EXPECT_THAT(error.where, HasSubstr("missing.pem"));
}

TEST(Signing, TheKeyThatSignedVerifies) {
  const Folder folder;
  const auto key = make_key("ED25519");
  write_key(folder / "sign.pem", key.get());
  Options options;
  options.sign_key = folder / "sign.pem";
  const Profiles p(secretive);
  Output output = must_lower(p.build(), options);
  const Output again = must_lower(p.build(), options);
  EXPECT_EQ(bytes(output.policy), bytes(again.policy));  // Ed25519 is deterministic
  policy::OpenOptions open_options;
  open_options.public_key.emplace();
  std::size_t size = open_options.public_key->size();
  ASSERT_EQ(EVP_PKEY_get_raw_public_key(key.get(), open_options.public_key->data(), &size), 1);
  const auto opened = policy::Policy::from_bytes(std::move(output.policy), open_options);
  ASSERT_TRUE(opened.has_value()) << opened.error().what;
  EXPECT_TRUE(opened->header().is_signed);
}

TEST(Signing, UnusableKeysAreNamed) {
  const Folder folder;
  Options options;
  options.sign_key = folder / "key.pem";
  const Profiles p(profile(""));
  const model::Model m = p.build();
  EXPECT_EQ(lower(m, options).error().kind, ErrorKind::unreadable);
  write_key(folder / "key.pem", make_key("EC").get());
  EXPECT_THAT(lower(m, options).error().what, HasSubstr("not an Ed25519 key"));
  write_key(folder / "key.pem", make_key("ED25519").get(), "passphrase");
  EXPECT_THAT(lower(m, options).error().what, HasSubstr("passphrase"));
  std::ofstream(folder / "key.pem") << "nothing";
  EXPECT_THAT(lower(m, options).error().what, HasSubstr("no private key"));
}

TEST(Secret, IsWipedWhenItGrowsAndWhenItGoes) {
  model::Secret secret(std::string_view("horse-battery"));
  const std::uint8_t* before = secret.bytes().data();
  model::Secret moved = std::move(secret);
  EXPECT_EQ(moved.bytes().data(), before);  // moved, not copied
  EXPECT_TRUE(secret.empty());              // NOLINT(bugprone-use-after-move): that is the point
  moved.append(std::string_view(" staple"));
  EXPECT_EQ(moved.text(), "horse-battery staple");
}

}  // namespace
}  // namespace vpn::lower
