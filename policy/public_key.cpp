#include "policy/public_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace vpn::policy {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> memory(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int no_passphrase(char*, int, int, void*) { return -1; }

Owned<EVP_PKEY> any_key(std::string_view text) {
  Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(memory(text).get(), nullptr, no_passphrase, nullptr));
  if (!key) key.reset(PEM_read_bio_PrivateKey(memory(text).get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  const Owned<X509> certificate(PEM_read_bio_X509(memory(text).get(), nullptr, no_passphrase, nullptr));
  return Owned<EVP_PKEY>(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

}  // namespace

Result<std::array<std::uint8_t, 32>> parse_public_key(std::string_view pem, const std::string& where) {
  const Owned<EVP_PKEY> key = any_key(pem);
  ERR_clear_error();
  std::array<std::uint8_t, 32> raw{};
  std::size_t size = raw.size();
  if (!key || EVP_PKEY_is_a(key.get(), "ED25519") != 1 ||
      EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1 || size != raw.size()) {
    return fail(ErrorKind::invalid_input, "there is no Ed25519 public key in the file", where,
                "`openssl pkey -in key.pem -pubout` gives the public key of a private one");
  }
  return raw;
}

}  // namespace vpn::policy
