// Signatures around profiles, encrypted content in them.
#include "cms_material.h"
#include "random_tree.h"
#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class Cms : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = new Issued(issue("Test Authority"));
    signer_ = new Issued(issue("M\xc3\xbcller", authority_));
  }
  static void TearDownTestSuite() {
    delete signer_;
    delete authority_;
  }
  static ReadOptions options() {
    ReadOptions o;
    o.now = test_now;
    return o;
  }
  static inline Issued* authority_ = nullptr;
  static inline Issued* signer_ = nullptr;
  const std::string profile_ = plist("<dict><key>A</key><true/></dict>");
  const std::string note_ = "VP1063 signed by CN=M\xc3\xbcller, certificate valid until 2031-03-17, ";
  Folder folder_;
};

TEST_F(Cms, EveryFormOpens) {
  for (const Form form : {Form::der, Form::indefinite, Form::pem, Form::smime, Form::smime_multipart}) {
    const Reading r = read_text(sign(profile_, {signer_}, form), options());
    EXPECT_THAT(r.findings(), ElementsAre(note_ + "chain not checked"));
    ASSERT_EQ(r.tree(), "{A: true}");
    ASSERT_EQ(r.document->envelopes.size(), 1u);
    EXPECT_TRUE(r.document->is_signed());
    EXPECT_EQ(r.document->envelopes[0].signer, "CN=M\xc3\xbcller");
    EXPECT_EQ(r.document->envelopes[0].issuer, "CN=Test Authority");
    EXPECT_EQ(r.document->envelopes[0].not_before, test_now - 10L * 86400);
    EXPECT_EQ(r.document->envelopes[0].not_after, test_now + 365L * 86400);
    EXPECT_FALSE(r.document->envelopes[0].verified);
    EXPECT_FALSE(r.document->source().is_original());
    EXPECT_EQ(r.source_of("A"), "<true/>");
  }
  EXPECT_EQ(sign(profile_, {signer_}, Form::indefinite).substr(0, 2), "\x30\x80");
}

TEST_F(Cms, EveryFormatMayBeWithin) {
  std::mt19937 random(20265);
  const Tree tree = random_tree(random, true);
  for (const std::string& content : {as_xml(tree, random), as_binary(tree), as_json(tree, random)})
    EXPECT_EQ(read_text(sign(content, {signer_}, Form::indefinite), options()).tree(), as_text(tree));
}

TEST_F(Cms, FaultsWithinAreAtTheirPlaceInTheContent) {
  const Reading r = read_text(sign(plist("<dict><key>A</key></dict>"), {signer_}, Form::der), options());
  EXPECT_THAT(r.findings(), ElementsAre(StartsWith("VP1063"), StartsWith("VP1021 3:7 '<key>A</key>'")));
}

TEST_F(Cms, TrustIsAskedOfTheChain) {
  ReadOptions o = options();
  const std::string text = sign(profile_, {signer_}, Form::der);
  for (const bool pem : {true, false}) {
    o.trust = {folder_.certificate("ca", *authority_, pem)};
    const Reading r = read_text(text, o);
    EXPECT_THAT(r.findings(), ElementsAre(note_ + "trusted"));
    EXPECT_TRUE(r.document->envelopes[0].verified);
  }
  o.trust = {folder_.certificate("self", *signer_)};
  EXPECT_THAT(read_text(text, o).findings(), ElementsAre(note_ + "trusted"));
  const Issued other = issue("Test Authority");
  o.trust = {folder_.certificate("other", other)};
  const Reading r = read_text(text, o);
  EXPECT_THAT(r.findings(),
              ElementsAre(note_ + "not trusted", StartsWith("VP1062 the signer CN=M\xc3\xbcller is not trusted: ")));
  EXPECT_FALSE(r.document->envelopes[0].verified);
}

TEST_F(Cms, EverySignerMustBeTrusted) {
  ReadOptions o = options();
  o.trust = {folder_.certificate("ca", *authority_)};
  const Issued stranger = issue("Stranger");
  EXPECT_THAT(read_text(sign(profile_, {signer_, &stranger}, Form::der), o).findings(),
              testing::Contains(StartsWith("VP1062 the signer CN=Stranger is not trusted")));
}

TEST_F(Cms, TrustThatCannotBeReadTrustsNobody) {
  ReadOptions o = options();
  o.trust = {folder_.write("junk", "no certificate")};
  EXPECT_THAT(read_text(sign(profile_, {signer_}, Form::der), o).findings(),
              ElementsAre(HasSubstr("holds no certificate"), note_ + "not trusted", StartsWith("VP1062")));
}

TEST_F(Cms, ExpiryIsShown) {
  const Issued old = issue("Old", authority_, -1);
  EXPECT_THAT(read_text(sign(profile_, {&old}, Form::der), options()).findings(),
              ElementsAre(StartsWith("VP1063"), "VP1064 the certificate of the signer has expired on 2030-03-16"));
  ReadOptions early = options();
  early.now = test_now - 20L * 86400;
  EXPECT_THAT(
      read_text(sign(profile_, {signer_}, Form::der), early).findings(),
      ElementsAre(StartsWith("VP1063"), "VP1064 the certificate of the signer is valid from 2030-03-07 on only"));
}

TEST_F(Cms, AChangedContentIsAnError) {
  std::string text = sign(profile_, {signer_}, Form::der);
  text[text.find("<key>A") + 5] = 'B';
  const Reading r = read_text(text, options());
  EXPECT_THAT(r.findings(), testing::Contains("VP1061 the signature does not match the profile"));
}

TEST_F(Cms, ASignerWhoseCertificateIsMissingIsLookedForInTrust) {
  const std::string text = sign(profile_, {signer_}, Form::der, false);
  EXPECT_THAT(read_text(text, options()).findings(),
              ElementsAre("VP1061 the signature cannot be checked: the certificate of the signer is not in the file"));
  ReadOptions o = options();
  o.trust = {folder_.certificate("self", *signer_)};
  EXPECT_THAT(read_text(text, o).findings(), ElementsAre(note_ + "trusted"));
}

TEST_F(Cms, EnvelopesWithoutAContentOrSignerAreErrors) {
  EXPECT_THAT(read_text(sign(profile_, {signer_}, Form::detached), options()).findings(),
              ElementsAre("VP1060 the signature is detached: the profile itself is not in the file"));
  EXPECT_THAT(read_text(sign(profile_, {}, Form::der), options()).findings(),
              ElementsAre("VP1060 the CMS envelope has no signer"));
  EXPECT_THAT(read_text(std::string("\x30\x82\x01\x00 rubbish", 12), options()).findings(),
              ElementsAre("VP1060 the CMS envelope is damaged or cut off"));
  EXPECT_THAT(read_text("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", options()).findings(),
              ElementsAre("VP1060 the PEM text holds no CMS (PKCS #7) that can be read"));
  EXPECT_THAT(read_text("MIME-Version: 1.0\nContent-Type: application/pkcs7-mime\n\nAAAA\n", options()).findings(),
              ElementsAre("VP1060 the S/MIME message holds no CMS that can be read"));
}

TEST_F(Cms, EnvelopesWithinEnvelopesEnd) {
  std::string text = profile_;
  for (int i = 0; i < 4; ++i) text = sign(text, {signer_}, Form::der);
  EXPECT_EQ(read_text(text, options()).tree(), "{A: true}");
  EXPECT_THAT(read_text(sign(text, {signer_}, Form::der), options()).findings().back(),
              "VP1003 too many envelopes are within each other (the limit is 4)");
}

TEST_F(Cms, TruncationIsAnErrorAtEveryByte) {
  const std::string text = sign(profile_, {signer_}, Form::indefinite);
  for (std::size_t size = 3; size < text.size(); ++size) {
    const Reading r = read_text(text.substr(0, size), options());
    ASSERT_TRUE(r.sink.has_errors()) << size;
  }
}

TEST_F(Cms, NoByteCanBeChangedUnseen) {
  ReadOptions o = options();
  o.trust = {folder_.certificate("ca", *authority_)};
  const std::string text = sign(profile_, {signer_}, Form::der);
  const std::size_t content = text.find("<?xml");
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string broken = text;
    broken[at] = static_cast<char>(broken[at] ^ 1);
    const Reading r = read_text(broken, o);
    if (at >= content && at < content + profile_.size()) {
      ASSERT_TRUE(r.sink.has_errors()) << at;
    }
    if (!r.sink.has_errors()) {
      ASSERT_EQ(r.tree(), "{A: true}") << at;
    }
  }
}

class Encrypted : public Cms {
 protected:
  static std::string encrypted(const std::string& inner, const Issued& to) {
    return plist(
        "<dict><key>PayloadType</key><string>Configuration</string>\n<key>EncryptedPayloadContent</key>\n<data>" +
        base64_of(encrypt(inner, to)) + "</data><key>IsEncrypted</key><true/></dict>");
  }
  const std::string payloads_ =
      plist("<array><dict><key>PayloadType</key><string>com.apple.vpn.managed</string></dict></array>");
  const std::string open_ =
      "{PayloadType: \"Configuration\", PayloadContent: [{PayloadType: \"com.apple.vpn.managed\"}], IsEncrypted: true}";
};

TEST_F(Encrypted, IsOpenedWithTheKeyInEveryForm) {
  for (const bool rsa : {true, false}) {
    const Issued device = issue("Device", nullptr, 365, rsa);
    const std::string text = encrypted(payloads_, device);
    for (const auto form : {Folder::KeyForm::pem, Folder::KeyForm::der, Folder::KeyForm::pkcs12}) {
      ReadOptions o = options();
      o.decrypt_key = folder_.key("key", device, form);
      const Reading r = read_text(text, o);
      EXPECT_THAT(r.findings(), IsEmpty());
      EXPECT_EQ(r.tree(), open_);
      EXPECT_FALSE(r.at("PayloadContent")->span.known());
      ASSERT_EQ(r.document->envelopes.size(), 1u);
      EXPECT_EQ(r.document->envelopes[0].kind, Envelope::Kind::encryption);
      EXPECT_FALSE(r.document->is_signed());
    }
  }
}

TEST_F(Encrypted, WithoutAKeyTheRestIsRead) {
  const Issued device = issue("Device");
  const Reading r = read_text(encrypted(payloads_, device), options());
  EXPECT_THAT(r.findings(), ElementsAre(testing::AllOf(StartsWith("VP1066 5:1 '<data>"),
                                                       HasSubstr("the payloads are encrypted and cannot be judged"))));
  EXPECT_EQ(r.at("PayloadType")->string(), "Configuration");
}

TEST_F(Encrypted, WrongKeysAndContentsAreErrors) {
  const Issued device = issue("Device"), other = issue("Other"), rsa = issue("Rsa", nullptr, 365, true);
  ReadOptions o = options();
  for (const Issued* wrong : {&other, &rsa}) {
    o.decrypt_key = folder_.key("wrong", *wrong);
    const Reading r = read_text(encrypted(payloads_, device), o);
    EXPECT_THAT(r.findings(), ElementsAre(HasSubstr("the key given does not open the encrypted content")));
    EXPECT_TRUE(r.sink.has_errors());
  }
  o.decrypt_key = folder_.write("junk", "junk");
  EXPECT_THAT(read_text(encrypted(payloads_, device), o).findings(), ElementsAre(HasSubstr("holds no private key")));
  o.decrypt_key = folder_.key("key", device);
  EXPECT_THAT(read_text(encrypted("junk", device), o).findings(),
              ElementsAre("VP1001 in EncryptedPayloadContent: the file is no profile and no declaration"));
  EXPECT_THAT(read_text(encrypted(plist("<string>x</string>"), device), o).findings(),
              ElementsAre(HasSubstr("in EncryptedPayloadContent: ")));
  EXPECT_THAT(read_text(plist("<dict><key>EncryptedPayloadContent</key><data>aGk=</data></dict>"), o).findings(),
              ElementsAre(HasSubstr("the encrypted content is damaged")));
}

TEST_F(Encrypted, FindingsWithinShowNoSecret) {
  const Issued device = issue("Device");
  ReadOptions o = options();
  o.decrypt_key = folder_.key("key", device);
  const Reading r = read_text(encrypted(plist("<array><integer>s3cret</integer></array>"), device), o);
  EXPECT_THAT(r.findings(), ElementsAre("VP1030 in EncryptedPayloadContent: an integer that cannot be read [[0]]"));
}

TEST_F(Encrypted, AWholeFileMayBeEncrypted) {
  const Issued device = issue("Device");
  const std::string text = encrypt(profile_, device);
  EXPECT_THAT(read_text(text, options()).findings(), ElementsAre("VP1067 the whole file is encrypted"));
  ReadOptions o = options();
  o.decrypt_key = folder_.key("key", device);
  EXPECT_EQ(read_text(text, o).tree(), "{A: true}");
}

}  // namespace
}  // namespace vpn::document
