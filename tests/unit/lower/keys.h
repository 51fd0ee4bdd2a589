// Keys and certificates made on the spot, in files that vanish with the test.
#pragma once

#include <gtest/gtest.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>

#include "compiler/lower/openssl.h"

namespace vpn::lower {

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "vpn-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline OpenSsl<EVP_PKEY> make_key(const char* type) {
  if (std::string_view(type) == "RSA")
    return OpenSsl<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, type, std::size_t{2048}));
  if (std::string_view(type) == "EC") return OpenSsl<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, type, "P-256"));
  return OpenSsl<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, type));
}

inline void write_key(const std::string& path, EVP_PKEY* key, const char* passphrase = nullptr) {
  const OpenSsl<BIO> file(BIO_new_file(path.c_str(), "wb"));
  const int size = passphrase == nullptr ? 0 : static_cast<int>(std::string_view(passphrase).size());
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(file.get(), key, passphrase == nullptr ? nullptr : EVP_aes_256_cbc(),
                                          passphrase, size, nullptr, nullptr),
            1);
}

inline OpenSsl<X509> make_certificate(EVP_PKEY* key) {
  OpenSsl<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("device"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

inline void write_certificate(const std::string& path, X509* certificate, bool pem) {
  const OpenSsl<BIO> file(BIO_new_file(path.c_str(), "wb"));
  ASSERT_EQ(pem ? PEM_write_bio_X509(file.get(), certificate) : i2d_X509_bio(file.get(), certificate), 1);
}

inline std::string open_sealed(std::span<const std::uint8_t> der, EVP_PKEY* key, X509* certificate) {
  const OpenSsl<BIO> in(BIO_new_mem_buf(der.data(), static_cast<int>(der.size())));
  const OpenSsl<CMS_ContentInfo> cms(d2i_CMS_bio(in.get(), nullptr));
  const OpenSsl<BIO> out(BIO_new(BIO_s_mem()));
  if (!cms || CMS_decrypt(cms.get(), key, certificate, nullptr, out.get(), 0) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace vpn::lower
