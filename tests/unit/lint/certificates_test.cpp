#include "compiler/lint/certificates.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "compiler/lint/lint.h"

namespace vpn::lint::test {
namespace {

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(PKCS12* p) const { PKCS12_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;
using Bytes = std::vector<std::uint8_t>;

struct Identity {
  Owned<EVP_PKEY> key{EVP_EC_gen("P-256")};
  Owned<X509> certificate{X509_new()};

  Identity(std::int64_t from, std::int64_t to) {
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), from);
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to);
    X509_NAME* const name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
  }

  Bytes der() const {
    Bytes out(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
    unsigned char* at = out.data();
    i2d_X509(certificate.get(), &at);
    return out;
  }
  Bytes pem() const {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, text + size};
  }
  Bytes container(const char* password, int iterations = 2048, int mac_iterations = 1) const {
    const Owned<PKCS12> made(
        PKCS12_create(password, "test", key.get(), certificate.get(), nullptr, 0, 0, iterations, mac_iterations, 0));
    Bytes out(static_cast<std::size_t>(i2d_PKCS12(made.get(), nullptr)));
    unsigned char* at = out.data();
    i2d_PKCS12(made.get(), &at);
    return out;
  }
};

constexpr std::int64_t from = 1'700'000'000, to = 4'200'000'000;  // the second one needs GeneralizedTime

const Identity& identity() {
  static const Identity one(from, to);
  return one;
}

void expect_validity(const CertificateReading& reading, std::size_t count = 1) {
  EXPECT_EQ(reading.fault, CertificateFault::none);
  ASSERT_EQ(reading.certificates.size(), count);
  for (const Validity& v : reading.certificates) {
    EXPECT_EQ(v.not_before, from);
    EXPECT_EQ(v.not_after, to);
  }
}

TEST(Certificates, DerAndPem) {
  expect_validity(read_certificates(identity().der()));
  expect_validity(read_certificates(identity().pem()));
  Bytes chain = identity().pem();
  const Bytes second = chain;
  chain.insert(chain.end(), second.begin(), second.end());
  expect_validity(read_certificates(chain), 2);
}

TEST(Certificates, AnythingCutOffOrAddedIsNone) {
  const Bytes der = identity().der();
  for (std::size_t size = 0; size < der.size(); ++size) {
    const auto reading = read_certificates(std::span(der).first(size));
    EXPECT_EQ(reading.fault, CertificateFault::unreadable) << size;
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_EQ(read_certificates(longer).fault, CertificateFault::unreadable);
}

TEST(Certificates, DamageIsSurvived) {
  const Bytes der = identity().der(), container = identity().container("secret");
  const std::string password = "secret";
  for (std::size_t i = 0; i < der.size(); ++i) {
    for (const std::uint8_t flip : std::initializer_list<std::uint8_t>{0x01, 0x80, 0xff}) {
      Bytes damaged = der;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ flip);
      const auto reading = read_certificates(damaged);
      EXPECT_EQ(reading.fault == CertificateFault::none, reading.certificates.size() == 1);
    }
  }
  for (std::size_t i = 0; i < container.size(); i += 3) {
    Bytes damaged = container;
    damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ 0x41);
    EXPECT_LE(read_container(damaged, &password).certificates.size(), 1U);
    EXPECT_NE(read_container(std::span(container).first(i), &password).fault, CertificateFault::none);
  }
}

TEST(Certificates, Containers) {
  const std::string right = "secret", wrong = "Secret", none;
  const Bytes container = identity().container("secret");
  expect_validity(read_container(container, &right));
  EXPECT_EQ(read_container(container, &wrong).fault, CertificateFault::wrong_password);
  EXPECT_EQ(read_container(container, &none).fault, CertificateFault::wrong_password);
  EXPECT_EQ(read_container(container, nullptr).fault, CertificateFault::not_judged);
  EXPECT_EQ(read_container(identity().der(), &right).fault, CertificateFault::unreadable);
}

TEST(Certificates, ContainersThatAskForHoursOfWorkAreLeftAlone) {
  const std::string password = "secret";
  // 70,000 rounds, a number of three bytes, become 8,388,607: first those of the MAC, which stand last, then the
  // others.
  const Bytes number{0x02, 0x03, 0x01, 0x11, 0x70};
  Bytes container = identity().container("secret", 70'000, 70'000);
  int patched = 0;
  for (std::size_t i = container.size() - number.size() + 1; i-- > 0;) {
    if (!std::equal(number.begin(), number.end(), container.begin() + static_cast<std::ptrdiff_t>(i))) continue;
    std::fill_n(container.begin() + static_cast<std::ptrdiff_t>(i) + 2, 3, std::uint8_t{0x7f});
    const std::clock_t begin = std::clock();
    EXPECT_NE(read_container(container, &password).fault, CertificateFault::none);
    EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC);
    ++patched;
  }
  EXPECT_EQ(patched, 3) << "the certificate's part, the key's and the MAC";
}

}  // namespace
}  // namespace vpn::lint::test
