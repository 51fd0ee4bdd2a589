// Keys, certificates and envelopes made on the spot for the tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/document/openssl.h"

namespace vpn::document {

struct Issued {
  PrivateKey key;
  Certificate certificate;
};

constexpr std::int64_t test_now = 1'900'000'000;  // 2030-03-17

/// A certificate of `issuer`, or one that signs itself; valid from ten days before test_now to `days` after it.
Issued issue(const char* name, const Issued* issuer = nullptr, int days = 365, bool rsa = false);

enum class Form { der, indefinite, pem, smime, smime_multipart, detached };
std::string sign(const std::string& content, const std::vector<const Issued*>& signers, Form form,
                 bool with_certificate = true);
std::string encrypt(const std::string& content, const Issued& recipient);
std::string base64_of(const std::string& bytes);

/// Files in a folder of their own, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  std::string write(const std::string& name, const std::string& content) const;
  std::string certificate(const std::string& name, const Issued& issued, bool pem = true) const;
  enum class KeyForm { pem, der, pkcs12 };
  std::string key(const std::string& name, const Issued& issued, KeyForm form = KeyForm::pem) const;

 private:
  std::string path_;
};

}  // namespace vpn::document
